"""YAML as a tree in which everything knows its place.

PyYAML composes the nodes; turning them into values is done here, so that each mistake has a line and a column, and so
that what YAML 1.1 does in silence (a key given twice, `on` for true, 010 for eight) is said aloud.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from labrunner.errors import LabMistake, Place
from labrunner.language.composing import DEEPEST, STRANGE, TOO_DEEP, compose, fatal, place_of, strange_character
from labrunner.language.tree import UNKNOWN, Document, Entry, Node, Unknown

_MOST_NODES = 20_000
_LONGEST_TEXT = 1 << 16
_TAG = "tag:yaml.org,2002:"
_TEXTS = ("str", "timestamp", "value", "merge")
_KINDS = (*_TEXTS, "bool", "null", "int", "float", "map", "seq")
_STRANGE = re.compile(f"{STRANGE.pattern}|\r")  # a line break in the file, and in a value no more
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")


def parse(path: str, data: bytes) -> Document:
    """The document in `data`. path: for messages. Raises LabError when nothing of it can be read."""
    converter = _Converter(path)
    tree = converter.convert(compose(path, data), 0)
    return Document(tree, tuple(converter.mistakes))


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
        if self._nodes > _MOST_NODES:
            raise fatal(place, "the lab is too large, or its aliases unfold to too much",
                         f"a lab has at most {_MOST_NODES} values")
        if isinstance(node, yaml.ScalarNode):
            return Node(self._scalar(node), place)
        if depth >= DEEPEST:
            raise fatal(place, *TOO_DEEP)
        if any(each is node for each in self._open):
            raise fatal(place, "this holds itself, by an alias", "write out what is meant")
        if not self._tag(node):
            return Node(UNKNOWN, place)
        self._open.append(node)
        value = self._mapping(node, depth) if isinstance(node, yaml.MappingNode) else [
            self.convert(each, depth + 1) for each in node.value]
        self._open.pop()
        return Node(value, place)

    def _place(self, node: yaml.Node) -> Place:
        return place_of(self._path, node.start_mark)

    def _mistake(self, node: yaml.Node, says: str, mend: str) -> None:
        self.mistakes.append(LabMistake(self._place(node), says, mend))

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Entry] | Unknown:
        found: dict[str, Entry] = {}
        whole = True
        for key, value in node.value:
            word = self._key(key, node)
            if word is None:
                whole = False
                continue
            if word in found:
                first = found[word].place
                self._mistake(key, f"'{word}' is given twice (first in line {first.line})", "keep one of them")
            found[word] = Entry(self._place(key), self.convert(value, depth + 1))
        return found if whole else UNKNOWN

    def _key(self, key: yaml.Node, mapping: yaml.MappingNode) -> str | None:
        """The word that a key is, whatever YAML takes it for; None when it is none."""
        if isinstance(key, yaml.MappingNode) and key.flow_style and mapping.flow_style:
            self._mistake(mapping, "YAML takes {{ for two brackets", 'a template needs quotes around it: "{{ NAME }}"')
        elif not isinstance(key, yaml.ScalarNode):
            self._mistake(key, "a key has to be a word", "write WORD: VALUE")
        elif key.tag == _TAG + "merge":
            self._mistake(key, "a lab cannot merge mappings with '<<'", "write out the keys that are meant")
        elif not self._strange(key):
            return str(key.value)
        return None

    def _strange(self, node: yaml.ScalarNode) -> bool:
        """Whether it holds what would change the terminal that it is shown on, written as an escape: "\\e"."""
        found = _STRANGE.search(node.value) if node.style == '"' else None
        if found:
            self._mistake(node, *strange_character(found))
        return bool(found)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if self._strange(node):
            return UNKNOWN
        value: str = node.value
        if len(value) > _LONGEST_TEXT:
            self._mistake(node, "this text is longer than 64 Ki characters", "say less")
            return UNKNOWN
        if node.tag == _TAG + "str":
            return value
        kind = self._tag(node)
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
                if str(float(value)) == value:  # and not 1.10, which is the version of something
                    return float(value)
            except ValueError:
                pass  # .inf, .nan, or minutes and seconds: 1:30.5
        shown = " ".join(value.split())  # a tag makes a number of a text of many lines, too
        if kind == "bool":
            self._mistake(node, f"YAML takes {shown} for true or false",
                          f"write true or false; or, for the word, '{shown}' in quotes")
        elif kind:
            self._mistake(node, f"YAML takes {shown} for a number, and not for the one it looks like",
                          f"write a plain number, as 10; or, for the text, '{shown}' in quotes")
        return UNKNOWN

    def _tag(self, node: yaml.Node) -> str:
        """The kind of a node in YAML's words, '' when it is none that a lab may have."""
        kind = str(node.tag).removeprefix(_TAG)
        if kind in _KINDS:
            return kind
        self._mistake(node, f"a lab has no tags, and here stands {str(node.tag).replace(_TAG, '!!')}", "take it away")
        return ""
