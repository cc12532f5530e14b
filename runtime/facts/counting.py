"""Tell the packets that a rule has counted from those that its counter was set to.

The lab's root can give a rule any counter, when it makes the rule or replaces it (`iptables -A ... -c 10 840`). But
that is a change of the rules, and the kernel numbers those: between two looks with the same number no rule was
touched, and what a counter has grown by are packets that passed the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from runtime.facts.rules import Rule


class _Look(NamedTuple):
    """The rules of a netns at one moment. generation: its number, None when they changed meanwhile."""

    generation: int | None
    rules: tuple[Rule, ...]


class Counting:
    """Remembers the rules of the last Snapshot, by the inode of their netns."""

    def __init__(self) -> None:
        self._before: Mapping[int, _Look] = {}
        self._now: dict[int, _Look] = {}

    def begin(self) -> None:
        """Begin a Snapshot. Forget the netns that the last one did not have."""
        self._before, self._now = self._now, {}

    def counted(self, netns: int, generation: int | None, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Return the rules of a netns, each with its `preset`. netns: its inode."""
        before = self._before.get(netns, _Look(None, ()))
        untouched = generation is not None and generation == before.generation
        found = tuple(_grown(before.rules, rules) if untouched else _changed(before.rules, rules))
        self._now[netns] = _Look(generation, found)
        return found


def _grown(before: Iterable[Rule], now: Iterable[Rule]) -> Iterable[Rule]:
    """Compare rules that were not touched. A counter that is smaller than before was set to 0 meanwhile."""
    for old, rule in zip_longest(before, now):
        was, preset = old.packets or 0, old.preset
        yield rule._replace(preset=preset if (rule.packets or 0) >= was else 0)


def _changed(before: Iterable[Rule], now: Iterable[Rule]) -> Iterable[Rule]:
    """Compare rules that were touched. One with the same words keeps the packets that labrun saw it count, no more."""
    known: dict[Rule, list[int]] = {}
    for old in before:
        known.setdefault(_words(old), []).append(old.matched or 0)
    for rule in now:
        matched = known.get(_words(rule), [])
        yield rule._replace(preset=max(0, (rule.packets or 0) - (matched.pop(0) if matched else 0)))


def _words(rule: Rule) -> Rule:
    return rule._replace(packets=None, bytes=None, preset=0)
