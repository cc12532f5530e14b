"""What a list of labs tells of each. Reading it loads neither actions nor checks."""

from __future__ import annotations

import os
from typing import NamedTuple

from labrunner.errors import LabError
from labrunner.reading import Reader
from labrunner.source import read_document
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
    document = read_document(path, {})
    reader = Reader(document.mistakes)
    about = read_about(reader, path, document.tree)
    if reader.mistakes:
        raise LabError(reader.mistakes)
    return about


def read_about(reader: Reader, path: str, root: Node) -> About:
    """The same from the tree of the file."""
    top = root.value if isinstance(root.value, dict) else {}
    minutes = reader.typed(top, "minutes", int, "a whole number") or 0
    if minutes < 0:
        reader.mistake(top["minutes"].node, f"'minutes' cannot be {minutes}")
    return About(
        _id(path),
        path,
        reader.text(top, "title"),
        reader.text(top, "summary"),
        reader.word(top, "level", _LEVELS, _LEVELS[0]),
        minutes,
        reader.texts(top, "topics"),
    )


def _id(path: str) -> str:
    """Of labs/nat/lab.yaml 'nat', and of any other file its own name."""
    name = os.path.basename(path)
    return os.path.basename(os.path.dirname(os.path.abspath(path))) if name == "lab.yaml" else os.path.splitext(name)[0]
