"""Where packet rules stop a packet, and how a learner lets it pass (netfilter's hooks: nft(8), ADDRESS FAMILIES).

Only what is understood stops a packet here: where a verdict hangs on a match that is not, the packet is let through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from checks.reasoning.matching import Packet, meets
from checks.reasoning.rule_commands import add_rule, delete_rule
from checks.reasoning.wording import advice
from runtime.facts.difference import show_rule
from runtime.facts.rules import Chain, Rule
from runtime.facts.snapshot import NetnsFacts
from runtime.network.builtin_chains import chains_of
from runtime.network.command_line import within
from runtime.network.rule_specification import Specification

_Verdict: TypeAlias = Literal["", "pass", "stop"]
_DEEPEST = 16  # NFT_JUMP_STACK_SIZE
_DOES = {"prerouting": "what comes in", "input": "what is for itself", "forward": "what it forwards",
         "output": "what it sends", "postrouting": "what it sends on"}


class Stop(NamedTuple):
    """A packet that was dropped or rejected in `chain`: by `rule`, or by the chain's policy where that is None."""

    packet: Packet
    chain: Chain
    rule: Rule | None


class _Outcome(NamedTuple):
    """What became of a packet in a chain; '' when no rule took it. rule: the one that stopped it."""

    verdict: _Verdict
    rule: Rule | None = None


def stopped(facts: NetnsFacts, hooks: Iterable[str], packet: Packet) -> Stop | None:
    """The first chain at one of `hooks`, in the order that packets meet them, that lets the packet go no further."""
    for chain in (each for hook in hooks for each in _at(facts, hook)):
        outcome = _through(facts, chain, packet, _DEEPEST)
        if outcome.verdict == "stop" or (outcome.verdict == "" and chain.policy == "drop"):
            return Stop(packet, chain, outcome.rule)
    return None


def _at(facts: NetnsFacts, hook: str) -> Iterator[Chain]:
    here = [chain for chain in facts.chains if chain.hook == hook and chain.family in ("ip", "inet")]
    yield from sorted(here, key=lambda chain: chain.priority)


def _through(facts: NetnsFacts, chain: Chain, packet: Packet, depth: int) -> _Outcome:
    """Send a packet through the rules of a chain and of those that it jumps to."""
    for rule in facts.rules:
        if (rule.family, rule.table, rule.chain) != (chain.family, chain.table, chain.name):
            continue
        met = meets(rule, packet)
        if met is None and rule.target:
            return _Outcome("pass")
        outcome = _done(facts, chain, rule, packet, depth) if met else None
        if outcome:
            return outcome
    return _Outcome("")


def _done(facts: NetnsFacts, chain: Chain, rule: Rule, packet: Packet, depth: int) -> _Outcome | None:
    """What a rule does with a packet that meets it; None when that goes on to the next rule."""
    verb, _, name = rule.target.rpartition(" ")
    match (verb or name).split(" ")[0]:
        case "accept":
            return _Outcome("pass")
        case "drop" | "reject":
            return _Outcome("stop", rule)
        case "return":
            return _Outcome("")
        case "jump" if depth:
            outcome = _through(facts, chain._replace(name=name), packet, depth - 1)
            return outcome if outcome.verdict else None
        case "" | "log":
            return None
    return _Outcome("pass")


def let_pass(facts: NetnsFacts, stop: Stop) -> str:
    """What stopped a packet in `facts`, and the command that lets it go on."""
    packet, chain, rule = stop
    verb = "rejects" if rule and rule.target.startswith("reject") else "drops"
    cause = f"{facts.name} {verb} {_DOES[chain.hook]} from {packet.source} to {packet.to}"
    if rule:
        return advice(f"{cause}, because of its rule {show_rule(rule)}", "delete that", delete_rule(facts.name, rule))
    return advice(f"{cause}, because no rule of {_shown(chain)} takes it and the policy there is DROP", "let it pass",
                  _accept(facts, chain, packet))


def _shown(chain: Chain) -> str:
    return f"{chain.family} {chain.table} {chain.name}"


def _accept(facts: NetnsFacts, chain: Chain, packet: Packet) -> str:
    """The command that lets packets like this one pass: of a reply, all that belong to a connection."""
    reply, port = packet.state == "established", packet.service.port
    if chain.family == "ip" and chain.name in chains_of(chain.table):
        rule = Specification(state=("established", "related")) if reply else Specification(
            source=packet.source, destination=packet.to, protocol=packet.service.protocol if port else "all",
            port=port or None)
        return add_rule(facts, chain.table, chain.name, rule)
    to = f"ip saddr {packet.source} ip daddr {packet.to}" + (f" {packet.service.protocol} dport {port}" if port else "")
    matches = "ct state established,related" if reply else to
    return within(facts.name, f"nft add rule {_shown(chain)} {matches} accept")
