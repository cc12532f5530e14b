"""What the kernel tells of a lab: each change wakes whoever waits, and nothing else does."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from runtime.facts.events import KernelEvents
from tests.conftest import Lab

SOON, NEVER = 5.0, 0.2  # seconds

# What is done before, and what is told of.
CHANGES = {
    "a netns": ("", "ip netns add c1"),
    "a netns that goes": ("ip netns add c1", "ip netns del c1"),
    "a netns by another tool": ("", "touch /run/netns/c1; unshare --net=/run/netns/c1 true"),
    "a mount": ("", "mount -t tmpfs tmpfs /tmp"),
    "a link": ("", "ip link add v type veth peer name w"),
    "a link in a netns": ("ip netns add c1", "ip -n c1 link add v type veth peer name w"),
    "a link that is set up": ("ip link add v type veth peer name w", "ip link set v up"),
    "an address": ("", "ip addr add 10.0.0.1/24 dev lo"),
    "an address of IPv6": ("", "ip addr add 2001:db8::1/64 dev lo"),
    "a route": ("ip link set lo up", "ip route add 10.9.0.0/16 dev lo"),
    "a route in a netns": ("ip netns add c1; ip -n c1 link set lo up", "ip -n c1 route add 10.9.0.0/16 dev lo"),
    "a routing rule": ("", "ip rule add from 10.0.0.1 table 100"),
    "forwarding": ("sysctl -w net.ipv4.ip_forward=0", "sysctl -w net.ipv4.ip_forward=1"),
    "a rule of iptables": ("", "iptables -A FORWARD -j ACCEPT"),
    "a table of nft": ("ip netns add c1", "ip netns exec c1 nft add table ip mine"),
    "a file": ("mkdir /tmp/watched", "echo more > /tmp/watched/file"),
    "a file in a folder that is new": ("", "mkdir /tmp/watched"),
    "a file that changes": ("mkdir /tmp/watched; echo > /tmp/watched/file", "echo more >> /tmp/watched/file"),
    "a container's folder": ("mkdir -p /run/runc/c1", "touch /run/runc/c1/state.json"),
}
QUIET = ("ping -c 1 127.0.0.1", "ip addr", "nft list ruleset", "cat /proc/net/route", "sleep 0.01", "touch /root/other")


def _listening(lab: Lab, before: str) -> KernelEvents:
    lab.shell(f"ip link set lo up; {before or 'true'}")
    events = KernelEvents(lab.namespaces, lab.sandbox.root, lab.sandbox.proc, lab.sandbox.pidfd,
                          ["/tmp/watched/file", "/run/runc"])
    while select.select([events], [], [], NEVER)[0]:  # what comes of what was before
        events.drain()
    return events


def _told(lab: Lab, before: str, change: str, seconds: float) -> bool:
    events = _listening(lab, before)
    lab.shell(change)
    told = bool(select.select([events], [], [], seconds)[0])
    events.drain()
    events.follow(())
    events.close()
    return told


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_told(in_sandbox: Callable[..., Any], change: str) -> None:
    assert in_sandbox(_told, *CHANGES[change], SOON)


@pytest.mark.parametrize("command", QUIET)
def test_it_is_not_told(in_sandbox: Callable[..., Any], command: str) -> None:
    assert not in_sandbox(_told, "", command, NEVER)


def _new_netns(lab: Lab) -> bool:
    events = _listening(lab, "")
    lab.shell("ip netns add new")
    assert select.select([events], [], [], SOON)[0]
    events.drain()
    events.follow(())
    while select.select([events], [], [], NEVER)[0]:
        events.drain()
    lab.shell("ip -n new link set lo up")
    return bool(select.select([events], [], [], SOON)[0])


def test_a_new_netns_is_listened_in(in_sandbox: Callable[..., Any]) -> None:
    assert in_sandbox(_new_netns)


def _flood(lab: Lab) -> list[bool]:
    """More than the buffer of a socket holds, while nobody reads."""
    events = _listening(lab, "")
    for each in (one for sockets in events._sockets.values() for one in sockets):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    lab.shell("for n in $(seq 60); do ip addr add 10.0.$n.1/24 dev lo; done")
    told = [bool(select.select([events], [], [], SOON)[0])]
    events.drain()
    told.append(bool(select.select([events], [], [], NEVER)[0]))
    lab.shell("ip addr add 10.99.0.1/24 dev lo")
    told.append(bool(select.select([events], [], [], SOON)[0]))
    return told


def test_events_that_were_dropped_are_one(in_sandbox: Callable[..., Any]) -> None:
    """ENOBUFS (netlink(7)) is news as well, and afterwards one hears again."""
    assert in_sandbox(_flood) == [True, False, True]


def _end(lab: Lab) -> bool:
    events = _listening(lab, "sleep 60 > /dev/null 2>&1 &")
    pid = next(process.pid for process in lab.observer.observe().processes if process.command.startswith("sleep"))
    events.follow([pid])
    assert not select.select([events], [], [], NEVER)[0]
    begun = time.monotonic()
    lab.shell(f"kill -9 {pid}")
    told = bool(select.select([events], [], [], SOON)[0])
    events.drain()
    events.follow([pid])
    return told and time.monotonic() - begun < SOON


def test_the_end_of_a_process(in_sandbox: Callable[..., Any]) -> None:
    assert in_sandbox(_end)
