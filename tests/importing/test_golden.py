"""Notes in, lab and report out. Every lab loads, and nothing keeps it from being done."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.cli import main
from labrunner.language.loading import load
from tests.golden.compare import assert_golden
from tests.importing.conftest import Call

NOTES = sorted((Path(__file__).parent / "notes").glob("*.md"))


@pytest.mark.parametrize("notes", NOTES, ids=lambda path: path.stem)
def test_notes_become_this_lab(notes: Path, tmp_path: Path, call: Call) -> None:
    called = call(notes)
    assert called.code == 0
    first, lab_text = called.output.split("\n", 1)
    assert Path(first.removeprefix("# yaml-language-server: $schema=")).is_file()
    assert_golden(notes.with_suffix(".yaml"), lab_text)
    assert_golden(notes.with_suffix(".txt"), called.errors)
    lab = tmp_path / "lab.yaml"
    lab.write_text(called.output, "utf-8")
    assert load(str(lab)).steps
    assert main(["lint", str(lab)]) == 0


def test_the_order_of_the_notes_is_kept(tmp_path: Path, call: Call) -> None:
    called = call(NOTES[0].with_name("bridge.md"), "-o", tmp_path)
    assert called.code == 0
    done = [action.command() for step in load(str(tmp_path / "lab.yaml")).steps for action in step.actions]
    assert done == [
        "ip netns add container-1",
        "ip link add veth0 type veth peer name ceth0",
        "ip link set ceth0 netns container-1",
        "ip -n container-1 link set ceth0 up",
        "ip -n container-1 addr add 192.168.0.2/24 dev ceth0",
        "ip link set veth0 up",
        "ip addr add 192.168.0.1/24 dev veth0",
        "ip link add name br0 type bridge",
        "ip link set br0 up",
        "ip addr add 192.168.0.1/24 dev br0",
        "ip link set veth0 master br0",
        "ip link set veth1 master br0",
        "ip netns exec netns0 ip route add default via 192.168.0.1",
        "ip netns exec netns1 ip route add default via 192.168.0.1",
        "iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o br0 -j MASQUERADE",
    ]
