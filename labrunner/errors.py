"""What can go wrong above the runtime.

    runtime.errors.Problem
    ├── UsageError       the call is wrong                       exit 2
    ├── LabError         a lab file is wrong, with its places    exit 2
    ├── Missing          this machine lacks something            exit 3
    └── Refused          an operation was refused                exit 4
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runtime.errors import Problem


class UsageError(Problem):
    """The call is wrong: an unknown lab, step or variable."""


class Place(NamedTuple):
    """A place in a lab file; line and column are counted from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class LabMistake(NamedTuple):
    """One mistake in a lab file. mend: what to write instead, or ''."""

    place: Place
    says: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.says}" + (f"; {self.mend}" if self.mend else "")


class LabError(Problem):
    """A lab file is wrong. mistakes: all of them, in the order of the file."""

    def __init__(self, mistakes: Sequence[LabMistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


def nearest(word: str, known: Sequence[str]) -> str:
    """'did you mean 'x'? known are x, y' - what to say after an unknown word."""
    from difflib import get_close_matches  # only when something is wrong: it costs 5 ms to load

    close = get_close_matches(word, known, 1, 0.5)
    guess = f"did you mean '{close[0]}'? " if close else ""
    return f"{guess}known are {', '.join(sorted(known))}" if known else "there is none"
