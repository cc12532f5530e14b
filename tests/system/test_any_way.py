"""Any way that leads there is a right way: what is judged is the kernel, not what was typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from shlex import quote
from typing import TYPE_CHECKING

import pytest

from labrunner.catalogue.catalog import find
from labrunner.events import Checked, Event
from labrunner.language.loading import load
from labrunner.lesson.lesson import Lesson
from labrunner.session import Session
from runtime.sandbox.apart import apart
from runtime.sandbox.handle import start
from tests.system.raw_netlink import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

LAB = load(find("bridge-network"))
SHOWN = {step.id: [action.command() for action in step.actions] for step in LAB.steps}
# Netlink by hand: what is sent to the kernel is put together here, by no tool of the system.
NETLINK = f"""ip netns add container-2; python3 -c {quote(PROGRAM)} veth1 ceth1; ip link set ceth1 netns container-2
ip addr add 192.168.0.4/24 dev veth1; ip link set veth1 up
ip -n container-2 addr add 192.168.0.3/24 dev ceth1; ip -n container-2 link set ceth1 up"""


def _each(change: Callable[[str], str]) -> dict[str, str]:
    """All commands that are shown, each changed."""
    return {step: "\n".join(map(change, commands)) for step, commands in SHOWN.items()}


def _inside(command: str, prefix: str) -> str:
    """'ip -n NAME ...' as a command that runs ip there."""
    return re.sub(r"^ip -n (\S+) ", prefix, command)


def _place(command: str) -> str:
    """'ip -n NAME ' or 'ip ' with which it begins, '' for no command of ip."""
    found = re.match(r"ip (?:-n \S+ )?(?=[a-z])", command)
    return found[0] if found else ""


def _batch(commands: list[str]) -> str:
    """ip -batch for what is done in one netns; what is no ip stays as it is."""
    lines = []
    for place, group in groupby(commands, _place):
        batch = "\n".join(each.removeprefix(place) if place else each for each in group)
        lines.append(f"{place}-batch - <<END\n{batch}\nEND" if place else batch)
    return "\n".join(lines)


WAYS: Mapping[str, Mapping[str, str]] = {
    "as it is shown": _each(str),
    "with sudo": _each(lambda command: f"sudo {command}"),
    "ip netns exec": _each(lambda command: _inside(command, r"ip netns exec \1 ip ")),
    "nsenter": _each(lambda command: _inside(command, r"nsenter --net=/run/netns/\1 ip ")),
    "ip -batch": {step: _batch(commands) for step, commands in SHOWN.items()},
    "abbreviated": _each(lambda command: command.replace("ip link add", "ip l a").replace("ip link set", "ip l s")
                         .replace("addr add", "a a").replace("route add default", "r a 0/0")),
    "all from inside": {
        "namespace": "ip netns add container-1",
        "veth": """ip netns exec container-1 sh -ec '
            ip link add ceth0 type veth peer name veth0 netns 1
            ip addr add 192.168.0.2/24 dev ceth0; ip link set ceth0 up'
            ip addr add 192.168.0.1/24 dev veth0; ip link set veth0 up"""},
    "addresses first, the second wire in one command": {
        "veth": """ip link add veth0 type veth peer name ceth0 netns container-1
            ip addr add 192.168.0.1/24 brd + dev veth0
            ip -n container-1 addr add 192.168.0.2/24 dev ceth0
            ip link set veth0 up; ip -n container-1 link set ceth0 up""",
        "second-container": """ip link add veth1 type veth peer name ceth1; ip addr add 192.168.0.4/24 dev veth1
            ip netns add container-2; ip link set ceth1 netns container-2 up
            ip link set veth1 up; ip -n container-2 addr add 192.168.0.3/24 dev ceth1"""},
    "the bridge last": {
        "bridge": """ip addr flush dev veth0; ip addr flush dev veth1
            ip link add br0 type bridge forward_delay 0
            for port in veth0 veth1; do ip link set dev $port master br0; done
            ip addr add 192.168.0.1/24 dev br0 && ip link set br0 up"""},
    "nft": {
        "wrong-subnet": """nft add table ip mine
            nft 'add chain ip mine out { type nat hook postrouting priority srcnat; }'
            nft add rule ip mine out ip saddr 172.18.0.0/16 oifname != br0 counter masquerade""",
        "masquerade": "nft add rule ip mine out ip saddr 192.168.0.0/24 oifname != br0 counter masquerade"},
    "an nft script with an inet table": {
        "masquerade": """nft -f - <<'END'
            table inet nat { chain after { type nat hook postrouting priority 110; policy accept;
            ip saddr 192.168.0.0/24 oifname != "br0" counter masquerade
            }\n}\nEND"""},
    "iptables-restore": {
        "masquerade": """printf '%s\n' '*nat' '-A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE' COMMIT |
            iptables-restore --noflush"""},
    "a file of /proc": {"forwarding": "echo 1 > /proc/sys/net/ipv4/ip_forward"},
    "a netns by unshare and a mount": {
        "namespace": "touch /run/netns/container-1; unshare --net=/run/netns/container-1 true"},
    "a netns that a process lends its own": {
        "namespace": """unshare --net sleep 30 & pid=$!
            until [ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done
            ip netns attach container-1 $pid; kill $pid"""},
    "netlink from Python": {"second-container": NETLINK},
    "busybox": {
        "default-route": """for c in 1 2; do
            ip netns exec container-$c busybox route add default gw 192.168.0.1; done"""},
    "two steps with one command": {
        "namespace": "\n".join(SHOWN["namespace"]),
        "veth": "\n".join(SHOWN["veth"] + SHOWN["second-container"]), "second-container": ""},
    "something of one's own beside it": {
        "namespace": "ip netns add mine; ip netns add container-1",
        "bridge": "\n".join(SHOWN["bridge"]) + "\nip link add br1 type bridge; ip netns add another"},
}


def test_there_are_many() -> None:
    assert len(WAYS) >= 12


@pytest.mark.parametrize("way", WAYS)
def test_any_way(way: str) -> None:
    assert apart(lambda: _follow(WAYS[way]), "do a lab in another way") == []


def _follow(way: Mapping[str, str]) -> list[str]:
    """What is said to be wrong. Steps of which the way says nothing are done as it is shown."""
    session = Session(LAB, start())
    try:
        lesson = Lesson(session, lambda _: None)
        wrong = []
        while step := lesson.step:
            done = session.run(["bash", "-ec", way.get(step.id, "\n".join(SHOWN[step.id]))])
            wrong += [f"{step.id}: {done.errors}"] if done.status else []
            wrong += _wrong(list(lesson.check()))
            if wrong:
                break
        return wrong
    finally:
        session.close()


def _wrong(events: list[Event]) -> list[str]:
    """Of the step that is checked; the one whose turn comes then is still to be done."""
    return [f"{event.verdict.claim}: {event.verdict.actual}" for event in events
            if isinstance(event, Checked) and event.verdict.outcome != "pass"]
