"""What a list of labs tells of each. Reading it loads neither actions nor checks."""

from __future__ import annotations

import os
from typing import NamedTuple

from labrunner.reading import Reader
from labrunner.source import read_tree
from labrunner.tree import Node

_LEVELS = ("beginner", "intermediate", "advanced")


class About(NamedTuple):
    """id: the name of the lab's folder.  minutes: how long a learner needs, 0 when the lab does not say."""

    id: str
    path: str
    title: str
    summary: str
    level: str
    minutes: int
    topics: tuple[str, ...]


def load_about(path: str) -> About:
    """What the lab in the file `path` says about itself; its steps are not read. Raises UsageError, LabError."""
    reader = Reader()
    about = read_about(reader, path, read_tree(path, {}))
    reader.finish()
    return about


def read_about(reader: Reader, path: str, root: Node) -> About:
    """The same from the tree of the file."""
    top = root.value if isinstance(root.value, dict) else {}
    return About(
        os.path.basename(os.path.dirname(os.path.abspath(path))),
        path,
        reader.text(top, "title"),
        reader.text(top, "summary"),
        reader.word(top, "level", _LEVELS, _LEVELS[0]),
        reader.typed(top, "minutes", int, "a number") or 0,
        tuple(str(node.value) for node in reader.nodes(top, "topics")),
    )
