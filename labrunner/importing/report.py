"""What there is to say about a lab that was made of notes."""

from __future__ import annotations

from collections.abc import Iterator

from labrunner.action import Action
from labrunner.actions.run import Run
from labrunner.importing.blocks import one_line
from labrunner.importing.drafting import Draft

_MOST_SHOWN = 40


def report(draft: Draft) -> str:
    """What became of the notes, what was left out, and what to look at."""
    return "\n".join(_lines(draft))


def _lines(draft: Draft) -> Iterator[str]:
    actions = [entry for step in draft.steps for entry in step.entries if isinstance(entry, Action)]
    runs = sum(isinstance(action, Run) for action in actions)
    checks = sum(len(step.checks) for step in draft.steps)
    yield (f"{draft.source}: {_count(len(draft.steps), 'step')}, {_count(len(actions) - runs, 'verb')}, "
           f"{_count(runs, 'other command')}, {_count(checks, 'check')}")
    yield from _listed("left out:", [(each.line, one_line(each)) for each in draft.left_out])
    yield from _listed("look at:", [(each.line, each.says) for each in sorted(draft.remarks)])


def _listed(head: str, lines: list[tuple[int, str]]) -> Iterator[str]:
    if lines:
        yield head
    for line, says in lines[:_MOST_SHOWN]:
        yield f"  line {line}: {says}"
    if len(lines) > _MOST_SHOWN:
        yield f"  ... and {len(lines) - _MOST_SHOWN} more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)
