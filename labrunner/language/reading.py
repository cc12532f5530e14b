"""Reading the nodes of a document into values, and collecting the mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labrunner.errors import LabError, LabMistake, nearest
from labrunner.language.key import Key
from labrunner.language.tree import UNKNOWN, Entry, Node

_MOST_MISTAKES = 500


class Reader:
    """Each method notes what is wrong and gives back something harmless, so that reading goes on to the next mistake.

    mistakes: all that were noted, those that it began with first.
    """

    def __init__(self, mistakes: Iterable[LabMistake] = ()) -> None:
        self.mistakes = list(mistakes)

    def mapping(self, node: Node, keys: Mapping[str, Key], what: str) -> dict[str, Entry]:
        """The entries of a mapping that has no other `keys`, and all of the required ones; {} when it is none.

        what: what the mapping stands for, as 'a lab'.
        """
        if not isinstance(node.value, dict):
            if node.value is not UNKNOWN:
                self.mistake(node, f"here stands {_kind_of(node.value)}, and {what} is a mapping",
                             f"write KEY: VALUE, one a line; the keys are {', '.join(keys)}")
            return {}
        for key, entry in node.entries():
            if key not in keys:
                self.mistake_at(entry, f"{what} has no key '{key}'", nearest(key, tuple(keys)))
        for key in keys:
            if keys[key].required and key not in node.value:
                self.mistake(node, f"{what} needs the key '{key}', and it is missing", f"add a line '{key}: ...'")
        return {key: entry for key, entry in node.value.items() if key in keys}

    def nodes(self, top: Mapping[str, Entry], key: str, least: int = 0) -> list[Node]:
        """The nodes of the list under `key`, `least` or more; [] when there is none."""
        found: list[Node] | None = self.typed(top, key, list, "a list, each entry in its own line with '- ' before it")
        if found is not None and len(found) < least:
            self.mistake(top[key].node, f"the list '{key}' is empty", "write at least one entry")
        return found or []

    def texts(self, top: Mapping[str, Entry], key: str) -> tuple[str, ...]:
        """The texts of the list under `key`."""
        nodes = self.nodes(top, key)
        found = [node.worded() for node in nodes]
        for node, value in zip(nodes, found, strict=True):
            if not isinstance(value, str) and value is not UNKNOWN:
                self.mistake(node, f"'{key}' is a list of texts, and here stands {_kind_of(value)}", _quotes(value))
            elif isinstance(value, str) and not value.strip():
                self.mistake(node, f"a text of the list '{key}' is empty", "write one, or take the entry away")
        return tuple(value for value in found if isinstance(value, str))

    def text(self, top: Mapping[str, Entry], key: str) -> str:
        """The text under `key`; '' when there is none."""
        found: str | None = self.typed(top, key, str, "a text")
        if found is not None and not found.strip():
            self.mistake(top[key].node, f"'{key}' is empty")
            return ""
        return found or ""

    def word(self, top: Mapping[str, Entry], key: str, known: tuple[str, ...], default: str) -> str:
        """One of the `known` words under `key`."""
        value = self.text(top, key) or default
        if value not in known:
            self.mistake(top[key].node, f"there is no {key} '{value}'", nearest(value, known))
        return value

    def typed(self, top: Mapping[str, Entry], key: str, kind: type[Any], says: str) -> Any:
        """The value under `key` when it is of `kind`, else None."""
        if key not in top:
            return None
        node = top[key].node
        value = node.worded() if kind is str else node.value
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        if node.value is not UNKNOWN:
            self.mistake(node, f"'{key}' has to be {says}, and here stands {_kind_of(node.value)}",
                         _quotes(node.value) if kind is str else "")
        return None

    def mistake(self, node: Node, says: str, mend: str = "") -> None:
        """Note a mistake at a value. Raises LabError when nobody would read one more."""
        self._note(LabMistake(node.place, says, mend))

    def mistake_at(self, entry: Entry, says: str, mend: str = "") -> None:
        """Note a mistake at a key. Raises LabError likewise."""
        self._note(LabMistake(entry.place, says, mend))

    def _note(self, mistake: LabMistake) -> None:
        self.mistakes.append(mistake)
        if len(self.mistakes) >= _MOST_MISTAKES:
            raise LabError(self.mistakes)


def _quotes(value: Any) -> str:
    return "put it in quotes" if isinstance(value, int | float) else ""


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "a text"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "nothing"
