"""What stops a packet, in words: the cause and the command that mends it."""

from __future__ import annotations

import ipaddress

from checks.reasoning.filtering import let_pass
from checks.reasoning.path import Journey, best_route, follow, owner
from checks.reasoning.silence import why_unheard
from checks.reasoning.subnets import gateway, lead_to, subnet_of
from checks.reasoning.translation import masquerade_words, translates
from checks.reasoning.wire import End, door, hearers
from checks.reasoning.wording import advice, listed, no_netns, set_up
from runtime.facts.difference import show_route, show_rule
from runtime.facts.observer import FORWARDING
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.command_line import ip, within
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE

_PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]  # RFC 1918


def why_no_answer(snapshot: Snapshot, start: str, to: str) -> str:
    """Why an echo from `start` to the address `to` is not answered; '' when the Snapshot shows no reason."""
    there = follow(snapshot, start, to)
    if there.obstacle:
        return explain(snapshot, there, to)
    sender, target = there.netns, there.source
    # Whoever translated the question sends the answer on to whom it came from; a sender that did so itself has it then.
    for translation in (*reversed([each for each in there.translations if each.netns != start]), None):
        back = follow(snapshot, sender, target, "established")
        if back.obstacle:
            if back.netns == OUTSIDE and not back.hops:
                return translation_missing(snapshot, there)
            return (f"{there.netns} gets the question, but the answer to {target} does not come back, because "
                    f"{explain(snapshot, back, target)}")
        if translation:
            sender, target = translation.netns, translation.source
    return ""


def explain(snapshot: Snapshot, journey: Journey, to: str) -> str:
    """What stopped a packet to `to` where its journey ended. Raises ValueError for one that arrived."""
    facts = snapshot.find(journey.netns)
    if facts is None:
        return no_netns(snapshot, journey.netns)
    match journey.obstacle:
        case "lo down":
            return advice(f"lo in {facts.name} is DOWN, and by lo a host reaches its own addresses", "bring it up",
                          set_up(facts.name, "lo"))
        case "not forwarded":
            return _not_forwarded(snapshot, journey, to)
        case "no route":
            return _no_route(snapshot, facts, to)
        case "unheard":
            return why_unheard(snapshot, facts, journey.hops[-1], to)
        case "astray":
            return _astray(snapshot, journey, to)
        case "circles":
            names = list(dict.fromkeys(hop.netns for hop in journey.hops))
            return advice(f"the packet goes in circles between {listed(names)}", "compare their routes",
                          *(ip(name, "route") for name in names))
        case "filtered":
            assert journey.stop
            return let_pass(facts, journey.stop)
    raise ValueError(f"nothing stopped the packet in {journey.netns}")


def translation_missing(snapshot: Snapshot, journey: Journey) -> str:
    """For a packet that came to the outside with a source that is private (RFC 1918): the rule that is missing."""
    host = snapshot.find(journey.hops[-1].netns)
    source = journey.source
    if host is None or not any(ipaddress.ip_address(source) in subnet for subnet in _PRIVATE):
        return f"the world outside has no route to {source}"
    others = [show_rule(rule) for rule in host.rules if translates(rule)]
    cause = (f"the world outside sees {source}, a private address that it cannot answer, and {host.name} does not "
             f"translate it" + (f" (only {listed(others)})" if others else ""))
    near = best_route(host, source)
    if near is None or near.destination == "default":
        return cause
    return advice(cause, "add a rule that does",
                  within(host.name, f"iptables -t nat -A {masquerade_words(near.destination, near.interface)}"))


def _not_forwarded(snapshot: Snapshot, journey: Journey, to: str) -> str:
    name, sender = journey.netns, journey.hops[-1]
    facts = snapshot.find(sender.netns)
    forward = within(name, f"sysctl -w {FORWARDING}=1")
    if name == LAB_HOST or facts is None:
        return advice(f"{name} does not forward packets ({FORWARDING} is 0)", "let it", forward)
    cause = f"{sender.netns} sends what is for {to} to {name} ({show_route(sender.route)}), which does not forward it"
    right = gateway(snapshot, facts)
    if not right or right == sender.route.gateway:
        return advice(cause, "let it", forward)
    return advice(cause, "give it the right gateway",
                  ip(facts.name, f"route replace {sender.route.destination} via {right}"))


def _no_route(snapshot: Snapshot, facts: NetnsFacts, to: str) -> str:
    stopping = best_route(facts, to)
    if stopping:
        return advice(f"{facts.name} has the route {show_route(stopping)}, which stops it", "delete it",
                      ip(facts.name, f"route del {show_route(stopping)}"))
    near = _lead_near(snapshot, facts, to)
    if near:
        return near
    wires = [link for link in facts.links if link.kind != "loopback"]
    if not wires:
        return f"{facts.name} has no interface but lo, and nothing leads out of it"
    cause = f"{facts.name} has no route to {to} (it has {listed(map(show_route, facts.routes))})"
    right = gateway(snapshot, facts)
    if right:
        return advice(cause, "give it a default route", ip(facts.name, f"route add default via {right}"))
    for link in wires:
        subnet = next((subnet_of(address) for end in hearers(snapshot, End(facts.name, link.name), live=False)
                       if (there := snapshot.find(end.netns)) for address in there.addresses_of(end.interface)), None)
        if subnet and (not link.up or not facts.addresses_of(link.name)):
            return lead_to(snapshot, facts, link, subnet)
    return f"{cause}, and nobody on its wires could be its gateway"


def _astray(snapshot: Snapshot, journey: Journey, to: str) -> str:
    """The default route took the packet out of the lab, and it was meant for somebody else."""
    sender = snapshot.find(journey.hops[-1].netns)
    end = owner(snapshot, to)
    if sender is None or end is None:
        return f"nobody has the address {to}"
    return _lead_near(snapshot, sender, to) or (
        f"{to} is {end}, and {sender.name} has neither a wire nor a route that leads there")


def _lead_near(snapshot: Snapshot, facts: NetnsFacts, to: str) -> str:
    """What keeps `facts` from a goal that is on one of its own wires; '' when it is not."""
    end = owner(snapshot, to)
    link = door(snapshot, facts, end) if end else None
    if end is None or link is None:
        return ""
    there = snapshot.find(end.netns)
    address = next(each for each in there.addresses_of(end.interface) if each.partition("/")[0] == to) if there else to
    return lead_to(snapshot, facts, link, subnet_of(address))
