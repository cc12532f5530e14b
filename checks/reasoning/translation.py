"""Rules that give a packet another source address on its way out (nft(8), NAT statements)."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts
from runtime.network.command_line import within

_SNAT = "snat to "


class Leaving(NamedTuple):
    """A packet about to leave by an interface."""

    source: str
    to: str
    out: str


def translator(facts: NetnsFacts, packet: Leaving) -> Rule | None:
    """The first rule that translates the packet's source."""
    return next((rule for rule in facts.rules if translates(rule) and _fits(rule, packet)), None)


def translates(rule: Rule) -> bool:
    """Whether a rule translates source addresses at all."""
    return rule.hook == "postrouting" and (rule.target.split(" ")[0] == "masquerade" or rule.target.startswith(_SNAT))


def translated(facts: NetnsFacts, rule: Rule, packet: Leaving) -> str:
    """The packet's new source address."""
    if rule.target.startswith(_SNAT):
        return rule.target.removeprefix(_SNAT).partition(":")[0]
    return (facts.addresses_of(packet.out) or (packet.source,))[0].partition("/")[0]


def takes(rule: Rule, source: str) -> bool:
    """Whether a rule has taken packets, and may have taken them from senders in the subnet `source`."""
    named = [match.split()[2:] for match in rule.matches if match.startswith("ip saddr ")]
    return bool(rule.packets) and all(len(words) == 1 and _overlap(source, words[0]) for words in named)


def masquerade_words(source: str, not_out: str | None) -> str:
    """A rule in the words of iptables(8), after -A or -D."""
    unless = f" ! -o {not_out}" if not_out else ""
    return f"POSTROUTING -s {source}{unless} -j MASQUERADE"


def delete_rule(netns: str, rule: Rule) -> str:
    """The command that deletes a rule; where it has no short one, that which shows the rule's handle."""
    words = [match.split() for match in rule.matches]
    source = next((each[2] for each in words if each[:2] == ["ip", "saddr"] and len(each) == 3), "")
    not_out = next((each[2] for each in words if each[:2] == ["oifname", "!="]), "")
    understood = bool(source) + bool(not_out) == len(words)
    place = (rule.family, rule.table, rule.chain)
    if place == ("ip", "nat", "POSTROUTING") and rule.target == "masquerade" and source and understood:
        return within(netns, f"iptables -t nat -D {masquerade_words(source, not_out)}")
    return within(netns, f"nft -a list chain {' '.join(place)}")


def _overlap(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
    except (TypeError, ValueError):  # of two families, or a range
        return False


def _fits(rule: Rule, packet: Leaving) -> bool:
    """Whether all matches of a rule hold; one that is not understood does not."""
    return all(_holds(match.split(), packet) for match in rule.matches)


def _holds(words: list[str], packet: Leaving) -> bool:
    """Understood are 'ip saddr|daddr [!=] SUBNET' and 'oifname [!=] NAME'."""
    *field, value = [word for word in words if word != "!="]
    negated = "!=" in words
    if field == ["oifname"]:
        same = packet.out.startswith(value[:-1]) if value.endswith("*") else packet.out == value
        return same != negated
    address = {"ip saddr": packet.source, "ip daddr": packet.to}.get(" ".join(field))
    if not address:
        return False
    try:
        return (ipaddress.ip_address(address) in ipaddress.ip_network(value)) != negated
    except ValueError:  # a range
        return False
