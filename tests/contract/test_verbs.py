"""Every verb has two forms, a netlink call and a shell command. Both have to leave the same kernel state behind."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from labrunner.action import Action
from labrunner.actions.add_address import AddAddress
from labrunner.actions.add_bridge import AddBridge
from labrunner.actions.add_link import AddLink
from labrunner.actions.add_netns import AddNetns
from labrunner.actions.add_route import AddRoute
from labrunner.actions.add_veth import AddVeth
from labrunner.actions.delete_address import DeleteAddress
from labrunner.actions.delete_link import DeleteLink
from labrunner.actions.delete_netns import DeleteNetns
from labrunner.actions.delete_route import DeleteRoute
from labrunner.actions.masquerade import Masquerade
from labrunner.actions.move_link import MoveLink
from labrunner.actions.set_link import SetLink
from labrunner.actions.set_master import SetMaster
from labrunner.actions.set_sysctl import SetSysctl
from labrunner.language.vocabulary import word, words
from runtime.container_values import CONTAINER
from runtime.errors import Missing, Refused
from runtime.facts.observer import Observer
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.network.link_events import wait_until
from runtime.network.shell import run_command
from tests.conftest import Lab
from tests.contract.container_verbs import CONTAINER_VERBS, IMAGE_VERBS
from tests.contract.rule_examples import RULE_EXAMPLES, RULES_REFUSED

InSandbox = Callable[..., Any]
# In test_shell_verbs.py, test_container_verbs.py and test_images.py
_OTHERS = ("run", "serve", "write", *CONTAINER_VERBS, *IMAGE_VERBS)
VERBS = [verb for verb in words("labrunner.actions") if verb not in _OTHERS]
PORTS = "net.ipv4.ip_local_port_range"
DOTTED = "net.ipv4.conf.v/1.forwarding"  # of the interface v.1, see sysctl(8)

C1 = "ip netns add c1; "
PAIR = C1 + "ip link add veth0 type veth peer name ceth0 netns c1; "
UP = PAIR + "ip link set veth0 up; ip -n c1 link set ceth0 up; "
ADDRESSED = UP + "ip addr add 10.0.0.1/24 dev veth0; ip -n c1 addr add 10.0.0.2/24 dev ceth0; "
ADDRESSED6 = UP + "ip addr add fd00::1/64 dev veth0 nodad; ip -n c1 addr add fd00::2/64 dev ceth0 nodad; "
BRIDGE = "ip link add br0 type bridge; "
BRIDGE_IN_C1 = C1 + "ip -n c1 link add br0 type bridge; ip -n c1 link add v0 type veth peer name v1; "


class Example(NamedTuple):
    """setup: shell commands before the action."""

    setup: str
    action: Action

    def __str__(self) -> str:
        return self.action.command()


EXAMPLES = [
    Example("", AddNetns(name="c1")),
    Example(C1, AddNetns(name="c2")),
    Example("", AddNetns(name="zoë-1.x_y@z")),
    Example(C1, DeleteNetns(name="c1")),
    Example(PAIR, DeleteNetns(name="c1")),
    Example("ip netns add c2; " + UP, DeleteNetns(name="c1")),
    Example("", AddVeth(name="veth0", peer="ceth0")),
    Example("", AddVeth(name="br", peer="m")),
    Example("", AddVeth(name="fifteen-letters", peer="fifteen-letterz")),
    Example(C1, AddVeth(name="veth0", peer="ceth0", peer_netns="c1")),
    Example(C1, AddVeth(name="same", peer="same", peer_netns="c1")),
    Example(C1, AddVeth(name="ceth0", peer="veth0", netns="c1", peer_netns="labhost")),
    Example(C1, AddVeth(name="one", peer="two", netns="c1")),
    Example(C1, AddVeth(name="one", peer="two", netns="c1", peer_netns="c1")),
    Example(C1 + "ip netns add c2; ", AddVeth(name="one", peer="two", netns="c1", peer_netns="c2")),
    Example("", AddBridge(name="br0")),
    Example("", AddBridge(name="br")),
    Example(C1, AddBridge(name="br0", netns="c1")),
    Example("", AddLink(name="vx0", kind="vxlan", options={"id": 7, "dstport": 4789})),
    Example(PAIR, AddLink(name="mac0", kind="macvlan", link="veth0", options={"mode": "bridge"})),
    Example(PAIR, AddLink(name="mac0", kind="macvlan", link="ceth0", netns="c1")),
    Example(PAIR, DeleteLink(name="veth0")),
    Example(PAIR, DeleteLink(name="ceth0", netns="c1")),
    Example(BRIDGE + "ip link set br0 up; ip addr add 10.0.0.1/24 dev br0", DeleteLink(name="br0")),
    Example("ip link add name br type bridge", DeleteLink(name="br")),
    Example(C1 + "ip link add veth0 type veth peer name ceth0", MoveLink(name="ceth0", to="c1")),
    Example(C1 + "ip link add veth0 type veth peer name a", MoveLink(name="a", to="c1")),
    Example(ADDRESSED, MoveLink(name="veth0", to="c1")),
    Example(ADDRESSED, MoveLink(name="ceth0", to="labhost", netns="c1")),
    Example(ADDRESSED + "ip netns add c2; ", MoveLink(name="ceth0", to="c2", netns="c1")),
    Example(UP + BRIDGE + "ip link set veth0 master br0", MoveLink(name="veth0", to="c1")),
    Example(PAIR, SetLink(name="veth0")),
    Example(PAIR, SetLink(name="ceth0", state="up", netns="c1")),
    Example(UP, SetLink(name="ceth0", state="down", netns="c1")),
    Example(ADDRESSED, SetLink(name="veth0", state="down")),
    Example(C1, SetLink(name="lo", netns="c1")),
    Example(BRIDGE, SetLink(name="br0")),
    Example("ip link add name up type bridge", SetLink(name="up")),
    Example(UP + BRIDGE + "ip link set veth0 master br0", SetLink(name="br0")),
    Example(PAIR + BRIDGE, SetMaster(name="veth0", master="br0")),
    Example(UP + BRIDGE + "ip link set br0 up", SetMaster(name="veth0", master="br0")),
    Example(BRIDGE + "ip link add name brd type veth peer name x", SetMaster(name="brd", master="br0")),
    Example(PAIR + BRIDGE + "ip link add br1 type bridge; ip link set veth0 master br1",
            SetMaster(name="veth0", master="br0")),
    Example(PAIR + BRIDGE + "ip link set veth0 master br0", SetMaster(name="veth0")),
    Example(BRIDGE_IN_C1, SetMaster(name="v0", master="br0", netns="c1")),
    Example(BRIDGE_IN_C1 + "ip -n c1 link set v0 master br0", SetMaster(name="v0", netns="c1")),
    Example(PAIR, AddAddress(address="10.0.0.1/24", interface="veth0")),
    Example(UP, AddAddress(address="10.0.0.1/24", interface="veth0")),
    Example(UP, AddAddress(address="10.0.0.2/24", interface="ceth0", netns="c1")),
    Example(UP, AddAddress(address="10.0.0.1/32", interface="veth0")),
    Example(UP, AddAddress(address="10.2.19.1/20", interface="veth0")),
    Example(UP, AddAddress(address="10.0.0.1/31", interface="veth0")),
    Example(UP, AddAddress(address="10.0.0.1/8", interface="veth0")),
    Example(ADDRESSED, AddAddress(address="10.0.0.9/24", interface="veth0")),
    Example(ADDRESSED, AddAddress(address="10.0.0.1/25", interface="veth0")),
    Example(UP, AddAddress(address="fd00::1/64", interface="veth0")),
    Example(UP, AddAddress(address="fd00:0:0:9::1/61", interface="ceth0", netns="c1")),
    Example("", AddAddress(address="198.51.100.1/32", interface="lo")),
    Example(ADDRESSED, DeleteAddress(address="10.0.0.1/24", interface="veth0")),
    Example(ADDRESSED, DeleteAddress(address="10.0.0.2/24", interface="ceth0", netns="c1")),
    Example(ADDRESSED6, DeleteAddress(address="fd00::1/64", interface="veth0")),
    Example(ADDRESSED + "ip addr add 10.0.0.9/24 dev veth0", DeleteAddress(address="10.0.0.1/24", interface="veth0")),
    Example(ADDRESSED + "ip addr add 10.0.0.9/24 dev veth0", DeleteAddress(address="10.0.0.9/24", interface="veth0")),
    Example(ADDRESSED + "ip addr add 10.0.0.1/25 dev veth0", DeleteAddress(address="10.0.0.1/25", interface="veth0")),
    Example(ADDRESSED, AddRoute(destination="default", gateway="10.0.0.2")),
    Example(ADDRESSED, AddRoute(destination="default", gateway="10.0.0.1", netns="c1")),
    Example(ADDRESSED, AddRoute(destination="default", gateway="10.0.0.2", interface="veth0")),
    Example(ADDRESSED, AddRoute(destination="default", interface="veth0")),
    Example(UP, AddRoute(destination="default", interface="ceth0", netns="c1")),
    Example(ADDRESSED, AddRoute(destination="172.16.0.0/12", gateway="10.0.0.2")),
    Example(ADDRESSED, AddRoute(destination="10.2.16.0/20", gateway="10.0.0.2")),
    Example(ADDRESSED, AddRoute(destination="10.9.9.9/32", interface="veth0")),
    Example(ADDRESSED, AddRoute(destination="0.0.0.0/0", gateway="10.0.0.2")),
    Example(ADDRESSED + "ip addr add 10.1.0.1/24 dev veth0; ip route add default via 10.0.0.2 metric 5",
            AddRoute(destination="default", gateway="10.0.0.9")),
    Example(ADDRESSED6, AddRoute(destination="default", gateway="fd00::2")),
    Example(ADDRESSED6, AddRoute(destination="fd01::/48", gateway="fd00::2")),
    Example(ADDRESSED6, AddRoute(destination="fd01::/48", interface="veth0")),
    Example(ADDRESSED6, AddRoute(destination="::/0", interface="veth0")),
    Example(ADDRESSED + "ip route add default via 10.0.0.2", DeleteRoute(destination="default", gateway="10.0.0.2")),
    Example(ADDRESSED + "ip route add default dev veth0", DeleteRoute(destination="default", interface="veth0")),
    Example(ADDRESSED + "ip -n c1 route add default via 10.0.0.1",
            DeleteRoute(destination="default", gateway="10.0.0.1", interface="ceth0", netns="c1")),
    Example(ADDRESSED + "ip route add default via 10.0.0.2 metric 5",
            DeleteRoute(destination="default", gateway="10.0.0.2")),
    Example(ADDRESSED, DeleteRoute(destination="10.0.0.0/24", interface="veth0")),
    Example(ADDRESSED + "ip route add 10.9.0.0/16 via 10.0.0.2; ip route append 10.9.0.0/16 via 10.0.0.3",
            DeleteRoute(destination="10.9.0.0/16", gateway="10.0.0.3")),
    Example(ADDRESSED6 + "ip route add default via fd00::2", DeleteRoute(destination="default", gateway="fd00::2")),
    Example(ADDRESSED6 + "ip route add fd01::/48 dev veth0", DeleteRoute(destination="fd01::/48", interface="veth0")),
    Example("", SetSysctl(name="net.ipv4.ip_forward", value=1)),
    Example(C1 + "ip netns exec c1 sysctl -w net.ipv4.ip_forward=0",
            SetSysctl(name="net.ipv4.ip_forward", value="1", netns="c1")),
    Example("", SetSysctl(name="net/ipv4/ip_forward", value=1)),
    Example("", SetSysctl(name=PORTS, value="20000 30000")),
    Example("ip link add v.1 type veth peer name x", SetSysctl(name=DOTTED, value=1)),
    Example("", Masquerade(source="192.168.0.0/24")),
    Example("", Masquerade(source="192.168.0.0/24", not_out="br0")),
    Example("", Masquerade(source="10.2.16.0/20", not_out="br0")),
    Example("", Masquerade(source="10.2.3.4/32")),
    Example("", Masquerade(source="0.0.0.0/0", not_out="br0")),
    Example(C1, Masquerade(source="10.0.0.0/8", netns="c1")),
    Example("iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", Masquerade(source="10.0.0.0/8")),
    *(Example(*each) for each in RULE_EXAMPLES),
]

MISSING_DEVICE = "No such device (ENODEV)"
NO_NETNS = "there is no /run/netns/c9"
REFUSED = [  # what is done before, the action, its words in the error of the netlink call, and the reason that it gives
    (C1, AddNetns(name="c1"), "add the network namespace c1", "File exists"),
    ("", DeleteNetns(name="c9"), "delete the network namespace c9", "No such file"),
    (PAIR, AddVeth(name="veth0", peer="x"), "add the veth pair veth0 in labhost and x", "File exists"),
    (PAIR, AddVeth(name="x", peer="ceth0", peer_netns="c1"), "add the veth pair x in labhost and ceth0 in c1",
     "File exists"),
    ("", AddVeth(name="x", peer="y", netns="c9"), "add the veth pair x in c9 and y", NO_NETNS),
    ("", AddVeth(name="x", peer="y", peer_netns="c9"), "add the veth pair x in labhost and y in c9", NO_NETNS),
    (PAIR, AddBridge(name="ceth0", netns="c1"), "add the bridge ceth0 in c1", "File exists"),
    ("", AddBridge(name="br0", netns="c9"), "add the bridge br0 in c9", NO_NETNS),
    ("", AddLink(name="mac0", kind="macvlan", link="eth9"), "add the macvlan mac0 in labhost", MISSING_DEVICE),
    (PAIR, DeleteLink(name="ceth0"), "delete the interface ceth0 in labhost", MISSING_DEVICE),
    (C1, DeleteLink(name="lo", netns="c1"), "delete the interface lo in c1", "Operation not supported"),
    (PAIR, MoveLink(name="ceth0", to="c1"), "move the interface ceth0 from labhost to c1", MISSING_DEVICE),
    (PAIR, MoveLink(name="veth0", to="c9"), "move the interface veth0 from labhost to c9", NO_NETNS),
    (BRIDGE + C1, MoveLink(name="br0", to="c1"), "move the interface br0 from labhost to c1", "EINVAL"),
    (PAIR + "ip link add ceth0 type veth peer name x", MoveLink(name="ceth0", to="c1"),
     "move the interface ceth0 from labhost to c1", "File exists"),
    (PAIR, SetLink(name="ceth0"), "set the interface ceth0 up in labhost", MISSING_DEVICE),
    (PAIR, SetLink(name="veth0", state="down", netns="c1"), "set the interface veth0 down in c1", MISSING_DEVICE),
    ("", SetLink(name="x", netns="c9"), "set the interface x up in c9", NO_NETNS),
    (PAIR, SetMaster(name="veth0", master="br9"), "make veth0 a port of br9 in labhost", MISSING_DEVICE),
    (BRIDGE, SetMaster(name="x", master="br0"), "make x a port of br0 in labhost", MISSING_DEVICE),
    ("ip link add v0 type veth peer name v1", SetMaster(name="v0", master="v1"), "make v0 a port of v1 in labhost",
     "v1 is no bridge"),
    (BRIDGE_IN_C1, SetMaster(name="v0", netns="c9"), "take v0 out of its bridge in c9", NO_NETNS),
    (ADDRESSED, AddAddress(address="10.0.0.1/24", interface="veth0"), "add the address 10.0.0.1/24 to veth0 in labhost",
     "File exists"),
    (PAIR, AddAddress(address="10.0.0.1/24", interface="veth0", netns="c1"),
     "add the address 10.0.0.1/24 to veth0 in c1", MISSING_DEVICE),
    (ADDRESSED, DeleteAddress(address="10.0.0.1/25", interface="veth0"),
     "delete the address 10.0.0.1/25 from veth0 in labhost", "EADDRNOTAVAIL"),
    (PAIR, DeleteAddress(address="fd00::1/64", interface="veth0"),
     "delete the address fd00::1/64 from veth0 in labhost", "EADDRNOTAVAIL"),
    (ADDRESSED, AddRoute(destination="default", gateway="10.9.0.1"), "add the route default via 10.9.0.1 in labhost",
     "Nexthop has invalid gateway"),
    (PAIR, AddRoute(destination="default", interface="ceth0", netns="c1"), "add the route default dev ceth0 in c1",
     "ENETDOWN"),
    (ADDRESSED, AddRoute(destination="10.0.0.0/24", interface="veth0"),
     "add the route 10.0.0.0/24 dev veth0 in labhost", "File exists"),
    (ADDRESSED, AddRoute(destination="default", interface="veth9"), "add the route default dev veth9 in labhost",
     MISSING_DEVICE),
    (ADDRESSED, DeleteRoute(destination="default", gateway="10.0.0.2"),
     "delete the route default via 10.0.0.2 in labhost", "ESRCH"),
    ("", SetSysctl(name="net.ipv4.nothing", value=1), "set net.ipv4.nothing to 1 in labhost", "No such file"),
    (C1, SetSysctl(name="net.ipv4.ip_forward", value="often", netns="c1"), "set net.ipv4.ip_forward to often in c1",
     "Invalid argument"),
    ("", SetSysctl(name="net.ipv4.ip_forward", value=1, netns="c9"), "set net.ipv4.ip_forward to 1 in c9", NO_NETNS),
    ("", Masquerade(source="fd00::/64"), "-s fd00::/64 -j MASQUERADE in labhost", "IPv4"),
    ("", Masquerade(source="10.0.0.0/8", netns="c9"), "-s 10.0.0.0/8 -j MASQUERADE in c9", NO_NETNS),
    *RULES_REFUSED,
]


class Left(NamedTuple):
    """What a backend left behind. problem: why it refused, or None."""

    before: Snapshot
    after: Snapshot
    problem: Refused | Missing | None


def _by_netlink(lab: Lab, action: Action) -> None:
    action.apply(lab.host)


def _by_shell(lab: Lab, action: Action) -> None:
    lab.namespaces.forget()
    run_command(lab.sandbox, action.command())


def _play(lab: Lab, setup: str, action: Action, backend: Callable[[Lab, Action], None]) -> Left:
    observer = Observer(lab.namespaces, lab.sandbox.proc, (PORTS, DOTTED))
    if setup:
        lab.shell(setup)
    before = _steady(lab, observer)
    problem = None
    try:
        backend(lab, action)
    except (Refused, Missing) as found:
        problem = found
    return Left(before, _steady(lab, observer), problem)


def _steady(lab: Lab, observer: Observer) -> Snapshot:
    """What is left when bridges have heard of their ports: that takes the kernel a moment (linkwatch)."""

    wait_until(lambda: all(map(_carriers_agree, observer.observe().netns)), lab.namespaces.all(), 5.0)
    return _comparable(observer.observe())


def _carriers_agree(facts: NetnsFacts) -> bool:
    """Whether every bridge that is up has a carrier when one of its ports has."""
    for link in facts.links:
        ports = {port.state for port in facts.links if port.master == link.name}
        if link.up and ports and (link.state == "UP") != ("UP" in ports):
            return False
    return True


def _comparable(snapshot: Snapshot) -> Snapshot:
    """Without what differs from sandbox to sandbox."""
    return Snapshot(tuple(facts._replace(inode=0) for facts in snapshot.netns))


def _both(in_sandbox: InSandbox, setup: str, action: Action) -> tuple[Left, Left]:
    one, other = (in_sandbox(_play, setup, action, backend) for backend in (_by_netlink, _by_shell))
    if any(isinstance(left.problem, Missing) for left in (one, other)):
        pytest.skip(f"needs what this machine lacks: {one.problem or other.problem}")
    return one, other


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_both_forms_do_the_same(in_sandbox: InSandbox, example: Example) -> None:
    netlink, shell = _both(in_sandbox, example.setup, example.action)
    assert netlink.problem is shell.problem is None
    assert netlink.before == shell.before
    assert netlink.after == shell.after
    assert netlink.after != netlink.before, "it does nothing"


@pytest.mark.parametrize(("setup", "action", "operation", "reason"), REFUSED,
                         ids=[each[1].command() for each in REFUSED])
def test_both_forms_refuse_the_same(
    in_sandbox: InSandbox, setup: str, action: Action, operation: str, reason: str
) -> None:
    netlink, shell = _both(in_sandbox, setup, action)
    for left in (netlink, shell):
        assert isinstance(left.problem, Refused)
        assert left.after == left.before
    assert netlink.problem
    assert shell.problem
    assert operation in netlink.problem.what
    assert reason in netlink.problem.why
    assert shell.problem.what == action.command()
    assert shell.problem.why


def test_every_verb_has_an_example() -> None:
    verbs = set(VERBS)
    assert {word(example.action) for example in EXAMPLES} == verbs
    assert {word(action) for _, action, _, _ in REFUSED} == verbs


@pytest.mark.parametrize("verb", VERBS)
def test_every_argument_has_an_example(verb: str) -> None:
    """Each optional argument is used once, and left out once."""
    module = importlib.import_module(f"labrunner.actions.{verb}")
    examples = [example.action for example in EXAMPLES if word(example.action) == verb]
    made = getattr(module, "".join(part.capitalize() for part in verb.split("_")))
    for name, argument in made.arguments.items():
        if not argument.required:
            values = [action.values()[name] for action in examples]
            if argument.kind is not CONTAINER and name != "to":  # test_container_verbs.py
                assert argument.default in values, f"{name} is always given"
                assert any(value != argument.default for value in values), f"{name} is never given"
