"""Why an interface does not lead to a subnet, and what makes it: a route to a subnet comes with an address of it."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

from checks.reasoning.wire import End, hearers
from checks.reasoning.wording import advice, listed, set_up
from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.command_line import ip
from runtime.network.netns import LAB_HOST

Subnet: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def subnet_of(address: str) -> Subnet:
    """'192.168.0.2/24' -> 192.168.0.0/24."""
    return ipaddress.ip_interface(address).network


def spare(snapshot: Snapshot, subnet: Subnet) -> str:
    """The first address of a subnet that nobody has, with the prefix length; '' when all are taken."""
    taken = {each.address.partition("/")[0] for facts in snapshot.netns for each in facts.addresses}
    free = (str(host) for host in subnet.hosts() if str(host) not in taken)
    first = next(free, "")
    return first and f"{first}/{subnet.prefixlen}"


def inside(facts: NetnsFacts, interface: str, subnet: Subnet) -> str:
    """The first address of an interface that lies in a subnet, whatever its own prefix length; or ''."""
    return next((each for each in facts.addresses_of(interface)
                 if (own := ipaddress.ip_interface(each)).version == subnet.version and own.ip in subnet), "")


def gateway(snapshot: Snapshot, facts: NetnsFacts) -> str:
    """An address of the lab host on one wire and in one subnet with ours, fit for a gateway; or ''."""
    for own in facts.addresses:
        for end in hearers(snapshot, End(facts.name, own.interface)):
            there = snapshot.find(end.netns)
            if there and there.name == LAB_HOST and (found := inside(there, end.interface, subnet_of(own.address))):
                return found.partition("/")[0]
    return ""


def lead_to(snapshot: Snapshot, facts: NetnsFacts, link: Link, subnet: Subnet) -> str:
    """Why `link` has no route to `subnet`, and the command that gives it one."""
    where = f"{link.name} in {facts.name}"
    own = inside(facts, link.name, subnet)
    if not link.up:
        return advice(f"{where} is DOWN, and has no routes meanwhile", "bring it up", set_up(facts.name, link.name))
    if own and subnet_of(own) != subnet:
        right = f"{own.partition('/')[0]}/{subnet.prefixlen}"
        return advice(f"{where} has {own}, and with that prefix length its subnet is {subnet_of(own)}, not {subnet}",
                      "change it", _delete(facts, link, own), _add(facts, link, right))
    if own:
        return advice(f"{where} has {own}, but the route to {subnet} is gone", "add it",
                      ip(facts.name, f"route append {subnet} dev {link.name}"))
    has = listed(facts.addresses_of(link.name), "no address")
    example = spare(snapshot, subnet)
    cause = f"{where} has {has}, so no route to {subnet}"
    if not example:
        return cause
    return advice(cause, "the route comes with an address of that subnet, such as", _add(facts, link, example))


def _add(facts: NetnsFacts, link: Link, address: str) -> str:
    return ip(facts.name, f"addr add {address} dev {link.name}")


def _delete(facts: NetnsFacts, link: Link, address: str) -> str:
    return ip(facts.name, f"addr del {address} dev {link.name}")
