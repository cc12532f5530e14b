"""What stops a packet, and what a learner reads about it. Snapshots made by hand; the texts are meant to be read."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from checks.reasoning.obstacles import explain, why_no_answer
from checks.reasoning.path import Journey, best_route, follow, is_local, owner
from checks.reasoning.surprises import why_answered, why_seen
from checks.reasoning.wire import End, door, hearers, ways
from checks.reasoning.wording import command_of, listed
from runtime.facts.addresses import Address
from runtime.facts.snapshot import Snapshot
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
    netns,
    readdress,
    relink,
    reroute,
    route,
    unlink,
    unrouted,
    veth,
    without,
)

SERVER, GATEWAY, DOOR = "198.51.100.1", "203.0.113.1", "203.0.113.2"
FIRST, SECOND, BRIDGE = "192.168.0.2", "192.168.0.3", "192.168.0.1"
LAB = finished()
NOT_A_ROUTER = change(LAB, HOST, sysctls=(("net.ipv4.ip_forward", "0"),))
NO_RULES = change(LAB, HOST, rules=())


def _trap(snapshot: Snapshot) -> Snapshot:
    """Before there is a bridge: both wires end at the host, each end with an address of one subnet."""
    snapshot = unlink(snapshot, HOST, "br0")
    for interface, address in (("veth0", "192.168.0.1/24"), ("veth1", "192.168.0.4/24")):
        snapshot = relink(snapshot, HOST, interface, master="")
        snapshot = readdress(snapshot, HOST, interface, address, "192.168.0.0/24")
    return snapshot


TRAP = _trap(LAB)
NEAR = route("192.168.0.0/24", dev="ceth0")
NO_PORTS = relink(relink(LAB, HOST, "veth1", master=""), HOST, "veth0", master="")
NO_WIRE = unlink(unlink(TRAP, ONE, "ceth0"), HOST, "veth0")
PORT_WITH_ADDRESS = change(
    readdress(LAB, HOST, "veth0", "192.168.0.4/24"), HOST,
    routes=(route("192.168.0.0/24", dev="veth0"), *facts_of(LAB, HOST).routes))
LOOP = reroute(change(LAB, ONE, sysctls=(("net.ipv4.ip_forward", "1"),)), HOST,
               route("8.0.0.0/8", via=FIRST, dev="br0"), route("192.168.0.0/24", dev="br0", src=BRIDGE))


# Everything is reached


@pytest.mark.parametrize("start", [HOST, ONE, TWO])
@pytest.mark.parametrize("to", [SERVER, GATEWAY, DOOR, BRIDGE])
def test_nothing_stops_a_packet_in_the_finished_lab(start: str, to: str) -> None:
    assert why_no_answer(LAB, start, to) == ""


@pytest.mark.parametrize(("start", "to"), [(HOST, FIRST), (HOST, SECOND), (ONE, SECOND), (TWO, FIRST)])
def test_nothing_stops_a_packet_between_containers(start: str, to: str) -> None:
    assert why_no_answer(LAB, start, to) == ""


class Stopped(NamedTuple):
    """A ping that is not answered, and what a learner reads about it."""

    snapshot: Snapshot
    start: str
    to: str
    hint: str


OBSTACLES = {
    "no such netns": Stopped(
        without(LAB, ONE), ONE, SERVER,
        "there is no network namespace container-1 (only container-2); make it: ip netns add container-1"),
    "lo is down": Stopped(
        LAB, ONE, FIRST,
        "lo in container-1 is DOWN, and by lo a host reaches its own addresses; bring it up: ip -n container-1 link "
        "set lo up"),
    "127.0.0.1 and lo is down": Stopped(
        LAB, ONE, "127.0.0.1",
        "lo in container-1 is DOWN, and by lo a host reaches its own addresses; bring it up: ip -n container-1 link "
        "set lo up"),
    "own interface down": Stopped(
        down(LAB, ONE, "ceth0"), ONE, BRIDGE,
        "ceth0 in container-1 is DOWN, and has no routes meanwhile; bring it up: ip -n container-1 link set ceth0 "
        "up"),
    "own interface down, and far away": Stopped(
        down(LAB, ONE, "ceth0"), ONE, SERVER,
        "ceth0 in container-1 is DOWN, and has no routes meanwhile; bring it up: ip -n container-1 link set ceth0 "
        "up"),
    "other end down": Stopped(
        down(LAB, HOST, "veth0"), ONE, BRIDGE,
        "veth0 in labhost, the other end of ceth0, is DOWN; bring it up: ip link set veth0 up"),
    "other end down, asked from the host": Stopped(
        down(TRAP, ONE, "ceth0"), HOST, FIRST,
        "ceth0 in container-1, the other end of veth0, is DOWN; bring it up: ip -n container-1 link set ceth0 up"),
    "goal down behind a bridge": Stopped(
        down(LAB, TWO, "ceth1"), ONE, SECOND,
        "ceth1 in container-2, which has the address, is DOWN; bring it up: ip -n container-2 link set ceth1 up"),
    "port down": Stopped(
        down(LAB, HOST, "veth1"), ONE, SECOND,
        "veth1 in labhost, on the way to ceth1 in container-2, is DOWN; bring it up: ip link set veth1 up"),
    "bridge down": Stopped(
        down(LAB, HOST, "br0"), ONE, SECOND,
        "br0 in labhost, on the way to ceth1 in container-2, is DOWN; bring it up: ip link set br0 up"),
    "bridge down, asked from the host": Stopped(
        down(LAB, HOST, "br0"), HOST, FIRST,
        "br0 in labhost is DOWN, and has no routes meanwhile; bring it up: ip link set br0 up"),
    "all ports down": Stopped(
        relink(down(down(LAB, HOST, "veth0"), HOST, "veth1"), HOST, "br0", state="NO-CARRIER"), HOST, FIRST,
        "veth0 in labhost, a port of br0, is DOWN; bring it up: ip link set veth0 up"),
    "all containers down": Stopped(
        relink(down(down(LAB, ONE, "ceth0"), TWO, "ceth1"), HOST, "br0", state="NO-CARRIER"), HOST, FIRST,
        "ceth0 in container-1, behind br0, is DOWN; bring it up: ip -n container-1 link set ceth0 up"),
    "no address": Stopped(
        bare(LAB, ONE, "ceth0"), ONE, BRIDGE,
        "ceth0 in container-1 has no address, so no route to 192.168.0.0/24; the route comes with an address of "
        "that subnet, such as: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    "no address, and far away": Stopped(
        bare(LAB, ONE, "ceth0"), ONE, SERVER,
        "ceth0 in container-1 has no address, so no route to 192.168.0.0/24; the route comes with an address of "
        "that subnet, such as: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    "the goal has no address": Stopped(
        bare(LAB, ONE, "ceth0"), HOST, FIRST,
        "nobody has the address 192.168.0.2, for which labhost asks at br0, and ceth0 in container-1 has no "
        "address; if it is meant: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    "the goal has another address": Stopped(
        readdress(TRAP, ONE, "ceth0", "192.168.0.42/24", "192.168.0.0/24"), HOST, FIRST,
        "nobody has the address 192.168.0.2, for which labhost asks at veth0, and ceth0 in container-1 has "
        "192.168.0.42/24; if it is meant: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    "nobody of many has the address": Stopped(
        LAB, HOST, "192.168.0.99",
        "nobody has the address 192.168.0.99, for which labhost asks at br0"),
    "nobody anywhere has the address": Stopped(
        LAB, HOST, "10.9.9.9",
        "nobody has the address 10.9.9.9"),
    "own mask too long": Stopped(
        readdress(LAB, ONE, "ceth0", "192.168.0.2/32"), ONE, BRIDGE,
        "ceth0 in container-1 has 192.168.0.2/32, and with that prefix length its subnet is 192.168.0.2/32, not "
        "192.168.0.0/24; change it: ip -n container-1 addr del 192.168.0.2/32 dev ceth0 && ip -n container-1 addr "
        "add 192.168.0.2/24 dev ceth0"),
    "the mask of the goal too long": Stopped(
        readdress(LAB, ONE, "ceth0", "192.168.0.2/32"), HOST, FIRST,
        "container-1 gets the question, but the answer to 192.168.0.1 does not come back, because ceth0 in "
        "container-1 has 192.168.0.2/32, and with that prefix length its subnet is 192.168.0.2/32, not "
        "192.168.0.0/24; change it: ip -n container-1 addr del 192.168.0.2/32 dev ceth0 && ip -n container-1 addr "
        "add 192.168.0.2/24 dev ceth0"),
    "another subnet": Stopped(
        readdress(LAB, ONE, "ceth0", "10.9.9.9/24", "10.9.9.0/24"), ONE, BRIDGE,
        "ceth0 in container-1 has 10.9.9.9/24, so no route to 192.168.0.0/24; the route comes with an address of "
        "that subnet, such as: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    "the host has no address there": Stopped(
        bare(LAB, HOST, "br0"), HOST, FIRST,
        "br0 in labhost has no address, so no route to 192.168.0.0/24; the route comes with an address of that "
        "subnet, such as: ip addr add 192.168.0.1/24 dev br0"),
    "the route was deleted": Stopped(
        unrouted(LAB, HOST, "br0"), HOST, FIRST,
        "br0 in labhost has 192.168.0.1/24, but the route to 192.168.0.0/24 is gone; add it: ip route append "
        "192.168.0.0/24 dev br0"),
    "no default route": Stopped(
        reroute(LAB, ONE, route("192.168.0.0/24", dev="ceth0")), ONE, SERVER,
        "container-1 has no route to 198.51.100.1 (it has 192.168.0.0/24 dev ceth0); give it a default route: ip -n "
        "container-1 route add default via 192.168.0.1"),
    "no default route, and no gateway": Stopped(
        bare(reroute(LAB, ONE, route("192.168.0.0/24", dev="ceth0")), HOST, "br0"), ONE, SERVER,
        "container-1 has no route to 198.51.100.1 (it has 192.168.0.0/24 dev ceth0), and nobody on its wires could "
        "be its gateway"),
    "nothing but lo": Stopped(
        change(LAB, ONE, links=(LO,), addresses=(), routes=()), ONE, SERVER,
        "container-1 has no interface but lo, and nothing leads out of it"),
    "a blackhole": Stopped(
        reroute(LAB, ONE, route("198.51.100.0/24", kind="blackhole"), *facts_of(LAB, ONE).routes), ONE, SERVER,
        "container-1 has the route blackhole 198.51.100.0/24, which stops it; delete it: ip -n container-1 route "
        "del blackhole 198.51.100.0/24"),
    "a gateway that is nobody": Stopped(
        reroute(LAB, ONE, route("default", via="192.168.0.41", dev="ceth0"), NEAR), ONE, SERVER,
        "container-1 has the route default via 192.168.0.41 dev ceth0, but nobody has the address 192.168.0.41; "
        "give it the right gateway: ip -n container-1 route replace default via 192.168.0.1"),
    "a gateway that is no router": Stopped(
        reroute(LAB, ONE, route("default", via=SECOND, dev="ceth0"), NEAR), ONE, SERVER,
        "container-1 sends what is for 198.51.100.1 to container-2 (default via 192.168.0.3 dev ceth0), which does "
        "not forward it; give it the right gateway: ip -n container-1 route replace default via 192.168.0.1"),
    "no forwarding": Stopped(
        NOT_A_ROUTER, ONE, SERVER,
        "labhost does not forward packets (net.ipv4.ip_forward is 0); let it: sysctl -w net.ipv4.ip_forward=1"),
    "no translation": Stopped(
        NO_RULES, ONE, SERVER,
        "the world outside sees 192.168.0.2, a private address that it cannot answer, and labhost does not "
        "translate it; add a rule that does: iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j "
        "MASQUERADE"),
    "a rule for another subnet": Stopped(
        change(LAB, HOST, rules=(masquerade("172.18.0.0/16"),)), ONE, SERVER,
        "the world outside sees 192.168.0.2, a private address that it cannot answer, and labhost does not "
        "translate it (only ip nat POSTROUTING ip saddr 172.18.0.0/16 oifname != br0 masquerade); add a rule that "
        "does: iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE"),
    "the rule spares the wrong interface": Stopped(
        change(LAB, HOST, rules=(masquerade(not_out="eth0"),)), ONE, SERVER,
        "the world outside sees 192.168.0.2, a private address that it cannot answer, and labhost does not "
        "translate it (only ip nat POSTROUTING ip saddr 192.168.0.0/24 oifname != eth0 masquerade); add a rule that "
        "does: iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE"),
    "two routes with one subnet": Stopped(
        TRAP, HOST, SECOND,
        "labhost has 192.168.0.0/24 on veth0 and on veth1, and sends all by veth0; 192.168.0.3 (ceth1 in "
        "container-2) is not there; join the two wires with a bridge: ip link add name br0 type bridge && ip link "
        "set br0 up && ip link set veth0 master br0 && ip link set veth1 master br0"),
    "two routes, and the way back": Stopped(
        TRAP, TWO, "192.168.0.4",
        "labhost gets the question, but the answer to 192.168.0.3 does not come back, because labhost has "
        "192.168.0.0/24 on veth0 and on veth1, and sends all by veth0; 192.168.0.3 (ceth1 in container-2) is not "
        "there; join the two wires with a bridge: ip link add name br0 type bridge && ip link set br0 up && ip link "
        "set veth0 master br0 && ip link set veth1 master br0"),
    "two wires that are not joined": Stopped(
        TRAP, ONE, SECOND,
        "192.168.0.3 is ceth1 in container-2, but no wire joins it with ceth0 in container-1 (one wire ends at "
        "veth0 in labhost, the other at veth1); join them with a bridge: ip link add name br0 type bridge && ip "
        "link set br0 up && ip link set veth0 master br0 && ip link set veth1 master br0"),
    "one end is no port": Stopped(
        relink(LAB, HOST, "veth1", master=""), ONE, SECOND,
        "veth1 in labhost is not a port of br0; make it one: ip link set veth1 master br0"),
    "the own end is no port": Stopped(
        relink(LAB, HOST, "veth0", master=""), ONE, SECOND,
        "veth0 in labhost is not a port of br0; make it one: ip link set veth0 master br0"),
    "one end is no port, asked from the host": Stopped(
        relink(LAB, HOST, "veth1", master=""), HOST, SECOND,
        "veth1 in labhost is not a port of br0; make it one: ip link set veth1 master br0"),
    "no port at all": Stopped(
        relink(NO_PORTS, HOST, "br0", state="NO-CARRIER"), HOST, FIRST,
        "veth0 in labhost is not a port of br0; make it one: ip link set veth0 master br0"),
    "a port with an address": Stopped(
        PORT_WITH_ADDRESS, HOST, SECOND,
        "labhost looks for 192.168.0.3 (ceth1 in container-2) at veth0 (192.168.0.0/24 dev veth0), but that is "
        "behind br0; veth0 is a port of br0 and needs no address; take it off: ip addr del 192.168.0.4/24 dev veth0"),
    "the address on another interface": Stopped(
        readdress(bare(LAB, HOST, "br0"), HOST, "eth0", "192.168.0.1/24", "192.168.0.0/24"), HOST, FIRST,
        "labhost looks for 192.168.0.2 (ceth0 in container-1) at eth0 (192.168.0.0/24 dev eth0), but that is behind "
        "br0; move the address: ip addr del 192.168.0.1/24 dev eth0 && ip addr add 192.168.0.1/24 dev br0"),
    "a route by another interface": Stopped(
        reroute(LAB, HOST, route("192.168.0.0/24", dev="eth0")), HOST, FIRST,
        "labhost looks for 192.168.0.2 (ceth0 in container-1) at eth0 (192.168.0.0/24 dev eth0), but that is behind "
        "br0; delete that route: ip route del 192.168.0.0/24 dev eth0"),
    "no wire between them": Stopped(
        NO_WIRE, ONE, BRIDGE,
        "container-1 has no interface but lo, and nothing leads out of it"),
    "no wire to the goal": Stopped(
        relink(unlink(LAB, HOST, "veth0"), ONE, "ceth0", peer="", peer_netns=""), HOST, FIRST,
        "192.168.0.2 is ceth0 in container-1, but no wire joins it with br0 in labhost"),
    "circles": Stopped(
        LOOP, HOST, "8.8.8.8",
        "the packet goes in circles between labhost and container-1; compare their routes: ip route && ip -n "
        "container-1 route"),
}


@pytest.mark.parametrize(("snapshot", "start", "to", "hint"), OBSTACLES.values(), ids=OBSTACLES)
def test_an_obstacle(snapshot: Snapshot, start: str, to: str, hint: str) -> None:
    assert why_no_answer(snapshot, start, to) == hint


@pytest.mark.parametrize("hint", [each.hint for each in OBSTACLES.values()], ids=OBSTACLES)
def test_what_a_hint_ends_with_is_a_command(hint: str) -> None:
    assert command_of(hint).startswith(("ip ", "sysctl ", "iptables ")) or (": " not in hint and not command_of(hint))
    assert OUTSIDE not in command_of(hint)


def test_it_is_no_mistake_to_explain_what_arrived() -> None:
    with pytest.raises(ValueError, match="nothing stopped the packet in labhost"):
        explain(LAB, follow(LAB, ONE, BRIDGE), BRIDGE)


def test_an_outside_that_forwards_is_not_where_the_fault_is() -> None:
    """A fresh netns has the machine's ip_forward, which may be 1."""
    lost = change(unrouted(LAB, HOST, "br0"), OUTSIDE, sysctls=(("net.ipv4.ip_forward", "1"),))
    assert why_no_answer(lost, HOST, FIRST) == OBSTACLES["the route was deleted"].hint


# The way of a packet


def test_a_journey_tells_every_hop() -> None:
    journey = follow(LAB, ONE, SERVER)
    assert (journey.netns, journey.source, journey.obstacle) == (OUTSIDE, DOOR, "")
    assert [(hop.netns, hop.route.interface) for hop in journey.hops] == [(ONE, "ceth0"), (HOST, "eth0")]
    assert [(each.netns, each.source) for each in journey.translations] == [(HOST, FIRST)]


def test_what_stays_on_the_bridge_is_not_translated() -> None:
    there = follow(LAB, ONE, SECOND)
    assert there == Journey(TWO, FIRST, hops=there.hops, came="ceth1")


def test_the_answer_to_a_translated_question_goes_on_to_who_asked() -> None:
    """Through the address of the host it comes back, but the host has lost the way to the container."""
    lost = route("192.168.0.2/32", kind="unreachable")
    broken = reroute(LAB, HOST, *facts_of(LAB, HOST).routes, lost)
    assert why_no_answer(broken, ONE, SERVER) == (
        "outside gets the question, but the answer to 192.168.0.2 does not come back, because labhost has the route "
        "unreachable 192.168.0.2/32, which stops it; delete it: ip route del unreachable 192.168.0.2/32")


def test_who_translates_its_own_packets_gets_the_answer() -> None:
    own = change(LAB, ONE, rules=(masquerade(not_out="x"),))
    assert why_no_answer(own, ONE, BRIDGE) == ""


def test_an_address_counts_while_its_interface_is_down() -> None:
    assert is_local(facts_of(down(LAB, HOST, "br0"), HOST), BRIDGE)


def test_a_gateway_of_ones_own_means_on_this_link() -> None:
    assert why_no_answer(reroute(LAB, ONE, route("default", via=FIRST, dev="ceth0")), ONE, DOOR) == ""


def test_the_longest_prefix_wins_then_the_metric_then_the_first() -> None:
    facts = netns("x", 1, routes=(
        route("default", via="10.0.0.1", dev="a"), route("10.0.0.0/8", dev="b", metric=5), route("10.0.0.0/8", dev="c"),
        route("10.0.0.0/8", dev="d"), route("10.1.0.0/16", dev="e", metric=99), route("fd00::/8", dev="f")))
    chosen = [best_route(facts, to) for to in ("8.8.8.8", "10.9.9.9", "10.1.2.3", "fd00::1", "2001:db8::1")]
    assert [best and best.interface for best in chosen] == ["a", "c", "e", "f", None]


def test_the_owner_of_an_address() -> None:
    assert owner(LAB, SECOND) == End(TWO, "ceth1")
    assert owner(LAB, "9.9.9.9") is None


def test_the_source_of_a_hosts_own_packets() -> None:
    """The route says it; else it is an address of the interface, near the gateway if there is one; else any."""
    addresses = Address("lo", "127.0.0.1/8"), Address("br0", "192.168.0.1/24"), Address("br0", "10.5.0.9/24")
    routes = route("default", via="10.5.0.1", dev="br0"), route("10.6.0.0/16", dev="veth0")
    host = change(LAB, HOST, routes=routes, addresses=addresses)
    assert follow(host, HOST, "8.8.8.8").source == "10.5.0.9"
    assert follow(host, HOST, "10.6.0.1").source == "192.168.0.1"


# Wires


def test_everybody_on_a_bridge_hears() -> None:
    assert hearers(LAB, End(ONE, "ceth0")) == [End(HOST, "br0"), End(TWO, "ceth1")]
    assert hearers(LAB, End(HOST, "br0")) == [End(ONE, "ceth0"), End(TWO, "ceth1")]
    assert hearers(LAB, End(HOST, "eth0")) == [End(OUTSIDE, "eth0")]
    assert hearers(LAB, End(HOST, "none")) == hearers(LAB, End("none", "x")) == []


def test_nobody_hears_what_is_down() -> None:
    assert hearers(down(LAB, ONE, "ceth0"), End(ONE, "ceth0")) == []
    assert hearers(down(LAB, HOST, "br0"), End(ONE, "ceth0")) == []
    assert hearers(down(LAB, TWO, "ceth1"), End(ONE, "ceth0")) == [End(HOST, "br0")]


def test_the_way_through_a_bridge() -> None:
    assert ways(LAB, End(ONE, "ceth0"))[1] == (
        End(ONE, "ceth0"), End(HOST, "veth0"), End(HOST, "br0"), End(HOST, "veth1"), End(TWO, "ceth1"))
    assert ways(down(LAB, HOST, "br0"), End(ONE, "ceth0"), live=False) == ways(LAB, End(ONE, "ceth0"))


def test_a_ring_of_wires_comes_to_an_end() -> None:
    ports = (veth(f"{one}{number}", f"{other}{number}", HOST, master=one)
             for one, other in ("ab", "ba") for number in (1, 2))
    ring = Snapshot((netns(HOST, 1, (bridge("a"), bridge("b"), *ports)),))
    assert hearers(ring, End(HOST, "a")) == [End(HOST, "b")]


def test_a_bridge_is_the_door_rather_than_its_port() -> None:
    found = door(LAB, facts_of(LAB, HOST), End(ONE, "ceth0"))
    assert found
    assert found.name == "br0"
    assert door(LAB, facts_of(LAB, OUTSIDE), End(ONE, "ceth0")) is None


# What should not be answered, or comes in disguise


def test_an_answer_by_a_rule_that_is_too_early() -> None:
    assert why_answered(LAB, ONE, SERVER) == (
        "198.51.100.1 should not answer container-1 in this step, and does, because labhost translates its source "
        "(ip nat POSTROUTING ip saddr 192.168.0.0/24 oifname != br0 masquerade); delete that rule: "
        "iptables -t nat -D POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE")


def test_an_answer_by_a_way_that_is_too_early() -> None:
    assert why_answered(LAB, ONE, DOOR) == ("203.0.113.2 should not answer container-1 in this step, and does; "
                                            "its way is default via 192.168.0.1 dev ceth0 in container-1")
    assert why_answered(LAB, HOST, BRIDGE) == ("192.168.0.1 should not answer labhost in this step, and does; "
                                               "it is an address of labhost itself")


def test_seen_by_nobody() -> None:
    assert why_seen(NOT_A_ROUTER, ONE, SERVER, "", DOOR) == OBSTACLES["no forwarding"].hint
    assert why_seen(LAB, ONE, SERVER, "", DOOR) == "nothing from container-1 arrives at 198.51.100.1"


def test_seen_untranslated() -> None:
    assert why_seen(NO_RULES, ONE, SERVER, FIRST, DOOR) == OBSTACLES["no translation"].hint


def test_seen_translated() -> None:
    assert why_seen(LAB, ONE, SERVER, DOOR, FIRST).startswith(
        "198.51.100.1 sees 203.0.113.2, not 192.168.0.2, because labhost translates its source")


def test_seen_translated_on_a_bridge() -> None:
    """Where bridged packets go through the rules too."""
    early = change(LAB, HOST, rules=(masquerade(not_out=""),))
    assert why_seen(early, ONE, SECOND, BRIDGE, FIRST) == (
        "192.168.0.3 sees 192.168.0.1, not 192.168.0.2, because labhost translates its source "
        "(ip nat POSTROUTING ip saddr 192.168.0.0/24 masquerade); delete that rule: "
        "iptables -t nat -D POSTROUTING -s 192.168.0.0/24 -j MASQUERADE")


def test_seen_as_somebody_for_no_known_reason() -> None:
    assert why_seen(LAB, ONE, SECOND, "9.9.9.9", FIRST) == (
        "192.168.0.3 sees 9.9.9.9, not 192.168.0.2; see which rules count its packets: "
        "iptables -t nat -L POSTROUTING -v -n")


@pytest.mark.parametrize(("words", "text"), [
    ((), "none"), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")])
def test_lists_in_words(words: tuple[str, ...], text: str) -> None:
    assert listed(words) == text
