"""Variables of a lab, filled into its leaves after the YAML is parsed.

Nearly every template is {{ NAME }} or {{ NAME | host(2) }}: these are filled in here, in a hundredth of the time that
Jinja2 takes. It is asked about all others, and most of what it is asked about is a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.errors import LabMistake, UsageError, nearest
from labrunner.language.expression import FILTERS, NO_NUMBER, Expressions, Unfillable
from labrunner.language.tree import UNKNOWN, Document, Entry, Node
from labrunner.language.variables import RUNTIME, default_of, typed, with_value
from runtime.oci.available import RUNTIMES

_MOST_FILLED = 1 << 20  # characters in the whole lab
_MOST_MISTAKES = 100
_NAME = r"[^\W\d]\w*"
_NUMBER = r"-?(?:0|[1-9][0-9]{0,39})"
_FILTER = rf"\|\s*(host|address)\(\s*({_NUMBER}|{_NAME})\s*\)\s*"
_SIMPLE = re.compile(rf"(?<!{{){{{{\s*({_NAME})\s*(?:{_FILTER})?}}}}")
_MORE = ("{{", "{%", "{#")  # what is left of a text with more than simple templates


def fill(document: Document, given: Mapping[str, str]) -> Document:
    """`document` with its `vars` filled in. given: values that replace defaults (--set).

    Raises UsageError for a variable that the lab does not have.
    """
    defaults = _defaults(document.tree)
    for name in given:
        if name not in (*defaults, RUNTIME):
            raise UsageError(f"this lab has no variable '{name}'", nearest(name, list(defaults)), "labrun show LAB")
    if not (given or any(isinstance(entry.node.value, dict) for entry in defaults.values())
            or any(_is_template(leaf.value) for leaf in document.tree.leaves())):
        return document
    filler = _Filler(defaults, given)
    tree = filler.fill(document.tree)
    return Document(tree, (*document.mistakes, *filler.mistakes), frozenset(filler.used))


def _defaults(tree: Node) -> dict[str, Entry]:
    declared = tree.value.get("vars") if isinstance(tree.value, dict) else None
    return declared.node.value if declared and isinstance(declared.node.value, dict) else {}


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


class _Filler:
    def __init__(self, defaults: Mapping[str, Entry], given: Mapping[str, str]) -> None:
        self._defaults = defaults
        self._values: dict[str, Any] = {RUNTIME: given.get(RUNTIME, RUNTIMES[0])}
        self._left = _MOST_FILLED
        self._expressions: Expressions | None = None
        self.mistakes: list[LabMistake] = []
        self.used: set[str] = set()
        for name, entry in defaults.items():
            self._values[name] = self._value(entry.node, given.get(name))

    def fill(self, tree: Node) -> Node:
        """The tree, its leaves filled in; those that cannot be are UNKNOWN."""
        if not self._defaults:
            return self._walk(tree)
        declared = {name: entry._replace(node=with_value(entry.node, self._values[name]))
                    for name, entry in self._defaults.items()}
        variables = tree.value["vars"]
        others = {key: entry for key, entry in tree.value.items() if key != "vars"}
        filled: dict[str, Entry] = self._walk(tree._replace(value=others)).value
        filled["vars"] = variables._replace(node=variables.node._replace(value=declared))
        return tree._replace(value=filled)

    def _value(self, declared: Node, given: str | None) -> Any:
        """The value of a variable, in its type; UNKNOWN when it has none that fits."""
        default = default_of(declared)
        if default is None:
            return UNKNOWN
        value = self._leaf(default) if given is None else given
        if isinstance(value, _NO_TEXT):
            return value  # which is said of it where variables are read
        try:
            return typed(declared, value, self._values)
        except ValueError as error:
            self.mistakes.append(LabMistake(default.place, str(error)))
            return UNKNOWN

    def _walk(self, node: Node) -> Node:
        value = node.value
        if isinstance(value, dict):
            return Node({key: Entry(entry.place, self._walk(entry.node)) for key, entry in value.items()}, node.place)
        if isinstance(value, list):
            return Node([self._walk(each) for each in value], node.place)
        return Node(self._leaf(node), node.place, filled=True) if _is_template(value) else node

    def _leaf(self, node: Node) -> Any:
        """The value of a leaf, its template filled in; UNKNOWN when that cannot be done."""
        if not _is_template(node.value):
            return node.value
        if len(self.mistakes) >= _MOST_MISTAKES:
            return UNKNOWN
        try:
            return self._filled(node.value)
        except Unfillable as wrong:
            line = node.value.splitlines()[wrong.line - 1].strip()
            shown = line if len(line) <= 60 else f"{line[:57]}..."
            self.mistakes.append(LabMistake(node.place, f"'{shown}' cannot be filled in: {wrong.says}", wrong.mend))
            return UNKNOWN

    def _filled(self, text: str) -> Any:
        simple = self._simple(text)
        if simple is None:
            return self._by_jinja(text)
        if any(isinstance(self._values[name], _NO_TEXT) for found in simple for name in _names(found)):
            return UNKNOWN  # the mistake is the variable's, and is told there
        if len(simple) == 1 and simple[0].span() == (0, len(text)) and not simple[0][2]:
            return self._spent(self._values[simple[0][1]])  # alone, a value keeps its type
        pieces, end = [], 0
        for found in simple:
            pieces += [text[end : found.start()], str(self._spent(self._filtered(found)))]
            end = found.end()
        self._spent(text[end:])
        return "".join(pieces) + text[end:]

    def _simple(self, text: str) -> list[re.Match[str]] | None:
        """The templates in `text`, whose names are known by then; None when there are others too."""
        found = list(_SIMPLE.finditer(text))
        rest = _SIMPLE.sub("", text)
        names = {name for each in found for name in _names(each)}
        if any(more in rest for more in _MORE) or not names <= self._values.keys():
            return None
        self.used |= names
        return found

    def _filtered(self, found: re.Match[str]) -> Any:
        value = self._values[found[1]]
        if not found[2]:
            return value
        number = self._values[found[3]] if found[3] in self._values else int(found[3])
        line = found.string.count("\n", 0, found.start()) + 1
        try:
            return FILTERS[found[2]](value, number)
        except TypeError as error:
            raise Unfillable(NO_NUMBER, line) from error
        except ValueError as error:
            raise Unfillable(str(error), line, "") from error

    def _by_jinja(self, text: str) -> Any:
        """What Jinja2 makes of it. Raises Unfillable for all that a lab may not write."""
        if self._expressions is None:
            self._expressions = Expressions(self._values, self._advice)
        parsed = self._expressions.parse(text)
        names = set(self._expressions.names(parsed))
        self.used |= names
        if any(isinstance(self._values[name], _NO_TEXT) for name in names):
            return UNKNOWN
        return "".join(self._spent(piece) for piece in self._expressions.render(parsed))

    def _advice(self, wanted: str) -> str:
        """What to write instead of an unknown name."""
        if not self._defaults:
            return "the lab sets none: it has no 'vars'"
        if wanted in self._defaults:
            return f"'{wanted}' is set further down in 'vars': move it up"
        return nearest(wanted, list(self._values))

    def _spent(self, value: Any) -> Any:
        """The value, taken from what the lab may become. Raises Unfillable when that is used up."""
        self._left -= len(str(value))
        if self._left < 0:
            raise Unfillable("with its variables the lab becomes longer than 1 MiB", 1, "say less")
        return value


_NO_TEXT = (dict, list, bool, type(None), type(UNKNOWN))


def _names(found: re.Match[str]) -> Iterator[str]:
    """The variables in a simple template."""
    yield found[1]
    if found[3] and not found[3].lstrip("-").isdecimal():
        yield found[3]
