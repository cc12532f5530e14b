"""The devices that tunnel modules put into every new netns are nobody's work, and no check counts them."""

from __future__ import annotations

from checks.interfaces import Interfaces
from checks.language.check import Evidence, Outcome
from runtime.facts.links import Link
from runtime.facts.snapshot import NetnsFacts, Snapshot


def _outcome(names: list[str], *links: tuple[str, str]) -> Outcome:
    present = tuple(Link(name, kind, "DOWN", "", "", "", 1500) for name, kind in links)
    snapshot = Snapshot((NetnsFacts("c1", 1, present),))
    return Interfaces(names=names, netns="c1").judge(Evidence(snapshot, {})).outcome


def test_fallback_tunnels_are_not_counted() -> None:
    assert _outcome(["lo"], ("lo", "loopback"), ("tunl0", "ipip"), ("sit0", "sit")) == "pass"


def test_other_interfaces_are() -> None:
    assert _outcome(["lo"], ("lo", "loopback"), ("tunl1", "ipip")) == "fail"


def test_a_lab_may_still_ask_for_one() -> None:
    assert _outcome(["lo", "sit0"], ("lo", "loopback"), ("sit0", "sit")) == "pass"
    assert _outcome(["lo", "sit0"], ("lo", "loopback")) == "fail"
