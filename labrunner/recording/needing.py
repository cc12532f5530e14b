"""Which earlier steps a recorded step needs: those that made what its command names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from runtime.facts.difference import Change
from runtime.network.netns import LAB_HOST

_WORD = re.compile(r"[\w.@/:-]+")


class Makers:
    """Remembers which step has made what."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, str], str] = {}  # kind, netns and name -> id of the step
        self._needs: dict[str, tuple[str, ...]] = {}

    def needs(self, command: str, changes: Sequence[Change]) -> tuple[str, ...]:
        """The ids of the steps that a command needs, in their order; none that another of them needs anyway."""
        words = {*_WORD.findall(command)}
        rules = all(change.kind in ("rule", "chain") for change in changes)  # which may name what is not there yet
        found = {step for made, step in self._made.items()
                 if _named(made, words, changes) and not (rules and made[0] == "link")}
        implied = {step for each in found for step in self._all(each)}
        return tuple(step for step in self._needs if step in found - implied)

    def note(self, step: str, needs: tuple[str, ...], changes: Iterable[Change]) -> None:
        """A step was recorded."""
        self._needs[step] = needs
        for change in changes:
            key = change.kind, change.netns, change.name
            if change.change == "removed":
                self._made.pop(key, None)
            elif change.change == "added":
                self._made[key] = step

    def _all(self, step: str) -> Iterator[str]:
        for each in self._needs[step]:
            yield each
            yield from self._all(each)


def _named(made: tuple[str, str, str], words: set[str], changes: Sequence[Change]) -> bool:
    """Whether a command speaks of what was made."""
    kind, netns, name = made
    here = netns in ("", LAB_HOST) or netns in words
    if kind == "address":
        address, _, interface = name.partition(" dev ")
        goes_out = any(change.kind == "route" and change.netns == netns and " via " in change.name
                       and change.name.endswith(f" dev {interface}") for change in changes)
        return goes_out or (here and {address, interface} <= words)
    return here and name in words and kind in ("netns", "link", "container")
