"""A packet rule in its three forms, what cannot be a rule, and the words for it in a lab."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.counter import Counter
from checks.language.statement import Mistake, Statement
from checks.reasoning.rule_commands import specification_of
from checks.rule import Rule
from labrunner.actions.add_rule import AddRule
from labrunner.actions.publish_port import PublishPort
from labrunner.actions.set_policy import SetPolicy
from runtime.facts.rules import Rule as RuleFact
from runtime.network.builtin_chains import CHAINS, HOOKS, TABLES, hook_of, table_for
from runtime.network.rule_specification import Specification

FORMS = [  # the rule, its words in iptables(8), its matches and its target in a Snapshot
    (Specification(), "-j ACCEPT", (), "accept"),
    (Specification(source="10.0.0.0/8", jump="DROP"), "-s 10.0.0.0/8 -j DROP", ("ip saddr 10.0.0.0/8",), "drop"),
    (Specification(source="0.0.0.0/0", jump="REJECT"), "-s 0.0.0.0/0 -j REJECT", (), "reject"),
    (Specification(not_source="10.2.16.0/20", not_destination="10.0.0.1/32", jump="RETURN"),
     "! -s 10.2.16.0/20 ! -d 10.0.0.1/32 -j RETURN", ("ip daddr != 10.0.0.1", "ip saddr != 10.2.16.0/20"), "return"),
    (Specification(destination="10.0.0.1", in_="br0", not_out="eth+", jump="MINE"),
     "-d 10.0.0.1 -i br0 ! -o eth+ -j MINE", ("iifname br0", "ip daddr 10.0.0.1", "oifname != eth*"), "jump MINE"),
    (Specification(not_in="br0", out="eth0"), "! -i br0 -o eth0 -j ACCEPT", ("iifname != br0", "oifname eth0"),
     "accept"),
    (Specification(in_="a+", out="b+"), "-i a+ -o b+ -j ACCEPT", ("iifname a*", "oifname b*"), "accept"),
    (Specification(not_in="a+"), "! -i a+ -j ACCEPT", ("iifname != a*",), "accept"),
    (Specification(protocol="icmp"), "-p icmp -j ACCEPT", ("meta l4proto icmp",), "accept"),
    (Specification(protocol="tcp", port=80), "-p tcp --dport 80 -j ACCEPT", ("tcp dport 80",), "accept"),
    (Specification(protocol="udp", port=65535), "-p udp --dport 65535 -j ACCEPT", ("udp dport 65535",), "accept"),
    (Specification(state=("new", "invalid")), "-m conntrack --ctstate NEW,INVALID -j ACCEPT",
     ("ct state invalid,new",), "accept"),
    (Specification(state=("related", "established", "related")),
     "-m conntrack --ctstate RELATED,ESTABLISHED,RELATED -j ACCEPT", ("ct state established,related",), "accept"),
    (Specification(source="10.0.0.0/9", not_out="br0", jump="MASQUERADE"),
     "-s 10.0.0.0/9 ! -o br0 -j MASQUERADE", ("ip saddr 10.0.0.0/9", "oifname != br0"), "masquerade"),
    (Specification(protocol="tcp", port=8080, jump="DNAT", to="192.168.0.2:80"),
     "-p tcp --dport 8080 -j DNAT --to-destination 192.168.0.2:80", ("tcp dport 8080",), "dnat to 192.168.0.2:80"),
    (Specification(jump="DNAT", to="192.168.0.2"), "-j DNAT --to-destination 192.168.0.2", (), "dnat to 192.168.0.2"),
    (Specification(out="eth0", protocol="udp", jump="SNAT", to="203.0.113.2:5000"),
     "-o eth0 -p udp -j SNAT --to-source 203.0.113.2:5000", ("meta l4proto udp", "oifname eth0"),
     "snat to 203.0.113.2:5000"),
]


@pytest.mark.parametrize(("rule", "words", "matches", "target"), FORMS, ids=[case[1] for case in FORMS])
def test_three_forms(rule: Specification, words: str, matches: tuple[str, ...], target: str) -> None:
    assert rule.words() == words
    assert rule.normal() == (matches, target)


@pytest.mark.parametrize("rule", [case[0] for case in FORMS], ids=[case[1] for case in FORMS])
def test_back_from_a_snapshot(rule: Specification) -> None:
    matches, target = rule.normal()
    found = specification_of(RuleFact("ip", "filter", "FORWARD", "forward", matches, target, 0, 0))
    assert found
    assert found.normal() == (matches, target)


@pytest.mark.parametrize(("matches", "target"), [
    (("tcp dport { 80, 443 }",), "accept"),
    (("tcp dport 80-90",), "accept"),
    (("tcp sport 80",), "accept"),
    (("ip saddr 10.0.0.1-10.0.0.3",), "accept"),
    (("ct state ! new",), "accept"),
    (("ct state untracked",), "accept"),
    (("tcp dport 80", "udp dport 80"), "accept"),
    (("xt pkttype 0x01",), "drop"),
    ((), 'log prefix "x" drop'),
    ((), "goto MINE"),
    ((), "masquerade random"),
    ((), "dnat to 10.0.0.2-10.0.0.3"),
    ((), ""),
])
def test_what_has_no_words_here(matches: tuple[str, ...], target: str) -> None:
    assert specification_of(RuleFact("ip", "filter", "FORWARD", "forward", matches, target, 0, 0)) is None


subnets = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 32)).map(
    lambda pair: ".".join(map(str, (pair[0] >> 32 - pair[1] << 32 - pair[1]).to_bytes(4, "big"))) + f"/{pair[1]}")
names = st.text("abcxyz019_-.", min_size=1, max_size=15)
parts: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({
    "source": st.none() | subnets, "not_destination": st.none() | subnets, "in_": st.none() | names,
    "not_out": st.none() | names, "port": st.none() | st.integers(1, 65535),
    "protocol": st.sampled_from(["tcp", "udp"]),
    "state": st.lists(st.sampled_from(["new", "established", "related", "invalid"]), unique=True).map(tuple),
    "jump": st.sampled_from(["ACCEPT", "DROP", "REJECT", "RETURN", "MASQUERADE", "MINE"]),
})
rules = parts.map(lambda each: Specification(**each))


@given(rule=rules)
def test_any_rule_goes_there_and_back(rule: Specification) -> None:
    matches, target = rule.normal()
    found = specification_of(RuleFact("ip", "filter", "FORWARD", "forward", matches, target, 0, 0))
    assert found
    assert found._replace(state=()) == rule._replace(source=_host(rule.source), state=(),
                                                     not_destination=_host(rule.not_destination))
    assert {*found.state} == {*rule.state}


def _host(subnet: str | None) -> str | None:
    return subnet and subnet.removesuffix("/32")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("chain", CHAINS)
def test_a_hook_has_its_chain_in_the_tables_that_have_it(table: str, chain: str) -> None:
    assert hook_of(table, chain) in ("", chain.lower())
    assert table_for(chain.lower(), "ACCEPT") in TABLES
    assert hook_of(table_for(chain.lower(), "ACCEPT"), chain) == chain.lower()
    assert hook_of(table, "MINE") == ""


def test_where_a_rule_belongs() -> None:
    assert [table_for(hook, "DROP") for hook in HOOKS] == ["mangle", "filter", "filter", "filter", "mangle"]
    assert [table_for("prerouting", target) for target in ("DNAT", "MINE")] == ["nat", "mangle"]
    assert [table_for("", target) for target in ("DNAT", "MINE")] == ["nat", "filter"]


# What a lab can't say

IN = "in"
MISTAKES: list[tuple[type[Statement], dict[str, Any], str, str]] = [  # the word, its arguments, which is wrong, why
    (AddRule, {"chain": "FORWARD"}, "", "'jump' is missing"),
    (AddRule, {"chain": "PREROUTING", "jump": "DROP"}, "chain",
     "the table filter has no chain PREROUTING; it has INPUT, FORWARD, OUTPUT"),
    (AddRule, {"chain": "FORWARD", "table": "nat", "jump": "ACCEPT"}, "chain", "the table nat has no chain FORWARD"),
    (AddRule, {"chain": "forward", "jump": "DROP"}, "chain", "'forward' has to be in capitals: 'FORWARD'"),
    (AddRule, {"chain": "INPUT", "jump": "drop"}, "jump", "'drop' has to be in capitals: 'DROP'"),
    (AddRule, {"chain": "INPUT", "jump": "LOG"}, "jump", "'LOG' is not among the targets that a lab can use"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "source": "fd00::/64"}, "source", "is IPv6"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "source": "10.0.0.0/8", "not_source": "10.0.0.0/9"}, "not_source",
     "'source' or 'not_source', not both"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", IN: "a", "not_in": "b"}, "not_in", "'in' or 'not_in', not both"),
    (AddRule, {"chain": "OUTPUT", "jump": "DROP", "out": "a", "not_out": "b"}, "not_out", "not both"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "destination": "10.0.0.1", "not_destination": "10.0.0.2"},
     "not_destination", "not both"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "not_source": "0.0.0.0/0"}, "not_source", "no address is outside"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "port": 80}, "port", "give the 'protocol' too"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "port": 80, "protocol": "icmp"}, "port", "only tcp and udp"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "out": "eth0"}, "out",
     "at input, iptables takes no 'out': it takes it at forward, output, postrouting"),
    (AddRule, {"chain": "PREROUTING", "table": "raw", "jump": "DROP", "not_out": "eth0"}, "not_out", "at prerouting"),
    (AddRule, {"chain": "OUTPUT", "jump": "DROP", IN: "eth0"}, "in", "at output, iptables takes no 'in'"),
    (AddRule, {"chain": "POSTROUTING", "table": "mangle", "jump": "DROP", "not_in": "a"}, "not_in", "at postrouting"),
    (AddRule, {"chain": "INPUT", "jump": "MASQUERADE"}, "jump",
     "MASQUERADE belongs into the table nat, not into filter"),
    (AddRule, {"chain": "MINE", "jump": "DNAT", "to": "10.0.0.2"}, "jump", "DNAT belongs into the table nat"),
    (AddRule, {"chain": "PREROUTING", "table": "nat", "jump": "MASQUERADE"}, "jump",
     "MASQUERADE can be at postrouting, not at prerouting"),
    (AddRule, {"chain": "POSTROUTING", "table": "nat", "jump": "DNAT", "to": "10.0.0.2"}, "jump",
     "DNAT can be at prerouting and output, not at postrouting"),
    (AddRule, {"chain": "OUTPUT", "table": "nat", "jump": "SNAT", "to": "10.0.0.2"}, "jump", "not at output"),
    (AddRule, {"chain": "PREROUTING", "table": "raw", "jump": "REJECT"}, "jump",
     "REJECT belongs into the table filter"),
    (AddRule, {"chain": "POSTROUTING", "table": "nat", "jump": "DROP"}, "jump", "iptables refuses DROP there"),
    (AddRule, {"chain": "PREROUTING", "table": "nat", "jump": "DNAT"}, "", "'to' is missing"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "to": "10.0.0.2"}, "to", "'to' is for DNAT and SNAT; DROP takes none"),
    (AddRule, {"chain": "PREROUTING", "table": "nat", "jump": "DNAT", "to": "10.0.0.2:80"}, "to",
     "or leave the port out"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "at": 0}, "at", "from 1"),
    (AddRule, {"chain": "INPUT", "jump": "DROP", "state": ["NEW"]}, "state", "'NEW' is not one of new, established"),
    (SetPolicy, {"chain": "MINE", "policy": "DROP"}, "chain", "a chain of one's own has no policy"),
    (SetPolicy, {"chain": "FORWARD", "policy": "REJECT"}, "policy", "is not one of ACCEPT, DROP"),
    (SetPolicy, {"chain": "PREROUTING", "policy": "DROP"}, "chain", "the table filter has no chain PREROUTING"),
    (SetPolicy, {"chain": "OUTPUT", "policy": "DROP", "table": "nat"}, "policy", "iptables refuses DROP there"),
    (PublishPort, {"port": 80, "to": "fd00::2"}, "to", "is IPv6"),
    (PublishPort, {"port": 80, "to": "10.0.0.2", "not_in": "br0", "chain": "OUTPUT"}, "not_in", "came in by no"),
    (Rule, {"jump": "DROP"}, "", "give one of the two"),
    (Rule, {"jump": "DROP", "hook": "input", "chain": "MINE"}, "", "give one of the two"),
    (Rule, {"jump": "DROP", "chain": "INPUT"}, "chain", "is a chain that tables have by themselves"),
    (Rule, {"jump": "DROP", "hook": "input", "out": "eth0"}, "out", "at input"),
    (Counter, {"jump": "DROP", "hook": "input", "packets": "none", "at_least": 3}, "at_least", "leave one of the two"),
]


@pytest.mark.parametrize(("made", "given_", "key", "says"), MISTAKES,
                         ids=[f"{case[0].__name__} {case[1]}" for case in MISTAKES])
def test_mistakes_name_the_argument(made: type[Statement], given_: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        made(**given_)
    assert caught.value.key == key
    assert says in caught.value.says


@pytest.mark.parametrize("given_", [
    {"source": "10.0.0.0/33"}, {"source": "x"}, {"source": "fd00::1"}, {"in_": "a" * 16}, {"out": "a b"}, {"out": ""},
    {"in_": "a", "not_in": "b"}, {"source": "10.0.0.0/8", "not_source": "10.0.0.0/8"}, {"not_source": "0.0.0.0/0"},
    {"jump": "DNAT"}, {"jump": "DNAT", "to": "10.0.0.2:0"}, {"jump": "SNAT", "to": "10.0.0.2:65536"},
    {"jump": "DNAT", "to": "10.0.0.2:"}, {"jump": "DNAT", "to": "[fd00::1]:80"},
])
def test_no_octets_for_what_cannot_be(given_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"rule|IPv4|prefix|port|name|outside"):
        Specification(**given_).expressions()
