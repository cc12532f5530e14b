from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.membership import SUBJECT, process_of
from checks.reasoning.wording import advice
from runtime.container_values import STEP
from runtime.facts.processes import Process
from runtime.network.netns import LAB_HOST


class Survives(Check):
    """A process is still the one that it was after an earlier step: the same PID and the same start time."""

    who = argument(SUBJECT, "who: 'container NAME', 'shim NAME', 'process COMMAND' or 'pid NUMBER'")
    since = argument(STEP, "id of the earlier step")

    def validate(self) -> None:
        if self.who == LAB_HOST:
            raise Mistake("who", "the lab host always does")

    def claim(self) -> str:
        return f"{self.who} is still the process that it was in step '{self.since}'"

    def judge(self, evidence: Evidence) -> Verdict:
        before = evidence.earlier.get(self.since)
        then, _ = process_of(before, self.who) if before else (None, "")
        now, problem = process_of(evidence.snapshot, self.who)
        expected = f"PID {then.pid}" if then else f"what it was in step '{self.since}'"
        actual = f"PID {now.pid}" if now and not now.ended else "no process"
        if then is None:
            return self.failed(expected, actual, f"nobody knows which process {self.who} was in step '{self.since}'")
        if now is None or now.ended:
            return self.failed(expected, actual, problem or self._why_ended(now))
        if (then.pid, then.started) != (now.pid, now.started):
            return self.failed(expected, actual, self._why_another(then, now))
        return self.passed(expected, actual)

    def _why_ended(self, now: Process | None) -> str:
        return advice(f"{self.who} has ended, and its parent has not asked yet with which exit status", "see it",
                      f"ps -o pid,ppid,stat,args -p {now.pid}") if now else ""

    def _why_another(self, then: Process, now: Process) -> str:
        """The kernel gives the number of a process that has ended to another one, after a while."""
        before = f"was {then.pid}" if then.pid != now.pid else "was another with the same number"
        return advice(f"{self.who} is the process {now.pid} now, and {before} in step '{self.since}', so it was "
                      "made anew", "see when it began", f"ps -o pid,lstart,args -p {now.pid}")
