"""One look at a lab: what is read of each thing has a limit of time, and what could not be examined is noted.

All that the lab's root can write is hostile: files of terabytes, trees without an end, files with a lease on them. A
thing that cannot be examined is missing in the Snapshot, which names it; the others are examined all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from time import monotonic
from typing import NamedTuple, TypeVar

from runtime.errors import Problem
from runtime.time_limit import Limits, TooLong, limited

# Seconds for one thing, and for all. To hash and unpack the largest image of a lab takes a second, and a machine that
# does four things at a time takes four. A check looks three times, and a person waits for it.
EACH, WHOLE = 5.0, 10.0
T = TypeVar("T")


class Unexamined(NamedTuple):
    """Something that could not be examined.

    kind: 'netns', 'process', 'container', 'exit', 'file', 'tree', 'layout', 'layer', 'overlay', 'disk', 'screen' or
    'stream'.  name: which, '' where it could be any of that kind.  why: the reason.
    """

    kind: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"the {self.kind} {self.name} could not be examined, since {self.why}" if self.name else (
            f"not all of the kind '{self.kind}' could be examined, since {self.why}")


class Unexaminable(Exception):
    """Raised by a reader: the thing is there, and cannot be examined. Its text is the reason."""


class Look:
    """each, whole: seconds for one thing, and for all of them together."""

    def __init__(self, each: float = EACH, whole: float = WHOLE) -> None:
        self._each, self._whole, self._end = each, whole, monotonic() + whole
        self._unexamined: dict[Unexamined, None] = {}
        self._limits: Limits | None = None

    @property
    def unexamined(self) -> tuple[Unexamined, ...]:
        """What could not be examined."""
        return tuple(self._unexamined)

    def during(self, read: Callable[[], T]) -> T:
        """Return what `read` returns: what it looks at, it looks at under one timer, which is quicker."""
        self._limits = Limits()
        try:
            return self._limits.during(read)
        finally:
            self._limits = None

    def at(self, kind: str, name: str, read: Callable[[], T], default: T) -> T:
        """Return what `read` returns; where it fails or takes too long note that, and return `default`."""
        left = self._end - monotonic()
        if left <= 0:
            self.miss(kind, name, f"it takes more than {self._whole:g} s to examine the lab")
            return default
        try:
            return (self._limits.limited if self._limits else limited)(min(self._each, left), read)
        except TooLong:
            self.miss(kind, name, f"it takes more than {min(self._each, left):.2g} s")
        except (Problem, Unexaminable) as problem:
            self.miss(kind, name, getattr(problem, "why", "") or str(problem))
        except OSError as error:
            self.miss(kind, name, os.strerror(error.errno) if error.errno else str(error))
        except Exception as error:  # noqa: BLE001 of what the lab has made nothing may end the look
            self.miss(kind, name, f"what is there cannot be understood ({type(error).__name__})")
        return default

    def miss(self, kind: str, name: str, why: str) -> None:
        """Note that something could not be examined."""
        self._unexamined[Unexamined(kind, name, why)] = None


def names_in(folder: int, most: int) -> tuple[list[str], bool]:
    """Return the names in a folder, sorted and at most so many, and whether these are all. folder: descriptor.

    os.listdir(3) makes a list of all of them at once, and no signal ends it.
    """
    with os.scandir(folder) as entries:
        found = [entry.name for entry in islice(entries, most + 1)]
    return sorted(found[:most]), len(found) <= most


def at_most(entries: Iterator[T], most: int, what: str) -> Iterator[T]:
    """Yield the same. Raises Unexaminable after more than `most`. what: they are of."""
    for number, entry in enumerate(entries):
        if number == most:
            raise Unexaminable(f"{what} has more than {most} entries")
        yield entry
