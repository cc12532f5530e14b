from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.wording import listed, no_netns, within
from runtime.facts.difference import show_rule
from runtime.facts.rules import Rule
from runtime.network.netns import LAB_HOST
from runtime.values import BOOLEAN, INTERFACE, NETNS, SUBNET, choice


class Nat(Check):
    """A rule that masquerades: packets of `source` leave with the address of the interface that they leave by.

    Whatever tool made the rule; its chain has to be hooked at postrouting.
    """

    main = "source"
    source = argument(SUBNET, "whose packets")
    not_out = argument(INTERFACE, "unless they leave by this interface", default=None)
    netns = argument(NETNS, "the netns to look in", default=LAB_HOST)
    exists = argument(BOOLEAN, "whether it has to exist", default=True)
    packets = argument(choice("none", "some"), "whether it has matched any packet, by its counter", default=None)

    def claim(self) -> str:
        matched = {"none": ", and it has matched no packet", "some": ", and it has matched packets"}
        return (f"{self.netns} masquerades {self._shown()}{matched.get(self.packets or '', '')}" if self.exists
                else f"{self.netns} does not masquerade {self._shown()}")

    def _shown(self) -> str:
        return self.source + (f" unless it leaves by {self.not_out}" if self.not_out else "")

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = f"{'' if self.exists else 'no '}masquerade for {self._shown()}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        translating = [rule for rule in facts.rules if rule.hook == "postrouting" and rule.target == "masquerade"]
        fitting = [rule for rule in translating if rule.matches == self._matches()]
        actual = listed(map(show_rule, translating), "no rule that masquerades")
        if bool(fitting) != self.exists:
            return self.failed(expected, actual, self._hint(translating))
        return self._counted(expected, fitting[0]) if fitting and self.packets else self.passed(expected, actual)

    def _matches(self) -> tuple[str, ...]:
        """As Rule.matches has it, sorted. 0.0.0.0/0 matches everything, so it is no match at all."""
        out = [f"oifname != {self.not_out}"] if self.not_out else []
        source = [] if self.source.endswith("/0") else [f"ip saddr {self.source}"]
        return tuple(sorted(source + out))

    def _counted(self, expected: str, rule: Rule) -> Verdict:
        expected += f", packets: {self.packets}"
        if rule.packets is None:
            return self.failed(expected, "the rule has no counter", "make the rule with iptables, or with `counter` in nft")
        actual = f"{rule.packets} packets"
        if (rule.packets > 0) == (self.packets == "some"):
            return self.passed(expected, actual)
        hint = (f"no packet from {self.source} has come by this rule yet" if self.packets == "some"
                else f"packets from {self.source} have come by this rule: start anew with its counter at 0 "
                     f"({within(self.netns, 'iptables -t nat -Z')})")
        return self.failed(expected, actual, hint)

    def _hint(self, translating: list[Rule]) -> str:
        unless = f" ! -o {self.not_out}" if self.not_out else ""
        rule = f"POSTROUTING -s {self.source}{unless} -j MASQUERADE"
        if not self.exists:
            return f"delete it: {within(self.netns, f'iptables -t nat -D {rule}')}"
        add = within(self.netns, f"iptables -t nat -A {rule}")
        others = f" (there is {listed(map(show_rule, translating))})" if translating else ""
        return f"{self.netns} has no rule that masquerades {self._shown()}{others}; add it: {add}"
