"""Variables of a lab, filled into its leaves with Jinja2 after the YAML is parsed.

Jinja2's whole language reaches Python and can take any time and memory ('x' * 10**9). What a lab may write is a small
part of it: names of variables, and the filters `host` and `address`. The rest is refused before it is run.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.errors import LabMistake, UsageError, nearest
from labrunner.tree import UNKNOWN, Document, Entry, Node
from runtime.values import SUBNET

_MOST_FILLED = 1 << 20  # characters in the whole lab
_MOST_MISTAKES = 100
_DEEPEST = 8
_FORM = "a template is {{ NAME }}, {{ NAME | host(2) }} or {{ NAME | address(2) }}"
_WORDS = {"Getattr": "'.'", "Getitem": "'[...]'", "Call": "calls", "CondExpr": "'if'", "Concat": "'~'", "Mul": "'*'",
          "Pow": "'**'"}


def fill(document: Document, given: Mapping[str, str]) -> Document:
    """`document` with its `vars` filled in. given: values that replace defaults (--set).

    Raises UsageError for a variable that the lab does not have.
    """
    defaults = _defaults(document.tree)
    for name in given:
        if name not in defaults:
            raise UsageError(f"this lab has no variable '{name}'", nearest(name, list(defaults)), "labrun show LAB")
    if not (given or any(_is_template(leaf.value) for leaf in document.tree.leaves())):
        return document
    filler = _Filler(defaults, given)
    return Document(filler.fill(document.tree), (*document.mistakes, *filler.mistakes))


def _defaults(tree: Node) -> dict[str, Entry]:
    declared = tree.value.get("vars") if isinstance(tree.value, dict) else None
    return declared.node.value if declared and isinstance(declared.node.value, dict) else {}


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


class _Unfillable(Exception):
    """A template is wrong. line: in which line of its text, from 1.  mend: what to write instead."""

    def __init__(self, says: str, line: int, mend: str = _FORM) -> None:
        super().__init__(says)
        self.says, self.line, self.mend = says, line, mend


class _Filler:
    def __init__(self, defaults: Mapping[str, Entry], given: Mapping[str, str]) -> None:
        from jinja2 import StrictUndefined, nodes  # 40 ms to load: only for a lab that has variables
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self._environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
        self._environment.filters = {"host": _host, "address": _address}
        self._nodes = nodes
        self._defaults = defaults
        self._values: dict[str, Any] = {}
        self._left = _MOST_FILLED
        self.mistakes: list[LabMistake] = []
        for name, entry in defaults.items():
            self._values[name] = given[name] if name in given else self._leaf(entry.node)

    def fill(self, tree: Node) -> Node:
        """The tree, its leaves filled in; those that cannot be are UNKNOWN."""
        if not self._defaults:
            return self._walk(tree)
        declared = {name: entry._replace(node=entry.node._replace(value=self._values[name]))
                    for name, entry in self._defaults.items()}
        variables = tree.value["vars"]
        others = {key: entry for key, entry in tree.value.items() if key != "vars"}
        filled: dict[str, Entry] = self._walk(tree._replace(value=others)).value
        filled["vars"] = variables._replace(node=variables.node._replace(value=declared))
        return tree._replace(value=filled)

    def _walk(self, node: Node) -> Node:
        if isinstance(node.value, dict):
            return node._replace(value={key: entry._replace(node=self._walk(entry.node))
                                        for key, entry in node.value.items()})
        if isinstance(node.value, list):
            return node._replace(value=[self._walk(each) for each in node.value])
        return node._replace(value=self._leaf(node))

    def _leaf(self, node: Node) -> Any:
        """The value of a leaf, its template filled in; UNKNOWN when that cannot be done."""
        if not _is_template(node.value):
            return node.value
        if len(self.mistakes) >= _MOST_MISTAKES:
            return UNKNOWN
        try:
            return self._filled(node.value)
        except _Unfillable as wrong:
            line = node.value.splitlines()[wrong.line - 1].strip()
            shown = line if len(line) <= 60 else f"{line[:57]}..."
            self.mistakes.append(LabMistake(node.place, f"'{shown}' cannot be filled in: {wrong.says}", wrong.mend))
            return UNKNOWN

    def _filled(self, text: str) -> Any:
        from jinja2 import TemplateSyntaxError

        try:
            parsed = self._environment.parse(text)
        except TemplateSyntaxError as error:
            raise _Unfillable(error.message or "it is no template", error.lineno) from error
        except (RecursionError, ValueError) as error:  # ten thousand brackets, or a number with as many digits
            raise _Unfillable(str(error), 1) from error
        if any(isinstance(self._values[name], _NO_TEXT) for name in list(self._names(parsed))):
            return UNKNOWN  # the mistake is the variable's, and is told there
        return self._rendered(parsed)

    def _names(self, parsed: Any) -> Iterator[str]:
        """The variables that a template uses. Raises _Unfillable for what a lab may not write."""
        pending = [(parsed, 0)]
        while pending:
            node, depth = pending.pop()
            self._refuse(node, depth)
            if isinstance(node, self._nodes.Name):
                yield node.name
            pending += [(child, depth + 1) for child in node.iter_child_nodes()]

    def _refuse(self, node: Any, depth: int) -> None:
        of = self._nodes
        if not isinstance(node, of.Template | of.Output | of.TemplateData | of.Name | of.Filter | of.Const | of.Neg):
            word = type(node).__name__
            raise _Unfillable(f"a lab's templates have no {_WORDS.get(word, repr(word.lower()))}", node.lineno)
        if depth > _DEEPEST:
            raise _Unfillable("it is nested too deep", node.lineno)
        if isinstance(node, of.Filter) and node.name not in self._environment.filters:
            known = nearest(node.name, list(self._environment.filters))
            raise _Unfillable(f"there is no filter '{node.name}'", node.lineno, known)
        if isinstance(node, of.Name) and node.name not in self._values:
            raise _Unfillable(f"there is no variable '{node.name}'", node.lineno, self._known(node.name))

    def _known(self, wanted: str) -> str:
        if not self._defaults:
            return "the lab sets none: it has no 'vars'"
        if wanted in self._defaults:
            return f"'{wanted}' is set further down in 'vars': move it up"
        return nearest(wanted, list(self._values))

    def _rendered(self, parsed: Any) -> str:
        from jinja2 import TemplateError

        pieces = []
        try:
            for piece in self._environment.from_string(parsed).generate(self._values):
                self._left -= len(piece)
                if self._left < 0:
                    raise _Unfillable("with its variables the lab becomes longer than 1 MiB", 1, "say less")
                pieces.append(piece)
        except TypeError as error:
            raise _Unfillable("host and address take one number", 1) from error
        except (TemplateError, ValueError) as error:
            raise _Unfillable(str(error), 1, "") from error
        return "".join(pieces)


_NO_TEXT = (dict, list, type(None), type(UNKNOWN))


def _host(subnet: Any, number: Any) -> str:
    """The address of host `number` in a subnet: '192.168.0.0/24' | host(2) -> '192.168.0.2'."""
    return _member(subnet, number)[0]


def _address(subnet: Any, number: Any) -> str:
    """The same with the prefix length: '192.168.0.0/24' | address(2) -> '192.168.0.2/24'."""
    return "{}/{}".format(*_member(subnet, number))


def _member(subnet: Any, number: Any) -> tuple[str, int]:
    network = ipaddress.ip_network(SUBNET.parse(str(subnet)))
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError
    if not -network.num_addresses <= number < network.num_addresses:
        raise ValueError(f"{network} has {network.num_addresses} addresses, and no number {number}")
    return str(network[number]), network.prefixlen
