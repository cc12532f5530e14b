"""How steps hang together: checks that go on holding, checks that are retired, steps that need one another."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labrunner.language.loading import load

ROOT = Path(__file__).resolve().parents[2]
THREE = """\
title: A lab
steps:
  - id: first
    title: First
    do:
      - add_netns: c1
    check:
      - netns: c1{until}
  - id: second
    title: Second
    do:
      - delete_netns: c1
      - add_netns: c2
    check:
      - netns: c2
      - netns: {{name: c1, exists: false}}
  - id: third
    title: Third{needs}
    do:
      - add_netns: c3
    check:
      - netns: c3
"""
Run = Callable[[str], tuple[int, dict[str, Any]]]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(text: str) -> Path:
        (tmp_path / "lab.yaml").write_text(text)
        return tmp_path / "lab.yaml"

    return write


@pytest.fixture
def run(lab: Callable[[str], Path]) -> Run:
    """Runs a lab and gives its exit code and its JSON document."""

    def play(text: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run([ROOT / "labrun", "run", lab(text), "--json"], capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout)

    return play


def test_what_was_true_has_to_stay_true(run: Run) -> None:
    code, document = run(THREE.format(until="", needs=""))
    first, second, third = document["steps"]
    assert (code, document["outcome"]) == (1, "fail")
    assert (first["outcome"], second["outcome"], third["outcome"]) == ("pass", "fail", "skip")
    assert third["reason"] == "step 'second' did not pass"
    broken = [check for check in second["checks"] if "since" in check]
    assert [(check["claim"], check["outcome"], check["since"]) for check in broken] == [
        ("there is a network namespace c1", "fail", "first")]


def test_a_check_that_is_retired_is_asked_no_more(run: Run) -> None:
    code, document = run(THREE.format(until="\n        until: second", needs=""))
    assert (code, document["outcome"]) == (0, "pass")
    assert [step.get("kept", 0) for step in document["steps"]] == [0, 0, 2]
    assert not any("since" in check for step in document["steps"] for check in step["checks"])


def test_a_step_that_needs_nothing_is_done_whatever_became_of_the_others(run: Run) -> None:
    code, document = run(THREE.format(until="", needs="\n    needs: []"))
    assert (code, document["outcome"]) == (1, "fail")
    assert [step["outcome"] for step in document["steps"]] == ["pass", "fail", "fail"]
    third = document["steps"][2]
    assert [check["outcome"] for check in third["checks"] if "since" not in check] == ["pass"]


def test_a_claim_is_shown_in_its_step_and_not_asked_again(run: Run) -> None:
    claim = "\n    claims:\n      - {says: there is one, check: [netns: c1]}"
    code, document = run(THREE.format(until="\n        until: second" + claim, needs=""))
    assert code == 0
    assert [check["claim"] for check in document["steps"][0]["checks"]][-1] == "so it is: there is one"


def test_what_is_kept_in_which_step(lab: Callable[[str], Path]) -> None:
    loaded = load(str(lab(THREE.format(until="\n        until: third", needs=""))))
    kept = [[(each.holds.check.claim(), each.since) for each in loaded.kept(place)] for place in range(3)]
    assert kept == [
        [], [("there is a network namespace c1", "first")],
        [("there is a network namespace c2", "second"), ("there is no network namespace c1", "second")]]


def test_what_a_step_says_itself_is_not_said_twice(lab: Callable[[str], Path]) -> None:
    text = THREE.format(until="", needs="").replace("- netns: c3", "- netns: c3\n      - netns: c2")
    claims = [each.holds.check.claim() for each in load(str(lab(text))).kept(2)]
    assert claims == ["there is a network namespace c1", "there is no network namespace c1"]


def test_the_terminal_names_the_step_since_which_it_holds(lab: Callable[[str], Path]) -> None:
    path = lab(THREE.format(until="", needs=""))
    done = subprocess.run([ROOT / "labrun", "run", path], capture_output=True, text=True, timeout=60)
    assert "✗ there is a network namespace c1 (since step 'first')" in done.stdout
    assert "stopped in step 2 of 3" in done.stdout


def test_the_terminal_counts_what_still_holds(lab: Callable[[str], Path]) -> None:
    text = THREE.format(until="\n        until: second", needs="")
    done = subprocess.run([ROOT / "labrun", "run", lab(text)], capture_output=True, text=True, timeout=60)
    assert "✓ 2 checks of earlier steps still hold" in done.stdout
    assert "3 steps, 4 checks, all passed" in done.stdout


def test_nothing_can_be_done_in_the_world_outside(lab: Callable[[str], Path]) -> None:
    text = THREE.format(until="", needs="").replace("- add_netns: c3", "- set_link: {name: eth0, netns: outside}")
    done = subprocess.run([ROOT / "labrun", "run", lab(text)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "lab.yaml:20:9: nothing can be done in 'outside', which stands for the Internet" in done.stderr
