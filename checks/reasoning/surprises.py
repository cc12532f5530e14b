"""Why something gets through that should not, or gets through in disguise."""

from __future__ import annotations

from checks.reasoning.matching import Packet
from checks.reasoning.obstacles import explain, translation_missing
from checks.reasoning.path import Journey, Translated, follow
from checks.reasoning.rule_commands import delete_rule
from checks.reasoning.translation import translator
from checks.reasoning.wording import advice
from runtime.facts.difference import show_route, show_rule
from runtime.facts.snapshot import Snapshot
from runtime.network.world import OUTSIDE


def why_answered(snapshot: Snapshot, start: str, to: str) -> str:
    """Why an echo from `start` to `to` is answered although it should not be yet."""
    journey = follow(snapshot, start, to)
    cause = f"{to} should not answer {start} in this step, and does"
    if journey.translations:
        return _because_of(journey.translations[0], cause)
    if not journey.hops:
        return f"{cause}; it is an address of {start} itself"
    way = ", then ".join(f"{show_route(hop.route)} in {hop.netns}" for hop in journey.hops)
    return f"{cause}; its way is {way}"


def why_seen(snapshot: Snapshot, start: str, to: str, seen: str, wanted: str) -> str:
    """Why `to` sees packets from `start` come from the address `seen` ('' when it sees none), and not from `wanted`."""
    journey = follow(snapshot, start, to)
    if not seen:
        return explain(snapshot, journey, to) if journey.obstacle else f"nothing from {start} arrives at {to}"
    cause = f"{to} sees {seen}, not {wanted}"
    culprit = next(iter(journey.translations), None) or _on_a_bridge(snapshot, journey, to)
    if culprit:
        return _because_of(culprit, cause)
    if journey.netns == OUTSIDE and journey.hops:
        return translation_missing(snapshot, journey)
    return advice(cause, "see which rules count its packets", "iptables -t nat -L POSTROUTING -v -n")


def _because_of(translated: Translated, cause: str) -> str:
    netns, rule, _source = translated
    cause += f", because {netns} translates its source ({show_rule(rule)})"
    return advice(cause, "delete that rule", delete_rule(netns, rule))


def _on_a_bridge(snapshot: Snapshot, journey: Journey, to: str) -> Translated | None:
    """A rule that translates what only passes a bridge; those see it where net.bridge.bridge-nf-call-iptables is 1."""
    for facts in snapshot.netns:
        for link in facts.links:
            packet = Packet(journey.source, to, out=link.name)
            rule = translator(facts, packet) if link.kind == "bridge" else None
            if rule:
                return Translated(facts.name, rule, journey.source)
    return None
