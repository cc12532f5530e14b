"""The gateways that are refused without a kernel are those that the kernel refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labrunner.action import Action
from labrunner.actions.add_route import AddRoute
from labrunner.errors import LabMistake
from labrunner.language.loading import examine
from runtime.errors import Refused

START = """\
add_netns: c1
add_veth: {name: veth0, peer: ceth0}
move_link: {name: ceth0, to: c1}
set_link: veth0
set_link: {name: ceth0, netns: c1}
set_link: {name: lo, netns: c1}
"""
NEAR = "add_address: {address: 192.168.0.1/24, interface: veth0}\n"
FAR = "add_address: {address: 192.168.0.2/24, interface: ceth0, netns: c1}\n"


def route(gateway: str, destination: str = "default", netns: str = "c1") -> str:
    return f"add_route: {{destination: '{destination}', gateway: '{gateway}', netns: {netns}}}\n"


@pytest.fixture
def examined(tmp_path: Path) -> Callable[[str], tuple[tuple[Action, ...], list[LabMistake]]]:
    def of(lines: str) -> tuple[tuple[Action, ...], list[LabMistake]]:
        actions = "".join(f"      - {line}\n" for line in (START + lines).splitlines())
        lab = tmp_path / "lab.yaml"
        lab.write_text(f"title: A lab\nworld: internet\nsteps:\n  - title: First\n    do:\n{actions}"
                       "    check:\n      - netns: c1\n")
        found = examine(str(lab))
        return found.lab.steps[0].actions, list(found.mistakes)

    return of


def refused(lab: Any, actions: tuple[Action, ...]) -> list[bool]:
    """Whether the kernel refuses each route; everything else it has to take."""
    found = []
    for action in actions:
        if not isinstance(action, AddRoute):
            action.apply(lab.host)
            continue
        try:
            action.apply(lab.host)
            found.append(False)
        except Refused:
            found.append(True)
    return found


@pytest.mark.parametrize(("lines", "wrong"), [
    (NEAR + FAR + route("192.168.0.1"), False),
    (NEAR + FAR + route("192.168.0.77"), False),
    (NEAR + route("192.168.0.1"), True),
    (route("192.168.0.1"), True),
    (FAR + route("10.9.0.1"), True),
    (FAR + route("192.168.1.1", "10.0.0.0/8"), True),
    (FAR + route("192.168.0.2"), False),
    (FAR + route("192.168.0.2", "10.0.0.0/8", "labhost"), True),
    (NEAR + route("192.168.0.2", "10.0.0.0/8", "labhost"), False),
    (route("203.0.113.1", "10.0.0.0/8", "labhost"), False),
    (route("203.0.113.2", "10.0.0.0/8", "labhost"), False),
    (route("198.51.100.1", "10.0.0.0/8", "labhost"), True),
    (FAR.replace("/24", "/32") + route("192.168.0.1"), True),
    ("add_route: {destination: 10.1.1.1/32, interface: ceth0, netns: c1}\n" + route("10.1.1.1"), False),
    ("add_route: {destination: 10.1.1.1/32, interface: ceth0, netns: c1}\n" + route("10.1.1.2"), True),
    ("add_route: {destination: default, interface: ceth0, netns: c1}\n" + route("10.1.1.1", "10.0.0.0/8"), False),
    ("add_address: {address: 'fd00::2/64', interface: ceth0, netns: c1}\n" + route("fd00::1"), False),
    ("add_address: {address: 'fd00::2/64', interface: ceth0, netns: c1}\n" + route("fd01::1"), True),
], ids=str)
def test_what_is_said_of_a_gateway_is_what_the_kernel_does(
        lines: str, wrong: bool, examined: Callable[[str], tuple[tuple[Action, ...], list[LabMistake]]],
        in_sandbox: Callable[..., Any]) -> None:
    actions, mistakes = examined(lines)
    assert in_sandbox(refused, actions, world="internet")[-1] == wrong
    assert [mistake.place.column for mistake in mistakes] == [
        9 + lines.splitlines()[-1].index("gateway: ") + len("gateway: ")] * wrong


@pytest.mark.parametrize("lines", [
    FAR + "run: ip -n c1 addr add 10.9.0.2/24 dev ceth0\n" + route("10.9.0.1"),
    FAR + "run: {command: 'true', netns: c1}\n" + route("10.9.0.1"),
    FAR + "delete_address: {address: 192.168.0.2/24, interface: ceth0, netns: c1}\n" + route("192.168.0.1"),
    FAR + "delete_route: {destination: default, gateway: 10.9.0.1, netns: c1}\n",
    "add_route: {destination: default, gateway: 'fe80::1', interface: ceth0, netns: c1}\n",
], ids=["run", "run-elsewhere", "deleted", "delete-route", "link-local"])
def test_of_what_cannot_be_known_nothing_is_said(
        lines: str, examined: Callable[[str], tuple[tuple[Action, ...], list[LabMistake]]]) -> None:
    assert examined(lines)[1] == []
