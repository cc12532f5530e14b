"""For a learner at a terminal: the step that is to be done, what is true by now, hints, and how far they are."""

from __future__ import annotations

from typing import TextIO

from checks.reasoning.wording import command_of
from labrunner.events import (
    Checked,
    Differs,
    Event,
    Hinted,
    Noticed,
    RunEnded,
    RunStarted,
    Stands,
    StepEnded,
    StepStarted,
    Troubled,
    Watched,
)
from labrunner.reporters.terminal import TerminalReporter
from labrunner.reporters.watching import frame

_MOST = 8  # changes that are told after a command
_MARKS = {True: "✓", False: "·"}


class LessonReporter(TerminalReporter):
    """Prints as things happen. width: of the terminal, in columns.  colour: whether it has any.

    height: of a terminal on which all has to be seen at once, in lines; 0 where that need not be.
    """

    def __init__(self, out: TextIO, width: int, colour: bool, height: int = 0) -> None:
        super().__init__(out, width=width, colour=colour)
        self._height = height
        self._following = self._judged = self._news = False

    def tell(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, Hinted):
            self._hinted(event)
        elif isinstance(event, Noticed):
            self._news = True
            self._changes(event.changes[:_MOST])
            if len(event.changes) > _MOST:
                self._line("      ", f"… and {len(event.changes) - _MOST} more", "dim")
        elif isinstance(event, Stands):
            self._stands(event)
        elif isinstance(event, Differs):
            self._differs(event)
        elif isinstance(event, Watched):
            for lead, text, style in frame(event, self._console.width, self._height):
                self._line(lead, text, style) if lead or text else self._print()
        elif isinstance(event, Troubled):
            self._line("! ", str(event.problem), "bold red")
            self._line("  next: ", event.problem.mend)
        else:
            self._following = isinstance(event, StepStarted) or (self._following and isinstance(event, RunEnded))
            self._judged = self._judged or isinstance(event, StepEnded)
            self._news = self._news and not isinstance(event, StepEnded)
            super().tell(event)

    def _begin(self, event: RunStarted) -> None:
        self._total, self._lab = event.total, event.lab.about.id

    def _finish(self, event: RunEnded) -> None:
        if event.outcome == "pass" and not self._following:
            self._print()
            self._line("✓ ", "All steps are done. `labrun stop` ends the lab; `labrun goto STEP` goes back.", "green")
        elif event.outcome != "pass" and self._judged:
            checks = f"{self._counts['fail']} check{'s' if self._counts['fail'] != 1 else ''}"
            self._print()
            self._line("✗ ", f"{checks} not true yet; `labrun hint` helps on", "bold red")

    def _checked(self, event: Checked) -> None:
        """What a command has mended of an earlier step is worth a line; that it holds still is not."""
        if self._news and event.since and event.verdict.outcome == "pass":
            self._line("  ✓ ", f"{event.verdict.claim} again (step '{event.since}')", "", "green")
        else:
            super()._checked(event)

    def _hint(self, hint: str) -> None:
        """The cause alone. What mends it they find themselves, or ask for."""
        command = command_of(hint)
        cause = hint.removesuffix(command).rpartition("; ")[0] if command else hint
        self._line("      → ", cause, "bold")

    def _hinted(self, event: Hinted) -> None:
        if not event.total:
            self._line("", f"the step '{event.step.id}' has no hints; `labrun solve` does it")
            return
        self._line("", f"hint {event.number} of {event.total}", "dim")
        self._teach(self._shown(event.text))
        if event.number == event.total:
            self._line("", "That was the last one. `labrun solve` does the step.", "dim")

    def _differs(self, event: Differs) -> None:
        until = f", up to {event.until}" if event.until else ""
        self._line("", f"since {event.since}{until}", "dim")
        self._changes(event.changes)
        if not event.changes:
            self._line("      ", "nothing has changed")

    def _stands(self, event: Stands) -> None:
        self._line("", event.lab.about.title, "bold")
        for number, step in enumerate(event.lab.steps):
            mark = "→" if number == event.place else _MARKS[number < event.place]
            hints = event.hints.get(step.id, 0)
            taken = f" ({hints} hint{'s' if hints > 1 else ''})" if hints else ""
            self._line(f"  {mark} ", f"{step.title} [{step.id}]{taken}", "bold" if number == event.place else "")
