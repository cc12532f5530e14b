"""Packets that pass a rule, and counters that were only set to a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.facts.observer import Observer
from runtime.facts.rules import Rule
from tests.conftest import Lab

InSandbox = Callable[..., Any]

IPTABLES = "iptables -{} OUTPUT {} -d 127.0.0.5 -j ACCEPT {}"
NFT = "nft add rule ip mine out ip daddr 127.0.0.5 counter {}"
MINE = "nft 'add table ip mine; add chain ip mine out { type filter hook output priority 0; }'; "
SEND = "ping -c 1 -W 1 127.0.0.5 > /dev/null; "


def _look(lab: Lab, steps: list[str]) -> list[tuple[int | None, int | None]]:
    """What the last rule has counted, and what of it were packets, after each step."""
    observer = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root)
    found = []
    for step in steps:
        lab.shell(step)
        rules: tuple[Rule, ...] = observer.observe().netns[0].rules
        found.append((rules[-1].packets, rules[-1].matched) if rules else (None, None))
    return found


@pytest.mark.parametrize(("steps", "found"), [
    ([IPTABLES.format("A", "", "-c 10 840"), SEND], [(10, 0), (11, 1)]),
    ([MINE + NFT.format("packets 10 bytes 840"), SEND, SEND], [(10, 0), (11, 1), (12, 2)]),
    ([IPTABLES.format("A", "", ""), SEND], [(0, 0), (1, 1)]),
    ([MINE + NFT.format(""), SEND], [(0, 0), (1, 1)]),
    ([IPTABLES.format("A", "", ""), SEND, IPTABLES.format("R", "1", "-c 50 840"), SEND],
     [(0, 0), (1, 1), (50, 1), (51, 2)]),
    ([IPTABLES.format("A", "", "-c 10 840"), "iptables -Z OUTPUT", SEND], [(10, 0), (0, 0), (1, 1)]),
    ([MINE + NFT.format(""), f"nft delete table ip mine; {MINE}{NFT.format('packets 10 bytes 840')}", SEND],
     [(0, 0), (10, 0), (11, 1)]),
    ([IPTABLES.format("A", "", ""), SEND, "iptables -A OUTPUT -p udp; iptables -D OUTPUT -p udp", SEND],
     [(0, 0), (1, 1), (1, 1), (2, 2)]),
    ([IPTABLES.format("A", "", "") + "; " + SEND, SEND], [(1, 0), (2, 1)]),
    ([IPTABLES.format("A", "", ""), SEND, f"iptables -F; {IPTABLES.format('A', '', '-c 9 9')}"],
     [(0, 0), (1, 1), (9, 1)]),
    ([IPTABLES.format("A", "", ""), "iptables-save -c | sed 's/^.[0-9:]*] -A/[9:9] -A/' | iptables-restore -c", SEND],
     [(0, 0), (9, 0), (10, 1)]),
    ([MINE + "nft add rule ip mine out ip daddr 127.0.0.5 accept", SEND], [(None, None), (None, None)]),
], ids=["iptables, set", "nft, set", "iptables", "nft", "replaced", "zeroed", "another table", "others changed",
        "unseen packets", "made again", "restored", "no counter"])
def test_what_a_counter_was_set_to_is_no_packet(in_sandbox: InSandbox, steps: list[str],
                                                found: list[tuple[int, int]]) -> None:
    assert in_sandbox(_look, steps) == found
