from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.wording import advice, listed, no_netns
from runtime.facts.snapshot import Snapshot
from runtime.network.netns import LAB_HOST
from runtime.values import BOOLEAN, NETNS


class Netns(Check):
    """A network namespace with this name exists, or does not (ip-netns(8)).

    A second name for the network namespace of the lab host is none of its own.
    """

    main = "name"
    name = argument(NETNS, "its name")
    exists = argument(BOOLEAN, "whether it has to exist", default=True)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        return f"there is {'a' if self.exists else 'no'} network namespace {self.name}"

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        expected = f"{self.name} {'exists' if self.exists else 'does not exist'}"
        found = snapshot.find(self.name) is not None
        if self.exists and self._is_the_hosts(snapshot):
            return self.failed(expected, f"{self.name} is a name of the lab host's own", advice(
                f"the network namespace {self.name} is the one of the lab host itself", "make a new one",
                f"ip netns delete {self.name}", f"ip netns add {self.name}"))
        if found == self.exists:
            return self.passed(expected)
        if found:
            hint = advice(f"there still is the netns {self.name}", "delete it", f"ip netns delete {self.name}")
            return self.failed(expected, f"{self.name} exists", hint)
        return self.failed(expected, f"only {listed(snapshot.names)}", no_netns(snapshot, self.name))

    def _is_the_hosts(self, snapshot: Snapshot) -> bool:
        found, host = snapshot.find(self.name), snapshot.find(LAB_HOST)
        return self.name != LAB_HOST and found is not None and host is not None and found.inode == host.inode
