from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import iptables
from runtime.network.netns import LAB_HOST
from runtime.network.rule_specification import Specification
from runtime.rule_values import IPV4_SUBNET
from runtime.values import ADDRESS, INTERFACE, NETNS, PORT, choice


class PublishPort(Action):
    """Let a port of a host lead to a port of a container (iptables-extensions(8), DNAT)."""

    needs = ("publishing",)
    port = argument(PORT, "the port of the host")
    to = argument(ADDRESS, "the container's address")
    to_port = argument(PORT, "the container's port; without it, the same number", default=None)
    protocol = argument(choice("tcp", "udp"), "the protocol", default="tcp")
    address = argument(IPV4_SUBNET, "only for packets to this address", default=None)
    not_in = argument(INTERFACE, "unless they came in by this interface", default=None)
    chain = argument(choice("PREROUTING", "OUTPUT"), "PREROUTING for packets from elsewhere, OUTPUT for the host's own",
                     default="PREROUTING")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def validate(self) -> None:
        if ":" in self.to:
            raise Mistake("to", f"'{self.to}' is IPv6, and packet rules are for IPv4 here")
        if self.not_in and self.chain == "OUTPUT":
            raise Mistake("not_in", "the host's own packets came in by no interface: leave it out")

    @property
    def specification(self) -> Specification:
        return Specification(destination=self.address, not_in=self.not_in, protocol=self.protocol, port=self.port,
                             jump="DNAT", to=f"{self.to}:{self.to_port or self.port}")

    def command(self) -> str:
        return iptables(self.netns, "nat", f"-A {self.chain} {self.specification.words()}")

    def apply(self, host: LabHost) -> None:
        host.network.add_rule("nat", self.chain, self.specification, self.netns)
