from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.membership import SUBJECT, process_of
from checks.reasoning.wording import advice
from runtime.values import either, whole_number

_PID = whole_number(1, 1 << 22)


class Parent(Check):
    """Whose child a process is: who is told when it ends, and with which status (proc(5), /proc/PID/stat, ppid)."""

    of = argument(SUBJECT, "whose: 'container NAME', 'shim NAME', 'process COMMAND' or 'pid NUMBER'")
    is_ = argument(either(_PID, SUBJECT), "its parent: a PID, or 'shim NAME', 'process COMMAND', ...")

    def validate(self) -> None:
        if self.of in (self.is_, f"pid {self.is_}"):
            raise Mistake("is", "nobody is the parent of itself")

    def claim(self) -> str:
        return f"the parent of {self.of} is {self._wanted()}"

    def _wanted(self) -> str:
        return f"PID {self.is_}" if isinstance(self.is_, int) else str(self.is_)

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot, expected = evidence.snapshot, self._wanted()
        child, problem = process_of(snapshot, self.of)
        if child is None:
            return self.failed(expected, "cannot be told", problem)
        found = snapshot.process(child.parent)
        actual = f"PID {child.parent}" + (f" '{found.command}'" if found else "")
        wanted, problem = (snapshot.process(self.is_), "") if isinstance(self.is_, int) else process_of(
            snapshot, self.is_)
        if wanted and child.parent == wanted.pid:
            return self.passed(expected, actual)
        cause = f"the parent of {child.pid} is {child.parent}" + (f" ('{found.command}')" if found else "")
        return self.failed(expected, actual, problem or advice(
            f"{cause}, and not {wanted.pid if wanted else self.is_}", "see it",
            f"ps -o pid,ppid,args -p {child.pid}{f',{child.parent}' if found else ''}"))
