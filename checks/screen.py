from __future__ import annotations

import re
from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.keepers import see_output
from checks.reasoning.wording import advice
from runtime.container_values import CONTAINER
from runtime.facts.screens import Screen as Found
from runtime.facts.snapshot import Snapshot
from runtime.oci.shim.conmon import attach, resize
from runtime.values import TEXT, Kind, in_words

_SHOWN = 3  # lines in a verdict


def _size(value: Any) -> str:
    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{in_words(value)} is not the size of a terminal, rows and columns, as 24x80")
    return match[0]


SIZE: Kind[str] = Kind("size", "the size of a terminal, rows and columns, as 24x80", _size,
                       {"type": "string", "pattern": "^[1-9][0-9]{0,3}x[1-9][0-9]{0,3}$"},
                       lambda value: ["x".join(reversed(value.split("x")))])


class Screen(Check):
    """What the terminal of a container shows, and its size (tty_ioctl(4), TIOCGWINSZ).

    What was printed is read from the log of the shim, or of Docker. Without a terminal: the last lines of it. Of the
    log of conmon, `shows` takes what labrun saw conmon write: nothing that was there at the first look, or from others.
    """

    of = argument(CONTAINER, "the container, or the session of exec")
    shows = argument(TEXT, "a text that has to be in one of its lines", default=None)
    lacks = argument(TEXT, "a text that must be in none", default=None)
    size = argument(SIZE, "the size that it has to have", default=None)

    def validate(self) -> None:
        if not (self.shows or self.lacks or self.size):
            raise Mistake("", "it needs 'shows', 'lacks' or 'size'")

    def screens(self) -> tuple[str, ...]:
        return (self.of,)

    def claim(self) -> str:
        parts = [f"shows '{self.shows}'" if self.shows else "", f"does not show '{self.lacks}'" if self.lacks else "",
                 f"has the size {self.size}" if self.size else ""]
        return f"the screen of {self.of} {' and '.join(filter(None, parts))}"

    def judge(self, evidence: Evidence) -> Verdict:
        found = evidence.snapshot.screen(self.of)
        expected = self.claim().partition(f"screen of {self.of} ")[2]
        if found is None:
            return self.failed(expected, "nothing is known of it", advice(
                f"nobody writes down what {self.of} prints", "see whether there is a log",
                see_output(evidence.snapshot, self.of)))
        hint = self._why_wrong(found, evidence.snapshot)
        actual = _told(found, self.size is not None)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, found: Found, snapshot: Snapshot) -> str:
        look = see_output(snapshot, self.of)
        if self.shows and not any(self.shows in line for line in found.evidence):
            if any(self.shows in line for line in found.lines):
                return advice(f"a line of the log has '{self.shows}', and is no evidence of it, as "
                              f"{found.doubt or 'labrun did not see it printed'}", "have it printed again",
                              attach(self.of))
            return advice(f"no line of it has '{self.shows}'", "see all that was printed", look)
        if self.lacks and any(self.lacks in line for line in found.lines):
            return advice(f"a line of it has '{self.lacks}'", "see all that was printed", look)
        if self.size and self.size != f"{found.rows}x{found.columns}":
            return self._why_other_size(found, snapshot)
        return ""

    def _why_other_size(self, found: Found, snapshot: Snapshot) -> str:
        shim, (rows, columns) = snapshot.shim(self.of), map(int, (self.size or "").split("x"))
        if not found.rows and not (shim and shim.terminal):
            return advice("it has no terminal, or has ended", "see it", "ps -e -o pid,ppid,tty,args")
        now = f"its size is {found.rows}x{found.columns}" if found.rows else "nobody has told it its size"
        return advice(now, "change it", resize(self.of, rows, columns))


def _told(found: Found, with_size: bool) -> str:
    lines = [line for line in found.lines if line][-_SHOWN:]
    shown = " / ".join(f"'{line}'" for line in lines) or "nothing"
    return f"{found.rows}x{found.columns}: {shown}" if with_size else shown
