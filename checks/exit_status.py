from __future__ import annotations

from collections.abc import Iterator

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.keepers import see_exit
from checks.reasoning.wording import advice
from runtime.container_values import CONTAINER
from runtime.facts.shims import CONMON
from runtime.facts.snapshot import Snapshot
from runtime.oci.shim.conmon import exit_file
from runtime.values import BOOLEAN, whole_number

_STATUS = whole_number(0, 255)


class ExitStatus(Check):
    """The exit status of a container that has ended, as its shim keeps it, or that nobody keeps one (wait(2))."""

    of = argument(CONTAINER, "the container, or the session of exec")
    is_ = argument(_STATUS, "what it has to be; 128 and the signal's number after a signal", default=None)
    known = argument(BOOLEAN, "whether anybody keeps it", default=True)

    def validate(self) -> None:
        if not self.known and self.is_ is not None:
            raise Mistake("known", "what nobody knows has no value")

    def claim(self) -> str:
        if not self.known:
            return f"nobody knows with which exit status {self.of} ended"
        value = f" and is {self.is_}" if self.is_ is not None else ""
        return f"the exit status of {self.of} is kept{value}"

    def looks_at(self) -> Iterator[tuple[str, str]]:
        yield from super().looks_at()
        yield "exit", self.of

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        found = snapshot.exit(self.of)
        expected = "none" if not self.known else "one" if self.is_ is None else str(self.is_)
        actual = str(found.status) if found else "it has not ended" if self._runs(snapshot) else "none"
        hint = self._why_wrong(snapshot)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, snapshot: Snapshot) -> str:
        found = snapshot.exit(self.of)
        if found is None:
            return self._why_none(snapshot)
        if self._runs(snapshot):
            return advice(f"{self.of} has not ended, whatever {exit_file(self.of)} says", "see it",
                          "ps -e -o pid,ppid,args")
        if not self.known:
            return advice(f"{self.of} ended with {found.status}, and its shim wrote that down", "see it",
                          see_exit(snapshot, self.of))
        if self.is_ is not None and found.status != self.is_:
            return advice(f"{self.of} ended with {found.status}, not {self.is_}", "see it", see_exit(snapshot, self.of))
        return ""

    def _why_none(self, snapshot: Snapshot) -> str:
        if self._runs(snapshot):
            return advice(f"{self.of} has not ended", "see it", "ps -e -o pid,ppid,args")
        return f"nobody keeps it, for when {self.of} ended it had no shim that writes it down" if self.known else ""

    def _runs(self, snapshot: Snapshot) -> bool:
        container, shim = snapshot.container(self.of), snapshot.shim(self.of)
        return bool((container and container.pid) or (shim and shim.program == CONMON))
