"""For people at a terminal, or behind a pipe: what a step teaches, its commands, what they change, what is true now."""

from __future__ import annotations

import os
from collections.abc import Iterable
from textwrap import wrap
from typing import NoReturn, TextIO

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text
from rich.theme import Theme

from checks.reasoning.wording import command_of
from labrunner.catalogue.catalog import origin
from labrunner.events import Acted, Checked, Event, RunEnded, RunStarted, StepEnded, StepStarted
from labrunner.reporters.topology import draw
from labrunner.streams import printable
from runtime.errors import Problem
from runtime.facts.difference import Change

_WIDEST = 92
_NARROWEST = 20
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_MARKS = {"pass": "✓", "fail": "✗", "skip": "-", "error": "!"}
_PLAIN_MARKS = {"✓": "ok", "✗": "FAILED", "→": "->", "─": "-", "├": "|", "└": "`", "│": "|"}
_STYLES = {"pass": "green", "fail": "bold red", "skip": "yellow", "error": "bold red"}
_KEPT = ("{} check of an earlier step still holds", "{} checks of earlier steps still hold")
_BECAME = "{before} → {after}"
_FIELDS = {"peer_netns": f"other end {_BECAME}", "peer": f"other end {_BECAME}", "value": _BECAME}
_LONGEST_SCRIPT, _BEGINNING = 12, 6  # lines of a command
_THEME = Theme({"markdown.code": "bold cyan", "markdown.code_block": "cyan"})


class TerminalReporter:
    """Prints as things happen. pause: wait for Enter after a step's text and before its first command.

    width, colour: of the terminal that it is for; None for what can be found out of `out`.
    """

    def __init__(self, out: TextIO, pause: bool = False, *, width: int | None = None,
                 colour: bool | None = None) -> None:
        plain = os.environ.get("NO_COLOR") if colour is None else not colour
        self._console = _Console(file=out, highlight=False, theme=_THEME, emoji=False, force_terminal=colour,
                                 color_system=None if plain else "auto")
        self._console.width = min(width or self._console.width, _WIDEST)
        self._pause = pause
        self._total = 0
        self._lab = ""
        self._number = 0
        self._stopped = 0
        self._kept = 0
        self._counts = {"pass": 0, "fail": 0, "skip": 0, "error": 0}
        self._skipped: list[StepEnded] = []

    def tell(self, event: Event) -> None:
        """Print one event."""
        match event:
            case RunStarted():
                self._begin(event)
            case StepStarted():
                self._step(event)
            case Acted():
                self._acted(event)
            case Checked():
                self._checked(event)
            case StepEnded():
                self._ended(event)
            case RunEnded():
                self._finish(event)

    def fail(self, lab: str, problem: Problem, outcome: str) -> None:
        """Nothing to add: the error itself is told on standard error."""

    def _begin(self, event: RunStarted) -> None:
        self._total, self._lab = event.total, event.lab.about.id
        self._line("", event.lab.about.title, "bold")
        self._line("", event.lab.about.summary)
        if source := origin(event.lab.about.path):
            self._line("", source, "dim")

    def _step(self, event: StepStarted) -> None:
        self._number, self._kept = event.number, 0
        self._rule(f"{event.number}/{self._total}  {event.step.title}")
        if event.step.teach:
            self._teach(self._shown(event.step.teach))
            self._print()
        if self._pause:
            self._wait()

    def _teach(self, markdown: str) -> None:
        if self._console.color_system:
            self._console.print(Markdown(markdown))
            return
        for line in _plain(markdown, self._console.width):
            self._print(Text(line))

    def _wait(self) -> None:
        self._console.file.flush()
        try:
            input("  Enter does this step, Ctrl-C ends the lab ")
        except EOFError:
            raise KeyboardInterrupt from None
        self._print()

    def _acted(self, event: Acted) -> None:
        self._command(event.command)
        self._changes(event.changes)
        if event.problem:
            self._line("      ! ", str(event.problem), _STYLES["error"])
            self._line("        next: ", event.problem.mend)

    def _changes(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._line(f"      {_SIGNS[change.change]} ", _told(change), "dim")

    def _command(self, command: str) -> None:
        """Of a script only its beginning: a person could not see the step for it."""
        lines = command.splitlines()
        if len(lines) <= _LONGEST_SCRIPT:
            self._whole("  $ ", command, "bold cyan")
            return
        self._whole("  $ ", "\n".join(lines[:_BEGINNING]), "bold cyan")
        self._line("      ", f"… {len(lines) - _BEGINNING} lines more: labrun show {self._lab} --commands", "dim")

    def _checked(self, event: Checked) -> None:
        verdict = event.verdict
        if event.since and verdict.outcome == "pass":
            self._kept += 1
            return
        self._counts[verdict.outcome] += 1
        style = _STYLES[verdict.outcome]
        claim = f"{verdict.claim} (since step '{event.since}')" if event.since else verdict.claim
        self._line(f"  {_MARKS[verdict.outcome]} ", claim, "" if verdict.outcome == "pass" else style, style)
        if verdict.outcome != "pass":
            self._line("      expected  ", verdict.expected)
            self._line("      found     ", verdict.actual)
            self._hint(verdict.hint)

    def _hint(self, hint: str) -> None:
        """The cause, and the command that mends it: below, and in one piece, where the line is too short for both."""
        lead, command = self._shown("      → "), command_of(hint)
        if not command or len(lead) + len(hint) <= self._console.width:
            self._line(lead, hint, "bold")
        else:
            self._line(lead, hint.removesuffix(command).rstrip(), "bold")
            self._whole(" " * len(lead), command, "bold")

    def _ended(self, event: StepEnded) -> None:
        if self._kept:
            self._line(f"  {_MARKS['pass']} ", _KEPT[self._kept > 1].format(self._kept), "dim", _STYLES["pass"])
            self._kept = 0
        if event.outcome == "skip":
            self._skipped.append(event)
        if event.outcome != "pass":
            self._stopped = self._stopped or self._number

    def _finish(self, event: RunEnded) -> None:
        if self._skipped:
            self._print()
            for ended in self._skipped:
                self._line("  - ", f"skipped: {ended.step.title} ({ended.reason})", _STYLES["skip"])
        self._rule("The lab as it is now")
        for line in draw(event.snapshot, self._console.width - 2):
            self._print(Text(self._shown(f"  {line}")))
        self._print()
        summary = f"{self._summary(event)}, in {event.seconds:.2f} s"
        self._line(f"{_MARKS[event.outcome]} ", summary, _STYLES[event.outcome])

    def _summary(self, event: RunEnded) -> str:
        checks, stopped = sum(self._counts.values()), f"stopped in step {self._stopped} of {self._total}"
        if event.outcome == "pass":
            return f"{self._total} step{'s' if self._total != 1 else ''}, {checks} checks, all passed"
        if event.outcome == "fail":
            return f"{stopped}: {self._counts['fail']} of {checks} checks failed"
        reason = "this machine lacks something for it" if event.outcome == "skip" else "it could not be carried out"
        return f"{stopped}: {reason}"

    def _rule(self, title: str) -> None:
        self._print()
        lead, room = self._shown("── "), self._console.width - len(title) - 4
        if room < 0:
            self._line(lead, title, "bold", "dim")
        else:
            rest = " " + self._shown("─") * room
            self._print(Text.assemble((lead, "dim"), (self._shown(title), "bold"), (rest, "dim")))
        self._print()

    def _whole(self, lead: str, command: str, style: str) -> None:
        """A command. It is never broken: a person may want to copy it."""
        self._print(Text(lead + self._shown(command), style))

    def _line(self, lead: str, text: str, style: str = "", lead_style: str | None = None) -> None:
        """A line whose further lines, when it is too long, stand below its text. Nothing when there is no text."""
        lead = self._shown(lead)
        for number, part in enumerate(_wrapped(self._shown(text), self._console.width - len(lead))):
            first = lead if number == 0 else " " * len(lead)
            self._print(Text.assemble((first, style if lead_style is None else lead_style), (part, style)))

    def _print(self, text: Text | str = "") -> None:
        self._console.print(text, soft_wrap=True)

    def _shown(self, text: str) -> str:
        """The text in characters that the output can carry, and without what would steer a terminal."""
        text = printable(text, kept="\n")
        encoding = self._console.encoding
        if encoding.startswith("utf"):
            return text
        for sign, plain in _PLAIN_MARKS.items():
            text = text.replace(sign, plain)
        return text.encode(encoding, "replace").decode(encoding)


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """rich would end the process with 1, which is to say here that a check failed."""
        raise BrokenPipeError


def _told(change: Change) -> str:
    """A change in one line: 'labhost: link veth0 (veth, DOWN, other end ceth0 in labhost)'."""
    where = f"{change.netns}: " if change.netns else ""
    now = {field: after for field, _before, after in change.fields}
    if change.change == "changed":
        said = [_FIELDS.get(field, f"{field} {_BECAME}").format(before=before or "none", after=after or "none")
                for field, before, after in change.fields]
    elif change.kind == "link":
        said = [now[field] for field in ("kind", "state") if field in now]
        said += [f"other end {now['peer']} in {now['peer_netns']}"] if "peer" in now else []
    else:
        said = [f"{field} {after}" for field, after in now.items()]
    return f"{where}{change.kind} {change.name}" + (f" ({', '.join(said)})" if said else "")


def _plain(markdown: str, width: int) -> list[str]:
    """Markdown wrapped and otherwise as it was written: without colour its own marks tell code from words."""
    lines: list[str] = []
    for paragraph in markdown.split("\n\n"):
        if paragraph.startswith(("    ", "```", "|")):
            lines += paragraph.splitlines()
        elif paragraph.startswith(("- ", "* ", "#", "1.")):
            for line in paragraph.splitlines():
                lines += _wrapped(line, width, "  ")
        else:
            lines += _wrapped(paragraph, width)
        lines.append("")
    return lines[:-1]


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return wrap(text, max(width, _NARROWEST), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
