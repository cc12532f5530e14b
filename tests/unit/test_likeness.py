"""Which Snapshots of two sandboxes count as alike."""

from __future__ import annotations

from runtime.facts.likeness import fingerprint
from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot


def rule(match: str, target: str, packets: int = 0) -> Rule:
    return Rule("ip", "filter", "INPUT", "input", (match,), target, packets, packets * 60)


def seen(*rules: Rule) -> str:
    return fingerprint(Snapshot((NetnsFacts("labhost", 1, rules=rules),)))


BR0, ETH0 = rule("iifname br0", "accept"), rule("iifname eth0", "accept")
SSH = rule("tcp dport 22", "drop")


def test_rules_with_one_target_in_another_order() -> None:
    assert seen(BR0, ETH0, SSH) == seen(ETH0, BR0, SSH)


def test_rules_that_decide_otherwise_in_another_order() -> None:
    assert seen(SSH, BR0) != seen(BR0, SSH)
    assert seen(BR0, SSH, ETH0) != seen(ETH0, SSH, BR0)


def test_counters_do_not_count() -> None:
    assert seen(BR0) == seen(rule("iifname br0", "accept", packets=7))
