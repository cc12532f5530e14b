"""A packet rule as a lab writes it: each part is an argument, for actions that make a rule and checks that find it."""

from __future__ import annotations

from checks.language.statement import Mistake, Statement, argument
from runtime.network.builtin_chains import CHAINS, TARGETS, chains_of
from runtime.network.rule_specification import Specification
from runtime.rule_values import IPV4_SUBNET, NAT_END, PROTOCOL, STATES, TARGET
from runtime.values import INTERFACE, PORT

_IN_HOOKS, _OUT_HOOKS = ("prerouting", "input", "forward"), ("forward", "output", "postrouting")
_INTERFACE_HOOKS = {"in": _IN_HOOKS, "not_in": _IN_HOOKS, "out": _OUT_HOOKS, "not_out": _OUT_HOOKS}
_ONE_OF = (("source", "not_source"), ("destination", "not_destination"), ("in", "not_in"), ("out", "not_out"))


class PacketRule(Statement):
    """The parts of a rule (iptables(8), PARAMETERS). IPv4."""

    source = argument(IPV4_SUBNET, "packets from here", default=None)
    not_source = argument(IPV4_SUBNET, "packets from anywhere but here", default=None)
    destination = argument(IPV4_SUBNET, "packets to here", default=None)
    not_destination = argument(IPV4_SUBNET, "packets to anywhere but here", default=None)
    in_ = argument(INTERFACE, "packets that came in by this interface", default=None)
    not_in = argument(INTERFACE, "packets that came in by any but this interface", default=None)
    out = argument(INTERFACE, "packets that leave by this interface", default=None)
    not_out = argument(INTERFACE, "packets that leave by any but this interface", default=None)
    protocol = argument(PROTOCOL, "packets of this protocol", default="all")
    port = argument(PORT, "packets to this port; needs the protocol tcp or udp", default=None)
    state = argument(STATES, "packets of a connection in one of these states", default=None)
    jump = argument(TARGET, "what becomes of them, or the chain that they go on in")
    to = argument(NAT_END, "for DNAT and SNAT: the address that they get, with a port or without", default=None)

    @property
    def specification(self) -> Specification:
        return Specification(self.source, self.not_source, self.destination, self.not_destination, self.in_,
                             self.not_in, self.out, self.not_out, self.protocol, self.port, self.state or (),
                             self.jump, self.to)

    def validate(self) -> None:
        """What of its parts does not go together, wherever the rule is."""
        given = self.values()
        for one, other in _ONE_OF:
            if given[one] and given[other]:
                raise Mistake(other, f"a rule has '{one}' or '{other}', not both")
        for name in ("not_source", "not_destination"):
            if (given[name] or "").endswith("/0"):
                raise Mistake(name, f"no address is outside of {given[name]}, so no packet would meet this")
        if self.port and self.protocol not in ("tcp", "udp"):
            raise Mistake("port", "only tcp and udp have ports: give the 'protocol' too")
        if self.jump in ("DNAT", "SNAT"):
            self._validate_to()
        elif self.to:
            raise Mistake("to", f"'to' is for DNAT and SNAT; {self.jump} takes none")

    def _validate_to(self) -> None:
        if not self.to:
            raise Mistake("", f"'to' is missing: the address that {self.jump} gives to packets")
        if ":" in self.to and self.protocol not in ("tcp", "udp"):
            raise Mistake("to", "only tcp and udp have ports: give the 'protocol' too, or leave the port out")

    def validate_at(self, hook: str) -> None:
        """What cannot be at a hook. Raises Mistake."""
        given = self.values()
        for name, hooks in _INTERFACE_HOOKS.items():
            if given[name] and hook not in hooks:
                raise Mistake(name, f"at {hook}, iptables takes no '{name}': it takes it at {', '.join(hooks)}")
        callers = TARGETS.get(self.jump, ("", (hook,)))[1]
        if hook not in callers:
            raise Mistake("jump", f"{self.jump} can be at {' and '.join(callers)}, not at {hook}")

    def validate_in(self, table: str) -> None:
        """What cannot be in a table. Raises Mistake."""
        home = TARGETS.get(self.jump, (table, ()))[0] or table
        if home != table:
            raise Mistake("jump", f"{self.jump} belongs into the table {home}, not into {table}")
        if table == "nat" and self.jump == "DROP":
            raise Mistake("jump", "the table nat is not for filtering, and iptables refuses DROP there")


def validate_chain(table: str, chain: str) -> None:
    """A chain that tables have by themselves has to be one of this table. Raises Mistake."""
    if chain in CHAINS and chain not in chains_of(table):
        raise Mistake("chain", f"the table {table} has no chain {chain}; it has {', '.join(chains_of(table))}")
