"""A lab on one screen, for those who watch it: its steps, the checks of the one that is to be done, and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from labrunner.events import Checked, Watched
from labrunner.reporters.topology import draw

Line: TypeAlias = tuple[str, str, str]
"""What stands before a text, the text, and its style."""

_MARKS = {"pass": ("✓", "green"), "fail": ("·", ""), "skip": ("-", "yellow"), "error": ("!", "bold red")}
_BROKEN = ("✗", "bold red")


def frame(event: Watched, width: int, height: int) -> list[Line]:
    """Its lines. height: how many there may be, 0 for any."""
    head: list[Line] = [("", event.lab.about.title, "bold")]
    checks = [_check(each) for each in event.checked if not each.since]
    broken = [_check(each) for each in event.checked if each.since and each.verdict.outcome != "pass"]
    picture: list[Line] = [("", "", ""), *(("  ", line, "") for line in draw(event.snapshot, width - 2))]
    room = height - len(head) - len(checks) - len(broken) - len(picture)
    return [*head, *_steps(event, [*checks, *broken], room if height else len(event.lab.steps)), *picture]


def _steps(event: Watched, checks: list[Line], room: int) -> Iterator[Line]:
    """Each step in a line; where there is no room for all, those before and after it in one."""
    steps, place = event.lab.steps, event.place
    whole = len(steps) <= room
    if not whole and place:
        yield "  ✓ ", f"{place} step{'s' * (place != 1)} done", "green"
    for number, step in enumerate(steps):
        if number == place:
            hints = event.hints.get(step.id, 0)
            yield "  → ", step.title + (f" ({hints} hint{'s' * (hints != 1)})" if hints else ""), "bold"
            yield from checks
        elif whole:
            yield (f"  {'✓' if number < place else '·'} ", step.title, "green" if number < place else "dim")
    left = len(steps) - place - 1
    if not whole and left > 0:
        yield "  · ", f"{left} step{'s' * (left != 1)} to go", "dim"
    if place == len(steps):
        yield "", "All steps are done.", "bold green"


def _check(checked: Checked) -> Line:
    verdict = checked.verdict
    mark, style = _BROKEN if checked.since else _MARKS[verdict.outcome]
    again = f" (since step '{checked.since}')" if checked.since else ""
    return f"      {mark} ", f"{verdict.claim}{again}", style
