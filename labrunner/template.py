"""Variables of a lab, filled into its leaves with Jinja2 after the YAML is parsed. The templates reach nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from labrunner.errors import LabError, LabMistake, UsageError, nearest
from labrunner.tree import Entry, Node


def fill(tree: Node, given: Mapping[str, str]) -> Node:
    """`tree` with its `vars` filled in. given: values that replace defaults (--set).

    Raises UsageError for a variable that the lab does not have, LabError for a template that can't be filled.
    """
    declared = tree.value.get("vars") if isinstance(tree.value, dict) else None
    defaults: dict[str, Entry] = declared.node.value if declared and isinstance(declared.node.value, dict) else {}
    for name in given:
        if name not in defaults:
            raise UsageError(f"this lab has no variable '{name}'", nearest(name, list(defaults)), "labrun show LAB")
    if not (given or _has_template(tree)):
        return tree
    try:
        return _Filler(defaults, given).fill(tree)
    except LabError as error:
        if not given:
            raise
        shown = " ".join(f"--set {name}={value}" for name, value in given.items())
        raise UsageError(f"'{shown}' does not fit this lab", error.mistakes[0].says) from error


def _has_template(node: Node) -> bool:
    if isinstance(node.value, dict):
        return any(_has_template(entry.node) for entry in node.value.values())
    if isinstance(node.value, list):
        return any(map(_has_template, node.value))
    return _is_template(node.value)


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


class _Filler:
    def __init__(self, defaults: Mapping[str, Entry], given: Mapping[str, str]) -> None:
        from jinja2 import StrictUndefined  # 40 ms to load: only for a lab that has variables
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self._environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
        self._environment.filters.update(host=_host, address=_address)
        self._defaults = defaults
        self._values: dict[str, Any] = {}
        self._mistakes: list[LabMistake] = []
        for name, entry in defaults.items():
            self._values[name] = given[name] if name in given else self.fill_leaf(entry.node)
        if self._mistakes:  # whatever uses these variables would only repeat them
            raise LabError(self._mistakes)

    def fill(self, tree: Node) -> Node:
        declared = {name: entry._replace(node=entry.node._replace(value=self._values[name]))
                    for name, entry in self._defaults.items()}
        filled = self._walk(tree)
        if declared:
            filled.value["vars"] = tree.value["vars"]._replace(node=tree.value["vars"].node._replace(value=declared))
        if self._mistakes:
            raise LabError(self._mistakes)
        return filled

    def _walk(self, node: Node) -> Node:
        if isinstance(node.value, dict):
            return node._replace(value={key: entry._replace(node=self._walk(entry.node))
                                        for key, entry in node.value.items()})
        if isinstance(node.value, list):
            return node._replace(value=[self._walk(each) for each in node.value])
        return node._replace(value=self.fill_leaf(node))

    def fill_leaf(self, node: Node) -> Any:
        """The value of a leaf, its template filled in."""
        from jinja2 import TemplateError

        if not _is_template(node.value):
            return node.value
        try:
            return self._environment.from_string(node.value).render(self._values)
        except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError) as error:
            self._mistakes.append(LabMistake(node.place, f"'{node.value.strip()}' cannot be filled in: {error}",
                                             f"variables are {', '.join(self._values) or 'none'}"))
            return node.value


def _host(subnet: Any, number: int) -> str:
    """The address of host `number` in a subnet: '192.168.0.0/24' | host(2) -> '192.168.0.2'."""
    return str(ipaddress.ip_network(str(subnet))[number])


def _address(subnet: Any, number: int) -> str:
    """The same with the prefix length: '192.168.0.0/24' | address(2) -> '192.168.0.2/24'."""
    return f"{_host(subnet, number)}/{ipaddress.ip_network(str(subnet)).prefixlen}"
