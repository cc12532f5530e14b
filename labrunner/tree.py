"""A document as a tree in which everything knows its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from labrunner.errors import Place


class Node(NamedTuple):
    """A value and where it stands. value: dict of Entry, list of Node, str, int, float, bool or None."""

    value: Any
    place: Place

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """The keys of a mapping, each with its place and its node."""
        return iter(self.value.items())

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Entry(NamedTuple):
    """A key of a mapping: its own place, and its value."""

    place: Place
    node: Node
