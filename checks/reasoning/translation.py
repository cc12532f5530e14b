"""Rules that give a packet another source address on its way out (nft(8), NAT statements)."""

from __future__ import annotations

import ipaddress

from checks.reasoning.matching import Packet, meets
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.rule_specification import Specification
from runtime.probes.asking import Answer
from runtime.probes.ping import Answer as PingAnswer

_SNAT = "snat to "


def translator(facts: NetnsFacts, packet: Packet) -> Rule | None:
    """The first rule that translates the packet's source."""
    return next((rule for rule in facts.rules if translates(rule) and meets(rule, packet)), None)


def translates(rule: Rule) -> bool:
    """Whether a rule translates source addresses at all."""
    return rule.hook == "postrouting" and (rule.target.split(" ")[0] == "masquerade" or rule.target.startswith(_SNAT))


def translated(facts: NetnsFacts, rule: Rule, packet: Packet) -> str:
    """The packet's new source address."""
    if rule.target.startswith(_SNAT):
        return rule.target.removeprefix(_SNAT).partition(":")[0]
    return (facts.addresses_of(packet.out) or (packet.source,))[0].partition("/")[0]


def takes(rule: Rule, source: str) -> bool:
    """Whether a rule has taken packets, and may have taken them from senders in the subnet `source`."""
    return bool(rule.packets) and may_take(rule, source)


def may_take(rule: Rule, source: str) -> bool:
    """Whether a rule can take packets from senders in the subnet `source`."""
    named = [match.split()[2:] for match in rule.matches if match.startswith("ip saddr ")]
    return all(len(words) == 1 and _overlap(source, words[0]) for words in named)


def seen_as(answer: Answer) -> str:
    """Return the source address with which a probe arrived; '' where that is not known."""
    if isinstance(answer, PingAnswer):
        return answer.seen_as
    return answer.arrival.source if answer.arrival else ""


def is_from(snapshot: Snapshot, netns: str, source: str) -> bool:
    """Whether a netns has an address in the subnet `source`."""
    facts = snapshot.find(netns)
    return facts is not None and any(_overlap(source, each.address.partition("/")[0]) for each in facts.addresses)


def masquerade_words(source: str, not_out: str | None) -> str:
    """A rule in the words of iptables(8), after -A or -D."""
    return f"POSTROUTING {Specification(source=source, not_out=not_out or None, jump='MASQUERADE').words()}"


def _overlap(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    except (TypeError, ValueError):  # of two families, or a range
        return False
