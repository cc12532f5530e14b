"""Which steps somebody has passed, when, and with how much help: a file of plain lines that is only ever added to.

    2026-11-27T08:45:41Z passed bridge-network bridge hints=2
    2026-11-27T08:47:02Z solved bridge-network nat hints=0

'solved' is a step that labrun did. Lines that say something else are passed over, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import gmtime, strftime
from typing import NamedTuple

from labrunner.state_folder import append, folder, lines, place, problem_of
from runtime.errors import Refused

_WHEN = "%Y-%m-%dT%H:%M:%SZ"
_LINE = re.compile(
    r"(?P<when>\d{4}-\d\d-\d\dT\S+Z) (?P<how>passed|solved) (?P<lab>\S+) (?P<step>\S+) (?P<more>.*)")
_HINTS = re.compile(r"\bhints=(\d+)")


class Passed(NamedTuple):
    """A step that was passed.

    when: in UTC, as ISO 8601 has it.  solved: whether labrun did it.  hints: how many were taken for it.
    """

    when: str
    lab: str
    step: str
    solved: bool
    hints: int


def keep(lab: str, step: str, hints: int, solved: bool) -> None:
    """Write it down. Raises Refused."""
    how = "solved" if solved else "passed"
    folder()
    append(path(), f"{strftime(_WHEN, gmtime())} {how} {lab} {step} hints={hints}")


def kept() -> dict[str, dict[str, Passed]]:
    """What was written down, by lab and step. Of a step that was passed more than once the first time counts.

    But to have done it oneself is more than to have let it be done.
    """
    found: dict[str, dict[str, Passed]] = {}
    for each in _read():
        steps = found.setdefault(each.lab, {})
        if each.step not in steps or (steps[each.step].solved and not each.solved):
            steps[each.step] = each
    return found


def problem() -> Refused | None:
    """Why what was written down cannot be read, None where it can."""
    return problem_of(path())


def path() -> str:
    """Of the file."""
    return place("progress.txt")


def _read() -> Iterator[Passed]:
    for line in lines(path()):
        if found := _LINE.fullmatch(line):
            hints = _HINTS.search(found["more"])
            yield Passed(found["when"], found["lab"], found["step"], found["how"] == "solved",
                         int(hints[1]) if hints else 0)
