from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.counting import despite, told
from checks.reasoning.rule_commands import delete_rule, demands
from checks.reasoning.translation import is_from, masquerade_words, may_take, seen_as, takes, translates
from checks.reasoning.wording import advice, listed, no_netns
from runtime.facts.difference import show_rule
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts
from runtime.network.command_line import within
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
    packets = argument(choice("none", "some"), "whether it has matched any packet: labrun saw its counter grow, "
                      "or it is 0", default=None)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        matched = {"none": ", and it has matched no packet", "some": ", and it has matched packets"}
        return (f"{self.netns} masquerades {self._shown()}{matched.get(self.packets or '', '')}" if self.exists
                else f"{self.netns} does not masquerade {self._shown()}")

    def needs_traffic(self) -> bool:
        return self.packets is not None

    def _shown(self) -> str:
        return self.source + (f" unless it leaves by {self.not_out}" if self.not_out else "")

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = f"{'' if self.exists else 'no '}masquerade for {self._shown()}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        translating = [rule for rule in facts.rules if translates(rule) and rule.target == "masquerade"]
        fitting = [rule for rule in translating if demands(rule) == self._matches()]
        actual = listed(map(show_rule, translating), "no rule that masquerades")
        if bool(fitting) != self.exists:
            hint = self._exists_hint(fitting) if fitting else self._missing_hint(translating)
            return self.failed(expected, actual, hint)
        if not (fitting and self.packets):
            return self.passed(expected, actual)
        earlier = translating[: translating.index(fitting[0])]
        if self.packets == "some" and fitting[0].packets is None and self._seen_translated(evidence, facts):
            return self.passed(f"{expected}, packets: some", "packets of it arrived translated")
        return self._counted(expected, fitting[0], next((rule for rule in earlier if takes(rule, self.source)), None))

    def _seen_translated(self, evidence: Evidence, facts: NetnsFacts) -> bool:
        """Whether a probe from `source` arrived with an address of the netns, and no other rule can have done that."""
        others = [rule for rule in facts.rules if translates(rule) and may_take(rule, self.source)][1:]
        own = {each.address.partition("/")[0] for each in facts.addresses}
        arrived = {probe.netns for probe, answer in evidence.answers.items() if seen_as(answer) in own}
        return not others and any(is_from(evidence.snapshot, netns, self.source) for netns in arrived - {self.netns})

    def _matches(self) -> tuple[str, ...]:
        """As Rule.matches has it, sorted. 0.0.0.0/0 matches everything, so it is no match at all."""
        out = [f"oifname != {self.not_out}"] if self.not_out else []
        source = [] if self.source.endswith("/0") else [f"ip saddr {self.source}"]
        return tuple(sorted(source + out))

    def _counted(self, expected: str, rule: Rule, earlier: Rule | None) -> Verdict:
        """earlier: a rule that stands before it and takes its packets."""
        expected += f", packets: {self.packets}"
        if rule.packets is None:
            return self.failed(expected, "the rule has no counter", advice(
                f"the rule {show_rule(rule)} does not count packets", "add one that does", self._add()))
        actual = told(rule)
        if (rule.packets == 0) if self.packets == "none" else rule.matched:
            return self.passed(expected, actual)
        if self.packets == "some":
            cause = f"no packet from {self.source} has come by this rule yet{despite(rule)}"
            return self.failed(expected, actual, advice(
                f"{cause}, because {show_rule(earlier)} stands before it and takes them", "delete that",
                delete_rule(self.netns, earlier)) if earlier else cause)
        zero = within(self.netns, "iptables -t nat -Z")
        hint = advice(f"packets from {self.source} have come by this rule", "count from 0 again", zero)
        return self.failed(expected, actual, hint)

    def _exists_hint(self, fitting: list[Rule]) -> str:
        delete = (delete_rule(self.netns, rule) for rule in fitting)
        return advice(f"{self.netns} still masquerades {self._shown()}", "delete the rule", *delete)

    def _missing_hint(self, translating: list[Rule]) -> str:
        others = f" (only {listed(map(show_rule, translating))})" if translating else ""
        return advice(f"{self.netns} has no rule that masquerades {self._shown()}{others}", "add it", self._add())

    def _add(self) -> str:
        return within(self.netns, f"iptables -t nat -A {masquerade_words(self.source, self.not_out)}")
