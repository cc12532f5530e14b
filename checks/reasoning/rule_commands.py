"""A rule of a Snapshot in the words of iptables(8), as far as it has some, and the commands that change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts
from runtime.network.builtin_chains import CHAINS, TABLES, TARGETS, chains_of
from runtime.network.command_line import iptables, within
from runtime.network.rule_specification import Specification

# A match without its value -> its value as fields of a Specification.
_PARTS: dict[str, Callable[[str], dict[str, Any]]] = {
    "ip saddr": lambda value: {"source": value},
    "ip saddr !=": lambda value: {"not_source": value},
    "ip daddr": lambda value: {"destination": value},
    "ip daddr !=": lambda value: {"not_destination": value},
    "iifname": lambda value: {"in_": value.replace("*", "+")},
    "iifname !=": lambda value: {"not_in": value.replace("*", "+")},
    "oifname": lambda value: {"out": value.replace("*", "+")},
    "oifname !=": lambda value: {"not_out": value.replace("*", "+")},
    "meta l4proto": lambda value: {"protocol": value},
    "tcp dport": lambda value: {"protocol": "tcp", "port": int(value)},
    "udp dport": lambda value: {"protocol": "udp", "port": int(value)},
    "ct state": lambda value: {"state": tuple(value.split(","))},
}
_PLAIN = {target.lower(): target for target in TARGETS}
_ALWAYS = ("meta nfproto ipv4", "meta protocol ip")  # what every packet of IPv4 meets, in a table that has others too


def same(rule: Rule, specification: Specification) -> bool:
    """Whether a rule of a family that has IPv4 demands and does what `specification` says, whoever wrote it."""
    return (demands(rule), rule.target) == specification.normal()


def demands(rule: Rule) -> tuple[str, ...]:
    """What a rule demands of a packet of IPv4."""
    return tuple(match for match in rule.matches if match not in _ALWAYS)


def delete_rule(netns: str, rule: Rule) -> str:
    """The command that deletes a rule; where it has no short one, that which shows the rule's handle."""
    specification = specification_of(rule)
    if specification and of_iptables(rule):
        return iptables(netns, rule.table, f"-D {rule.chain} {specification.words()}")
    return within(netns, f"nft -a list chain {rule.family} {rule.table} {rule.chain}")


def add_rule(facts: NetnsFacts, table: str, chain: str, specification: Specification) -> str:
    """The command that adds a rule: before the first of its chain that takes all its packets, or after all."""
    wanted = set(specification.normal()[0])
    others = [rule for rule in facts.rules if (rule.family, rule.table, rule.chain) == ("ip", table, chain)]
    taking = [number for number, rule in enumerate(others, 1) if takes_all(rule) and wanted >= set(rule.matches)]
    place = f"-I {chain} {taking[0]}" if taking else f"-A {chain}"
    return iptables(facts.name, table, f"{place} {specification.words()}")


def takes_all(rule: Rule) -> bool:
    """Whether a packet that meets the rule goes no further in its chain."""
    return rule.target.split(" ")[0] in ("accept", "drop", "reject", "masquerade", "dnat", "snat", "return")


def of_iptables(rule: Rule) -> bool:
    """Whether it is in a chain that iptables(8) sees."""
    return rule.family == "ip" and rule.table in TABLES and (
        rule.chain in chains_of(rule.table) or rule.chain not in CHAINS)


def specification_of(rule: Rule) -> Specification | None:
    """A rule in the words of iptables(8); None when it says something that they don't, or that is not known here."""
    try:
        parts = _target(rule.target)
        for match in demands(rule):
            name, _, value = match.rpartition(" ")
            parts |= _PARTS[name](value)
        found = Specification(**parts)
        return found if same(rule, found) else None
    except (KeyError, ValueError):
        return None


def _target(target: str) -> dict[str, Any]:
    verb, _, rest = target.partition(" ")
    if verb in ("dnat", "snat"):
        return {"jump": verb.upper(), "to": rest.removeprefix("to ")}
    return {"jump": rest if verb == "jump" else _PLAIN[target]}
