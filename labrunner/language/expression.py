"""What stands between {{ and }}: a small part of Jinja2.

Jinja2's whole language reaches Python and can take any time and memory ('x' * 10**9). What a lab may write is names of
variables, and the filters `host` and `address`. The rest is refused before it is run.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from labrunner.errors import nearest
from runtime.values import SUBNET

_DEEPEST = 8
_FORM = "a template is {{ NAME }}, {{ NAME | host(2) }} or {{ NAME | address(2) }}"
_BRACKETS = "; where brackets are meant, as for docker, write {{ '{{' }} for {{"
_WORDS = {"Getattr": "'.'", "Getitem": "'[...]'", "Call": "calls", "CondExpr": "'if'", "Concat": "'~'", "Mul": "'*'",
          "Pow": "'**'", "Add": "'+'", "Sub": "'-'", "Div": "'/'", "FloorDiv": "'//'", "Mod": "'%'",
          "Compare": "comparisons"}


class Unfillable(Exception):
    """A template is wrong. line: in which line of its text, from 1.  mend: what to write instead."""

    def __init__(self, says: str, line: int, mend: str = _FORM) -> None:
        super().__init__(says)
        self.says, self.line, self.mend = says, line, mend


class Expressions:
    """Jinja2 with the variables `values`. advice: unknown name -> what to write instead."""

    def __init__(self, values: Mapping[str, Any], advice: Callable[[str], str]) -> None:
        from jinja2 import StrictUndefined, nodes  # 40 ms to load: only for what is more than a variable
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self._environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
        self._environment.filters = dict(FILTERS)
        self._nodes, self._values, self._advice = nodes, values, advice

    def parse(self, text: str) -> Any:
        """The template as Jinja2 knows it. Raises Unfillable."""
        from jinja2 import TemplateSyntaxError

        try:
            return self._environment.parse(text)
        except TemplateSyntaxError as error:
            raise Unfillable(error.message or "it is no template", error.lineno, _FORM + _BRACKETS) from error
        except (RecursionError, ValueError) as error:  # ten thousand brackets, or a number with as many digits
            raise Unfillable(str(error), 1) from error

    def names(self, parsed: Any) -> Iterator[str]:
        """The variables that a template uses. Raises Unfillable for what a lab may not write."""
        pending = [(parsed, 0)]
        while pending:
            node, depth = pending.pop()
            self._refuse(node, depth)
            if isinstance(node, self._nodes.Name):
                yield node.name
            pending += reversed([(child, depth + 1) for child in node.iter_child_nodes()])  # the first of them is next

    def render(self, parsed: Any) -> Iterator[str]:
        """The text that a template becomes, piece by piece. Raises Unfillable."""
        from jinja2 import TemplateError

        try:
            yield from self._environment.from_string(parsed).generate(dict(self._values))
        except TypeError as error:
            raise Unfillable(NO_NUMBER, 1) from error
        except (TemplateError, ValueError) as error:
            raise Unfillable(str(error), 1, "") from error

    def _refuse(self, node: Any, depth: int) -> None:
        of = self._nodes
        if not isinstance(node, of.Template | of.Output | of.TemplateData | of.Name | of.Filter | of.Const | of.Neg):
            word = type(node).__name__
            raise Unfillable(f"a lab's templates have no {_WORDS.get(word, repr(word.lower()))}", node.lineno)
        if depth > _DEEPEST:
            raise Unfillable("it is nested too deep", node.lineno)
        if isinstance(node, of.Filter) and node.name not in FILTERS:
            raise Unfillable(f"there is no filter '{node.name}'", node.lineno, nearest(node.name, list(FILTERS)))
        if isinstance(node, of.Name) and node.name not in self._values:
            raise Unfillable(f"there is no variable '{node.name}'", node.lineno, self._advice(node.name))


NO_NUMBER = "host and address take one number"


def host(subnet: Any, number: Any) -> str:
    """The address of host `number` in a subnet: '192.168.0.0/24' | host(2) -> '192.168.0.2'. Raises ValueError."""
    return _member(subnet, number)[0]


def address(subnet: Any, number: Any) -> str:
    """The same with the prefix length: '192.168.0.0/24' | address(2) -> '192.168.0.2/24'."""
    return "{}/{}".format(*_member(subnet, number))


FILTERS: Mapping[str, Callable[[Any, Any], str]] = {"host": host, "address": address}


def _member(subnet: Any, number: Any) -> tuple[str, int]:
    network = _network(str(subnet))
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError
    if not -network.num_addresses <= number < network.num_addresses:
        raise ValueError(f"{network} has {network.num_addresses} addresses, and no number {number}")
    return str(network[number]), network.prefixlen


@lru_cache(64)
def _network(subnet: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(SUBNET.parse(subnet))
