"""Reading the nodes of a document into values, and collecting the mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labrunner.errors import LabError, LabMistake, nearest
from labrunner.tree import Entry, Node


class Reader:
    """Each method notes what is wrong and gives back something harmless, so that reading goes on to the next mistake."""

    def __init__(self) -> None:
        self._mistakes: list[LabMistake] = []

    def finish(self) -> None:
        """Raises LabError with every mistake that was noted."""
        if self._mistakes:
            raise LabError(self._mistakes)

    def mapping(self, node: Node, known: tuple[str, ...], required: tuple[str, ...]) -> dict[str, Entry]:
        """The entries of a mapping that has only `known` keys and all of the `required` ones; {} when it is none."""
        if not isinstance(node.value, dict):
            self.mistake(node, f"here stands {_kind_of(node.value)}, expected are the keys {', '.join(known)}")
            return {}
        for key, entry in node.entries():
            if key not in known:
                self.mistake_at(entry, f"the key '{key}' is unknown here", nearest(key, known))
        for key in required:
            if key not in node.value:
                self.mistake(node, f"'{key}' is missing")
        return {key: entry for key, entry in node.value.items() if key in known}

    def nodes(self, top: Mapping[str, Entry], key: str) -> list[Node]:
        """The nodes of the list under `key`; [] when there is none."""
        return self.typed(top, key, list, "a list, each entry with `- ` before it") or []

    def text(self, top: Mapping[str, Entry], key: str) -> str:
        """The text under `key`; '' when there is none."""
        return self.typed(top, key, str, "a text") or ""

    def word(self, top: Mapping[str, Entry], key: str, known: tuple[str, ...], default: str) -> str:
        """One of the `known` words under `key`."""
        value = self.text(top, key) or default
        if value not in known:
            self.mistake(top[key].node, f"'{value}' is no {key}", nearest(value, known))
        return value

    def typed(self, top: Mapping[str, Entry], key: str, kind: type[Any], says: str) -> Any:
        """The value under `key` when it is of `kind`, else None."""
        if key not in top:
            return None
        node = top[key].node
        if isinstance(node.value, kind) and not (kind is int and isinstance(node.value, bool)):
            return node.value
        self.mistake(node, f"'{key}' has to be {says}, and here stands {_kind_of(node.value)}")
        return None

    def mistake(self, node: Node, says: str, mend: str = "") -> None:
        """Note a mistake at a value."""
        self._mistakes.append(LabMistake(node.place, says, mend))

    def mistake_at(self, entry: Entry, says: str, mend: str = "") -> None:
        """Note a mistake at a key."""
        self._mistakes.append(LabMistake(entry.place, says, mend))


def _kind_of(value: Any) -> str:
    words = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return words.get(type(value), "nothing")
