from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.wording import advice, listed, no_netns
from runtime.facts.rules import Chain
from runtime.facts.snapshot import NetnsFacts
from runtime.network.builtin_chains import chains_of, table_for
from runtime.network.command_line import iptables, within
from runtime.network.netns import LAB_HOST
from runtime.rule_values import HOOK, POLICY
from runtime.values import NETNS


class ChainPolicy(Check):
    """What becomes of the packets at a hook that no rule takes: the policy of the chains there, whatever made them.

    One chain that drops is enough; where there is no chain, packets are accepted (iptables(8), -P).
    """

    hook = argument(HOOK, "where packets meet the chain")
    policy = argument(POLICY, "what becomes of them")
    netns = argument(NETNS, "the netns to look in", default=LAB_HOST)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        return f"the policy of {self.hook.upper()} in {self.netns} is {self.policy}"

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = f"{self.hook.upper()} {self.policy}"
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        here = [chain for chain in facts.chains if chain.hook == self.hook and chain.family in ("ip", "inet")]
        dropping = [chain for chain in here if chain.policy == "drop"]
        actual = listed(map(_shown, dropping or here), f"{self.hook.upper()} ACCEPT, with no chain there")
        if bool(dropping) == (self.policy == "DROP"):
            return self.passed(expected, actual)
        return self.failed(expected, actual, self._hint(facts, dropping))

    def _hint(self, facts: NetnsFacts, dropping: list[Chain]) -> str:
        if dropping:
            return advice(f"what no rule takes is dropped in {facts.name} by {listed(map(_shown, dropping))}",
                          "set the policy", *(self._accept(chain) for chain in dropping))
        table = table_for(self.hook, "")
        return advice(f"what no rule takes is accepted in {facts.name} at {self.hook}", "set the policy",
                      iptables(facts.name, table, f"-P {self.hook.upper()} DROP"))

    def _accept(self, chain: Chain) -> str:
        if chain.family == "ip" and chain.name in chains_of(chain.table):
            return iptables(self.netns, chain.table, f"-P {chain.name} ACCEPT")
        place = f"{chain.family} {chain.table} {chain.name}"
        return within(self.netns, f"nft 'chain {place} {{ policy accept ; }}'")


def _shown(chain: Chain) -> str:
    return f"{chain.family} {chain.table} {chain.name} {chain.policy.upper()}"
