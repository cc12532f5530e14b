from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.lives import still_alive
from checks.reasoning.wording import advice, no_container
from runtime.container_values import CONTAINER, FOLDER
from runtime.facts.containers import Container as Found
from runtime.facts.snapshot import Snapshot
from runtime.oci.command_line import create, delete, kill, start
from runtime.values import BOOLEAN, choice


class Container(Check):
    """A container and its state (runc(8), state; OCI runtime spec, State).

    The files of its runtime only name it, and the kernel must confirm what they say: the first process has the
    namespaces, the root directory and at most the capabilities of config.json; before `start` it executes the runtime
    and holds exec.fifo. A container that an earlier step saw has ended when its first process has.
    """

    main = "name"
    name = argument(CONTAINER, "its name")
    exists = argument(BOOLEAN, "whether it has to exist", default=True)
    status = argument(choice("created", "running", "stopped"), "its status", default=None)
    bundle = argument(FOLDER, "the folder of its bundle", default=None)

    def validate(self) -> None:
        if not self.exists and (self.status or self.bundle):
            raise Mistake("exists", "what does not exist has no status or bundle")

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        if not self.exists:
            return f"there is no container {self.name}"
        return f"the container {self.name} is {self._wanted()}"

    def _wanted(self) -> str:
        parts = [self.status or "", f"made of the bundle {self.bundle}" if self.bundle else ""]
        return ", ".join(filter(None, parts)) or "there"

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        found = snapshot.container(self.name)
        expected = self._wanted() if self.exists else f"no container {self.name}"
        actual = _shown(found) if found else f"no container {self.name}"
        hint = self._why_wrong(found, snapshot) or self._why_not_over(found, evidence)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, found: Found | None, snapshot: Snapshot) -> str:
        if found is None:
            return no_container(snapshot, self.name, self.bundle or "BUNDLE") if self.exists else ""
        if not self.exists:
            forced = found.status != "stopped"
            return advice(f"the container {self.name} is still there, {found.status}", "delete it",
                          delete(found.call, self.name, forced))
        if found.refuted:
            again = create(found.call, self.name, self.bundle or found.bundle)
            return advice(found.refuted, "delete it, and create it with the runtime",
                          delete(found.call, self.name, True), again)
        if self.bundle and found.bundle != self.bundle:
            return advice(f"{self.name} was made of {found.bundle}, not of {self.bundle}", "make it anew",
                          delete(found.call, self.name, True), create(found.call, self.name, self.bundle))
        if self.status and found.status != self.status:
            return self._why_other_status(found)
        return ""

    def _why_not_over(self, found: Found | None, evidence: Evidence) -> str:
        """Why a container that is said to have ended, or to be gone, has not: its first process still runs."""
        if found and found.pid:
            return ""
        process = still_alive(evidence, self.name)
        if process is None:
            return ""
        says = "the files of the runtime say that it has ended" if found else "the files of the runtime are gone"
        return advice(f"{says}, but the first process of {self.name}, PID {process.pid}, still runs", "end it",
                      f"kill -KILL {process.pid}")

    def _why_other_status(self, found: Found) -> str:
        cause = f"{self.name} is {found.status}, not {self.status}"
        if (found.status, self.status) == ("created", "running"):
            return advice(f"{cause}, as its program has not been started", "start it", start(found.call, self.name))
        if self.status == "stopped":
            return advice(cause, "end its process", kill(found.call, self.name, "KILL"))
        ended = "its program has ended" if found.status == "stopped" else "its program has been started"
        anew = (create(found.call, self.name, found.bundle),
                *((start(found.call, self.name),) if self.status == "running" else ()))
        return advice(f"{cause}, because {ended}", "make it anew",
                      delete(found.call, self.name, found.status != "stopped"), *anew)


def _shown(found: Found) -> str:
    process = f", PID {found.pid}, '{found.command}'" if found.pid else ""
    return f"{found.status}{process}, of the bundle {found.bundle}"
