"""What a list of labs tells of each. Reading it loads neither actions nor checks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from labrunner.language.reading import Reader
    from labrunner.language.tree import Node

LAB_FILE = "lab.yaml"
LEVELS = ("beginner", "intermediate", "advanced")
_MARKS = dict.fromkeys(map(ord, "-._+"))  # with letters and digits, what the names of programs are made of


class About(NamedTuple):
    """id: the name of the lab's folder.  minutes: how long a learner needs, 0 when the lab does not say.

    needs: programs that this machine must have for it.
    """

    id: str
    path: str
    title: str
    summary: str
    level: str
    minutes: int
    topics: tuple[str, ...]
    needs: tuple[str, ...] = ()


def load_about(path: str) -> About:
    """What the lab in the file `path` says about itself; its steps are not read. Raises UsageError, LabError."""
    from labrunner.errors import LabError
    from labrunner.language.reading import Reader
    from labrunner.language.source import read_document

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
    needs = tuple(dict.fromkeys(reader.texts(top, "needs")))
    for node in reader.nodes(top, "needs"):
        if node.value in needs and not node.value.translate(_MARKS).isalnum():
            reader.mistake(node, f"'{node.value}' cannot be the name of a program",
                           "write the names that one types, without folders and arguments: needs: [nft, python3]")
    return About(
        id_of(path),
        path,
        reader.text(top, "title"),
        reader.text(top, "summary"),
        reader.word(top, "level", LEVELS, LEVELS[0]),
        minutes,
        reader.texts(top, "topics"),
        needs,
    )


def id_of(path: str) -> str:
    """The id of the lab in a file: of labs/nat/lab.yaml 'nat', and of any other file its own name."""
    name = os.path.basename(path)
    return os.path.basename(os.path.dirname(os.path.abspath(path))) if name == LAB_FILE else os.path.splitext(name)[0]
