"""A document as a tree in which everything knows its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from labrunner.errors import LabMistake, Place
from runtime.oci.available import RUNTIMES


class Unknown:
    """The value of a leaf that could not be told. The mistake has been noted, and what uses the leaf says no more."""


UNKNOWN: Final = Unknown()


class Node(NamedTuple):
    """A value and where it stands. value: dict of Entry, list of Node, str, int, float, bool, None or UNKNOWN.

    filled: whether it is a leaf in which a template stood.
    """

    value: Any
    place: Place
    filled: bool = False

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

    def worded(self) -> Any:
        """The same, and each number that a template became as a text: for where a text is wanted."""
        if isinstance(self.value, dict):
            return {key: entry.node.worded() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [node.worded() for node in self.value]
        return str(self.value) if self.filled and isinstance(self.value, int | float) else self.value

    def leaves(self) -> Iterator[Node]:
        """Every node that is neither a mapping nor a list, in the order of the document."""
        if isinstance(self.value, dict):
            for entry in self.value.values():
                yield from entry.node.leaves()
        elif isinstance(self.value, list):
            for node in self.value:
                yield from node.leaves()
        else:
            yield self

    @property
    def known(self) -> bool:
        """Whether every leaf of it could be told."""
        return not any(leaf.value is UNKNOWN for leaf in self.leaves())


class Entry(NamedTuple):
    """A key of a mapping: its own place, and its value."""

    place: Place
    node: Node


class Document(NamedTuple):
    """What was read of a file. mistakes: of its YAML and its templates; the rest can be read all the same.

    used: names of the variables that its templates speak of; not known of a tree that was kept.
    runtime: the OCI runtime that it was filled in for.
    """

    tree: Node
    mistakes: tuple[LabMistake, ...] = ()
    used: frozenset[str] = frozenset()
    runtime: str = RUNTIMES[0]
