"""What changed between two Snapshots that were made by hand; and the small pure parts of runtime.facts."""

from __future__ import annotations

import pytest

from runtime.facts.containers import Container
from runtime.facts.difference import Change, difference, show_route, show_rule
from runtime.facts.exits import Exit
from runtime.facts.files import File
from runtime.facts.neighbours import Neighbour
from runtime.facts.processes import Process
from runtime.facts.routes import Route
from runtime.facts.rules import Chain
from runtime.facts.screens import Screen
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Blob, Layout, Overlay, Storage, StoredImage
from runtime.facts.streams import Stream
from runtime.facts.sysctls import path_of
from runtime.facts.trees import Tree
from runtime.network.command_line import add_veth, ip, link, move_link, place, within
from tests.golden.schema import SCHEMA
from tests.handmade import HOST, ONE, bare, change, down, facts_of, finished, masquerade, relink, route, without

LAB = finished()
CHAIN = Chain("ip", "nat", "POSTROUTING", "nat", "postrouting", 100, "accept")


IMAGE = StoredImage("app", Blob("sha256:" + "a" * 64, 7), problem="it has no file")
STORAGE = Storage((Layout("/s", (IMAGE,)),), overlays=(Overlay("/m", ("/l2", "/l1"), "/u", "/w"),))


def _neighbours(snapshot: Snapshot, *neighbours: Neighbour) -> Snapshot:
    return change(snapshot, HOST, neighbours=neighbours)


def test_nothing_changed() -> None:
    assert difference(LAB, LAB) == ()
    assert difference(LAB, finished()) == ()


def test_a_netns_that_goes_takes_everything_with_it() -> None:
    assert difference(LAB, without(LAB, ONE)) == (
        Change("removed", "", "netns", ONE),
        Change("removed", ONE, "link", "lo"), Change("removed", ONE, "link", "ceth0"),
        Change("removed", ONE, "address", "192.168.0.2/24 dev ceth0"),
        Change("removed", ONE, "route", "default via 192.168.0.1 dev ceth0"),
        Change("removed", ONE, "route", "192.168.0.0/24 dev ceth0"))


def test_back_and_forth_is_the_opposite() -> None:
    there, back = difference(LAB, bare(LAB, ONE, "ceth0")), difference(bare(LAB, ONE, "ceth0"), LAB)
    assert {each.change for each in there} == {"removed"}
    assert {each.change for each in back} == {"added"}
    assert {each[1:4] for each in there} == {each[1:4] for each in back}


def test_an_interface_that_goes_down() -> None:
    assert difference(LAB, down(LAB, ONE, "ceth0"))[:2] == (
        Change("changed", HOST, "link", "veth0", (("state", "UP", "NO-CARRIER"),)),
        Change("changed", ONE, "link", "ceth0", (("state", "UP", "DOWN"),)))


def test_several_fields() -> None:
    assert difference(LAB, relink(LAB, HOST, "veth0", master="", mtu=1400)) == (
        Change("changed", HOST, "link", "veth0", (("master", "br0", ""), ("mtu", "1500", "1400"))),)


def test_counters_are_no_news() -> None:
    assert difference(LAB, change(LAB, HOST, rules=(masquerade(packets=99),))) == ()


def test_the_same_twice() -> None:
    rules, routes = facts_of(LAB, HOST).rules, facts_of(LAB, HOST).routes
    one = change(LAB, HOST, routes=(*routes, route("8.0.0.0/8")))
    two = change(LAB, HOST, routes=(*routes, route("8.0.0.0/8"), route("8.0.0.0/8", src="192.168.0.1")))
    assert difference(one, two) == (Change("added", HOST, "route", "8.0.0.0/8 (2)"),)
    rule = "ip nat POSTROUTING ip saddr 192.168.0.0/24 oifname != br0 masquerade"
    assert difference(LAB, change(LAB, HOST, rules=rules * 2)) == (Change("added", HOST, "rule", f"{rule} (2)"),)


def test_a_neighbour_is_news_when_it_answers() -> None:
    asked, answered = (_neighbours(LAB, Neighbour("br0", "192.168.0.2", told)) for told in (False, True))
    assert difference(LAB, asked) == ()
    assert difference(asked, answered) == (Change("added", HOST, "neighbour", "192.168.0.2 dev br0"),)


def test_chains() -> None:
    with_chain, dropping = (change(LAB, HOST, chains=(CHAIN._replace(policy=policy),)) for policy in ("accept", "drop"))
    assert difference(LAB, with_chain) == (
        Change("added", HOST, "chain", "ip nat POSTROUTING", (("policy", "", "accept"),)),)
    assert difference(with_chain, dropping) == (
        Change("changed", HOST, "chain", "ip nat POSTROUTING", (("policy", "accept", "drop"),)),)


def test_settings_that_only_one_of_the_two_has_seen_are_no_news() -> None:
    seen = change(LAB, HOST, sysctls=(("net.ipv4.ip_forward", "0"), ("net.new", "1")))
    assert difference(LAB, seen) == (
        Change("changed", HOST, "sysctl", "net.ipv4.ip_forward", (("value", "1", "0"),)),)


def test_processes() -> None:
    more = LAB._replace(processes=(*LAB.processes, Process(9, 1, 300, "ping 10.0.0.1", ())))
    assert difference(LAB, more) == (Change("added", "", "process", "9 ping 10.0.0.1"),)
    assert difference(more, LAB) == (Change("removed", "", "process", "9 ping 10.0.0.1"),)


def test_exit_statuses() -> None:
    """A program that is started anew takes the old one away; streams and screens are no news."""
    seven, eight = (LAB._replace(exits=(Exit("c1", status),)) for status in (7, 8))
    assert difference(LAB, seven) == (Change("added", "", "exit", "c1", (("status", "", "7"),)),)
    assert difference(seven, eight) == (Change("changed", "", "exit", "c1", (("status", "7", "8"),)),)
    assert difference(seven, LAB) == (Change("removed", "", "exit", "c1"),)
    seen = LAB._replace(streams=(Stream(7, 0, "pipe", "pipe 1:2", True, False, "pipe:[2]"),),
                        screens=(Screen("c1", ("hello",), 24, 80),))
    assert difference(LAB, seen) == ()


def test_an_exit_status_of_zero_is_told() -> None:
    assert difference(LAB, LAB._replace(exits=(Exit("c1", 0),)))[0].fields == (("status", "", "0"),)


def test_images_and_overlays() -> None:
    whole = LAB._replace(storage=STORAGE)
    other = LAB._replace(storage=STORAGE._replace(layouts=(Layout("/s", (IMAGE._replace(
        manifest=Blob("sha256:" + "b" * 64, 7)),)),), overlays=()))
    assert difference(LAB, whole) == (
        Change("added", "", "image", "app in /s", (("digest", "", "aaaaaaaaaaaa"), ("layers", "", "0"),
                                                   ("damage", "", "yes"))),
        Change("added", "", "overlay", "/m", (("lower", "", "/l2, /l1"), ("upper", "", "/u"))))
    assert difference(whole, other) == (
        Change("changed", "", "image", "app in /s", (("digest", "aaaaaaaaaaaa", "bbbbbbbbbbbb"),)),
        Change("removed", "", "overlay", "/m"))


def test_every_kind_of_change_is_in_the_contract() -> None:
    whole = change(LAB, HOST, chains=(CHAIN,), neighbours=(Neighbour("br0", "192.168.0.2", True),))._replace(
        files=(File("/x", "file", "644", 1, "", "x"),), trees=(Tree("/y", (), ()),), exits=(Exit("c1", 7),),
        containers=(Container("c1", "runc", "running", "/tmp/c1", 7, 70, "sh"),), storage=STORAGE)
    kinds = {each.kind for each in (*difference(LAB, whole), *difference(without(LAB, HOST), LAB),
                                    *difference(LAB._replace(processes=()), LAB),
                                    *difference(LAB, change(LAB, HOST, sysctls=(("net.ipv4.ip_forward", "0"),))))}
    assert kinds == {*SCHEMA["$defs"]["change"]["properties"]["kind"]["enum"]}


@pytest.mark.parametrize(("given", "shown"), [
    (route("default", via="10.0.0.1", dev="eth0"), "default via 10.0.0.1 dev eth0"),
    (route("10.0.0.0/8", dev="eth0", src="10.0.0.1", metric=5), "10.0.0.0/8 dev eth0 metric 5"),
    (route("10.0.0.0/8", kind="blackhole"), "blackhole 10.0.0.0/8"),
])
def test_routes_in_words(given: Route, shown: str) -> None:
    assert show_route(given) == shown


def test_rules_in_words() -> None:
    assert show_rule(masquerade()) == "ip nat POSTROUTING ip saddr 192.168.0.0/24 oifname != br0 masquerade"
    assert show_rule(masquerade()._replace(matches=(), target="")) == "ip nat POSTROUTING"


@pytest.mark.parametrize(("name", "path"), [
    ("net.ipv4.ip_forward", "sys/net/ipv4/ip_forward"),
    ("net/ipv4/ip_forward", "sys/net/ipv4/ip_forward"),
    ("net/ipv4/conf/eth0.1/forwarding", "sys/net/ipv4/conf/eth0.1/forwarding"),
    ("net.ipv4.conf.eth0/1.forwarding", "sys/net/ipv4/conf/eth0.1/forwarding"),
    ("hostname", "sys/hostname"),
])
def test_the_file_of_a_setting(name: str, path: str) -> None:
    """sysctl(8): whichever of '.' and '/' comes first separates."""
    assert path_of(name) == path


@pytest.mark.parametrize(("command", "words"), [
    (ip(HOST, "addr"), "ip addr"),
    (ip(ONE, "addr"), "ip -n container-1 addr"),
    (within(HOST, "sysctl -a"), "sysctl -a"),
    (within(ONE, "sysctl -a"), "ip netns exec container-1 sysctl -a"),
    (place(HOST), "1"),
    (link("veth0"), "veth0"),
    (link("br"), "dev br"),
    (link("up"), "dev up"),
    (link("a", "name"), "name a"),
    (add_veth(HOST, "veth0", "ceth0", HOST), "ip link add veth0 type veth peer name ceth0"),
    (add_veth(ONE, "a", "veth0", HOST), "ip -n container-1 link add name a type veth peer name veth0 netns 1"),
    (move_link("veth0", ONE, HOST), "ip -n container-1 link set veth0 netns 1"),
])
def test_commands(command: str, words: str) -> None:
    assert command == words
