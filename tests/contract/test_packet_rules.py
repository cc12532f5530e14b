"""Packet rules written over netlink: the very ones of iptables-nft, at work on real packets; and the checks on them.

Real tools, a real kernel.
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from checks.chain_policy import ChainPolicy
from checks.counter import Counter
from checks.language.check import Check
from checks.ping import Ping
from checks.reasoning.wording import command_of
from checks.rule import Rule
from checks.tcp import Tcp
from labrunner.action import Action
from labrunner.actions.add_chain import AddChain
from labrunner.actions.add_rule import AddRule
from labrunner.actions.delete_rule import DeleteRule
from labrunner.actions.publish_port import PublishPort
from labrunner.actions.set_policy import SetPolicy
from runtime.facts.rules import read_rules
from runtime.netlink.nf_tables import messages
from runtime.probes import ping
from tests.judging import judge
from tests.serving import listen

if TYPE_CHECKING:
    from tests.conftest import Lab

InSandbox = Callable[..., Any]
IN = "in"

TWO_HOSTS = """
ip netns add c1; ip netns add c2; sysctl -qw net.ipv4.ip_forward=1
for n in 1 2; do
    ip link add veth$n type veth peer name ceth netns c$n; ip addr add 10.0.$n.1/24 dev veth$n; ip link set veth$n up
    ip -n c$n addr add 10.0.$n.2/24 dev ceth; ip -n c$n link set ceth up; ip -n c$n link set lo up
    ip -n c$n route add default via 10.0.$n.1
done
"""
ONE, TWO = "10.0.1.2", "10.0.2.2"

EVERY: list[Action] = [
    AddChain(name="MINE"),
    SetPolicy(chain="FORWARD", policy="DROP"),
    AddRule(chain="FORWARD", source="10.1.0.0/16", not_destination="10.2.16.0/20", **{IN: "br0"}, not_out="eth+",
            protocol="tcp", port=80, state=["new", "established"], jump="ACCEPT"),
    AddRule(chain="FORWARD", state=["related", "invalid"], protocol="udp", port=65535, jump="DROP"),
    AddRule(chain="FORWARD", not_source="10.0.0.1", destination="10.0.0.0/9", not_in="a", out="b", jump="MINE"),
    AddRule(chain="FORWARD", protocol="icmp", jump="REJECT", at=2),
    AddRule(chain="MINE", jump="RETURN"),
    AddRule(chain="MINE", protocol="tcp", jump="REJECT", at=1),
    AddRule(chain="INPUT", state="new", jump="REJECT"),
    AddRule(chain="OUTPUT", jump="ACCEPT"),
    PublishPort(port=8080, to="192.168.0.2", to_port=80, not_in="br0", address="203.0.113.2"),
    PublishPort(port=53, to="192.168.0.2", protocol="udp", chain="OUTPUT"),
    AddRule(table="nat", chain="PREROUTING", jump="DNAT", to="192.168.0.3"),
    AddRule(table="nat", chain="POSTROUTING", out="eth0", jump="SNAT", to="203.0.113.2"),
    AddRule(table="nat", chain="POSTROUTING", protocol="udp", jump="SNAT", to="203.0.113.2:5000"),
    AddRule(table="nat", chain="INPUT", jump="SNAT", to="203.0.113.2"),
    *(AddRule(table="mangle", chain=chain, jump="ACCEPT")
      for chain in ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")),
    *(AddRule(table="raw", chain=chain, protocol="icmp", jump="DROP") for chain in ("PREROUTING", "OUTPUT")),
]


def _objects(lab: Lab, do: Callable[[Lab, Action], None]) -> list[bytes]:
    """All that is in nf_tables in the end, as the kernel dumps it, handles and positions too, table by table."""
    for action in EVERY:
        do(lab, action)
    netlink = lab.namespaces.host.netfilter
    kinds = messages.NEWTABLE + 1, messages.GETCHAIN, messages.GETRULE
    return [body[:2] + body[4:] for kind in kinds for body in netlink.dump(kind, messages.header(), "dump")]


def test_the_same_octets_as_iptables(in_sandbox: InSandbox) -> None:
    ours = in_sandbox(_objects, lambda lab, action: action.apply(lab.host))
    theirs = in_sandbox(_objects, lambda lab, action: lab.shell(action.command()))
    assert len(ours) == 4 + 15 + len(EVERY) - 2
    assert ours == theirs


def test_iptables_lists_and_deletes_what_was_written(in_sandbox: InSandbox) -> None:
    def play(lab: Lab) -> None:
        for action in EVERY:
            action.apply(lab.host)
        listed = lab.shell("iptables-save").splitlines()
        assert ":FORWARD DROP [0:0]" in listed
        assert ("-A FORWARD -s 10.1.0.0/16 ! -d 10.2.16.0/20 -i br0 ! -o eth+ -p tcp -m tcp --dport 80 -m conntrack "
                "--ctstate NEW,ESTABLISHED -j ACCEPT") in listed
        assert "-A FORWARD ! -s 10.0.0.1/32 -d 10.0.0.0/9 ! -i a -o b -j MINE" in listed
        assert "-A POSTROUTING -p udp -j SNAT --to-source 203.0.113.2:5000" in listed
        for action in EVERY:
            if isinstance(action, AddRule | PublishPort):
                words = action.specification.words()
                chain, table = action.chain, getattr(action, "table", "nat")
                lab.shell(f"iptables -t {table} -D {chain} {words}")
        assert read_rules(lab.namespaces.host.netfilter)[1] == ()

    in_sandbox(play)


def test_what_iptables_wrote_is_deleted(in_sandbox: InSandbox) -> None:
    rules = [action for action in EVERY if isinstance(action, AddRule)]

    def play(lab: Lab) -> None:
        lab.shell("iptables -N MINE")
        for action in rules:
            lab.shell(action.command())
        for action in rules:
            given = {name: list(value) if name == "state" else value for name, value in action.values().items()
                     if name != "at" and value is not None}
            DeleteRule(**given).apply(lab.host)
        assert read_rules(lab.namespaces.host.netfilter)[1] == ()

    in_sandbox(play)


def test_the_place_of_a_rule(in_sandbox: InSandbox) -> None:
    def play(lab: Lab) -> list[str]:
        for port, at in ((1, None), (2, 1), (3, 2), (4, 4), (5, None), (6, 5), (7, 1)):
            AddRule(chain="INPUT", protocol="tcp", port=port, jump="DROP", **({"at": at} if at else {})).apply(lab.host)
        return [line.split()[7] for line in lab.shell("iptables -S INPUT").splitlines()[1:]]

    assert in_sandbox(play) == ["7", "2", "3", "1", "4", "6", "5"]


# The checks: whoever wrote the rule


class Pair(NamedTuple):
    """A check, and the same rule in the words of both tools. kind: that of nft's chain."""

    check: dict[str, Any]
    iptables: str
    kind: str
    nft: str
    family: str = "ip"


FILTER = "type filter hook forward priority 0"
PAIRS = [
    Pair({"hook": "forward", "source": "10.0.0.0/8", "jump": "DROP"}, "-A FORWARD -s 10.0.0.0/8 -j DROP",
         FILTER, "ip saddr 10.0.0.0/8 counter drop"),
    Pair({"hook": "forward", "source": "10.2.16.0/20", "not_destination": "10.0.0.1", "jump": "ACCEPT"},
         "-A FORWARD -s 10.2.16.0/20 ! -d 10.0.0.1 -j ACCEPT", FILTER,
         "ip daddr != 10.0.0.1 ip saddr 10.2.16.0/20 counter accept", "inet"),
    Pair({"hook": "forward", IN: "br0", "not_out": "br0", "jump": "ACCEPT"}, "-A FORWARD -i br0 ! -o br0 -j ACCEPT",
         FILTER, 'oifname != "br0" iifname { "br0" } counter accept', "inet"),
    Pair({"hook": "input", "not_in": "lo", "jump": "DROP"}, "-A INPUT ! -i lo -j DROP",
         "type filter hook input priority 0", "iif != lo counter drop", "inet"),
    Pair({"hook": "output", "out": "lo", "jump": "ACCEPT"}, "-A OUTPUT -o lo -j ACCEPT",
         "type filter hook output priority 0", 'oif { "lo" } counter accept'),
    Pair({"hook": "forward", "state": ["established", "related"], "jump": "ACCEPT"},
         "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", FILTER,
         "ct state { related, established } counter accept", "inet"),
    Pair({"hook": "input", "protocol": "tcp", "port": 80, "state": "new", "jump": "ACCEPT"},
         "-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT", "type filter hook input priority 5",
         "ct state new tcp dport http counter accept", "inet"),
    Pair({"hook": "input", "protocol": "icmp", "jump": "REJECT"}, "-A INPUT -p icmp -j REJECT",
         "type filter hook input priority 0", "ip protocol icmp counter reject", "inet"),
    Pair({"hook": "output", "protocol": "udp", "port": 53, "out": "eth0", "jump": "DROP"},
         "-A OUTPUT -o eth0 -p udp --dport 53 -j DROP", "type filter hook output priority 0",
         'meta l4proto udp udp dport { 53 } oifname "eth0" counter drop'),
    Pair({"hook": "postrouting", "source": "192.168.0.0/24", "not_out": "br0", "jump": "MASQUERADE"},
         "-t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE", "type nat hook postrouting priority 100",
         'oifname != "br0" ip saddr 192.168.0.0/24 counter masquerade', "inet"),
    Pair({"hook": "postrouting", "protocol": "tcp", "jump": "SNAT", "to": "203.0.113.2:5000"},
         "-t nat -A POSTROUTING -p tcp -j SNAT --to-source 203.0.113.2:5000",
         "type nat hook postrouting priority 100", "ip protocol tcp counter snat to 203.0.113.2:5000"),
    Pair({"hook": "prerouting", "not_in": "br0", "protocol": "tcp", "port": 8080, "jump": "DNAT",
          "to": "192.168.0.2:80"},
         "-t nat -A PREROUTING ! -i br0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.0.2:80",
         "type nat hook prerouting priority -100", 'tcp dport 8080 iifname != "br0" counter dnat ip to 192.168.0.2:80',
         "inet"),
    Pair({"hook": "prerouting", "destination": "203.0.113.2", "jump": "DNAT", "to": "192.168.0.2"},
         "-t nat -A PREROUTING -d 203.0.113.2 -j DNAT --to-destination 192.168.0.2",
         "type nat hook prerouting priority -100", "ip daddr 203.0.113.2 counter dnat to 192.168.0.2"),
    Pair({"hook": "forward", "jump": "MINE"}, "-A FORWARD -j MINE", FILTER, "counter jump MINE", "inet"),
    Pair({"chain": "MINE", "protocol": "icmp", "jump": "RETURN"}, "-A MINE -p icmp -j RETURN", "",
         "meta l4proto icmp counter return", "inet"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.iptables for pair in PAIRS])
def test_checks_see_the_rules_of_both_tools(in_sandbox: InSandbox, pair: Pair) -> None:
    check = Rule(**pair.check)
    unused = Counter(**pair.check, packets="none")

    def by_iptables(lab: Lab) -> None:
        lab.shell(f"iptables -N MINE; iptables {pair.iptables}")

    def by_nft(lab: Lab) -> None:
        chain = f"chain c {{ {pair.kind}; {pair.nft}; }};" if pair.kind else ""
        own = f"chain MINE {{ {'' if pair.kind else pair.nft} ; }};"
        lab.shell(f"nft {shlex.quote(f'add table {pair.family} lab {{ {own} {chain} }}')}")

    def by_netlink(lab: Lab) -> None:
        lab.network.add_chain("MINE", "filter", "labhost")
        table = "nat" if pair.iptables.startswith("-t nat") else "filter"
        chain = pair.iptables.partition("-A ")[2].split()[0]
        lab.network.add_rule(table, chain, check.specification, "labhost")

    def judged(lab: Lab, write: Callable[[Lab], None]) -> list[str]:
        before = judge(lab, [check])
        write(lab)
        return [verdict.outcome for verdict in (*before, *judge(lab, [check, unused]))]

    for write in (by_iptables, by_nft, by_netlink):
        assert in_sandbox(judged, write) == ["fail", "pass", "pass"]


def test_following_a_hint_makes_the_rule(in_sandbox: InSandbox) -> None:
    """What stands after the last ': ' works as it is."""
    checks = [Rule(**{**pair.check, "netns": "c1"}) for pair in PAIRS]

    def follow(lab: Lab, check: Check) -> str:
        lab.shell("ip netns add c1")
        for verdict in judge(lab, [check]):
            lab.shell(command_of(verdict.hint))
        return judge(lab, [check])[0].outcome

    assert [in_sandbox(follow, check) for check in checks] == ["pass"] * len(checks)


def test_following_a_hint_deletes_it_again(in_sandbox: InSandbox) -> None:
    def follow(lab: Lab, pair: Pair) -> list[str]:
        check = Rule(**pair.check, exists=False)
        lab.shell(f"iptables -N MINE; iptables {pair.iptables}")
        found = judge(lab, [check])
        lab.shell(command_of(found[0].hint))
        return [found[0].outcome, judge(lab, [check])[0].outcome]

    assert [in_sandbox(follow, pair) for pair in PAIRS] == [["fail", "pass"]] * len(PAIRS)


def test_policies_of_both_tools(in_sandbox: InSandbox) -> None:
    closed, open_ = ChainPolicy(hook="forward", policy="DROP"), ChainPolicy(hook="forward", policy="ACCEPT")

    def outcomes(lab: Lab) -> list[str]:
        return [verdict.outcome for verdict in judge(lab, [closed, open_])]

    def play(lab: Lab, write: str) -> list[str]:
        before = outcomes(lab)
        lab.shell(write)
        written = outcomes(lab)
        lab.shell(command_of(judge(lab, [open_])[0].hint))
        return before + written + outcomes(lab)

    for write in ("iptables -P FORWARD DROP",
                  "nft 'add table inet lab { chain c { type filter hook forward priority 5; policy drop; }; }'"):
        assert in_sandbox(play, write) == ["fail", "pass", "pass", "fail", "fail", "pass"]


# At work


def _connects(lab: Lab, netns: str, to: tuple[str, int]) -> str:
    """'yes', or why a TCP connection does not come about."""
    with lab.namespaces[netns].entered():
        asking = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with asking:
        asking.settimeout(0.3)
        try:
            asking.connect(to)
        except OSError as error:
            return type(error).__name__
    return "yes"


def _between(lab: Lab, *actions: Action) -> str:
    """What becomes of a connection from c1 to the port 80 of c2, through the lab host, after `actions`."""
    lab.shell(TWO_HOSTS)
    for action in actions:
        action.apply(lab.host)
    with listen(lab, "c2", 80):
        return _connects(lab, "c1", (TWO, 80))


DROP_ALL = SetPolicy(chain="FORWARD", policy="DROP")
REPLIES = AddRule(chain="FORWARD", state=["established", "related"], jump="ACCEPT")
CONNECTIONS: list[tuple[list[Action], str]] = [
    ([], "yes"),
    ([DROP_ALL], "TimeoutError"),
    ([DROP_ALL, REPLIES], "TimeoutError"),
    ([DROP_ALL, REPLIES, AddRule(chain="FORWARD", protocol="tcp", port=80, jump="ACCEPT")], "yes"),
    ([DROP_ALL, REPLIES, AddRule(chain="FORWARD", protocol="tcp", port=81, jump="ACCEPT")], "TimeoutError"),
    ([DROP_ALL, REPLIES, AddRule(chain="FORWARD", protocol="udp", port=80, jump="ACCEPT")], "TimeoutError"),
    ([DROP_ALL, REPLIES, AddRule(chain="FORWARD", source=ONE, **{IN: "veth1"}, out="veth2", state="new",
                                 jump="ACCEPT")], "yes"),
    ([DROP_ALL, REPLIES, AddRule(chain="FORWARD", not_source="10.0.0.0/23", jump="ACCEPT")], "TimeoutError"),
    ([AddRule(chain="FORWARD", destination="10.0.2.0/24", protocol="tcp", jump="REJECT")], "ConnectionRefusedError"),
    ([AddRule(chain="INPUT", jump="DROP", netns="c2")], "TimeoutError"),
    ([AddChain(name="MINE"), AddRule(chain="FORWARD", jump="MINE"), AddRule(chain="MINE", jump="REJECT")],
     "ConnectionRefusedError"),
    ([AddChain(name="MINE"), AddRule(chain="FORWARD", jump="MINE"), AddRule(chain="MINE", jump="RETURN"),
      AddRule(chain="MINE", jump="REJECT")], "yes"),
    ([AddRule(chain="FORWARD", jump="REJECT"), AddRule(chain="FORWARD", jump="ACCEPT", at=1)], "yes"),
    ([AddRule(chain="FORWARD", jump="REJECT"), DeleteRule(chain="FORWARD", jump="REJECT")], "yes"),
    ([AddRule(table="raw", chain="PREROUTING", protocol="tcp", jump="DROP")], "TimeoutError"),
]


@pytest.mark.parametrize(("actions", "outcome"), CONNECTIONS,
                         ids=["; ".join(action.command() for action in case[0]) for case in CONNECTIONS])
def test_rules_at_work(in_sandbox: InSandbox, actions: list[Action], outcome: str) -> None:
    assert in_sandbox(_between, *actions) == outcome


ONE_BRIDGE = """
ip link add br0 type bridge; ip link set br0 up
for n in 1 2; do
    ip netns add c$n; ip link add veth$n type veth peer name ceth netns c$n; ip link set veth$n master br0 up
    ip -n c$n addr add 10.0.0.$n/24 dev ceth; ip -n c$n link set ceth up
done
"""


def test_rules_are_not_for_what_only_passes_a_bridge(in_sandbox: InSandbox) -> None:
    """Whatever the machine has set: where br_netfilter is loaded, the setting is 1 in every new netns."""
    def play(lab: Lab) -> str:
        lab.shell(ONE_BRIDGE)
        DROP_ALL.apply(lab.host)
        with listen(lab, "c2", 80):
            return _connects(lab, "c1", ("10.0.0.2", 80))

    assert in_sandbox(play) == "yes"


PUBLISHED = PublishPort(port=8080, to=TWO, to_port=80)


def test_a_published_port(in_sandbox: InSandbox) -> None:
    def play(lab: Lab) -> list[str]:
        lab.shell(TWO_HOSTS)
        found = []
        with listen(lab, "c2", 80):
            found.append(_connects(lab, "c1", ("10.0.1.1", 8080)))
            PUBLISHED.apply(lab.host)
            lab.observer.observe()
            found += [_connects(lab, "c1", ("10.0.1.1", port)) for port in (8080, 8081)]
            lab.observer.observe()  # before another rule is made
            found.append(_connects(lab, "labhost", ("10.0.1.1", 8080)))
            PublishPort(port=8080, to=TWO, to_port=80, chain="OUTPUT", address="10.0.1.1").apply(lab.host)
            found.append(_connects(lab, "labhost", ("10.0.1.1", 8080)))
        rule = {"hook": "prerouting", "protocol": "tcp", "port": 8080, "jump": "DNAT", "to": f"{TWO}:80"}
        counted: tuple[dict[str, Any], ...] = {}, {"at_least": 1}, {"at_least": 2}, {"packets": "none"}
        return found + [verdict.outcome for verdict in judge(
            lab, [Counter(**rule, **each) for each in counted], lab.observer)]

    refused = "ConnectionRefusedError"
    assert in_sandbox(play) == [refused, "yes", refused, refused, "yes", "pass", "pass", "fail", "fail"]


def test_the_source_is_changed(in_sandbox: InSandbox) -> None:
    def play(lab: Lab) -> str:
        lab.shell(TWO_HOSTS)
        AddRule(table="nat", chain="POSTROUTING", out="veth2", protocol="tcp", jump="SNAT", to="10.0.2.1:5000").apply(
            lab.host)
        with listen(lab, "c2", 80) as listener:
            assert _connects(lab, "c1", (TWO, 80)) == "yes"
            return str(listener.accept()[1])

    assert in_sandbox(play) == "('10.0.2.1', 5000)"


# A ping that is filtered, and what a learner reads and does then

STOPPED = [  # commands, and what the hint has to name
    ("iptables -P FORWARD DROP", ["labhost", "FORWARD", "DROP", "-s 10.0.1.2 -d 10.0.2.2"]),
    ("iptables -P FORWARD DROP; iptables -A FORWARD -i veth1 -j ACCEPT", ["answer", "ESTABLISHED"]),
    ("iptables -P FORWARD DROP; iptables -A FORWARD -j DROP; iptables -A FORWARD -j ACCEPT", ["-D FORWARD -j DROP"]),
    ("iptables -A FORWARD -d 10.0.2.0/24 -j REJECT", ["rejects", "iptables -D FORWARD -d 10.0.2.0/24 -j REJECT"]),
    ("ip netns exec c2 iptables -P INPUT DROP", ["c2", "INPUT", "DROP"]),
    ("ip netns exec c2 iptables -A OUTPUT -p icmp -j DROP", ["c2", "answer", "-D OUTPUT -p icmp -j DROP"]),
    ("ip netns exec c1 iptables -P OUTPUT DROP", ["c1", "OUTPUT", "DROP"]),
    ("ip netns exec c1 iptables -P INPUT DROP", ["c1", "INPUT", "ESTABLISHED,RELATED"]),
    ("iptables -N MINE; iptables -A FORWARD -j MINE; iptables -A MINE -p icmp -j DROP", ["-D MINE -p icmp -j DROP"]),
    ("nft 'add table inet lab { chain c { type filter hook forward priority 5; policy drop; }; }'",
     ["inet lab c", "nft add rule"]),
    ("iptables -t raw -A PREROUTING -i veth1 -j DROP", ["-t raw -D PREROUTING -i veth1 -j DROP"]),
]


@pytest.mark.parametrize(("setup", "named"), STOPPED, ids=[case[0] for case in STOPPED])
def test_the_hints_explain_and_mend_a_filtered_ping(in_sandbox: InSandbox, setup: str, named: list[str]) -> None:
    check = Ping(**{"from": "c1"}, to=TWO)

    def play(lab: Lab) -> tuple[list[str], str]:
        ping.PATIENCE = 0.2
        lab.shell(TWO_HOSTS)
        assert judge(lab, [check])[0].outcome == "pass"
        lab.shell(setup)
        hints: list[str] = []
        while len(hints) < 3 and (verdict := judge(lab, [check])[0]).outcome == "fail":
            hints.append(verdict.hint)
            lab.shell(command_of(verdict.hint))
        return hints, judge(lab, [check])[0].outcome

    hints, outcome = in_sandbox(play)
    assert hints
    assert all(word in hints[0] for word in named), hints
    assert outcome == "pass", hints


# What a learner reads when a rule stops a connection, and does

STOPPING = [
    "iptables -A INPUT -p tcp --dport 9000 -j DROP",
    "iptables -A INPUT -i veth0 -p tcp -j REJECT",
    "iptables -A INPUT -s 10.0.0.2 -j DROP",
    "iptables -P INPUT DROP",
    "iptables -N OWN; iptables -A OWN -p tcp --dport 9000 -j REJECT; iptables -A INPUT -j OWN",
    "ip netns exec c1 iptables -A OUTPUT -p tcp --dport 9000 -j DROP",
    "ip netns exec c1 iptables -P INPUT DROP",
    "nft add table inet t; nft 'add chain inet t in { type filter hook input priority 0; policy drop; }'",
]


@pytest.mark.parametrize("stop", STOPPING)
def test_the_hints_let_a_connection_pass(in_sandbox: InSandbox, stop: str) -> None:
    assert in_sandbox(_let_pass, stop) == []


def _let_pass(lab: Lab, stop: str) -> list[str]:
    """What is still wrong after a learner has done what the hints say, step after step."""
    lab.shell("""ip netns add c1; ip link add veth0 type veth peer name ceth0 netns c1; ip link set lo up;
        ip addr add 10.0.0.1/24 dev veth0; ip link set veth0 up; mkdir /tmp/web
        ip -n c1 addr add 10.0.0.2/24 dev ceth0; ip -n c1 link set ceth0 up""")
    lab.host.serve("/tmp/web", 9000, "labhost")
    check = Tcp(**{"from": "c1"}, to="10.0.0.1", port=9000)
    ping.PATIENCE = 0.3
    assert judge(lab, [check])[0].outcome == "pass"
    lab.shell(stop)
    (verdict,) = judge(lab, [check])
    assert verdict.outcome == "fail"
    for _ in range(4):
        command = command_of(verdict.hint)
        if not command or "-S" in command:
            break
        lab.shell(command)
        (verdict,) = judge(lab, [check])
    return [] if verdict.outcome == "pass" else [verdict.hint]
