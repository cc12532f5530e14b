"""Which mistakes are tried with a lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.honesty.mistakes import mistakes
from labrunner.language.loading import load
from labrunner.shell_command import COMMAND

LAB = """\
title: A lab
steps:
  - id: first
    title: Rules
    do:
      - add_rule: {chain: FORWARD, source: 10.0.0.0/24, in: br0, jump: ACCEPT}
      - add_rule: {chain: INPUT, protocol: tcp, port: 80, jump: DROP}
    check:
      - rule: {hook: input, protocol: tcp, port: 80, jump: DROP}
"""


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The wrong commands."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "lab.yaml"
    path.write_text(LAB)
    return {each.wrong.command() for each in mistakes(load(str(path))) if each.wrong}


@pytest.mark.parametrize("words", [
    "-A FORWARD -d 10.0.0.0/24 -i br0 -j ACCEPT",
    "-A FORWARD ! -s 10.0.0.0/24 -i br0 -j ACCEPT",
    "-A FORWARD -s 10.0.0.0/24 -o br0 -j ACCEPT",
    "-A FORWARD -s 10.0.0.0/24 ! -i br0 -j ACCEPT",
    "-I FORWARD 1 -s 10.0.0.0/24 -i br0 -j ACCEPT",
    "-A INPUT -p udp --dport 80 -j DROP",
    "-A INPUT -p tcp --dport 80 -j REJECT",
])
def test_a_part_of_a_rule_confused_with_another(wrong: set[str], words: str) -> None:
    assert f"iptables {words}" in wrong


def test_no_port_is_taken_for_a_place(wrong: set[str]) -> None:
    assert not any("-I INPUT 80 " in command for command in wrong)


@pytest.mark.parametrize(("command", "others"), [
    ("nft add rule ip lab input tcp dport 80 drop",
     ["tcp dport 81 drop", "udp dport 80 drop", "tcp dport 80 accept"]),
    ("ip link set veth0 up", ["ip link set veth0 down"]),
    ("sysctl -w net.ipv4.ip_forward=1", ["sysctl -w net.ipv4.ip_forward=0"]),
    ("cat /tmp/tcp.txt /tmp/up-down", []),
])
def test_what_is_confused_in_a_shell_command(command: str, others: list[str]) -> None:
    found = COMMAND.wrong(command)
    assert len(found) == len(others)
    assert all(any(each.endswith(other) for each in found) for other in others)


CONTAINERS = """\
title: A lab
steps:
  - id: first
    title: A container
    do:
      - edit_config: {bundle: /tmp/c1, at: process.args, set: [sh]}
      - create_container: {name: c1, bundle: /tmp/c1}
    check:
      - container: c1
"""


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_nobody_confuses_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    """It is chosen by whoever runs the lab."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "lab.yaml"
    path.write_text(CONTAINERS)
    commands = {each.wrong.command() for each in mistakes(load(str(path), {"runtime": runtime})) if each.wrong}
    assert f"{runtime} create --bundle /tmp/c1 --pid-file /run/nobody.pid nobody" in commands
    assert any(".process.args += [[\"sh\"]]" in command for command in commands)
    assert not any(other in command for command in commands for other in {"runc ", "crun "} - {f"{runtime} "})
