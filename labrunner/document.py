"""YAML as a tree in which everything knows its place.

PyYAML composes the nodes; turning them into values is done here, so that each mistake has a line and a column, and so
that what YAML 1.1 does in silence (a key given twice, `on` for true) is said aloud.
"""

from __future__ import annotations

import yaml

from labrunner.errors import LabError, LabMistake, Place
from labrunner.tree import Entry, Node

_LARGEST_FILE = 1 << 20
_MOST_NODES = 50_000
_DEEPEST = 40
_TAG = "tag:yaml.org,2002:"


def parse(path: str, data: bytes) -> Node:
    """The document in `data`. path: for messages. Raises LabError with every mistake."""
    return _Parser(path).parse(data)


class _Parser:
    def __init__(self, path: str) -> None:
        self._path = path
        self._nodes = 0
        self._mistakes: list[LabMistake] = []

    def parse(self, data: bytes) -> Node:
        root = self._compose(data)
        if root is None:
            raise LabError([LabMistake(Place(self._path, 1, 1), "the file is empty", "`title:` is what a lab begins with")])
        tree = self._convert(root, 0)
        if self._mistakes:
            raise LabError(self._mistakes)
        return tree

    def _compose(self, data: bytes) -> yaml.Node | None:
        start = Place(self._path, 1, 1)
        if len(data) > _LARGEST_FILE:
            raise LabError([LabMistake(start, f"the file has {len(data)} bytes; a lab has at most {_LARGEST_FILE}")])
        try:
            text = data.decode()
            return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            raise LabError([LabMistake(Place(self._path, line, column), "not UTF-8", "save the file as UTF-8")]) from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(self._path, mark.line + 1, mark.column + 1) if mark else start
            raise LabError([LabMistake(place, f"not YAML: {error.problem or error.context}")]) from error
        except (yaml.YAMLError, RecursionError) as error:
            said = str(error).splitlines()[0] if str(error) else "it is nested too deep"
            raise LabError([LabMistake(start, f"not YAML: {said}")]) from error

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._path, node.start_mark.line + 1, node.start_mark.column + 1)

    def _mistake(self, node: yaml.Node, says: str, mend: str = "") -> None:
        self._mistakes.append(LabMistake(self._place(node), says, mend))

    def _convert(self, node: yaml.Node, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _DEEPEST:
            reason = "its aliases unfold to too much" if self._nodes > _MOST_NODES else "it is nested too deep"
            raise LabError([LabMistake(self._place(node), reason)])
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node, depth), self._place(node))
        if isinstance(node, yaml.SequenceNode):
            return Node([self._convert(each, depth + 1) for each in node.value], self._place(node))
        assert isinstance(node, yaml.ScalarNode)
        return Node(self._scalar(node), self._place(node))

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(key, "a key has to be a word")
                continue
            if key.value in found:
                first = found[key.value].place
                self._mistake(key, f"'{key.value}' is given twice (first in line {first.line})", "keep one of them")
            found[key.value] = Entry(self._place(key), self._convert(value, depth + 1))
        return found

    def _scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        kind = node.tag.removeprefix(_TAG)
        if kind == "bool":
            if node.value not in ("true", "false"):
                self._mistake(node, f"YAML takes {node.value} for true or false",
                              f"write true or false, or '{node.value}' for the word")
            return str(node.value) == "true"
        if kind == "null":
            return None
        try:
            if kind == "int":
                return int(node.value)
            if kind == "float":
                return float(node.value)
        except ValueError:
            self._mistake(node, f"YAML takes {node.value} for a number", f"write '{node.value}' for the text")
        return str(node.value)
