"""The outcome of a whole from the outcomes of its parts."""

from __future__ import annotations

from itertools import permutations

import pytest

from labrunner.events import Outcome, worst


@pytest.mark.parametrize(("outcomes", "whole"), [
    ([], "skip"),
    (["skip"], "skip"),
    (["pass"], "pass"),
    (["pass", "pass"], "pass"),
    (["pass", "skip"], "pass"),
    (["pass", "fail"], "fail"),
    (["skip", "fail"], "fail"),
    (["pass", "error"], "error"),
    (["fail", "error"], "error"),
    (["pass", "skip", "fail", "error"], "error"),
])
def test_an_error_before_a_failure_before_a_pass(outcomes: list[Outcome], whole: Outcome) -> None:
    assert {worst([*order]) for order in permutations(outcomes)} == {whole}
