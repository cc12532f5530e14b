"""What runtime.facts reads is what the kernel holds: pyroute2 and `ip -j` are the judges. And what a Snapshot is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from labrunner.action import Action
from labrunner.actions.add_address import AddAddress
from labrunner.actions.add_bridge import AddBridge
from labrunner.actions.add_chain import AddChain
from labrunner.actions.add_link import AddLink
from labrunner.actions.add_netns import AddNetns
from labrunner.actions.add_route import AddRoute
from labrunner.actions.add_rule import AddRule
from labrunner.actions.add_veth import AddVeth
from labrunner.actions.delete_address import DeleteAddress
from labrunner.actions.delete_link import DeleteLink
from labrunner.actions.delete_netns import DeleteNetns
from labrunner.actions.delete_route import DeleteRoute
from labrunner.actions.delete_rule import DeleteRule
from labrunner.actions.masquerade import Masquerade
from labrunner.actions.move_link import MoveLink
from labrunner.actions.publish_port import PublishPort
from labrunner.actions.set_link import SetLink
from labrunner.actions.set_master import SetMaster
from labrunner.actions.set_policy import SetPolicy
from labrunner.actions.set_sysctl import SetSysctl
from labrunner.language.vocabulary import word, words
from runtime.errors import Missing, Refused
from runtime.facts.difference import Change, difference
from runtime.facts.links import Link
from runtime.facts.snapshot import Snapshot
from tests.conftest import Lab
from tests.contract.container_verbs import CONTAINER_VERBS, IMAGE_VERBS

InSandbox = Callable[..., Any]

# Judges: pyroute2, and ip itself

TOPOLOGY = """
for name in c1 c2 zoë 'two words'; do ip netns add "$name"; done
ip link add veth0 type veth peer name ceth0 netns c1
ip link add veth1 type veth peer name ceth1
ip link set ceth1 netns c2
ip link add same0 type veth peer name same0 netns zoë
ip -n c1 link add in0 type veth peer name in1
ip -n c1 link add far0 type veth peer name far0 netns c2
ip link add spaced type veth peer name spaced netns 'two words'
ip link add idle type veth peer name idle1
ip link add br0 type bridge
ip link add fifteen-letters type bridge
ip -n c1 link add br0 type bridge
ip link set veth0 master br0
ip link set veth1 master br0
ip -n c1 link set in0 master br0
for name in br0 veth0 veth1 same0 spaced; do ip link set $name up; done
for name in ceth0 br0 in0 in1 far0; do ip -n c1 link set $name up; done
ip -n c2 link set ceth1 up
ip -n c2 link set far0 up mtu 1400
ip -n 'two words' link set spaced up
ip link set fifteen-letters up mtu 1280
ip addr add 10.0.0.1/24 dev br0
ip addr add 10.0.0.9/24 dev br0
ip addr add 10.0.0.9/25 dev br0
ip addr add 10.5.0.1 peer 10.5.0.2/32 dev veth0
ip addr add 172.16.1.1/20 dev same0 label same0:x
ip addr add 192.0.2.1/32 dev idle
ip addr add fd00::1/64 dev br0 nodad
ip addr add fd00:0:0:8::1/61 dev same0 nodad
ip -n c1 addr add 10.0.0.2/24 dev ceth0
ip -n c1 addr add 10.7.0.1/31 dev far0
ip -n c2 addr add 10.0.0.3/24 dev ceth1
ip -n c2 addr add fd00::3/64 dev ceth1 nodad
ip -n 'two words' addr add 10.8.0.2/24 dev spaced
ip route add default via 10.0.0.2
ip route add default via 10.0.0.3 metric 50
ip route add 10.20.0.0/16 via 10.0.0.3 src 10.0.0.9
ip route add 10.21.16.0/20 dev same0
ip route add 10.22.0.0/16 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.0.3 nexthop dev same0
ip route add 10.23.0.0/16 via inet6 fe80::2 dev same0
ip route add 10.24.0.0/16 via 10.99.0.1 dev same0 onlink
ip route add blackhole 10.30.0.0/16
ip route add unreachable 10.31.0.0/16
ip route add prohibit 10.32.0.1
ip route add 10.40.0.0/16 via 10.0.0.2 table 100
ip route add default via fd00::3
ip route add fd10::/48 via fd00::3 metric 7
ip route add fd11::/48 nexthop via fd00::3 nexthop via fd00::4
ip route add blackhole fd12::/48
ip -n c1 route add default via 10.0.0.1
ip -n c2 route add default dev ceth1
ip neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev br0 nud permanent
ip neigh add 10.0.0.78 lladdr 02:00:00:00:00:78 dev br0 nud stale
ip -n c1 neigh add 10.0.0.79 dev ceth0 nud failed || true
ping -c 1 -W 1 10.0.0.2 >/dev/null
"""
NAMES = ("labhost", "c1", "c2", "two words", "zoë")


class Judged(NamedTuple):
    """One netns as one observer tells of it; each set is of tuples that two observers can be compared by."""

    links: set[tuple[Any, ...]]
    addresses: set[tuple[Any, ...]]
    routes: set[tuple[Any, ...]]
    neighbours: set[tuple[Any, ...]]


def _observed(lab: Lab) -> dict[str, Judged]:
    return {facts.name: Judged(
        {(link.name, link.kind, link.up, link.mtu, link.master, link.peer, link.peer_netns) for link in facts.links},
        {tuple(each) for each in facts.addresses},
        {tuple(each) for each in facts.routes},
        {tuple(each) for each in facts.neighbours},
    ) for facts in lab.observer.observe().netns}


def _by_pyroute2(lab: Lab) -> dict[str, Judged]:
    from pyroute2 import IPRoute  # takes 0.3 s to load: only in the child that needs it

    dumps = {}
    for netns in lab.namespaces.all():
        with netns.entered(), IPRoute() as route:
            dumps[netns.name] = (list(route.get_links()), list(route.get_addr()), list(route.get_routes(table=254)),
                                 list(route.get_neighbours(family=2)))
    names = {name: {link["index"]: link.get_attr("IFLA_IFNAME") for link in dump[0]} for name, dump in dumps.items()}
    return {name: Judged(
        {_pyroute2_link(link, name, names, _nsids(lab, name)) for link in links},
        {(names[name][each["index"]],
          f"{each.get_attr('IFA_LOCAL') or each.get_attr('IFA_ADDRESS')}/{each['prefixlen']}")
         for each in addresses if not (each["family"] == 10 and each["scope"] == 253)},
        {found for each in routes for found in _pyroute2_routes(each, names[name])},
        {(names[name][each["ifindex"]], each.get_attr("NDA_DST"), not each["state"] & 0x21)
         for each in neighbours if not each["state"] & 0x40},
    ) for name, (links, addresses, routes, neighbours) in dumps.items()}


def _pyroute2_link(
    link: Any, netns: str, names: dict[str, dict[int, str]], nsids: dict[int, str]
) -> tuple[Any, ...]:
    info = link.get_attr("IFLA_LINKINFO")
    kind = info.get_attr("IFLA_INFO_KIND") if info else "loopback"
    nsid = link.get_attr("IFLA_LINK_NETNSID")
    there = netns if nsid is None else nsids[nsid]
    peer = names[there][link.get_attr("IFLA_LINK")] if kind == "veth" else ""
    return (link.get_attr("IFLA_IFNAME"), kind, bool(link["flags"] & 1), link.get_attr("IFLA_MTU"),
            names[netns].get(link.get_attr("IFLA_MASTER"), ""), peer, there if peer else "")


def _pyroute2_routes(route: Any, names: dict[int, str]) -> Iterable[tuple[Any, ...]]:
    kinds = {1: "unicast", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
    destination = route.get_attr("RTA_DST")
    if route["type"] not in kinds or (destination or "").startswith(("fe80::", "ff00::")):
        return
    shown = f"{destination}/{route['dst_len']}" if destination else "default"
    for hop in route.get_attr("RTA_MULTIPATH") or (route,):
        index = hop.get_attr("RTA_OIF") if hop is route else hop["oif"]
        via = hop.get_attr("RTA_VIA")
        gateway = hop.get_attr("RTA_GATEWAY") or (via["addr"] if via else "")
        yield (shown, gateway, names.get(index, ""), route.get_attr("RTA_PREFSRC") or "",
               route.get_attr("RTA_PRIORITY") or 0, kinds[route["type"]])


def _ip(lab: Lab, netns: str, words: str) -> Any:
    where = "" if netns == "labhost" else f"-n '{netns}' "
    return json.loads(lab.shell(f"ip {where}-j {words}") or "[]")


def _nsids(lab: Lab, netns: str) -> dict[int, str]:
    """What ip says about the numbers of namespaces; the lab host is the one without a name."""
    return {each["nsid"]: each.get("name", "labhost") for each in _ip(lab, netns, "netns list-id")}


def _by_ip(lab: Lab) -> dict[str, Judged]:
    links = {netns: _ip(lab, netns, "-d link") for netns in NAMES}
    names = {netns: {link["ifindex"]: link["ifname"] for link in found} for netns, found in links.items()}
    return {netns: Judged(
        {_ip_link(link, netns, names, _nsids(lab, netns)) for link in links[netns]},
        {(found["ifname"], f"{each['local']}/{each['prefixlen']}") for found in _ip(lab, netns, "addr")
         for each in found.get("addr_info", ()) if not (each["family"] == "inet6" and each["scope"] == "link")},
        {found for family, bits in (("-4", 32), ("-6", 128)) for each in _ip(lab, netns, f"{family} route")
         for found in _ip_routes(each, bits)},
        {(each["dev"], each["dst"], each["state"] not in (["FAILED"], ["INCOMPLETE"]))
         for each in _ip(lab, netns, "-4 neigh")},
    ) for netns in NAMES}


def _ip_link(link: Any, netns: str, names: dict[str, dict[int, str]], nsids: dict[int, str]) -> tuple[Any, ...]:
    kind = link.get("linkinfo", {}).get("info_kind", "loopback")
    there = nsids[link["link_netnsid"]] if "link_netnsid" in link else netns
    peer = (names[there][link["link_index"]] if "link_index" in link else link["link"]) if kind == "veth" else ""
    up = "UP" in link["flags"]
    return (link["ifname"], kind, up, link["mtu"], link.get("master", ""), peer, there if peer else "")


def _ip_routes(route: Any, bits: int) -> Iterable[tuple[Any, ...]]:
    destination = route["dst"]
    if destination.startswith("fe80::"):
        return
    shown = destination if destination == "default" or "/" in destination else f"{destination}/{bits}"
    # ip shows metrics that the kernel gave by itself (IPv6: 1024), and for the kinds without an interface one of lo.
    for hop in route.get("nexthops", (route,)):
        gateway = hop.get("gateway") or hop.get("via", {}).get("host", "")
        yield (shown, gateway, hop.get("dev", ""), route.get("prefsrc", ""), route.get("metric", 0),
               route.get("type", "unicast"))


def _three_ways(lab: Lab) -> tuple[dict[str, Judged], dict[str, Judged], dict[str, Judged]]:
    lab.shell(TOPOLOGY)
    return _observed(lab), _by_pyroute2(lab), _by_ip(lab)


@pytest.fixture(scope="module")
def three_ways() -> Any:
    from tests.conftest import run_in_sandbox

    return run_in_sandbox(_three_ways)


@pytest.mark.parametrize("kind", Judged._fields)
@pytest.mark.parametrize("netns", NAMES)
def test_the_judges_agree(three_ways: tuple[dict[str, Judged], ...], netns: str, kind: str) -> None:
    ours, pyroute2, ip = (getattr(each[netns], kind) for each in three_ways)
    assert ours == pyroute2
    assert ours == ip


def test_the_judges_have_seen_everything(three_ways: tuple[dict[str, Judged], ...]) -> None:
    """That an empty answer does not agree with an empty answer."""
    host, c1 = three_ways[0]["labhost"], three_ways[0]["c1"]
    assert ("veth1", "veth", True, 1500, "br0", "ceth1", "c2") in host.links
    assert ("idle", "veth", False, 1500, "", "idle1", "labhost") in host.links
    assert ("same0", "veth", True, 1500, "", "same0", "zoë") in host.links
    assert ("in0", "veth", True, 1500, "br0", "in1", "c1") in c1.links
    assert ("br0", "10.0.0.9/25") in host.addresses
    assert ("10.22.0.0/16", "10.0.0.3", "br0", "", 0, "unicast") in host.routes
    assert ("10.22.0.0/16", "", "same0", "", 0, "unicast") in host.routes
    assert ("10.23.0.0/16", "fe80::2", "same0", "", 0, "unicast") in host.routes
    assert ("10.30.0.0/16", "", "", "", 0, "blackhole") in host.routes
    assert not any(route[0] == "10.40.0.0/16" for route in host.routes)
    assert ("br0", "10.0.0.2", True) in host.neighbours


# A Snapshot


def _twice(lab: Lab) -> tuple[Snapshot, Snapshot]:
    lab.shell(TOPOLOGY + "iptables -t nat -A POSTROUTING -s 10.0.0.0/24 ! -o br0 -j MASQUERADE")
    return lab.observer.observe(), lab.observer.observe()


@pytest.fixture(scope="module")
def twice() -> tuple[Snapshot, Snapshot]:
    from tests.conftest import run_in_sandbox

    found: tuple[Snapshot, Snapshot] = run_in_sandbox(_twice)
    return found


def test_observing_twice_gives_the_same(twice: tuple[Snapshot, Snapshot]) -> None:
    one, other = twice
    assert one == other
    assert hash(one) == hash(other)
    assert difference(one, other) == ()


def test_it_is_frozen(twice: tuple[Snapshot, Snapshot]) -> None:
    for record in (twice[0], twice[0].netns[0], twice[0].netns[0].links[0], twice[0].processes[0]):
        with pytest.raises(AttributeError):
            setattr(record, record._fields[0], None)


def test_it_can_be_written_as_json(twice: tuple[Snapshot, Snapshot]) -> None:
    plain = twice[0].as_json()
    again = json.loads(json.dumps(plain))
    assert again == plain
    host = again["netns"][0]
    assert host["name"] == "labhost"
    assert {"interface": "br0", "address": "10.0.0.1/24"} in host["addresses"]
    assert host["rules"][0]["matches"] == ["ip saddr 10.0.0.0/24", "oifname != br0"]
    assert set(again["processes"][0]) == {"pid", "parent", "started", "command", "namespaces", "ended", "program"}


def test_the_host_is_first_and_the_others_follow_by_name(twice: tuple[Snapshot, Snapshot]) -> None:
    assert twice[0].names == NAMES


# What an action did

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
PAIR = "ip netns add c1; ip link add veth0 type veth peer name ceth0 netns c1; "
UP = PAIR + "ip link set veth0 up; ip -n c1 link set ceth0 up; ip addr add 10.0.0.1/24 dev veth0; "
IPTABLES = "iptables -t nat -A POSTROUTING -s 10.0.0.0/8 ! -o br0 -j MASQUERADE"
RULE = "ip nat POSTROUTING ip saddr 10.0.0.0/8 oifname != br0 masquerade"


def _veth(peer: str, netns: str) -> tuple[tuple[str, str, str], ...]:
    return ("kind", "", "veth"), ("state", "", "DOWN"), ("peer", "", peer), ("peer_netns", "", netns)


DID: list[tuple[str, Action, tuple[Change, ...]]] = [
    ("", AddNetns(name="c1"), (
        Change(ADDED, "", "netns", "c1"),
        Change(ADDED, "c1", "link", "lo", (("kind", "", "loopback"), ("state", "", "DOWN"))))),
    ("ip netns add c1", DeleteNetns(name="c1"), (
        Change(REMOVED, "", "netns", "c1"), Change(REMOVED, "c1", "link", "lo"))),
    (PAIR, DeleteNetns(name="c1"), (
        Change(REMOVED, "", "netns", "c1"), Change(REMOVED, "labhost", "link", "veth0"),
        Change(REMOVED, "c1", "link", "lo"), Change(REMOVED, "c1", "link", "ceth0"))),
    ("ip netns add c1", AddVeth(name="veth0", peer="ceth0", peer_netns="c1"), (
        Change(ADDED, "labhost", "link", "veth0", _veth("ceth0", "c1")),
        Change(ADDED, "c1", "link", "ceth0", _veth("veth0", "labhost")))),
    (PAIR, DeleteLink(name="veth0"), (
        Change(REMOVED, "labhost", "link", "veth0"), Change(REMOVED, "c1", "link", "ceth0"))),
    ("", AddBridge(name="br0"), (
        Change(ADDED, "labhost", "link", "br0", (("kind", "", "bridge"), ("state", "", "DOWN"))),)),
    ("", AddLink(name="vx0", kind="vxlan", options={"id": 7, "dstport": 4789}), (
        Change(ADDED, "labhost", "link", "vx0", (("kind", "", "vxlan"), ("state", "", "DOWN"))),)),
    ("ip netns add c1; ip link add veth0 type veth peer name ceth0", MoveLink(name="ceth0", to="c1"), (
        Change(REMOVED, "labhost", "link", "ceth0"),
        Change(CHANGED, "labhost", "link", "veth0", (("peer_netns", "labhost", "c1"),)),
        Change(ADDED, "c1", "link", "ceth0", _veth("veth0", "labhost")))),
    (PAIR, SetLink(name="veth0"), (
        Change(CHANGED, "labhost", "link", "veth0", (("state", "DOWN", "NO-CARRIER"),)),)),
    (UP, SetLink(name="veth0", state="down"), (
        Change(CHANGED, "labhost", "link", "veth0", (("state", "UP", "DOWN"),)),
        Change(REMOVED, "labhost", "route", "10.0.0.0/24 dev veth0"),
        Change(CHANGED, "c1", "link", "ceth0", (("state", "UP", "NO-CARRIER"),)))),
    (PAIR + "ip link add br0 type bridge", SetMaster(name="veth0", master="br0"), (
        Change(CHANGED, "labhost", "link", "veth0", (("master", "", "br0"),)),)),
    (UP, AddAddress(address="10.1.0.1/24", interface="veth0"), (
        Change(ADDED, "labhost", "address", "10.1.0.1/24 dev veth0"),
        Change(ADDED, "labhost", "route", "10.1.0.0/24 dev veth0"))),
    (UP, DeleteAddress(address="10.0.0.1/24", interface="veth0"), (
        Change(REMOVED, "labhost", "address", "10.0.0.1/24 dev veth0"),
        Change(REMOVED, "labhost", "route", "10.0.0.0/24 dev veth0"))),
    (UP, AddRoute(destination="default", gateway="10.0.0.2"), (
        Change(ADDED, "labhost", "route", "default via 10.0.0.2 dev veth0"),)),
    (UP + "ip route add default dev veth0", DeleteRoute(destination="default", interface="veth0"), (
        Change(REMOVED, "labhost", "route", "default dev veth0"),)),
    ("", SetSysctl(name="net.ipv4.ip_forward", value=1), (
        Change(CHANGED, "labhost", "sysctl", "net.ipv4.ip_forward", (("value", "0", "1"),)),)),
    ("", Masquerade(source="10.0.0.0/8", not_out="br0"), (
        Change(ADDED, "labhost", "chain", "ip nat POSTROUTING", (("policy", "", "accept"),)),
        Change(ADDED, "labhost", "rule", RULE))),
    (IPTABLES, Masquerade(source="10.0.0.0/8", not_out="br0"), (
        Change(ADDED, "labhost", "rule", f"{RULE} (2)"),)),
    ("iptables -N MINE", AddRule(chain="MINE", protocol="tcp", port=80, jump="DROP"), (
        Change(ADDED, "labhost", "rule", "ip filter MINE tcp dport 80 drop"),)),
    ("iptables -A INPUT -j DROP", DeleteRule(chain="INPUT", jump="DROP"), (
        Change(REMOVED, "labhost", "rule", "ip filter INPUT drop"),)),
    ("", AddChain(name="MINE"), (
        Change(ADDED, "labhost", "chain", "ip filter MINE"),)),
    ("iptables -P INPUT ACCEPT", SetPolicy(chain="INPUT", policy="DROP"), (
        Change(CHANGED, "labhost", "chain", "ip filter INPUT", (("policy", "accept", "drop"),)),)),
    ("iptables -t nat -P PREROUTING ACCEPT", PublishPort(port=8080, to="10.0.0.2", to_port=80), (
        Change(ADDED, "labhost", "rule", "ip nat PREROUTING tcp dport 8080 dnat to 10.0.0.2:80"),)),
]


def _did(lab: Lab, setup: str, action: Action) -> tuple[Change, ...] | str:
    lab.shell(setup or ":")
    before = lab.observer.observe()
    try:
        action.apply(lab.host)
    except Missing as missing:
        return str(missing)
    return difference(before, lab.observer.observe())


@pytest.mark.parametrize(("setup", "action", "changes"), DID, ids=[each[1].command() for each in DID])
def test_a_difference_names_what_one_action_did(
    in_sandbox: InSandbox, setup: str, action: Action, changes: tuple[Change, ...]
) -> None:
    did = in_sandbox(_did, setup, action)
    if isinstance(did, str):
        pytest.skip(f"needs what this machine lacks: {did}")
    assert did == changes
    assert json.loads(json.dumps([change.as_json() for change in did]))


def test_every_action_has_a_difference() -> None:
    elsewhere = {"run", "serve", "write", *CONTAINER_VERBS, *IMAGE_VERBS}  # their own files
    assert {word(action) for _setup, action, _changes in DID} == set(words("labrunner.actions")) - elsewhere


UNSEEN = {  # what changes a Snapshot and no link, address or route by its name
    "mtu": ("ip link add x type veth peer name y", "ip link set dev x mtu 1400",
            Change(CHANGED, "labhost", "link", "x", (("mtu", "1500", "1400"),))),
    "src": (UP + "ip addr add 10.0.0.2/24 dev veth0; ip route add 10.1.0.0/16 dev veth0 src 10.0.0.1",
            "ip route replace 10.1.0.0/16 dev veth0 src 10.0.0.2",
            Change(CHANGED, "labhost", "route", "10.1.0.0/16 dev veth0", (("src", "10.0.0.1", "10.0.0.2"),))),
    "priority": ("nft add table ip t; nft 'add chain ip t c { type filter hook input priority 0; }'",
                 "nft delete chain ip t c; nft 'add chain ip t c { type filter hook input priority 5; }'",
                 Change(CHANGED, "labhost", "chain", "ip t c", (("priority", "0", "5"),))),
}


def _changed(lab: Lab, setup: str, command: str) -> tuple[Change, ...]:
    lab.shell(setup)
    before = lab.observer.observe()
    lab.shell(command)
    return difference(before, lab.observer.observe())


@pytest.mark.parametrize(("setup", "command", "change"), UNSEEN.values(), ids=UNSEEN)
def test_nothing_changes_unseen(in_sandbox: InSandbox, setup: str, command: str, change: Change) -> None:
    assert in_sandbox(_changed, setup, command) == (change,)


# Names and namespaces that come, go and pretend


def _host_link(lab: Lab, name: str) -> Link | None:
    return lab.observer.observe().netns[0].link(name)


def _made_anew(lab: Lab) -> tuple[tuple[Change, ...], Link | None, Link | None]:
    lab.shell("ip netns add c1; ip link add veth0 type veth peer name ceth0 netns c1")
    before = lab.observer.observe()
    lab.shell("ip netns delete c1; ip netns add c1")
    after = lab.observer.observe()
    lab.shell("ip link add veth0 type veth peer name other netns c1")
    return difference(before, after), after.netns[0].link("veth0"), _host_link(lab, "veth0")


def test_a_netns_made_anew_under_the_old_name(in_sandbox: InSandbox) -> None:
    changes, gone, new = in_sandbox(_made_anew)
    assert [(each.change, each.netns, each.kind, each.name) for each in changes] == [
        (CHANGED, "", "netns", "c1"), (REMOVED, "labhost", "link", "veth0"), (REMOVED, "c1", "link", "ceth0")]
    assert [field for field, _before, _after in changes[0].fields] == ["inode"]
    assert gone is None
    assert new == Link("veth0", "veth", "DOWN", "", "other", "c1", 1500)


def _numbers_used_again(lab: Lab) -> list[Link | None]:
    """The lab host counts the namespaces that it has wires to, and gives a number that is free to the next."""
    seen = []
    lab.shell("ip netns add c1; ip link add v1 type veth peer name x netns c1")
    seen.append(_host_link(lab, "v1"))
    for commands in ("ip netns delete c1", "ip netns add c2; ip link add v2 type veth peer name x netns c2",
                     "ip netns add c1; ip link add v1 type veth peer name x netns c1"):
        lab.shell(commands)
        seen.append(_host_link(lab, "v1"))
    seen.append(_host_link(lab, "v2"))
    return seen


def test_numbers_of_namespaces_are_used_again(in_sandbox: InSandbox) -> None:
    places = [link and link.peer_netns for link in in_sandbox(_numbers_used_again)]
    assert places == ["c1", None, None, "c1", "c2"]


def _a_long_goodbye(lab: Lab) -> list[bool]:
    """Deleted by every means, a netns takes its wires with it before the next Snapshot."""
    left = []
    for delete in (lambda: lab.network.delete_netns("c1"), lambda: lab.shell("ip netns delete c1")) * 5:
        lab.shell("ip netns add c1; ip link add veth0 type veth peer name ceth0 netns c1")
        lab.observer.observe()
        delete()
        left.append(_host_link(lab, "veth0") is not None)
    return left


def test_the_wires_of_a_deleted_netns_are_gone(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_a_long_goodbye) == [False] * 10


HOLDER = "setsid ip netns exec c1 sleep 60 >/dev/null 2>&1 & "


def _held(lab: Lab) -> tuple[Link | None, Link | None]:
    lab.shell(PAIR + HOLDER + "while [ -z \"$(ip netns pids c1)\" ]; do :; done")
    before = _host_link(lab, "veth0")
    lab.shell("ip netns delete c1")
    return before, _host_link(lab, "veth0")


def test_a_netns_without_its_name_lives_while_a_process_is_in_it(in_sandbox: InSandbox) -> None:
    before, after = in_sandbox(_held)
    assert before.peer_netns == "c1"
    assert after == before._replace(peer="", peer_netns="")  # out of sight, and not waited for


def _pretenders(lab: Lab) -> tuple[Snapshot, list[str]]:
    lab.shell("ip netns add c1; cd /run/netns; touch file; mkdir folder; mkfifo fifo; ln -s nowhere dangling; "
              "ln -s /proc/1/ns/net out; ln -s /proc/self/ns/net self; ln -s /proc/1/ns/uts uts; "
              "ln -s /dev/zero device; "
              "ln -s ../../../../../etc/passwd escape; ln -s c1 alias; ln -s loop loop; "
              "touch mounted; mount --bind /proc/1/ns/uts mounted; touch twin; mount --bind /proc/1/ns/net twin; "
              "touch \"$(printf 'bad\\377name')\"")
    refused = []
    for name in ("file", "folder", "fifo", "dangling", "out", "device", "escape", "mounted", "loop", "missing"):
        with pytest.raises(Refused) as caught:
            lab.namespaces[name]
        refused.append(caught.value.why)
    return lab.observer.observe(), refused


def test_what_is_no_netns_is_passed_over(in_sandbox: InSandbox) -> None:
    snapshot, refused = in_sandbox(_pretenders)
    assert snapshot.names == ("labhost", "alias", "c1", "twin")
    alias, c1, twin = (snapshot.find(name) for name in ("alias", "c1", "twin"))
    assert alias.inode == c1.inode
    assert twin.inode == snapshot.find("labhost").inode  # a second name for the lab host's own
    assert refused[0] == "there is no /run/netns/file"


def _machine(lab: Lab, pid: int) -> tuple[int, ...]:
    lab.shell(f"ln -s /proc/1/ns/net /run/netns/one; ln -s /proc/{pid}/ns/net /run/netns/two")
    return tuple(facts.inode for facts in lab.observer.observe().netns)


def test_no_link_leads_to_the_machine(in_sandbox: InSandbox) -> None:
    """The judge, which sees the machine's /proc, doesn't take the links for its own."""
    inodes = in_sandbox(_machine, os.getpid())
    assert len(inodes) == 1
    assert os.stat("/proc/self/ns/net").st_ino not in inodes


def _many(lab: Lab) -> tuple[set[tuple[str, str, str]], int]:
    lab.shell("ip netns add c1; for i in $(seq 100); do echo link add a$i type veth peer name b$i; "
              "echo addr add 10.0.$i.1/24 dev a$i; done | ip -n c1 -b -")
    facts = lab.observer.observe().netns[1]
    return {(link.name, link.peer, link.peer_netns) for link in facts.links}, len(facts.addresses)


def test_many_links(in_sandbox: InSandbox) -> None:
    """More than one datagram holds."""
    links, addresses = in_sandbox(_many)
    pairs = {(f"{one}{number}", f"{other}{number}", "c1") for number in range(1, 101) for one, other in ("ab", "ba")}
    assert links == {*pairs, ("lo", "", "")}
    assert addresses == 100


def _odd_names(lab: Lab) -> Snapshot:
    lab.shell("ip link add name 'zoë' type veth peer name '$HOME;#'")
    lab.shell("ip link add name 'ü\\\"' type bridge")
    lab.shell("ip link add name \"$(printf '\\377x')\" type bridge")
    lab.shell("ip netns add 'a  b'; ip netns add '網路'")
    lab.shell("ip link add name w type veth peer name x netns '網路'")
    return lab.observer.observe()


def test_odd_names(in_sandbox: InSandbox) -> None:
    snapshot = in_sandbox(_odd_names)
    assert snapshot.names == ("labhost", "a  b", "網路")
    host = snapshot.find("labhost")
    assert host.link("zoë").peer == "$HOME;#"
    assert host.link("ü\\\"")
    assert host.link("\\xffx")
    assert host.link("w").peer_netns == "網路"
    json.dumps(snapshot.as_json(), ensure_ascii=False).encode()


def _out_of_sight(lab: Lab) -> Link | None:
    lab.shell("setsid unshare -n sleep 60 >/dev/null 2>&1 & while [ \"$(readlink /proc/$!/ns/net)\" = "
              "\"$(readlink /proc/self/ns/net)\" ]; do :; done; ip link add veth0 type veth peer name ceth0 netns $!")
    return _host_link(lab, "veth0")


def test_the_other_end_is_out_of_sight(in_sandbox: InSandbox) -> None:
    """In a namespace that has no name, as a container's."""
    assert in_sandbox(_out_of_sight) == Link("veth0", "veth", "DOWN", "", "", "", 1500)


def _processes(lab: Lab) -> tuple[Snapshot, int]:
    lab.shell(PAIR + HOLDER + "while [ -z \"$(ip netns pids c1)\" ]; do :; done")
    return lab.observer.observe(), os.getpid()


def test_processes_and_their_namespaces(in_sandbox: InSandbox) -> None:
    snapshot, judge = in_sandbox(_processes)
    first, *others = snapshot.processes
    assert (first.pid, first.parent) == (1, 0)
    sleep = next(process for process in others if process.command == "sleep 60")
    assert sleep.namespace("net") == snapshot.find("c1").inode != first.namespace("net")
    assert sleep.namespace("uts") == first.namespace("uts")
    assert first.namespace("net") == snapshot.find("labhost").inode
    assert judge not in {process.pid for process in snapshot.processes}
