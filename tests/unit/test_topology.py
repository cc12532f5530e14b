"""The picture of a network: readable, no wider than it may be, and nothing lost."""

from __future__ import annotations

import re

import pytest

from labrunner.reporters.topology import draw
from runtime.facts.addresses import Address
from runtime.facts.containers import Container
from runtime.facts.routes import Route
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot
from tests.golden.scenes import LO, SNAPSHOT, link


def drawn(*netns: NetnsFacts, width: int = 80) -> str:
    return "\n".join(draw(Snapshot(netns), width))


def test_a_bridge_network() -> None:
    assert drawn(*SNAPSHOT.netns) == """\
labhost, forwards packets
├─ eth0 203.0.113.2/24 ── eth0 203.0.113.1/24  outside
├─ br0 (bridge) 192.168.0.1/24
│  └─ veth0 ── ceth0 192.168.0.2/24 DOWN  container-1, default via 192.168.0.1
└─ NAT ip saddr 192.168.0.0/24 oifname != br0 masquerade
container-2"""


def test_at_forty_columns() -> None:
    assert drawn(*SNAPSHOT.netns, width=40) == """\
labhost, forwards packets
├─ eth0 203.0.113.2/24 ── eth0
│      203.0.113.1/24  outside
├─ br0 (bridge) 192.168.0.1/24
│  └─ veth0 ── ceth0 192.168.0.2/24 DOWN
│         container-1, default via
│         192.168.0.1
└─ NAT ip saddr 192.168.0.0/24 oifname
       != br0 masquerade
container-2"""


def test_a_host_alone() -> None:
    assert drawn(NetnsFacts("labhost", 1, (LO,))) == "labhost"


def test_a_wire_that_is_not_used_yet_is_drawn_once() -> None:
    ends = link("ceth0", state="DOWN", peer="veth0", there="labhost"), link("veth0", peer="ceth0", there="labhost")
    assert drawn(NetnsFacts("labhost", 1, (LO, *ends), (Address("veth0", "10.0.0.1/8"),))) == """\
labhost
└─ ceth0 DOWN ── veth0 10.0.0.1/8"""


def test_both_ends_of_a_wire_in_one_bridge() -> None:
    ends = link("a", master="br0", peer="b", there="labhost"), link("b", master="br0", peer="a", there="labhost")
    assert drawn(NetnsFacts("labhost", 1, (link("br0", "bridge"), *ends))) == """\
labhost
└─ br0 (bridge)
   ├─ a ── b
   └─ b ── a"""


def test_an_end_that_is_out_of_sight() -> None:
    assert drawn(NetnsFacts("labhost", 1, (link("veth0"),))) == "labhost\n└─ veth0"
    assert drawn(NetnsFacts("labhost", 1, (link("veth0", peer="x", there="gone"),))) == "labhost\n└─ veth0"


def test_a_port_whose_bridge_is_not_there_is_drawn_all_the_same() -> None:
    assert drawn(NetnsFacts("labhost", 1, (link("veth0", master="br9"),))) == "labhost\n└─ veth0"


def test_what_stands_on_what() -> None:
    links = link("red", "vrf"), link("br0", "bridge", master="red"), link("veth0", master="br0"), link("m0", "macvlan")
    assert drawn(NetnsFacts("labhost", 1, links)) == """\
labhost
├─ red (vrf)
│  └─ br0 (bridge)
│     └─ veth0
└─ m0 (macvlan)"""


def test_a_container_with_more_than_one_wire_has_a_tree_of_its_own() -> None:
    host = NetnsFacts("labhost", 1, (link("veth0", peer="eth0", there="router"),))
    ends = link("eth0", peer="veth0", there="labhost"), link("eth1", peer="eth0", there="c1")
    router = NetnsFacts("router", 2, ends, sysctls=(("net.ipv4.ip_forward", "1"),))
    inner = NetnsFacts("c1", 3, (link("eth0", peer="eth1", there="router"),))
    assert drawn(host, router, inner) == """\
labhost
└─ veth0 ── eth0  router
router, forwards packets
├─ eth0 ── veth0  labhost
└─ eth1 ── eth0  c1"""


def test_a_container_that_translates_has_a_tree_of_its_own() -> None:
    host = NetnsFacts("labhost", 1, (link("veth0", peer="eth0", there="c1"),))
    rule = Rule("ip", "nat", "PREROUTING", "prerouting", ("tcp dport 80",), "dnat to 10.0.0.2:80", None, None)
    other = rule._replace(matches=(), target="accept")
    inner = NetnsFacts("c1", 2, (link("eth0", peer="veth0", there="labhost"),), rules=(other, rule))
    assert drawn(host, inner) == """\
labhost
└─ veth0 ── eth0  c1
c1
├─ eth0 ── veth0  labhost
└─ NAT tcp dport 80 dnat to 10.0.0.2:80"""


def test_several_addresses() -> None:
    addresses = (Address("eth0", "10.0.0.1/8"), Address("eth0", "10.0.0.2/8"), Address("eth0", "fd00::1/64"))
    assert drawn(NetnsFacts("labhost", 1, (link("eth0"),), addresses)) == (
        "labhost\n└─ eth0 10.0.0.1/8 10.0.0.2/8 fd00::1/64")


def large(count: int) -> Snapshot:
    """A host with as many containers at a bridge, with the longest names that there are, and some that are alone."""
    names = [f"container-number-{n:04}" for n in range(count)]
    ports = [link(f"veth-to-host-{n:02}", master="docker-bridge-0", peer=f"eth-of-cont-{n:02}", there=name,
                  state="DOWN" if n % 3 else "UP") for n, name in enumerate(names)]
    host = NetnsFacts("labhost", 1, (LO, link("docker-bridge-0", "bridge"), *ports),
                      (Address("docker-bridge-0", "192.168.100.254/24"),))
    inner = [NetnsFacts(name, 2 + n, (LO, link(f"eth-of-cont-{n:02}", peer=f"veth-to-host-{n:02}", there="labhost")),
                        (Address(f"eth-of-cont-{n:02}", f"192.168.100.{n}/24"),),
                        (Route("default", "192.168.100.254", f"eth-of-cont-{n:02}", "", 0, "unicast"),))
             for n, name in enumerate(names)]
    return Snapshot((host, *inner, *(NetnsFacts(f"alone-{n}", 100 + n, (LO,)) for n in range(3))))


@pytest.mark.parametrize("width", [40, 60, 80, 92])
@pytest.mark.parametrize("count", [0, 1, 12])
def test_it_is_no_wider_than_it_may_be_and_nothing_is_lost(width: int, count: int) -> None:
    snapshot = large(count)
    lines = draw(snapshot, width)
    assert max(map(len, lines)) <= width
    words = set(re.findall(r"[\w./-]+", "\n".join(lines)))
    for facts in snapshot.netns:
        assert facts.name in words
        assert {each.name for each in facts.links if each.kind != "loopback"} <= words
        assert {each.address for each in facts.addresses} <= words
    down = sum(not each.up for facts in snapshot.netns for each in facts.links)
    assert "\n".join(lines).count("DOWN") == down


def test_containers_stand_below_the_network() -> None:
    running = Container("c1", "runc", "running", "/tmp/c1", 7, 70, "sleep 1000")
    others = running._replace(name="c2", status="created", command="runc init"), running._replace(
        name="c3", status="stopped", pid=0, command="")
    lines = draw(SNAPSHOT._replace(containers=(running, *others)))
    assert lines[:-3] == draw(SNAPSHOT)
    assert lines[-3:] == ["container c1, running: sleep 1000", "container c2, created", "container c3, stopped"]
