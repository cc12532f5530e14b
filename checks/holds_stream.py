from __future__ import annotations

from shlex import quote

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.membership import SUBJECT, process_of
from checks.reasoning.wording import advice, listed
from runtime.facts.processes import Process
from runtime.facts.snapshot import Snapshot
from runtime.facts.streams import STANDARD, Stream
from runtime.values import choice, many

NOBODY = "nobody"


class HoldsStream(Check):
    """Which process holds the other end of a standard stream: of a pipe by its inode, of a terminal by its number.

    (pipe(7), pty(7); ls -l /proc/PID/fd)
    """

    of = argument(SUBJECT, "whose stream: 'container NAME', 'process COMMAND' or 'pid NUMBER'")
    stream = argument(many(choice(*STANDARD)), "which", default=STANDARD)
    by = argument(SUBJECT, f"who holds the other end: 'shim NAME', 'process COMMAND', 'pid NUMBER', or {NOBODY}")

    def validate(self) -> None:
        if self.of == self.by:
            raise Mistake("by", "the other end is meant, and somebody else holds that")

    def needs_streams(self) -> bool:
        return True

    def claim(self) -> str:
        return f"{self.by} holds the other end of {listed(self.stream)} of {self.of}"

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        process, problem = process_of(snapshot, self.of)
        holder, problem_of_holder = (None, "") if self.by == NOBODY else process_of(snapshot, self.by)
        if process is None or problem_of_holder:
            return self.failed(self.by, "cannot be told", problem or problem_of_holder)
        wrong = [name for name in self.stream if not _is_held(snapshot, process, name, holder)]
        actual = "; ".join(_told(snapshot, process, name) for name in wrong or self.stream)
        if not wrong:
            return self.passed(self.by, actual)
        return self.failed(self.by, actual, self._why_wrong(snapshot, process, wrong[0]))

    def _why_wrong(self, snapshot: Snapshot, process: Process, name: str) -> str:
        stream = _stream(snapshot, process, name)
        look = f"ls -l /proc/{process.pid}/fd"
        if stream is None:
            return advice(f"{name} of {self.of} is closed", "see it", look)
        if not stream.key:
            return advice(f"{name} of {self.of} is {stream.shown}, which has no other end", "see it", look)
        holders = listed((f"PID {pid}" for pid in _holders(snapshot, stream)), NOBODY)
        by = "" if self.by == NOBODY else f", not by {self.by}"
        sought = quote(stream.shown) if stream.kind == "pipe" else "ptmx"
        return advice(f"the other end of {name} of {self.of} is held by {holders}{by}",
                      "compare the two ends", look, f"ls -l /proc/[0-9]*/fd 2> /dev/null | grep -F {sought}")


def _is_held(snapshot: Snapshot, process: Process, name: str, holder: Process | None) -> bool:
    """holder: who has to hold it, None for nobody."""
    stream = _stream(snapshot, process, name)
    if stream is None or not stream.key:
        return False
    holders = _holders(snapshot, stream)
    return not holders if holder is None else holder.pid in holders


def _stream(snapshot: Snapshot, process: Process, name: str) -> Stream | None:
    return snapshot.stream(process.pid, STANDARD.index(name))


def _holders(snapshot: Snapshot, stream: Stream) -> list[int]:
    """PIDs of those that hold the other end. A process that holds both ends of its own pipe is at both."""
    return sorted({each.pid for each in snapshot.streams if each.other_end(stream)})


def _told(snapshot: Snapshot, process: Process, name: str) -> str:
    stream = _stream(snapshot, process, name)
    if stream is None:
        return f"{name} is closed"
    if not stream.key:
        return f"{name} is {stream.shown}, which has no other end"
    commands = [f"{pid} '{found.command}'" for pid in _holders(snapshot, stream)
                if (found := snapshot.process(pid)) is not None]
    return f"{name} is {stream.shown}, other end: {listed(commands, NOBODY)}"
