"""Which Snapshots of two sandboxes count as alike."""

from __future__ import annotations

from runtime.facts.containers import Container
from runtime.facts.exits import Exit
from runtime.facts.likeness import fingerprint
from runtime.facts.rules import Rule
from runtime.facts.screens import Screen
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.facts.streams import Stream


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


def held(container: Container, *exits: Exit) -> str:
    return fingerprint(Snapshot((), containers=(container,), exits=exits))


RUNNING = Container("c1", "crun", "running", "/tmp/c1", 7, 70, "sh", "", "f00")
STUB = RUNNING._replace(status="created", command="crun create --console-socket /tmp/conmon-term.A1B2C3 c1")


def test_pids_and_ids_of_a_container_do_not_count() -> None:
    assert held(RUNNING) == held(RUNNING._replace(pid=8, started=80, id="f11"))
    assert held(RUNNING) != held(RUNNING._replace(command="sleep 7"))


def test_the_words_of_a_stub_do_not_count() -> None:
    """crun names a socket in them that is another one each time."""
    assert held(STUB) == held(STUB._replace(command="crun create --console-socket /tmp/conmon-term.D4E5F6 c1"))
    assert held(STUB) != held(RUNNING)


def test_exit_statuses_count() -> None:
    assert held(RUNNING, Exit("e1", 0)) == held(RUNNING, Exit("e1", 0))
    assert len({held(RUNNING), held(RUNNING, Exit("e1", 0)), held(RUNNING, Exit("e1", 1)),
                held(RUNNING, Exit("e2", 0))}) == 4


def test_streams_and_screens_do_not_count() -> None:
    """What is in them are numbers of the kernel, and when a program printed something."""
    stream, screen = Stream(7, 0, "pipe", "pipe 1:2", True, False, "pipe:[2]"), Screen("c1", ("hello",), 24, 80)
    assert fingerprint(Snapshot(())) == fingerprint(Snapshot((), streams=(stream,), screens=(screen,)))
