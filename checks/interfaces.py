from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import argument
from checks.reasoning.wording import advice, delete_link, listed, no_link, no_netns
from runtime.facts.links import Link
from runtime.network.command_line import move_link
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE
from runtime.values import INTERFACE, NETNS, many

# Where tunnel modules are loaded, the kernel puts these into every new netns (Documentation/admin-guide/sysctl/net.rst,
# fb_tunnels_only_for_init_net). No lab made them.
_FALLBACKS = frozenset(
    ("erspan0", "gre0", "gretap0", "ip6_vti0", "ip6gre0", "ip6tnl0", "ip_vti0", "sit0", "tunl0")
)


class Interfaces(Check):
    """A network namespace has exactly this set of interfaces."""

    names = argument(many(INTERFACE), "all interfaces that it has")
    netns = argument(NETNS, "the netns to look in", default=LAB_HOST)

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        return f"{self.netns} has exactly these interfaces: {listed(self.names)}"

    def judge(self, evidence: Evidence) -> Verdict:
        facts = evidence.snapshot.find(self.netns)
        expected = listed(self.names)
        if facts is None:
            return self.failed(expected, f"no {self.netns}", no_netns(evidence.snapshot, self.netns))
        present = [link.name for link in facts.links if link.name in self.names or link.name not in _FALLBACKS]
        missing = [name for name in self.names if name not in present]
        extra = [name for name in present if name not in self.names]
        if missing:
            return self.failed(expected, listed(present), no_link(evidence.snapshot, facts, missing[0]))
        if extra:
            hint = self._too_many(next(link for link in facts.links if link.name == extra[0]))
            return self.failed(expected, listed(present), hint)
        return self.passed(expected)

    def _too_many(self, link: Link) -> str:
        cause = f"{link.name} in {self.netns} is one too many"
        if link.peer_netns == OUTSIDE:  # deleted, it would take the way out with it
            back = move_link(link.name, self.netns, LAB_HOST)
            return advice(f"{cause}; it is the way out of {LAB_HOST}", "move it back", back)
        return advice(cause, "delete it", delete_link(self.netns, link.name))
