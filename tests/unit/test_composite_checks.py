"""Checks that are made of checks, and claims."""

from __future__ import annotations

import pytest

from checks.all_of import AllOf
from checks.any_of import AnyOf
from checks.language.check import Check, Evidence, Verdict
from checks.language.claim import Claim
from checks.language.statement import Mistake
from checks.netns import Netns
from checks.not_ import Not
from checks.ping import Ping
from checks.sysctl import Sysctl
from runtime.probes import ping
from tests.handmade import HOST, ONE, TWO, finished

YES, ALSO, NO = Netns(name=ONE), Netns(name=TWO), Netns(name="c9")
NEITHER = Netns(name="c8")


def judge(check: Check) -> Verdict:
    return check.judge(Evidence(finished(), {}))


@pytest.mark.parametrize(("check", "outcome"), [
    (AllOf(checks=[YES, ALSO]), "pass"),
    (AllOf(checks=[YES, NO]), "fail"),
    (AllOf(checks=[NO]), "fail"),
    (AnyOf(checks=[NO, YES]), "pass"),
    (AnyOf(checks=[YES, NO]), "pass"),
    (AnyOf(checks=[NO, NEITHER]), "fail"),
    (Not(checks=[NO]), "pass"),
    (Not(checks=[YES]), "fail"),
    (Not(checks=[YES, NO]), "pass"),
    (Not(checks=[YES, ALSO]), "fail"),
    (AnyOf(checks=[AllOf(checks=[YES, NO]), AllOf(checks=[YES, ALSO])]), "pass"),
    (AnyOf(checks=[AllOf(checks=[YES, NO]), Not(checks=[ALSO])]), "fail"),
    (Claim(says="both are there", checks=[YES, ALSO]), "pass"),
    (Claim(says="one is there", checks=[YES, NO]), "fail"),
    (Claim(says="only one is there", holds=False, checks=[YES, ALSO]), "pass"),
    (Claim(says="only one is there", holds=False, checks=[NO]), "fail"),
], ids=repr)
def test_the_verdict(check: Check, outcome: str) -> None:
    verdict = judge(check)
    assert verdict.outcome == outcome
    assert verdict.claim == check.claim()
    assert bool(verdict.hint) == (outcome == "fail")


def test_what_they_claim() -> None:
    assert AllOf(checks=[YES, NO]).claim() == f"{YES.claim()}, and {NO.claim()}"
    assert AnyOf(checks=[YES, NO]).claim() == f"{YES.claim()}, or {NO.claim()}"
    assert Not(checks=[NO]).claim() == f"it is not so that {NO.claim()}"
    assert Claim(says="both are there", checks=[YES]).claim() == "so it is: both are there"
    assert Claim(says="both are there", holds=False, checks=[YES]).claim() == "not so: both are there"


def test_a_failure_shows_what_fails_and_how_to_mend_it() -> None:
    verdict = judge(AllOf(checks=[YES, NO]))
    assert (verdict.expected, verdict.actual) == (judge(NO).expected, judge(NO).actual)
    assert verdict.hint == judge(NO).hint
    assert judge(AnyOf(checks=[NO, NEITHER])).hint == judge(NO).hint
    assert judge(Claim(says="it is there", checks=[NO])).expected == f"that {NO.claim()}"


def test_they_ask_for_what_their_checks_ask_for() -> None:
    asking = Ping(to="192.168.0.2")
    check = AnyOf(checks=[Not(checks=[asking]), Sysctl(name="net.ipv4.tcp_ecn", value=1)])
    assert check.probes(finished()) == (ping.Ping(HOST, "192.168.0.2", True, ""),)
    assert check.sysctls() == ("net.ipv4.tcp_ecn",)
    assert check.needs_traffic()
    assert not AnyOf(checks=[YES]).needs_traffic()


@pytest.mark.parametrize("checks", [[], ["netns"], [YES, None]], ids=str)
def test_only_checks_can_be_in_them(checks: list[object]) -> None:
    with pytest.raises(Mistake, match="here have to stand checks"):
        AnyOf(checks=checks)
