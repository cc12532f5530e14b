"""Telling people and programs what happens: one form a file. They read events and decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from labrunner.events import Event
    from runtime.errors import Problem


class Reporter(Protocol):
    """Who is told what happens."""

    def tell(self, event: Event) -> None:
        """Take one event."""

    def fail(self, lab: str, problem: Problem, outcome: str) -> None:
        """The lab called `lab` could not be begun; the exit code and standard error tell of it too."""
