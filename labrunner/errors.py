"""What can go wrong above the runtime.

    runtime.errors.Problem
    ├── UsageError       the call is wrong                       exit 2
    ├── LabError         a lab file is wrong, with its places    exit 2
    ├── Missing          this machine lacks something            exit 3
    └── Refused          an operation was refused                exit 4
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runtime.errors import Problem

_MOST_SHOWN = 20
_MOST_LISTED = 40
_LONGEST_SAID = 1000
_MOST_COMPARED, _LONGEST_WORD = 400, 100  # difflib is slow; more than that nobody has in mind


class UsageError(Problem):
    """The call is wrong: an unknown lab, step or variable."""


class Place(NamedTuple):
    """A place in a lab file; line and column are counted from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class _LabMistakeFields(NamedTuple):
    place: Place
    says: str
    mend: str = ""


class LabMistake(_LabMistakeFields):
    """One mistake in a lab file. mend: what to write instead, or ''. What is very long is cut in the middle."""

    def __new__(cls, place: Place, says: str, mend: str = "") -> LabMistake:
        return super().__new__(cls, place, _cut(says), _cut(mend))

    def __str__(self) -> str:
        return f"{self.place}: {self.says}" + (f"\n    {self.mend}" if self.mend else "")


class LabError(Problem):
    """A lab file is wrong. mistakes: all of them, each once, in the order of the file."""

    def __init__(self, mistakes: Iterable[LabMistake]) -> None:
        self.mistakes = tuple(sorted(dict.fromkeys(mistakes), key=lambda mistake: mistake.place))
        count = len(self.mistakes)
        lines = [f"the lab file has {count} mistakes" if count > 1 else "the lab file has a mistake"]
        lines += map(str, self.mistakes[:_MOST_SHOWN])
        if count > _MOST_SHOWN:
            lines.append(f"... and {count - _MOST_SHOWN} more")
        super().__init__("\n".join(lines))


def _cut(text: str) -> str:
    """A value may be a megabyte long, and aliases repeat it a thousand times."""
    return text if len(text) <= _LONGEST_SAID else f"{text[: _LONGEST_SAID - 100]} ... {text[-80:]}"


def nearest(word: str, known: Sequence[str]) -> str:
    """'did you mean 'x'? known are x, y' - what to say after an unknown word. known: in the order to show them in.

    What is long, or takes more than a line, is no word that anybody meant.
    """
    from difflib import get_close_matches  # only when something is wrong: it costs 5 ms to load

    known = [each for each in known if each.isprintable() and len(each) <= _LONGEST_WORD]
    by_lower = {each.lower(): each for each in known[:_MOST_COMPARED]}
    close = get_close_matches(word[:_LONGEST_WORD].lower(), by_lower, 1, 0.5)
    guess = f"did you mean '{by_lower[close[0]]}'? " if close else ""
    more = f" and {len(known) - _MOST_LISTED} more" if len(known) > _MOST_LISTED else ""
    return f"{guess}known are {', '.join(known[:_MOST_LISTED])}{more}" if known else "there is none"
