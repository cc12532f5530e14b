"""YAML as a tree in which everything knows its place.

PyYAML composes the nodes; turning them into values is done here, so that each mistake has a line and a column, and so
that what YAML 1.1 does in silence (a key given twice, `on` for true, 010 for eight) is said aloud.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from labrunner.errors import LabError, LabMistake, Place
from labrunner.tree import UNKNOWN, Document, Entry, Node, Unknown

_MOST_NODES = 20_000
_DEEPEST = 40
_TAG = "tag:yaml.org,2002:"
_TEXTS = ("str", "timestamp", "value", "merge")
_KINDS = (*_TEXTS, "bool", "null", "int", "float", "map", "seq")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NOT_YAML = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, 5.1
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What libyaml or PyYAML say, in part -> what most often is behind it.
_ADVICE = {
    "mapping values are not allowed": "a text with ': ' in it needs quotes around it; or the line is indented too far",
    "cannot start any token": "a text that begins with @ ` % or * needs quotes around it",
    "undefined alias": "a text that begins with * needs quotes around it",
    "escape": "between \"double quotes\" a \\ has a meaning; 'single quotes' take it as it is",
    "quoted scalar": "a quote that is opened here is never closed",
    "':'": "a key needs a ': ' after it, and the same indentation as its neighbours",
    "expected key": "a line has another indentation than its neighbours, or a quote is not closed",
    "'-' indicator": "a line has another indentation than its neighbours, or its '- ' is missing",
    "',' or '": "a bracket or a quote is not closed; or a template needs quotes around it: \"{{ NAME }}\"",
    "node content": "a bracket or a quote is not closed",
    "another document": "a lab is one document: take away the line '---'",
    "but found": "a line has another indentation than its neighbours",
}


def parse(path: str, data: bytes) -> Document:
    """The document in `data`. path: for messages. Raises LabError when it is no YAML at all."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        raise _fatal(_at(path, before), "not UTF-8", "save the file as UTF-8") from error
    strange = _NOT_YAML.search(text)
    if strange:
        raise _fatal(_at(path, text[: strange.start()]), f"a control character (U+{ord(strange[0]):04X}) stands here", "delete it")
    root = _composed(path, text)
    if root is None:
        raise _fatal(Place(path, 1, 1), "the file is empty", "a lab begins with its title, as 'title: My first lab'")
    converter = _Converter(path)
    tree = converter.convert(root, 0)
    return Document(tree, tuple(converter.mistakes))


def _composed(path: str, text: str) -> yaml.Node | None:
    try:
        _refuse_depth(path, text)
        return yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path, 1, 1)
        if mark and _rest(text, mark.line, mark.column).startswith("\t"):
            raise _fatal(place, "a tab stands here", "YAML is indented with spaces only") from error
        said = " ".join(filter(None, (error.context, error.problem)))
        raise _fatal(place, f"not YAML: {said}", next((_ADVICE[part] for part in _ADVICE if part in said), "")) from error
    except yaml.YAMLError as error:
        raise _fatal(Place(path, 1, 1), f"not YAML: {error}") from error


def _refuse_depth(path: str, text: str) -> None:
    """libyaml composes by recursion and without a limit: 100,000 brackets would take the process down."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise _fatal(Place(path, event.start_mark.line + 1, event.start_mark.column + 1), *_TOO_DEEP)


_TOO_DEEP = "it is nested too deep", f"a lab needs no more than {_DEEPEST} levels"


def _rest(text: str, line: int, column: int) -> str:
    lines = text.splitlines()
    return lines[line][column:] if line < len(lines) else ""


def _at(path: str, before: str) -> Place:
    """The place after the text `before`."""
    return Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _fatal(place: Place, says: str, mend: str = "") -> LabError:
    return LabError([LabMistake(place, says, mend)])


class _Converter:
    def __init__(self, path: str) -> None:
        self._path = path
        self._nodes = 0
        self._open: list[yaml.Node] = []
        self.mistakes: list[LabMistake] = []

    def convert(self, node: yaml.Node, depth: int) -> Node:
        """The node as a tree. Raises LabError for one that aliases make too large."""
        self._nodes += 1
        place = self._place(node)
        if any(each is node for each in self._open):
            raise _fatal(place, "this holds itself, by an alias", "write out what is meant")
        if self._nodes > _MOST_NODES:
            raise _fatal(place, "this lab is too large, or its aliases unfold to too much", f"{_MOST_NODES} values are the most")
        if depth > _DEEPEST:
            raise _fatal(place, *_TOO_DEEP)
        if isinstance(node, yaml.ScalarNode):
            return Node(self._scalar(node), place)
        self._tag(node)
        self._open.append(node)
        value = self._mapping(node, depth) if isinstance(node, yaml.MappingNode) else [
            self.convert(each, depth + 1) for each in node.value]
        self._open.pop()
        return Node(value, place)

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._path, node.start_mark.line + 1, node.start_mark.column + 1)

    def _mistake(self, node: yaml.Node, says: str, mend: str) -> None:
        self.mistakes.append(LabMistake(self._place(node), says, mend))

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry] | Unknown:
        found: dict[str, Entry] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                if key.flow_style and node.flow_style and isinstance(key, yaml.MappingNode):
                    self._mistake(node, "YAML takes {{ for two brackets", 'a template needs quotes around it: "{{ NAME }}"')
                else:
                    self._mistake(key, "a key has to be a word", "write WORD: VALUE")
                return UNKNOWN
            if key.tag == _TAG + "merge":
                self._mistake(key, "a lab cannot merge mappings with '<<'", "write out the keys that are meant")
                continue
            if key.value in found:
                first = found[key.value].place
                self._mistake(key, f"'{key.value}' is given twice (first in line {first.line})", "keep one of them")
            found[key.value] = Entry(self._place(key), self.convert(value, depth + 1))
        return found

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        kind, value = self._tag(node), str(node.value)
        if kind in _TEXTS:
            return value
        if kind == "null":
            return None
        if kind == "bool" and value in ("true", "false"):
            return value == "true"
        if kind == "int" and _NUMBER.fullmatch(value):
            return int(value)
        if kind == "float":
            try:
                return float(value)
            except ValueError:
                pass  # .inf, .nan, or minutes and seconds: 1:30.5
        if kind == "bool":
            self._mistake(node, f"YAML takes {value} for true or false", f"write true or false; or '{value}' for the word")
        elif kind:
            self._mistake(node, f"YAML takes {value} for a number, and not for the one it looks like",
                          f"write a plain number, as 10; or '{value}' for the text")
        return UNKNOWN

    def _tag(self, node: yaml.Node) -> str:
        """The kind of a node in YAML's words, '' when it is none that a lab may have."""
        kind = str(node.tag).removeprefix(_TAG)
        if kind in _KINDS:
            return kind
        self._mistake(node, f"a lab has no tags, and here stands {str(node.tag).replace(_TAG, '!!')}", "take it away")
        return ""
