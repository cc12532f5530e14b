from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.wording import advice, listed, no_netns
from runtime.values import BOOLEAN, NETNS


class Netns(Check):
    """A network namespace with this name exists, or does not (ip-netns(8))."""

    main = "name"
    name = argument(NETNS, "its name")
    exists = argument(BOOLEAN, "whether it has to exist", default=True)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        return f"there is {'a' if self.exists else 'no'} network namespace {self.name}"

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        found = snapshot.find(self.name) is not None
        expected = f"{self.name} {'exists' if self.exists else 'does not exist'}"
        if found == self.exists:
            return self.passed(expected)
        if found:
            hint = advice(f"there still is the netns {self.name}", "delete it", f"ip netns delete {self.name}")
            return self.failed(expected, f"{self.name} exists", hint)
        return self.failed(expected, f"only {listed(snapshot.names)}", no_netns(snapshot, self.name))
