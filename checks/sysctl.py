from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.wording import advice, no_netns
from runtime.facts.observer import FORWARDING
from runtime.network.command_line import within
from runtime.network.netns import LAB_HOST
from runtime.values import NETNS, SETTING, SYSCTL


class Sysctl(Check):
    """A kernel setting has a value (sysctl(8))."""

    name = argument(SYSCTL, "the setting")
    value = argument(SETTING, "its value")
    netns = argument(NETNS, "the netns to look in", default=LAB_HOST)

    def is_told(self) -> bool:
        return self.name.replace("/", ".") == FORWARDING

    def claim(self) -> str:
        return f"{self.name} is {self.value} in {self.netns}"

    def sysctls(self) -> tuple[str, ...]:
        return (self.name,)

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = f"{self.name} = {self.value}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        value = facts.sysctl(self.name)
        if value is None:
            return self.failed(expected, "no such setting", f"this kernel has no setting {self.name} in {self.netns}")
        if value.split() == self.value.split():
            return self.passed(expected)
        mend = within(self.netns, f"sysctl -w {self.name}={self.value}")
        hint = advice(f"{self.name} is {value} in {self.netns}", "set it", mend)
        return self.failed(expected, f"{self.name} = {value}", hint)
