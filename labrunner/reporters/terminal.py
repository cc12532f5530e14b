"""For people at a terminal, or behind a pipe: what a step teaches, what was typed, what it changed, what is true now."""

from __future__ import annotations

from textwrap import wrap
from typing import TextIO

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text
from rich.theme import Theme

from labrunner.events import Acted, Checked, Event, RunEnded, RunStarted, StepEnded, StepStarted
from labrunner.reporters.topology import draw
from runtime.errors import Problem
from runtime.facts.difference import Change

_WIDEST = 92
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_MARKS = {"pass": "✓", "fail": "✗", "skip": "-", "error": "!"}
_PLAIN_MARKS = {"✓": "ok", "✗": "FAILED", "→": "->", "──": "--", "─": "-", "├": "|", "└": "`", "│": "|"}
_STYLES = {"pass": "green", "fail": "bold red", "skip": "yellow", "error": "bold red"}
_FIELDS = {"peer_netns": "other end {before} → {after}", "peer": "other end {before} → {after}", "value": "{before} → {after}"}
_THEME = Theme({"markdown.code": "bold cyan", "markdown.code_block": "cyan"})


class TerminalReporter:
    """Prints as things happen. pause: wait for Enter after a step's text and before its first command."""

    def __init__(self, out: TextIO, pause: bool = False) -> None:
        self._console = Console(file=out, highlight=False, theme=_THEME, emoji=False)
        self._console.width = min(self._console.width, _WIDEST)
        self._pause = pause
        self._total = 0
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
        self._total = event.total
        about = event.lab.about
        self._print(Text(about.title, "bold"))
        if about.summary:
            self._print(about.summary)

    def _step(self, event: StepStarted) -> None:
        self._print()
        self._rule(f"{event.number}/{self._total}  {event.step.title}")
        self._print()
        if event.step.teach:
            self._teach(event.step.teach)
            self._print()
        if self._pause:
            self._wait()

    def _teach(self, markdown: str) -> None:
        if self._console.color_system:
            self._print(Markdown(markdown))
            return
        for line in _plain(markdown, self._console.width):
            self._print(Text(self._shown(line)))

    def _wait(self) -> None:
        self._console.file.flush()
        try:
            input("  Enter does this step, Ctrl-C ends the lab ")
        except EOFError:
            raise KeyboardInterrupt from None
        self._print()

    def _acted(self, event: Acted) -> None:
        self._line("  $ ", event.command, "bold cyan")
        for change in event.changes:
            self._line(f"      {_SIGNS[change.change]} ", _told(change), "dim")
        if event.problem:
            self._line("      ! ", str(event.problem), _STYLES["error"])
            if event.problem.mend:
                self._line("        next: ", event.problem.mend, "")

    def _checked(self, event: Checked) -> None:
        verdict = event.verdict
        self._counts[verdict.outcome] += 1
        self._line(f"  {_MARKS[verdict.outcome]} ", verdict.claim, _STYLES[verdict.outcome] if verdict.outcome != "pass" else "",
                   _STYLES[verdict.outcome])
        if verdict.outcome in ("fail", "error"):
            self._line("      expected  ", verdict.expected, "")
            self._line("      found     ", verdict.actual, "")
            self._line("      → ", verdict.hint, "bold")

    def _ended(self, event: StepEnded) -> None:
        if event.outcome == "skip":
            self._skipped.append(event)

    def _finish(self, event: RunEnded) -> None:
        if self._skipped:
            self._print()
            for ended in self._skipped:
                self._line("  - ", f"skipped: {ended.step.title} ({ended.reason})", _STYLES["skip"])
        self._print()
        self._rule("The network as it is now")
        self._print()
        for line in draw(event.snapshot):
            self._print(Text(self._shown(f"  {line}")))
        self._print()
        self._print(Text(self._shown(self._summary(event)), _STYLES[event.outcome]))

    def _summary(self, event: RunEnded) -> str:
        counts = self._counts
        done = self._total - len(self._skipped)
        steps = f"{done} of {self._total} steps" if self._skipped else f"{done} step{'s' if done != 1 else ''}"
        checks = sum(counts.values())
        if event.outcome == "pass":
            return f"{_MARKS['pass']} {steps}, {checks} checks, all passed, in {event.seconds:.2f} s"
        failed = counts["fail"] + counts["error"]
        return f"{_MARKS[event.outcome]} {steps} done, {failed} of {checks} checks failed, in {event.seconds:.2f} s"

    def _rule(self, title: str) -> None:
        self._print(Text.assemble(("── ", "dim"), (title, "bold"), (f" {'─' * (self._console.width - len(title) - 4)}", "dim"))
                    if self._shown("─") == "─" else Text(f"-- {title} " + "-" * (self._console.width - len(title) - 4)))

    def _line(self, lead: str, text: str, style: str, lead_style: str | None = None) -> None:
        """A line whose further lines, when it is too long, stand below its text."""
        lead = self._shown(lead)
        wrapped = Text(self._shown(text), style).wrap(self._console, max(20, self._console.width - len(lead)))
        for number, part in enumerate(wrapped):
            self._print(Text.assemble((lead if number == 0 else " " * len(lead), style if lead_style is None else lead_style), part))

    def _print(self, what: object = "") -> None:
        self._console.print(what, soft_wrap=isinstance(what, Text))

    def _shown(self, text: str) -> str:
        """The text in characters that the output can carry."""
        if self._console.encoding.lower().startswith("utf"):
            return text
        for sign, plain in _PLAIN_MARKS.items():
            text = text.replace(sign, plain)
        return text


def _told(change: Change) -> str:
    """A change in one line: 'labhost: link veth0 (veth, DOWN, other end ceth0 in labhost)'."""
    where = f"{change.netns}: " if change.netns else ""
    now = {field: after for field, _before, after in change.fields}
    if change.change == "changed":
        said = [_FIELDS.get(field, "{field} {before} → {after}").format(field=field, before=before or "none", after=after or "none")
                for field, before, after in change.fields]
    elif change.kind == "link":
        said = [now[field] for field in ("kind", "state") if field in now]
        said += [f"other end {now['peer']} in {now['peer_netns']}"] if "peer" in now else []
    else:
        said = [f"{field} {after}" for field, after in now.items()]
    return f"{where}{change.kind} {change.name}" + (f" ({', '.join(said)})" if said else "")


def _plain(markdown: str, width: int) -> list[str]:
    """Markdown wrapped and otherwise as it was written: without colour its own marks are what is left to tell code from words."""
    lines: list[str] = []
    for paragraph in markdown.split("\n\n"):
        as_it_is = paragraph.startswith(("    ", "```", "- ", "* ", "|", "#", "1."))
        lines += paragraph.splitlines() if as_it_is else wrap(paragraph, width, break_long_words=False, break_on_hyphens=False)
        lines.append("")
    return lines[:-1]
