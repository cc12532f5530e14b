"""Each check, passing and failing, and the hint that a learner reads then. Snapshots made by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from checks.chain_policy import ChainPolicy
from checks.counter import Counter
from checks.different_namespace import DifferentNamespace
from checks.interface import Interface
from checks.interfaces import Interfaces
from checks.language.check import Check, Evidence, Verdict, verdict_json
from checks.language.statement import Mistake
from checks.nat import Nat
from checks.netns import Netns
from checks.ping import Ping
from checks.reasoning.wording import command_of
from checks.route import Route
from checks.rule import Rule
from checks.same_namespace import SameNamespace
from checks.sysctl import Sysctl
from labrunner.language.vocabulary import word, words
from runtime.facts.snapshot import Snapshot
from runtime.probes import ping
from tests.handmade import (
    HOST,
    LO,
    ONE,
    OUTSIDE,
    TWO,
    bare,
    bridge,
    change,
    down,
    facts_of,
    finished,
    masquerade,
    readdress,
    relink,
    reroute,
    route,
    unlink,
    unrouted,
    veth,
    without,
)

LAB = finished()
SERVER, DOOR, FIRST, SECOND = "198.51.100.1", "203.0.113.2", "192.168.0.2", "192.168.0.3"
NATIVE = masquerade("")._replace(family="inet", matches=("meta nfproto ipv4", "oifname != br0"))
NO_PAIR = unlink(unlink(LAB, HOST, "veth0"), ONE, "ceth0")
NO_NETNS = "there is no network namespace container-1 (only container-2); make it: ip netns add container-1"
SECOND_RULE = "ip nat POSTROUTING ip saddr 172.18.0.0/16 oifname != br0 masquerade"


def _with_link(snapshot: Snapshot, name: str, *links: Any) -> Snapshot:
    return change(snapshot, name, links=(*facts_of(snapshot, name).links, *links))


def _judge(check: Check, snapshot: Snapshot, answers: Any = None) -> Verdict:
    return check.judge(Evidence(snapshot, answers or {}))


VETH0 = Interface(name="veth0", kind="veth", up=True, peer="ceth0", peer_netns=ONE)
CETH0 = Interface(name="ceth0", netns=ONE, up=True, address=f"{FIRST}/24")
BR0 = Interface(name="br0", kind="bridge", up=True, address="192.168.0.1/24")

PASS = [
    (Rule(hook="postrouting", source="192.168.0.0/24", not_out="br0", jump="MASQUERADE"), LAB),
    (Counter(hook="postrouting", source="192.168.0.0/24", not_out="br0", jump="MASQUERADE"), LAB),
    (ChainPolicy(hook="forward", policy="ACCEPT"), LAB),
    (Netns(name=ONE), LAB),
    (Netns(name="other", exists=False), LAB),
    (VETH0, LAB),
    (CETH0, LAB),
    (BR0, LAB),
    (Interface(name="br0"), LAB),
    (Interface(name="veth0", master="br0", address="none"), LAB),
    (Interface(name="eth0", master="none", kind="veth"), LAB),
    (Interface(name="lo", netns=ONE, up=False, kind="loopback"), LAB),
    (Interface(name="none", exists=False), LAB),
    (Interface(name="br0", address=["192.168.0.1/24"]), LAB),
    (Interface(name="veth0", up=True), down(LAB, ONE, "ceth0")),  # up, though without a carrier
    (Interfaces(netns=ONE, names=["ceth0", "lo"]), LAB),
    (Interfaces(netns=ONE, names="lo"), change(LAB, ONE, links=(LO,))),
    (Route(destination="default", netns=ONE), LAB),
    (Route(destination="default", gateway="192.168.0.1", interface="ceth0", netns=ONE), LAB),
    (Route(destination="192.168.0.0/24", interface="br0"), LAB),
    (Route(destination="10.0.0.0/8", exists=False), LAB),
    (Sysctl(name="net.ipv4.ip_forward", value=1), LAB),
    (Sysctl(name="net.x", value="20000 30000"), change(LAB, HOST, sysctls=(("net.x", "20000\t30000"),))),
    (Nat(source="192.168.0.0/24", not_out="br0"), LAB),
    (Nat(source="192.168.0.0/24", not_out="br0", packets="some"), LAB),
    (Nat(source="192.168.0.0/24", not_out="br0", packets="none"), change(LAB, HOST, rules=(masquerade(packets=0),))),
    (Nat(source="192.168.0.0/24"), change(LAB, HOST, rules=(masquerade(not_out=""),))),
    (Nat(source="0.0.0.0/0", not_out="br0"), change(LAB, HOST, rules=(masquerade(""),))),
    (Nat(source="0.0.0.0/0", not_out="br0"), change(LAB, HOST, rules=(NATIVE,))),
    (Nat(source="10.0.0.0/8", exists=False), LAB),
    (DifferentNamespace(between=[HOST, ONE, TWO]), LAB),
    (DifferentNamespace(between=["pid 1", "pid 7"]), LAB),
    (SameNamespace(between=[ONE, "pid 7"]), LAB),
    (SameNamespace(between=["pid 1", "pid 7"], kind="pid"), LAB),
]

class Failing(NamedTuple):
    """A check, what there is, what the verdict says of it, and the hint."""

    check: Check
    snapshot: Snapshot
    actual: str
    hint: str


FAIL = [
    Failing(
        Rule(hook="forward", jump="DROP"), LAB, "no rule in FORWARD",
        "labhost has no rule FORWARD -j DROP; add it: iptables -A FORWARD -j DROP"),
    Failing(
        Counter(hook="forward", jump="DROP"), LAB, "no rule in FORWARD",
        "labhost has no rule FORWARD -j DROP; add it: iptables -A FORWARD -j DROP"),
    Failing(
        ChainPolicy(hook="forward", policy="DROP"), LAB, "FORWARD ACCEPT, with no chain there",
        "what no rule takes is accepted in labhost at forward; set the policy: iptables -P FORWARD DROP"),

    Failing(
        Netns(name=ONE), without(LAB, ONE), "only labhost, outside and container-2", NO_NETNS),
    Failing(
        Netns(name=ONE), without(without(LAB, ONE), TWO), "only labhost and outside",
        "there is no network namespace container-1; make it: ip netns add container-1"),
    Failing(
        Netns(name=ONE, exists=False), LAB, "container-1 exists",
        "there still is the netns container-1; delete it: ip netns delete container-1"),

    Failing(
        CETH0, without(LAB, ONE), "no container-1", NO_NETNS),
    Failing(
        VETH0, without(LAB, ONE), "no container-1", NO_NETNS),
    Failing(
        VETH0, NO_PAIR, "does not exist",
        "labhost has no interface veth0 (only lo, br0, veth1 and eth0); "
        "make it: ip link add veth0 type veth peer name ceth0 netns container-1"),
    Failing(
        VETH0, unlink(LAB, HOST, "veth0"), "does not exist",
        "labhost has no interface veth0 (only lo, br0, veth1 and eth0); make it: ip -n container-1 link delete ceth0 "
        "&& ip link add veth0 type veth peer name ceth0 netns container-1"),
    Failing(
        CETH0, NO_PAIR, "does not exist", "container-1 has no interface ceth0 (only lo)"),
    Failing(
        Interface(name="ceth0", netns=ONE, peer="veth0", peer_netns=HOST), NO_PAIR, "does not exist",
        "container-1 has no interface ceth0 (only lo); "
        "make it: ip -n container-1 link add ceth0 type veth peer name veth0 netns 1"),
    Failing(
        CETH0, _with_link(NO_PAIR, HOST, veth("ceth0", "veth0", HOST)), "does not exist",
        "ceth0 is in labhost, not in container-1; move it: ip link set ceth0 netns container-1"),
    Failing(
        VETH0, _with_link(NO_PAIR, TWO, veth("veth0", "ceth0", TWO)), "does not exist",
        "veth0 is in container-2, not in labhost; move it: ip -n container-2 link set veth0 netns 1"),
    Failing(
        Interface(name="eth0", netns=ONE), LAB, "does not exist",
        "container-1 has no interface eth0 (only lo and ceth0)"),
    Failing(
        BR0, unlink(LAB, HOST, "br0"), "does not exist",
        "labhost has no interface br0 (only lo, veth0, veth1 and eth0); make it: ip link add name br0 type bridge"),
    Failing(
        BR0, _with_link(unlink(LAB, HOST, "br0"), ONE, bridge("br0")), "does not exist",
        "br0 is in container-1, not in labhost, and a bridge cannot be moved; "
        "make it anew: ip -n container-1 link delete br0 && ip link add name br0 type bridge"),
    Failing(
        Interface(name="veth0", exists=False), LAB, "exists",
        "labhost still has veth0; delete it: ip link delete veth0"),
    Failing(
        CETH0, down(LAB, ONE, "ceth0"), "veth, DOWN, 192.168.0.2/24, the other end is veth0 in labhost",
        "ceth0 in container-1 is DOWN; bring it up: ip -n container-1 link set ceth0 up"),
    Failing(
        Interface(name="br0", up=False), LAB, "bridge, UP, 192.168.0.1/24",
        "br0 in labhost is UP; bring it down: ip link set br0 down"),
    Failing(
        CETH0, bare(LAB, ONE, "ceth0"), "veth, UP, no address, the other end is veth0 in labhost",
        "ceth0 in container-1 has no address instead of 192.168.0.2/24; "
        "add it: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    Failing(
        CETH0, readdress(LAB, ONE, "ceth0", "192.168.0.2/25"),
        "veth, UP, 192.168.0.2/25, the other end is veth0 in labhost",
        "ceth0 in container-1 has 192.168.0.2/25 instead of 192.168.0.2/24; change it: "
        "ip -n container-1 addr del 192.168.0.2/25 dev ceth0 && ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    Failing(
        Interface(name="br0", address="none"), LAB, "bridge, UP, 192.168.0.1/24",
        "br0 in labhost has 192.168.0.1/24 instead of none; take it off: ip addr del 192.168.0.1/24 dev br0"),
    Failing(
        CETH0, bare(down(LAB, ONE, "ceth0"), ONE, "ceth0"), "veth, DOWN, no address, the other end is veth0 in labhost",
        "ceth0 in container-1 is DOWN and has no address instead of 192.168.0.2/24; "
        "mend it: ip -n container-1 link set ceth0 up && ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    Failing(
        Interface(name="veth0", master="br0"), relink(LAB, HOST, "veth0", master=""),
        "veth, UP, no address, the other end is ceth0 in container-1",
        "veth0 in labhost is not a port of br0; make it one: ip link set veth0 master br0"),
    Failing(
        Interface(name="veth0", master="br1"), LAB,
        "veth, UP, no address, a port of br0, the other end is ceth0 in container-1",
        "veth0 in labhost is a port of br0 instead of br1; make it one: "
        "ip link add name br1 type bridge && ip link set br1 up && ip link set veth0 master br1"),
    Failing(
        Interface(name="veth0", master="none"), LAB,
        "veth, UP, no address, a port of br0, the other end is ceth0 in container-1",
        "veth0 in labhost is a port of br0; take it out: ip link set veth0 nomaster"),
    Failing(
        Interface(name="veth0", kind="bridge"), LAB,
        "veth, UP, no address, a port of br0, the other end is ceth0 in container-1",
        "veth0 in labhost is a veth, not a bridge; "
        "make it anew: ip link delete veth0 && ip link add name veth0 type bridge"),
    Failing(
        Interface(name="br0", kind="veth"), LAB, "bridge, UP, 192.168.0.1/24",
        "br0 in labhost is a bridge, not a veth; delete it: ip link delete br0"),
    Failing(
        VETH0, relink(LAB, HOST, "veth0", peer="x"),
        "veth, UP, no address, a port of br0, the other end is x in container-1",
        "veth0 in labhost has x as its other end instead of ceth0; make it anew: "
        "ip link delete veth0 && ip link add veth0 type veth peer name ceth0 netns container-1"),
    Failing(
        VETH0, relink(LAB, HOST, "veth0", peer_netns=TWO),
        "veth, UP, no address, a port of br0, the other end is ceth0 in container-2",
        "veth0 in labhost has its other end ceth0 in container-2, not in container-1; "
        "move that: ip -n container-2 link set ceth0 netns container-1"),
    Failing(
        Interface(name="br", up=True), _with_link(LAB, HOST, bridge("br", "DOWN")), "bridge, DOWN, no address",
        "br in labhost is DOWN; bring it up: ip link set dev br up"),

    Failing(
        Interfaces(netns=ONE, names="lo"), without(LAB, ONE), "no container-1", NO_NETNS),
    Failing(
        Interfaces(netns=ONE, names=["lo", "ceth0"]), change(LAB, ONE, links=(LO,)), "lo",
        "container-1 has no interface ceth0 (only lo)"),
    Failing(
        Interfaces(netns=ONE, names="lo"), LAB, "lo and ceth0",
        "ceth0 in container-1 is one too many; delete it: ip -n container-1 link delete ceth0"),
    Failing(
        Interfaces(netns=ONE, names=["lo", "ceth0"]), _with_link(LAB, ONE, veth("eth0", "eth0", OUTSIDE)),
        "lo, ceth0 and eth0",
        "eth0 in container-1 is one too many; it is the way out of labhost; "
        "move it back: ip -n container-1 link set eth0 netns 1"),

    Failing(
        Route(destination="default", netns=ONE), without(LAB, ONE), "no container-1", NO_NETNS),
    Failing(
        Route(destination="default", netns=ONE), unrouted(LAB, ONE, "ceth0"), "no route at all",
        "container-1 has no route default; see which it has: ip -n container-1 route"),
    Failing(
        Route(destination="default", gateway="192.168.0.1", netns=ONE),
        reroute(LAB, ONE, route("192.168.0.0/24", dev="ceth0")), "192.168.0.0/24 dev ceth0",
        "container-1 has no route default; add it: ip -n container-1 route add default via 192.168.0.1"),
    Failing(
        Route(destination="default", gateway="192.168.0.9", netns=ONE), LAB, "default via 192.168.0.1 dev ceth0",
        "container-1 has the route default via 192.168.0.1 dev ceth0 instead; "
        "replace it: ip -n container-1 route replace default via 192.168.0.9"),
    Failing(
        Route(destination="default", gateway="192.168.0.1", netns=ONE), bare(LAB, ONE, "ceth0"), "no route at all",
        "container-1 has no route default, and could not have it, because ceth0 in container-1 has no address, so no "
        "route to 192.168.0.0/24; the route comes with an address of that subnet, such as: "
        "ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    Failing(
        Route(destination="192.168.0.0/24", interface="br0"), unlink(LAB, HOST, "br0"),
        "default via 203.0.113.1 dev eth0 and 203.0.113.0/24 dev eth0",
        "labhost has no interface br0 (only lo, veth0, veth1 and eth0)"),
    Failing(
        Route(destination="192.168.0.0/24", interface="br0"), down(LAB, HOST, "br0"),
        "default via 203.0.113.1 dev eth0 and 203.0.113.0/24 dev eth0",
        "br0 in labhost is DOWN, and has no routes meanwhile; bring it up: ip link set br0 up"),
    Failing(
        Route(destination="10.0.0.0/8", interface="br0"), LAB,
        "default via 203.0.113.1 dev eth0, 192.168.0.0/24 dev br0 and 203.0.113.0/24 dev eth0",
        "br0 in labhost has 192.168.0.1/24, so no route to 10.0.0.0/8; the route comes with an address of that subnet, "
        "such as: ip addr add 10.0.0.1/8 dev br0"),
    Failing(
        Route(destination="default", interface="br0"), unrouted(LAB, HOST, "eth0"), "192.168.0.0/24 dev br0",
        "labhost has no route default dev br0; add it: ip route add default dev br0"),
    Failing(
        Route(destination="192.168.0.0/24", exists=False), LAB, "192.168.0.0/24 dev br0",
        "labhost still has the route 192.168.0.0/24 dev br0; delete it: ip route del 192.168.0.0/24 dev br0"),

    Failing(
        Sysctl(name="net.ipv4.ip_forward", value=1, netns=ONE), without(LAB, ONE), "no container-1", NO_NETNS),
    Failing(
        Sysctl(name="net.ipv4.ip_forward", value=1, netns=ONE), LAB, "net.ipv4.ip_forward = 0",
        "net.ipv4.ip_forward is 0 in container-1; set it: ip netns exec container-1 sysctl -w net.ipv4.ip_forward=1"),
    Failing(
        Sysctl(name="net.none", value=1), LAB, "no such setting", "this kernel has no setting net.none in labhost"),

    Failing(
        Netns(name=ONE), change(LAB, ONE, inode=facts_of(LAB, HOST).inode),
        "container-1 is a name of the lab host's own",
        "the network namespace container-1 is the one of the lab host itself; make a new one: "
        "ip netns delete container-1 && ip netns add container-1"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", netns=ONE), without(LAB, ONE), "no container-1", NO_NETNS),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0"), change(LAB, HOST, rules=()), "no rule that masquerades",
        "labhost has no rule that masquerades 192.168.0.0/24 unless it leaves by br0; "
        "add it: iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE"),
    Failing(
        Nat(source="192.168.0.0/24", netns=ONE), change(LAB, ONE, rules=(masquerade("172.18.0.0/16"),)), SECOND_RULE,
        f"container-1 has no rule that masquerades 192.168.0.0/24 (only {SECOND_RULE}); "
        "add it: ip netns exec container-1 iptables -t nat -A POSTROUTING -s 192.168.0.0/24 -j MASQUERADE"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", exists=False), LAB,
        "ip nat POSTROUTING ip saddr 192.168.0.0/24 oifname != br0 masquerade",
        "labhost still masquerades 192.168.0.0/24 unless it leaves by br0; "
        "delete the rule: iptables -t nat -D POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", packets="some"), change(LAB, HOST, rules=(masquerade(packets=0),)),
        "0 packets", "no packet from 192.168.0.0/24 has come by this rule yet"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", packets="some"),
        change(LAB, HOST, rules=(masquerade("192.168.0.0/16"), masquerade(packets=0))), "0 packets",
        "no packet from 192.168.0.0/24 has come by this rule yet, because ip nat POSTROUTING ip saddr 192.168.0.0/16 "
        "oifname != br0 masquerade stands before it and takes them; "
        "delete that: iptables -t nat -D POSTROUTING -s 192.168.0.0/16 ! -o br0 -j MASQUERADE"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", packets="some"),
        change(LAB, HOST, rules=(masquerade(packets=10)._replace(preset=10),)),
        "0 packets, and 10 before labrun looked",
        "no packet from 192.168.0.0/24 has come by this rule yet (its counter said 10 before labrun looked, and does "
        "not grow)"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", packets="none"), LAB, "2 packets",
        "packets from 192.168.0.0/24 have come by this rule; count from 0 again: iptables -t nat -Z"),
    Failing(
        Nat(source="192.168.0.0/24", not_out="br0", packets="some"),
        change(LAB, HOST, rules=(masquerade(packets=None),)),
        "the rule has no counter",
        "the rule ip nat POSTROUTING ip saddr 192.168.0.0/24 oifname != br0 masquerade does not count packets; "
        "add one that does: iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE"),

    Failing(
        DifferentNamespace(between=[HOST, ONE]), without(LAB, ONE), "cannot be told", NO_NETNS),
    Failing(
        DifferentNamespace(between=[HOST, "pid 1"]), LAB, "labhost: 1, pid 1: 1",
        "labhost and pid 1 share a namespace; compare: readlink /proc/self/ns/net && readlink /proc/1/ns/net"),
    Failing(
        DifferentNamespace(between=["pid 1", "pid 9"]), LAB, "cannot be told", "there is no process 9 in the sandbox"),
    Failing(
        SameNamespace(between=[ONE, "pid 1"]), LAB, "container-1: 3, pid 1: 1",
        "they are in 2 namespaces; compare: "
        "ip netns exec container-1 readlink /proc/self/ns/net && readlink /proc/1/ns/net"),
    Failing(
        SameNamespace(between=[HOST, "pid 1"], kind="uts"), LAB, "cannot be told",
        "the uts namespace of labhost cannot be read"),
]


@pytest.mark.parametrize(("check", "snapshot"), PASS, ids=[each[0].claim() for each in PASS])
def test_it_passes(check: Check, snapshot: Snapshot) -> None:
    verdict = _judge(check, snapshot)
    assert (verdict.outcome, verdict.hint) == ("pass", "")
    assert verdict.claim == check.claim()
    assert verdict.actual


@pytest.mark.parametrize(("check", "snapshot", "actual", "hint"), FAIL,
                         ids=[f"{each[0].claim()} - {each[2]}" for each in FAIL])
def test_it_fails(check: Check, snapshot: Snapshot, actual: str, hint: str) -> None:
    verdict = _judge(check, snapshot)
    assert verdict.outcome == "fail"
    assert verdict.actual == actual
    assert verdict.hint == hint
    assert verdict.expected
    assert command_of(hint).startswith(("ip ", "sysctl ", "iptables ", "readlink ")) or not command_of(hint)


# Pings

ANSWERED = ping.Answer(True, "", "", 0.5)
SILENT = ping.Answer(False, "no answer within 1.5 s")
NOT_A_ROUTER = change(LAB, HOST, sysctls=())
FIREWALL = ("the addresses, routes and wires from container-1 to 198.51.100.1 look right; look at the firewall: "
            "ip netns exec container-1 iptables -S && nft list ruleset")


def _pinged(check: Ping, snapshot: Snapshot, answer: ping.Answer) -> Verdict:
    return _judge(check, snapshot, dict.fromkeys(check.probes(snapshot), answer))


def test_what_a_ping_asks() -> None:
    assert Ping(to=FIRST).probes(LAB) == (ping.Ping(HOST, FIRST, True, ""),)
    assert Ping(**{"from": ONE}, to=SERVER, answers=False, seen_as=FIRST).probes(LAB) == (
        ping.Ping(ONE, SERVER, False, OUTSIDE),)
    assert Ping(**{"from": ONE}, to="9.9.9.9", seen_as=FIRST).probes(LAB) == (ping.Ping(ONE, "9.9.9.9", True, ""),)
    assert Ping(**{"from": "none"}, to=FIRST).probes(LAB) == ()


@pytest.mark.parametrize(("given", "answer"), [
    ({}, ANSWERED), ({"answers": False}, SILENT), ({"seen_as": DOOR}, ANSWERED._replace(seen_as=DOOR)),
    ({"answers": False, "seen_as": FIRST}, SILENT._replace(seen_as=FIRST))])
def test_a_ping_passes(given: dict[str, Any], answer: ping.Answer) -> None:
    assert _pinged(Ping(**{"from": ONE}, to=SERVER, **given), LAB, answer).outcome == "pass"


@pytest.mark.parametrize(("given", "snapshot", "answer", "actual", "hint"), [
    ({}, NOT_A_ROUTER, SILENT, "no answer (no answer within 1.5 s)", "labhost does not forward packets"),
    ({}, LAB, SILENT, "no answer (no answer within 1.5 s)", FIREWALL),
    ({"answers": False}, LAB, ANSWERED, "an answer in 0.50 ms", "198.51.100.1 should not answer container-1"),
    ({"seen_as": FIRST}, LAB, ANSWERED._replace(seen_as=DOOR), "an answer in 0.50 ms, seen as 203.0.113.2",
     "198.51.100.1 sees 203.0.113.2, not 192.168.0.2, because labhost translates its source"),
    ({"answers": False, "seen_as": FIRST}, NOT_A_ROUTER, SILENT,
     "no answer (no answer within 1.5 s), not seen", "labhost does not forward packets"),
])
def test_a_ping_fails(given: dict[str, Any], snapshot: Snapshot, answer: ping.Answer, actual: str, hint: str) -> None:
    verdict = _pinged(Ping(**{"from": ONE}, to=SERVER, **given), snapshot, answer)
    assert verdict.outcome == "fail"
    assert verdict.actual == actual
    assert verdict.hint.startswith(hint)


def test_a_ping_from_nowhere() -> None:
    verdict = _judge(Ping(**{"from": ONE}, to=SERVER), without(LAB, ONE))
    assert (verdict.outcome, verdict.actual, verdict.hint) == ("fail", "no container-1", NO_NETNS)


def test_two_pings_that_differ_in_what_is_watched() -> None:
    """Each check gets its own answer."""
    plain, watching = Ping(**{"from": ONE}, to=SERVER), Ping(**{"from": ONE}, to=SERVER, seen_as=DOOR)
    answers = {plain.probes(LAB)[0]: ANSWERED, watching.probes(LAB)[0]: ANSWERED._replace(seen_as=DOOR)}
    assert [_judge(check, LAB, answers).outcome for check in (plain, watching)] == ["pass", "pass"]


def test_an_address_that_changed_hands_meanwhile() -> None:
    """The answer is found, although the Snapshot after the pings has another owner than that before."""
    check = Ping(**{"from": ONE}, to=SERVER, seen_as=DOOR)
    answers = {check.probes(LAB)[0]: ANSWERED._replace(seen_as=DOOR)}
    assert _judge(check, bare(LAB, OUTSIDE, "lo"), answers).outcome == "pass"


# What a check says and refuses

CLAIMS = [
    (Rule(hook="forward", source="10.0.0.0/8", jump="DROP"), "labhost has the rule FORWARD -s 10.0.0.0/8 -j DROP"),
    (Rule(chain="MINE", jump="RETURN", exists=False), "labhost has no rule MINE -j RETURN"),
    (Counter(hook="input", jump="DROP"), "the rule INPUT -j DROP of labhost has matched packets"),
    (Counter(hook="input", jump="DROP", packets="none"), "the rule INPUT -j DROP of labhost has matched no packet"),
    (Counter(hook="input", jump="DROP", at_least=3),
     "the rule INPUT -j DROP of labhost has matched 3 packets or more"),
    (ChainPolicy(hook="forward", policy="DROP"), "the policy of FORWARD in labhost is DROP"),
    (Netns(name="c1"), "there is a network namespace c1"),
    (Netns(name="c1", exists=False), "there is no network namespace c1"),
    (Interface(name="x", netns=ONE), "x in container-1 exists"),
    (Interface(name="x", exists=False), "labhost has no interface x"),
    (VETH0, "veth0 in labhost is a veth, UP, the other end of ceth0 in container-1"),
    (Interface(name="x", up=False, address="none", master="none"),
     "x in labhost is DOWN, without an address, no port of a bridge"),
    (Interfaces(netns=ONE, names=["lo", "x"]), "container-1 has exactly these interfaces: lo and x"),
    (Route(destination="default", gateway="10.0.0.1", interface="x"),
     "labhost has the route default via 10.0.0.1 dev x"),
    (Route(destination="default", exists=False), "labhost has no route default"),
    (Sysctl(name="a.b", value=1), "a.b is 1 in labhost"),
    (Nat(source="10.0.0.0/8", packets="none"), "labhost masquerades 10.0.0.0/8, and it has matched no packet"),
    (Nat(source="10.0.0.0/8", not_out="x", exists=False),
     "labhost does not masquerade 10.0.0.0/8 unless it leaves by x"),
    (Ping(to=FIRST), "192.168.0.2 answers labhost"),
    (Ping(to=FIRST, answers=False, seen_as=SECOND), "192.168.0.2 does not answer labhost but sees 192.168.0.3"),
    (SameNamespace(between=["a", "b"], kind="uts"), "a and b are in one uts namespace"),
    (DifferentNamespace(between=["a", "b"]), "a and b are each in a net namespace of their own"),
]


@pytest.mark.parametrize(("check", "claim"), CLAIMS, ids=[each[1] for each in CLAIMS])
def test_claims(check: Check, claim: str) -> None:
    assert check.claim() == claim


@pytest.mark.parametrize(("made", "given", "says"), [
    (Interface, {"name": "x", "exists": False, "up": True}, "has no properties"),
    (Route, {"destination": "default", "exists": False, "gateway": "10.0.0.1"}, "no gateway or interface"),
    (Ping, {"to": "fd00::1"}, "IPv4 addresses only"),
    (SameNamespace, {"between": ["one"]}, "at least two"),
    (DifferentNamespace, {"between": ["a", 3]}, "none of these: the name of a netns"),
])
def test_contradictions(made: type[Check], given: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        made(**given)


def test_settings_that_are_wanted() -> None:
    assert Sysctl(name="a.b", value=1).sysctls() == ("a.b",)
    assert Netns(name="x").sysctls() == ()


def test_the_json_of_a_verdict() -> None:
    assert verdict_json("netns", _judge(Netns(name=ONE), LAB), 0.123456789) == {
        "check": "netns", "claim": "there is a network namespace container-1", "outcome": "pass",
        "expected": "container-1 exists", "actual": "container-1 exists", "hint": "", "seconds": 0.123457}


# test_tcp_http_checks.py, test_file_check.py, test_composite_checks.py
ELSEWHERE = {"tcp", "http", "file", "all_of", "any_of", "not",
             "bundle", "config", "container", "namespaces", "process", "rootfs",  # test_container_checks.py
             "exit_status", "holds_stream", "parent", "screen", "survives",  # test_shim_checks.py
             "blob", "disk_use", "image", "layer", "overlay"}  # test_image_checks.py


def test_every_check_is_here() -> None:
    known = set(words("checks"))
    assert {word(check) for check, _snapshot in PASS} | {"ping"} == known - ELSEWHERE
    assert {word(check) for check, *_rest in FAIL} | {"ping"} == known - ELSEWHERE
    assert {word(check) for check, _claim in CLAIMS} == known - ELSEWHERE


# A masquerade without a counter

UNCOUNTED = change(LAB, HOST, rules=(masquerade(packets=None),))
SOME = Nat(source="192.168.0.0/24", not_out="br0", packets="some")


@pytest.mark.parametrize(("snapshot", "start", "seen", "outcome"), [
    (UNCOUNTED, ONE, "203.0.113.2", "pass"),
    (UNCOUNTED, ONE, "192.168.0.2", "fail"),
    (UNCOUNTED, ONE, "", "fail"),
    (UNCOUNTED, HOST, "203.0.113.2", "fail"),
    (UNCOUNTED, OUTSIDE, "203.0.113.2", "fail"),
    (change(LAB, HOST, rules=(masquerade(packets=None), masquerade("192.168.0.0/16"))), ONE, "203.0.113.2", "fail"),
    (change(LAB, HOST, rules=(masquerade(packets=None), masquerade("10.0.0.0/8"))), ONE, "203.0.113.2", "pass"),
])
def test_a_rule_without_a_counter_is_seen_at_work(snapshot: Snapshot, start: str, seen: str, outcome: str) -> None:
    probe = ping.Ping(start, "198.51.100.1", True, OUTSIDE)
    verdict = SOME.judge(Evidence(snapshot, {probe: ping.Answer(True, seen_as=seen)}))
    assert verdict.outcome == outcome
