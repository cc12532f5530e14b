"""The contract of `run --json`, as a JSON Schema, and what holds besides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parent / "run.schema.json").read_text("utf-8"))


def run_document(text: str) -> dict[str, Any]:
    """The one JSON document that `text` is, when it keeps the contract; else AssertionError."""
    document: dict[str, Any] = json.loads(text)
    wrong = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
             for error in Draft202012Validator(SCHEMA).iter_errors(document)]
    assert not wrong, "\n".join(wrong)
    outcomes = [step["outcome"] for step in document["steps"]]
    checks = [check["outcome"] for step in document["steps"] for check in step["checks"]]
    if document["outcome"] == "pass":
        assert set(outcomes) == {"pass"}
        assert set(checks) == {"pass"}
        assert "error" not in document
    if document["outcome"] == "fail":
        assert "fail" in outcomes
        assert "fail" in checks
    return document
