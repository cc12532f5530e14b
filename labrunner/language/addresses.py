"""Gateways that the kernel would refuse, found without a kernel: by the addresses that the lab itself gives.

A gateway has to be at the other end of a wire: in a subnet of the netns (fib_check_nh(), net/ipv4/fib_semantics.c).
Nothing is said that could be wrong: an address that is taken away counts all the same, and after a `run`, which may do
anything, all is silence. An address of the netns itself is none of the mistakes: to the kernel it means no gateway.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence

from labrunner.action import Action
from labrunner.actions.add_address import AddAddress
from labrunner.actions.add_route import AddRoute
from labrunner.language.lab import Step
from labrunner.language.reading import Reader
from labrunner.language.tree import Node
from labrunner.language.vocabulary import word
from runtime.network.netns import LAB_HOST
from runtime.network.world import GATEWAY, HOST_ADDRESS, OUTSIDE, SERVER

_MOST_SHOWN = 4
_EVERYWHERE = "0.0.0.0/0", "::/0"


def check_gateways(reader: Reader, world: str, steps: Sequence[Step], nodes: Sequence[Node]) -> None:
    """Note a mistake at each gateway that cannot be one. nodes: those of the steps."""
    known = _Addresses(world)
    for action, node in _actions(steps, nodes):
        if word(action) == "run":
            return
        if type(action) is AddRoute and action.gateway and not known.reach(action.netns, action.gateway):
            arguments = next(iter(node.value.values())).node
            reader.mistake(arguments.value["gateway"].node,
                           f"{action.gateway} is in no subnet of {action.netns} (it has {known.given(action.netns)})",
                           f"a gateway is a neighbour: before this, give {action.netns} an address of the same subnet")
        known.follow(action)


def _actions(steps: Sequence[Step], nodes: Sequence[Node]) -> Iterator[tuple[Action, Node]]:
    """Every action and its node, up to the first step of which some could not be read."""
    for step, node in zip(steps, nodes, strict=True):
        found = node.value["do"].node.value if isinstance(node.value, dict) and "do" in node.value else []
        if not isinstance(found, list) or len(found) != len(step.do):
            return
        yield from zip(step.actions, found, strict=True)


class _Addresses:
    """What the netns of a lab have been given so far."""

    def __init__(self, world: str) -> None:
        self._given: dict[str, dict[str, None]] = defaultdict(dict)
        self._on_a_wire: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._lengths: dict[str, set[int]] = defaultdict(set)
        if world == "internet":
            self._add(LAB_HOST, HOST_ADDRESS)
            self._add(OUTSIDE, f"{GATEWAY}/24")
            self._add(OUTSIDE, f"{SERVER}/32")

    def follow(self, action: Action) -> None:
        """What an action adds."""
        if isinstance(action, AddAddress):
            self._add(action.netns, action.address)
        elif type(action) is AddRoute and not action.gateway:  # what has no gateway is on the wire itself
            for subnet in _EVERYWHERE if action.destination == "default" else (action.destination,):
                self._put_on_a_wire(action.netns, ipaddress.ip_network(subnet))

    def reach(self, netns: str, gateway: str) -> bool:
        """Whether a gateway is at the other end of a wire of that netns."""
        address = ipaddress.ip_address(gateway)
        return address.is_link_local or any(_leading(address, length) in self._on_a_wire[netns]
                                            for length in self._lengths[netns])

    def given(self, netns: str) -> str:
        """Its addresses, to be shown."""
        given = [*self._given[netns]]
        more = f" and {len(given) - _MOST_SHOWN} more" if len(given) > _MOST_SHOWN else ""
        return f"{', '.join(given[:_MOST_SHOWN])}{more}" if given else "no address yet"

    def _add(self, netns: str, address: str) -> None:
        self._given[netns][address] = None
        self._put_on_a_wire(netns, ipaddress.ip_interface(address).network)

    def _put_on_a_wire(self, netns: str, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        self._lengths[netns].add(subnet.prefixlen)
        self._on_a_wire[netns].add(_leading(subnet.network_address, subnet.prefixlen))


def _leading(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> tuple[int, int]:
    """The version and the leading bits: what the addresses of a subnet have in common."""
    return address.version, int(address) >> max(0, address.max_prefixlen - length)
