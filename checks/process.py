from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.membership import process_of
from checks.reasoning.wording import advice, listed, no_container
from runtime.container_values import CONTAINER, NAMESPACE_KINDS
from runtime.facts.processes import Process as Found
from runtime.facts.snapshot import Snapshot
from runtime.network.netns import LAB_HOST
from runtime.oci.command_line import state
from runtime.values import BOOLEAN, TEXT, either, whole_number

_PID = whole_number(1, 1 << 22)


class Process(Check):
    """A process, by its command line, and where it stands: its parent, its container, its namespaces (proc(5))."""

    main = "command"
    command = argument(TEXT, "a part of its command line; without it, any", default=None)
    container = argument(CONTAINER, "the container in whose PID namespace it is", default=None)
    first = argument(BOOLEAN, "whether it is the first process of that container, or another", default=None)
    exists = argument(BOOLEAN, "whether there has to be one", default=True)
    parent = argument(either(_PID, TEXT), "its parent: a PID, or a part of the parent's command line", default=None)
    shares = argument(NAMESPACE_KINDS, "the kinds of namespaces that it shares with the container's first process, or "
                      "without a container, with labhost", default=())

    def validate(self) -> None:
        if self.command is None and self.container is None:
            raise Mistake("", "it needs 'command' or 'container'")
        if self.first is not None and not self.container:
            raise Mistake("first", "without a container there is no first process of one")
        if not self.exists and (self.parent is not None or self.shares):
            raise Mistake("exists", "what does not exist has no parent and shares nothing")

    def claim(self) -> str:
        where = f" in the container {self.container}" if self.container else ""
        if not self.exists or self.first is None:
            named = f" '{self.command}'" if self.command is not None else ""
            properties = self._properties()
            more = f", and it {properties}" if properties else ""
            return f"there is {'a' if self.exists else 'no'} process{named}{where}{more}"
        parts = [f"is '{self.command}'" if self.command is not None else "", self._properties()]
        which = "the first" if self.first else "a further"
        return f"{which} process of the container {self.container} {', and '.join(filter(None, parts)) or 'runs'}"

    def _properties(self) -> str:
        parent = f"PID {self.parent}" if isinstance(self.parent, int) else f"'{self.parent}'"
        with_whom = "the first" if self.container else LAB_HOST
        parts = [f"has the parent {parent}" if self.parent is not None else "",
                 f"shares {listed(self.shares)} with {with_whom}" if self.shares else ""]
        return " and ".join(filter(None, parts))

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        expected = (self._properties() or "such a process") if self.exists else "no such process"
        candidates = self._candidates(snapshot)
        wrong = {each.pid: self._why_wrong(each, snapshot) for each in candidates}
        good = [each for each in candidates if not wrong[each.pid]]
        shown = good or candidates
        actual = listed((_shown(each) for each in shown[:3]), "no such process")
        if bool(good) == self.exists:
            return self.passed(expected, actual)
        if good:
            hint = advice(f"the process {good[0].pid} still runs", "end it", f"kill -KILL {good[0].pid}")
            return self.failed(expected, actual, hint)
        return self.failed(expected, actual, wrong[shown[0].pid] if shown else self._nobody(snapshot))

    def _candidates(self, snapshot: Snapshot) -> list[Found]:
        found = [each for each in snapshot.processes if not each.ended
                 and (self.command is None or self.command in each.command)]
        if not self.container:
            return found
        first, _problem = process_of(snapshot, f"container {self.container}")
        if first is None:
            return []
        inside = [each for each in found if each.namespace("pid") == first.namespace("pid")]
        return [each for each in inside if self.first is None or (each.pid == first.pid) is self.first]

    def _why_wrong(self, found: Found, snapshot: Snapshot) -> str:
        return self._why_other_parent(found, snapshot) or (self._why_apart(found, snapshot) if self.shares else "")

    def _why_other_parent(self, found: Found, snapshot: Snapshot) -> str:
        parent = snapshot.process(found.parent)
        right = found.parent == self.parent if isinstance(self.parent, int) else (
            self.parent is None or (parent is not None and self.parent in parent.command))
        if right:
            return ""
        named = f" ('{parent.command}')" if parent else ""
        return advice(f"the parent of {found.pid} is {found.parent}{named}", "see it",
                      f"ps -o pid,ppid,args -p {found.pid}")

    def _why_apart(self, found: Found, snapshot: Snapshot) -> str:
        other, problem = process_of(snapshot, f"container {self.container}" if self.container else LAB_HOST)
        if other is None:
            return problem
        apart = [kind for kind in self.shares if found.namespace(kind) != other.namespace(kind)]
        if not apart:
            return ""
        return advice(f"{found.pid} has a {apart[0]} namespace of its own", "compare",
                      *(f"readlink /proc/{each.pid}/ns/{apart[0]}" for each in (found, other)))

    def _nobody(self, snapshot: Snapshot) -> str:
        container = snapshot.container(self.container) if self.container else None
        if self.container and container is None:
            return no_container(snapshot, self.container)
        if container and container.refuted:
            return container.refuted
        if container:
            now = f"its first process is '{container.command}'" if container.pid else "its program has ended"
            return advice(f"no such process is in the container {container.name}, and {now}", "see its state",
                          state(container.call, container.name))
        return advice("there is no such process", "see which there are", "ps -e -o pid,ppid,args")


def _shown(found: Found) -> str:
    return f"PID {found.pid} '{found.command}', parent {found.parent}"
