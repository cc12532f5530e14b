"""Runs made by hand, for the reporters: one that passes, fails, is refused, and finds the machine lacking."""

from __future__ import annotations

from typing import Any

from checks.language.check import Verdict
from labrunner.events import Acted, Checked, Event, RunEnded, RunStarted, StepEnded, StepStarted
from labrunner.language.about import About
from labrunner.language.lab import Lab, Step
from runtime.errors import Missing, Refused
from runtime.facts.addresses import Address
from runtime.facts.difference import Change
from runtime.facts.links import Link
from runtime.facts.routes import Route
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot

ENVIRONMENT: dict[str, Any] = {"id_map": "rootmap", "network": "netlink", "runtime": None, "kernel": "6.1.0",
                               "versions": {"labrun": "0.1.0", "python": "3.11.2"}}
TEACH = """\
A **veth pair** is a wire: what goes into `veth0` comes out of `ceth0` → and back. Both ends are born on the host, \
so one has to be moved.

- An end is useless until it is *up*.
- And until it has an address.

    ip link show type veth

Then the two can talk [really]."""
STEPS = (
    Step("wire", "A wire between host and container", TEACH, (), ()),
    Step("bridge", "A bridge joins all the wires of all the containers there are", "Now the *switch*.", (), ()),
    Step("nat", "Out into the world", "", (), ()),
)
ABOUT = About("by-hand", "labs/by-hand/lab.yaml", "A network [by hand], from a wire to the world outside of it",
              "Namespaces, wires and a bridge: what a container's network is made of, and no more.", "beginner", 5, ())
LAB = Lab(ABOUT, "internet", {}, STEPS)


def link(name: str, kind: str = "veth", state: str = "UP", *, master: str = "", peer: str = "",
         there: str = "") -> Link:
    """An interface; `peer` is its other end in the netns `there`."""
    return Link(name, kind, state, master, peer, there, 1500)


LO = link("lo", "loopback")
SNAPSHOT = Snapshot((
    NetnsFacts("labhost", 1, (LO, link("eth0", peer="eth0", there="outside"), link("br0", "bridge"),
                              link("veth0", master="br0", peer="ceth0", there="container-1")),
               (Address("eth0", "203.0.113.2/24"), Address("br0", "192.168.0.1/24")),
               (Route("default", "203.0.113.1", "eth0", "", 0, "unicast"),), (), (),
               (Rule("ip", "nat", "POSTROUTING", "postrouting", ("ip saddr 192.168.0.0/24", "oifname != br0"),
                     "masquerade", 0, 0),), (("net.ipv4.ip_forward", "1"),)),
    NetnsFacts("outside", 2, (LO, link("eth0", peer="eth0", there="labhost")), (Address("eth0", "203.0.113.1/24"),)),
    NetnsFacts("container-1", 3, (LO, link("ceth0", state="DOWN", peer="veth0", there="labhost")),
               (Address("ceth0", "192.168.0.2/24"),),
               (Route("default", "192.168.0.1", "ceth0", "", 0, "unicast"),)),
    NetnsFacts("container-2", 4, (link("lo", "loopback", "DOWN"),)),
))
def _new_end(name: str, peer: str) -> Change:
    return Change("added", "labhost", "link", name, (
        ("kind", "", "veth"), ("state", "", "DOWN"), ("peer", "", peer), ("peer_netns", "", "labhost")))


WIRE = (
    Acted("add_veth", "ip link add veth0 type veth peer name ceth0",
          (_new_end("ceth0", "veth0"), _new_end("veth0", "ceth0")), None, 0.0011),
    Acted("move_link", "ip link set ceth0 netns container-1", (
        Change("removed", "labhost", "link", "ceth0"),
        Change("changed", "labhost", "link", "veth0", (("peer_netns", "labhost", "container-1"),)),
        Change("changed", "container-1", "sysctl", "net.ipv4.ip_forward", (("value", "0", "1"),))), None, 0.0171),
    Checked("netns", Verdict("there is a network namespace container-1", "pass", "container-1 exists",
                             "container-1 exists"), 0.0004),
    Checked("interface", Verdict(
        "veth0 in labhost is a veth, UP, at 192.168.0.1/24, the other end of ceth0 in container-1", "pass",
        "a veth, UP", "a veth, UP"), 0.0004),
)
FAILS = (
    Acted("add_bridge", "ip link add name br0 type bridge", (), None, 0.0009),
    Checked("interface", Verdict("br0 in labhost is a bridge, UP", "fail", "a bridge, UP", "bridge, DOWN, no address",
                                 "br0 in labhost is DOWN; bring it up: ip link set br0 up"), 0.0004),
    Checked("ping", Verdict("192.168.0.2 answers labhost", "fail", "an answer", "no answer (Network is unreachable)",
                            "labhost has no route to 192.168.0.2, for none of its interfaces that are up has an "
                            "address in its subnet; give br0 one: ip addr add 192.168.0.1/24 dev br0"), 0.0104),
    Checked("netns", Verdict("there is a network namespace container-1", "pass", "container-1 exists",
                             "container-1 exists"), 0.0104),
)
IS_REFUSED = (
    Acted("add_bridge", "ip link add name br0 type bridge", (),
          Refused("add the bridge br0 in labhost", 17, mend="ip link delete br0"), 0.0009),
)
IS_MISSING = (
    Acted("add_bridge", "ip link add name br0 type bridge", (),
          Missing("add the bridge br0 in labhost", "this kernel has no bridges", "sudo modprobe bridge"), 0.0009),
)


def passes() -> list[Event]:
    """Every step is done, every check passes."""
    return [RunStarted(LAB, ENVIRONMENT, 2),
            StepStarted(STEPS[0], 1), *WIRE, StepEnded(STEPS[0], "pass", 0.0192),
            StepStarted(STEPS[2], 2), WIRE[2], StepEnded(STEPS[2], "pass", 0.0005),
            RunEnded("pass", 0.0213, SNAPSHOT)]


def fails() -> list[Event]:
    """Two checks of the second step fail; the third is skipped."""
    return _stops(FAILS, "fail", "")


def is_refused() -> list[Event]:
    """The kernel refuses the one action of the second step."""
    return _stops(IS_REFUSED, "error", "")


def is_missing() -> list[Event]:
    """The kernel lacks what the second step needs."""
    return _stops(IS_MISSING, "skip", "add the bridge br0 in labhost: this kernel has no bridges")


def _stops(second: tuple[Acted | Checked, ...], outcome: Any, reason: str) -> list[Event]:
    return [RunStarted(LAB, ENVIRONMENT, 3),
            StepStarted(STEPS[0], 1), *WIRE, StepEnded(STEPS[0], "pass", 0.0192),
            StepStarted(STEPS[1], 2), *second, StepEnded(STEPS[1], outcome, 0.0123, reason),
            StepEnded(STEPS[2], "skip", 0.0, "step 'bridge' did not pass"),
            RunEnded(outcome, 0.0331, SNAPSHOT)]


SCENES = {"pass": passes, "fail": fails, "error": is_refused, "skip": is_missing}
