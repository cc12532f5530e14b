"""The checks on packet rules: what passes, what fails, what a learner reads then. Snapshots made by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from checks.chain_policy import ChainPolicy
from checks.counter import Counter
from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake
from checks.reasoning.obstacles import why_no_answer
from checks.reasoning.wording import command_of
from checks.rule import Rule
from runtime.facts.rules import Chain
from runtime.facts.rules import Rule as RuleFact
from runtime.facts.snapshot import Snapshot
from tests.handmade import HOST, ONE, TWO, change, facts_of, finished, without

LAB = finished()
FIRST, SECOND, SERVER = "192.168.0.2", "192.168.0.3", "198.51.100.1"
FORWARD = Chain("ip", "filter", "FORWARD", "filter", "forward", 0, "accept")
INPUT = Chain("ip", "filter", "INPUT", "filter", "input", 0, "accept")
OUTPUT = Chain("ip", "filter", "OUTPUT", "filter", "output", 0, "accept")
MINE = Chain("ip", "filter", "MINE", "", "", 0, "")
NATIVE = Chain("inet", "lab", "fence", "filter", "forward", -5, "accept")


def _rule(chain: Chain, *matches: str, target: str = "accept", packets: int | None = 0) -> RuleFact:
    size = None if packets is None else packets * 84
    return RuleFact(chain.family, chain.table, chain.name, chain.hook, tuple(sorted(matches)), target, packets, size)


def _lab(*rules: RuleFact, chains: tuple[Chain, ...] = (FORWARD,), netns: str = HOST) -> Snapshot:
    mine = facts_of(LAB, netns)
    return change(LAB, netns, chains=(*mine.chains, *chains), rules=(*mine.rules, *rules))


def _judge(check: Check, snapshot: Snapshot) -> Verdict:
    return check.judge(Evidence(snapshot, {}))


WEB = {"in": "br0", "not_out": "eth1", "source": "10.1.0.0/16", "not_destination": "10.2.0.0/16", "protocol": "tcp",
       "port": 80, "state": ["new", "established"], "jump": "ACCEPT"}
WEB_MATCHES = ("iifname br0", "oifname != eth1", "ip saddr 10.1.0.0/16", "ip daddr != 10.2.0.0/16", "tcp dport 80",
               "ct state established,new")
IS_WEB = _rule(FORWARD, *WEB_MATCHES)
DNAT = {"hook": "prerouting", "protocol": "tcp", "port": 8080, "jump": "DNAT", "to": "192.168.0.2:80"}
PRE = Chain("ip", "nat", "PREROUTING", "nat", "prerouting", -100, "accept")
POST = Chain("ip", "nat", "POSTROUTING", "nat", "postrouting", 100, "accept")
DROP_ALL = Rule(hook="forward", jump="DROP")

PASS = [
    (Rule(hook="forward", **WEB), _lab(IS_WEB)),
    (Rule(hook="forward", **WEB), _lab(_rule(FORWARD), IS_WEB, _rule(FORWARD, target="drop"))),
    (Rule(hook="forward", **WEB), _lab(_rule(NATIVE, *WEB_MATCHES, packets=None), chains=(NATIVE,))),
    (Rule(hook="forward", protocol="icmp", jump="DROP"),
     _lab(_rule(NATIVE, "meta nfproto ipv4", "meta l4proto icmp", target="drop"), chains=(NATIVE,))),
    (Rule(hook="forward", exists=False, **WEB), LAB),
    (Rule(hook="input", exists=False, jump="ACCEPT"), _lab(_rule(FORWARD))),
    (Rule(hook="forward", jump="MINE"), _lab(_rule(FORWARD, target="jump MINE"), chains=(FORWARD, MINE))),
    (Rule(chain="MINE", jump="RETURN"), _lab(_rule(MINE, target="return"), chains=(MINE,))),
    (Rule(**DNAT), _lab(_rule(PRE, "tcp dport 8080", target="dnat to 192.168.0.2:80"), chains=(PRE,))),
    (Rule(hook="postrouting", source="192.168.0.0/24", not_out="br0", jump="MASQUERADE"), LAB),
    (Rule(hook="input", jump="DROP", netns=ONE), _lab(_rule(INPUT, target="drop"), chains=(INPUT,), netns=ONE)),
    (Counter(hook="forward", **WEB), _lab(IS_WEB._replace(packets=1))),
    (Counter(hook="forward", packets="none", **WEB), _lab(IS_WEB)),
    (Counter(hook="forward", at_least=3, **WEB), _lab(IS_WEB._replace(packets=3))),
    (Counter(hook="forward", at_least=3, **WEB), _lab(IS_WEB._replace(packets=2), IS_WEB._replace(packets=1))),
    (ChainPolicy(hook="forward", policy="ACCEPT"), LAB),
    (ChainPolicy(hook="forward", policy="ACCEPT"), _lab()),
    (ChainPolicy(hook="forward", policy="DROP"), _lab(chains=(FORWARD._replace(policy="drop"),))),
    (ChainPolicy(hook="forward", policy="DROP"), _lab(chains=(FORWARD, NATIVE._replace(policy="drop")))),
    (ChainPolicy(hook="forward", policy="ACCEPT"), _lab(chains=(FORWARD._replace(family="ip6", policy="drop"),))),
    (ChainPolicy(hook="input", policy="ACCEPT"), _lab(chains=(FORWARD._replace(policy="drop"),))),
]


@pytest.mark.parametrize(("check", "snapshot"), PASS, ids=[case[0].claim() for case in PASS])
def test_pass(check: Check, snapshot: Snapshot) -> None:
    verdict = _judge(check, snapshot)
    assert (verdict.outcome, verdict.hint) == ("pass", "")
    assert verdict.expected
    assert verdict.actual


class Failing(NamedTuple):
    """A check, what there is, what the verdict says of it, and the hint."""

    check: Check
    snapshot: Snapshot
    actual: str
    hint: str


TO_WEB = ("FORWARD -s 10.1.0.0/16 ! -d 10.2.0.0/16 -i br0 ! -o eth1 -p tcp --dport 80 -m conntrack --ctstate "
          "NEW,ESTABLISHED -j ACCEPT")
FAIL = [
    Failing(Rule(hook="forward", **WEB), LAB, "no rule in FORWARD",
            f"labhost has no rule {TO_WEB}; add it: iptables -A {TO_WEB}"),
    Failing(Rule(hook="input", jump="DROP", netns="container-9"), LAB, "no container-9",
            "there is no network namespace container-9 (only container-1 and container-2); "
            "make it: ip netns add container-9"),
    Failing(DROP_ALL, _lab(_rule(FORWARD, "iifname br0", target="drop")), "ip filter FORWARD iifname br0 drop",
            "labhost has no rule FORWARD -j DROP (the nearest is ip filter FORWARD iifname br0 drop); "
            "add it: iptables -A FORWARD -j DROP"),
    Failing(Rule(hook="forward", source="10.0.0.0/8", jump="ACCEPT"),
            _lab(_rule(FORWARD, "oifname x"), _rule(FORWARD, target="drop")),
            "ip filter FORWARD oifname x accept and ip filter FORWARD drop",
            "labhost has no rule FORWARD -s 10.0.0.0/8 -j ACCEPT (the nearest is ip filter FORWARD oifname x accept); "
            "add it: iptables -I FORWARD 2 -s 10.0.0.0/8 -j ACCEPT"),
    Failing(Rule(hook="forward", jump="MINE"), LAB, "no rule in FORWARD",
            "labhost has no rule FORWARD -j MINE; add it: iptables -N MINE && iptables -A FORWARD -j MINE"),
    Failing(Rule(chain="MINE", jump="RETURN"), _lab(chains=(MINE._replace(table="mangle"),)), "no rule in MINE",
            "labhost has no rule MINE -j RETURN; add it: iptables -t mangle -A MINE -j RETURN"),
    Failing(Rule(**DNAT), LAB, "no rule in PREROUTING",
            "labhost has no rule PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.0.2:80; add it: "
            "iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.0.2:80"),
    Failing(Rule(hook="input", jump="DROP", netns=ONE), LAB, "no rule in INPUT",
            "container-1 has no rule INPUT -j DROP; add it: ip netns exec container-1 iptables -A INPUT -j DROP"),
    Failing(Rule(hook="forward", jump="DROP", exists=False), _lab(_rule(FORWARD, target="drop")),
            "ip filter FORWARD drop",
            "labhost still has the rule FORWARD -j DROP; delete it: iptables -D FORWARD -j DROP"),
    Failing(Rule(hook="forward", jump="DROP", exists=False), _lab(_rule(NATIVE, target="drop"), chains=(NATIVE,)),
            "inet lab fence drop",
            "labhost still has the rule FORWARD -j DROP; delete it: nft -a list chain inet lab fence"),
    Failing(Counter(hook="forward", **WEB), LAB, "no rule in FORWARD",
            f"labhost has no rule {TO_WEB}; add it: iptables -A {TO_WEB}"),
    Failing(Counter(hook="forward", jump="DROP"), _lab(_rule(FORWARD, target="drop")), "0 packets",
            "the rule ip filter FORWARD drop has matched 0 packets"),
    Failing(Counter(hook="forward", jump="DROP"), _lab(_rule(FORWARD, target="drop", packets=10)._replace(preset=10)),
            "0 packets, and 10 before labrun looked", "the rule ip filter FORWARD drop has matched 0 packets (its "
            "counter said 10 before labrun looked, and does not grow)"),
    Failing(Counter(hook="forward", jump="DROP", at_least=2), _lab(_rule(FORWARD, target="drop", packets=1)),
            "1 packet", "the rule ip filter FORWARD drop has matched 1 packet"),
    Failing(Counter(hook="forward", jump="DROP", protocol="icmp"),
            _lab(_rule(FORWARD), _rule(FORWARD, "meta l4proto icmp", target="drop")), "0 packets",
            "the rule ip filter FORWARD meta l4proto icmp drop has matched 0 packets, because ip filter FORWARD accept "
            "stands before it and takes them; delete that: iptables -D FORWARD -j ACCEPT"),
    Failing(Counter(hook="forward", jump="DROP", packets="none"), _lab(_rule(FORWARD, target="drop", packets=7)),
            "7 packets", "the rule ip filter FORWARD drop has matched packets already; "
                         "count from 0 again: iptables -Z FORWARD"),
    Failing(Counter(hook="forward", jump="DROP", packets="none"),
            _lab(_rule(NATIVE, target="drop", packets=7), chains=(NATIVE,)), "7 packets",
            "the rule inet lab fence drop has matched packets already"),
    Failing(Counter(hook="forward", jump="DROP"), _lab(_rule(FORWARD, target="drop", packets=None)),
            "the rule has no counter",
            "the rule ip filter FORWARD drop does not count packets; put one in its place that does: "
            "iptables -D FORWARD -j DROP && iptables -I FORWARD 1 -j DROP"),
    Failing(Counter(hook="forward", jump="DROP"), _lab(_rule(NATIVE, target="drop", packets=None), chains=(NATIVE,)),
            "the rule has no counter",
            "the rule inet lab fence drop does not count packets ('counter' is missing in it)"),
    Failing(Counter(hook="input", jump="DROP", netns=ONE), without(LAB, ONE), "no container-1",
            "there is no network namespace container-1 (only container-2); make it: ip netns add container-1"),
    Failing(ChainPolicy(hook="forward", policy="DROP"), LAB, "FORWARD ACCEPT, with no chain there",
            "what no rule takes is accepted in labhost at forward; set the policy: iptables -P FORWARD DROP"),
    Failing(ChainPolicy(hook="input", policy="DROP", netns=ONE), _lab(chains=(INPUT,), netns=ONE),
            "ip filter INPUT ACCEPT", "what no rule takes is accepted in container-1 at input; set the policy: "
                                      "ip netns exec container-1 iptables -P INPUT DROP"),
    Failing(ChainPolicy(hook="forward", policy="ACCEPT"),
            _lab(chains=(FORWARD._replace(policy="drop"), NATIVE._replace(policy="drop"))),
            "ip filter FORWARD DROP and inet lab fence DROP",
            "what no rule takes is dropped in labhost by ip filter FORWARD DROP and inet lab fence DROP; set the "
            "policy: iptables -P FORWARD ACCEPT && nft 'chain inet lab fence { policy accept ; }'"),
    Failing(ChainPolicy(hook="input", policy="DROP", netns=ONE), without(LAB, ONE), "no container-1",
            "there is no network namespace container-1 (only container-2); make it: ip netns add container-1"),
]


@pytest.mark.parametrize("case", FAIL, ids=[case.hint[:70] for case in FAIL])
def test_fail(case: Failing) -> None:
    verdict = _judge(case.check, case.snapshot)
    assert (verdict.outcome, verdict.actual, verdict.hint) == ("fail", case.actual, case.hint)
    assert command_of(case.hint) or ": " not in case.hint


@pytest.mark.parametrize("name", WEB)
def test_every_spoiled_part_is_noticed(name: str) -> None:
    """What is in the kernel is spoiled here: each part in every way that people get it wrong, and each left out."""
    found = 0
    for other in [*Rule.arguments[name].kind.wrong(Rule.arguments[name].kind.parse(WEB[name])), None]:
        given: dict[str, Any] = {**WEB, name: other}
        try:
            wrong = Rule(hook="forward", **{key: value for key, value in given.items() if value is not None})
        except Mistake:
            continue
        matches, target = wrong.specification.normal()
        snapshot = _lab(_rule(FORWARD, *matches, target=target))
        assert _judge(wrong, snapshot).outcome == "pass"
        assert _judge(Rule(hook="forward", **WEB), snapshot).outcome == "fail", given
        found += 1
    assert found


@pytest.mark.parametrize("chain", [INPUT, OUTPUT, MINE, FORWARD._replace(family="ip6")])
def test_a_rule_elsewhere_is_another(chain: Chain) -> None:
    assert _judge(Rule(hook="forward", **WEB), _lab(_rule(chain, *WEB_MATCHES), chains=(chain,))).outcome == "fail"


# Pings that are filtered


def _stopped(start: str, to: str, *rules: RuleFact, chains: tuple[Chain, ...] = (FORWARD,), netns: str = HOST) -> str:
    return why_no_answer(_lab(*rules, chains=chains, netns=netns), start, to)


CLOSED = FORWARD._replace(policy="drop")
class Filtered(NamedTuple):
    """What a learner reads about a ping that is filtered, and what that has to be."""

    said: str
    hint: str


FILTERED = [
    Filtered(
        _stopped(ONE, SERVER, chains=(CLOSED,)),
        "labhost drops what it forwards from 192.168.0.2 to 198.51.100.1, because no rule of ip filter FORWARD "
        "takes it and the policy there is DROP; let it pass: iptables -A FORWARD -s 192.168.0.2 -d 198.51.100.1 -j "
        "ACCEPT"),
    Filtered(
        _stopped(ONE, SECOND, _rule(INPUT, "meta l4proto != icmp"), chains=(INPUT._replace(policy="drop"),), netns=TWO),
        "container-2 drops what is for itself from 192.168.0.2 to 192.168.0.3, because no rule of ip filter INPUT "
        "takes it and the policy there is DROP; let it pass: ip netns exec container-2 iptables -A INPUT -s "
        "192.168.0.2 -d 192.168.0.3 -j ACCEPT"),
    Filtered(
        _stopped(ONE, SERVER, _rule(FORWARD, "ip saddr 192.168.0.0/24", target="drop")),
        "labhost drops what it forwards from 192.168.0.2 to 198.51.100.1, because of its rule ip filter FORWARD ip "
        "saddr 192.168.0.0/24 drop; delete that: iptables -D FORWARD -s 192.168.0.0/24 -j DROP"),
    Filtered(
        _stopped(ONE, "192.168.0.1", _rule(INPUT, "meta l4proto icmp", target="reject"), chains=(INPUT,)),
        "labhost rejects what is for itself from 192.168.0.2 to 192.168.0.1, because of its rule ip filter INPUT "
        "meta l4proto icmp reject; delete that: iptables -D INPUT -p icmp -j REJECT"),
    Filtered(
        _stopped(HOST, FIRST, _rule(OUTPUT, "oifname br0", target="drop"), chains=(OUTPUT,)),
        "labhost drops what it sends from 192.168.0.1 to 192.168.0.2, because of its rule ip filter OUTPUT oifname "
        "br0 drop; delete that: iptables -D OUTPUT -o br0 -j DROP"),
    Filtered(
        _stopped(ONE, SECOND, chains=(INPUT._replace(policy="drop"),), netns=TWO),
        "container-2 drops what is for itself from 192.168.0.2 to 192.168.0.3, because no rule of ip filter INPUT "
        "takes it and the policy there is DROP; let it pass: ip netns exec container-2 iptables -A INPUT -s "
        "192.168.0.2 -d 192.168.0.3 -j ACCEPT"),
    Filtered(
        _stopped(TWO, FIRST, chains=(INPUT._replace(policy="drop"),), netns=TWO),
        "container-1 gets the question, but the answer to 192.168.0.3 does not come back, because container-2 drops "
        "what is for itself from 192.168.0.2 to 192.168.0.3, because no rule of ip filter INPUT takes it and the "
        "policy there is DROP; let it pass: ip netns exec container-2 iptables -A INPUT -m conntrack --ctstate "
        "ESTABLISHED,RELATED -j ACCEPT"),
    Filtered(
        _stopped(ONE, SERVER, chains=(NATIVE._replace(policy="drop"),)),
        "labhost drops what it forwards from 192.168.0.2 to 198.51.100.1, because no rule of inet lab fence takes "
        "it and the policy there is DROP; let it pass: nft add rule inet lab fence ip saddr 192.168.0.2 ip daddr "
        "198.51.100.1 accept"),
    Filtered(
        _stopped(ONE, SERVER, _rule(FORWARD, target="jump MINE"), _rule(MINE, target="drop"), chains=(FORWARD, MINE)),
        "labhost drops what it forwards from 192.168.0.2 to 198.51.100.1, because of its rule ip filter MINE drop; "
        "delete that: iptables -D MINE -j DROP"),
    Filtered(
        _stopped(HOST, "192.168.0.1", chains=(INPUT._replace(policy="drop"),)),
        "labhost drops what is for itself from 192.168.0.1 to 192.168.0.1, because no rule of ip filter INPUT takes "
        "it and the policy there is DROP; let it pass: iptables -A INPUT -s 192.168.0.1 -d 192.168.0.1 -j ACCEPT"),
]


@pytest.mark.parametrize("case", FILTERED, ids=[case.hint[-70:] for case in FILTERED])
def test_a_ping_that_is_filtered(case: Filtered) -> None:
    assert case.said == case.hint


ELSEWHERE = FORWARD._replace(family="ip6", policy="drop")


def test_a_chain_that_accepts_stops_nothing() -> None:
    assert _stopped(ONE, SERVER, _rule(FORWARD, "tcp dport 80", target="drop"), chains=(FORWARD, NATIVE)) == ""


def test_a_chain_of_nft_is_none_for_iptables_to_jump_to() -> None:
    native = _lab(chains=(NATIVE._replace(name="MINE", hook=""), MINE._replace(table="lab")))
    hint = _judge(Rule(hook="forward", jump="MINE"), native).hint
    assert command_of(hint) == "iptables -N MINE && iptables -A FORWARD -j MINE"


def test_chains_of_another_family_stop_nothing() -> None:
    assert _stopped(ONE, SERVER, _rule(ELSEWHERE, target="drop"), chains=(ELSEWHERE,)) == ""


@pytest.mark.parametrize("rule", [
    _rule(FORWARD, "tcp dport 80"),
    _rule(FORWARD, "udp dport { 80, 81 }"),
    _rule(FORWARD, "iifname eth0"),
    _rule(FORWARD, "iifname { eth0, lo }"),
    _rule(FORWARD, "iifname != br*"),
    _rule(FORWARD, "oifname != eth0"),
    _rule(FORWARD, "ip saddr != 192.168.0.0/24"),
    _rule(FORWARD, "ip daddr 192.168.0.0/24"),
    _rule(FORWARD, "meta l4proto tcp"),
    _rule(FORWARD, "meta nfproto ipv6"),
    _rule(FORWARD, "ct state established,related"),
    _rule(FORWARD, "ct state ! new,invalid"),
    _rule(FORWARD, "tcp dport 80", "xt pkttype 0x01"),
    _rule(FORWARD, target=""),
    _rule(FORWARD, target='log prefix "seen"'),
    _rule(FORWARD, target="return"),
    _rule(FORWARD, "ip saddr 192.168.0.2", target="jump MINE"),
    _rule(MINE),
    _rule(NATIVE),
])
def test_what_does_not_take_a_ping_leaves_it_to_the_policy(rule: RuleFact) -> None:
    assert "the policy there is DROP" in _stopped(ONE, SERVER, rule, chains=(CLOSED, MINE, NATIVE)[:2 + (
        rule.chain == NATIVE.name)])


def test_replies_that_a_chain_of_nft_drops() -> None:
    closed = NATIVE._replace(policy="drop")
    hint = _stopped(ONE, SECOND, _rule(closed, "ip saddr 192.168.0.2"), chains=(closed._replace(hook="input"),),
                    netns=ONE)
    assert command_of(hint) == (
        "ip netns exec container-1 nft add rule inet lab fence ct state established,related accept")


def test_a_chain_in_a_table_of_iptables_that_iptables_does_not_know() -> None:
    for chain in (FORWARD._replace(name="fence", policy="drop"), FORWARD._replace(table="lab", policy="drop")):
        place = f"ip {chain.table} {chain.name}"
        assert command_of(_stopped(ONE, SERVER, chains=(chain,))).startswith(f"nft add rule {place} ip saddr")
        hint = _judge(ChainPolicy(hook="forward", policy="ACCEPT"), _lab(chains=(chain,))).hint
        assert command_of(hint) == f"nft 'chain {place} {{ policy accept ; }}'"
    drop = _rule(FORWARD._replace(name="POSTROUTING"), target="drop")
    assert command_of(_judge(Rule(hook="forward", jump="DROP", exists=False), _lab(drop)).hint) == (
        "nft -a list chain ip filter POSTROUTING")


@pytest.mark.parametrize("earlier", [
    _rule(FORWARD, "iifname br0"), _rule(FORWARD, target="jump MINE"), _rule(INPUT), _rule(FORWARD, target="log"),
])
def test_an_earlier_rule_that_leaves_packets_is_no_reason(earlier: RuleFact) -> None:
    verdict = _judge(Counter(hook="forward", jump="DROP"), _lab(earlier, _rule(FORWARD, target="drop")))
    assert verdict.hint == "the rule ip filter FORWARD drop has matched 0 packets"


@pytest.mark.parametrize("target", ["accept", "drop", "reject", "return", "masquerade", "dnat to 10.0.0.2",
                                    "snat to 10.0.0.2"])
def test_an_earlier_rule_that_takes_all_is_the_reason(target: str) -> None:
    snapshot = _lab(_rule(FORWARD, target=target), _rule(FORWARD, "iifname br0", target="jump MINE"))
    verdict = _judge(Counter(hook="forward", jump="MINE", **{"in": "br0"}), snapshot)
    assert "stands before it and takes them" in verdict.hint


@pytest.mark.parametrize("rules", [
    (_rule(FORWARD, "ip saddr 192.168.0.0/24"),),
    (_rule(FORWARD, "iifname br0"),),
    (_rule(FORWARD, "meta l4proto { icmp, tcp }"),),
    (_rule(FORWARD, "ct state established,new"),),
    (_rule(FORWARD, "tcp dport 80", target="drop"), _rule(FORWARD, "oifname != br0")),
    (_rule(FORWARD, target="jump MINE"), _rule(MINE, target="return"), _rule(FORWARD)),
    (_rule(FORWARD, target="jump MINE"), _rule(MINE, "ip daddr != 192.168.0.2")),
    (_rule(FORWARD, "xt pkttype 0x01"),),  # not understood: it may let the packet pass
    (_rule(FORWARD, "ip saddr 10.0.0.1-10.0.0.9"),),
])
def test_a_ping_that_passes_the_filters(rules: tuple[RuleFact, ...]) -> None:
    assert _stopped(ONE, SERVER, *rules, chains=(CLOSED, MINE)) == ""
