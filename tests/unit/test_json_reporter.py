"""`run --json` keeps its contract, whatever happens."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labrunner.events import RunStarted
from labrunner.reporters.json import JsonReporter
from runtime.errors import Missing, Refused
from tests.golden.compare import assert_golden
from tests.golden.scenes import ENVIRONMENT, LAB, SCENES
from tests.golden.schema import SCHEMA, run_document

GOLDEN = Path(__file__).parents[1] / "golden/json"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("scene", SCENES)
def test_a_run(scene: str) -> None:
    out = io.StringIO()
    reporter = JsonReporter(out)
    for event in SCENES[scene]():
        assert out.getvalue() == "", "nothing before the end"
        reporter.tell(event)
    document = run_document(out.getvalue())
    assert document["outcome"] == scene
    assert_golden(GOLDEN / f"{scene}.json", json.dumps(document, indent=2) + "\n")


@pytest.mark.parametrize(("problem", "outcome"), [
    (Missing("make a user namespace", "they are forbidden", "sudo sysctl -w user.max_user_namespaces=1000"), "skip"),
    (Refused("start the sandbox", 12), "error"),
])
def test_a_sandbox_that_cannot_be_made(problem: Missing | Refused, outcome: str) -> None:
    out = io.StringIO()
    JsonReporter(out).fail("by-hand", problem, outcome)
    assert run_document(out.getvalue()) == {
        "schema": 1, "lab": "by-hand", "outcome": outcome, "seconds": 0.0, "environment": {}, "steps": [],
        "error": {"what": problem.what, "why": problem.why, "mend": problem.mend}}


def test_a_run_that_breaks_off_tells_what_was_done() -> None:
    out = io.StringIO()
    reporter = JsonReporter(out)
    for event in SCENES["pass"]()[:7]:
        reporter.tell(event)
    reporter.fail("by-hand", Refused("look at the links", 12), "error")
    document = run_document(out.getvalue())
    assert [step["id"] for step in document["steps"]] == ["wire"]
    assert (document["outcome"], document["error"]["what"]) == ("error", "look at the links")
    assert document["environment"] == ENVIRONMENT


def test_what_goes_wrong_after_the_end_adds_nothing() -> None:
    out = io.StringIO()
    reporter = JsonReporter(out)
    for event in SCENES["pass"]():
        reporter.tell(event)
    reporter.fail("by-hand", Refused("end the sandbox", 1), "error")
    assert run_document(out.getvalue())["outcome"] == "pass"


def test_any_encoding_can_carry_it() -> None:
    out = io.StringIO()
    reporter = JsonReporter(out)
    reporter.tell(RunStarted(LAB._replace(about=LAB.about._replace(id="größe-→")), ENVIRONMENT, 2))
    for event in SCENES["pass"]()[1:]:
        reporter.tell(event)
    assert out.getvalue().isascii()
    assert run_document(out.getvalue())["lab"] == "größe-→"


@pytest.mark.parametrize("spoil", [
    lambda document: document.pop("environment"),
    lambda document: document.update(outcome="passed"),
    lambda document: document.update(outcome="fail"),
    lambda document: document.update(seconds=-1),
    lambda document: document.update(more=1),
    lambda document: document.update(environment={}),
    lambda document: document["steps"][0].pop("actions"),
    lambda document: document["steps"][0].update(outcome="skip"),
    lambda document: document["steps"][0]["actions"][0].pop("command"),
    lambda document: document["steps"][0]["actions"][0]["changes"][0].update(change="made"),
    lambda document: document["steps"][0]["checks"][0].update(outcome="fail"),
    lambda document: document["steps"][0]["checks"][0].update(actual=""),
])
def test_the_schema_notices(spoil: Any) -> None:
    out = io.StringIO()
    reporter = JsonReporter(out)
    for event in SCENES["pass"]():
        reporter.tell(event)
    document = json.loads(out.getvalue())
    spoil(document)
    with pytest.raises(AssertionError):
        run_document(json.dumps(document))
