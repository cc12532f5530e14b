"""The JSON Schema of labs: it takes what the loader takes, and refuses what has another shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from labrunner.errors import LabError
from labrunner.language.loading import examine
from labrunner.language.reference import reference
from labrunner.language.schema import schema
from labrunner.language.vocabulary import ACTIONS, CHECKS
from tests.errors.documents import documents
from tests.golden.compare import assert_golden

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "labs/lab.schema.json"
GOOD = [*sorted(ROOT.glob("labs/*/lab.yaml")), *sorted(ROOT.glob("labrunner/*.yaml"))]
WRONG = sorted(ROOT.glob("tests/errors/labs/*.yaml"))
# What only the loader can know: what YAML itself makes of it, the order of things, what templates become, and what an
# address, a subnet or a whole statement has to be beyond its shape.
ONLY_THE_LOADER = (
    "absent-with-properties", "address-bad", "address-ipv6", "address-with-bad-prefix", "bridge-name-too-long-in-bytes",
    "config-check-without", "config-path-wrong", "container-absent", "contains-nothing", "control-character-by-escape",
    "converse-command-is-empty", "converse-line-bad-expression", "converse-line-does-nothing",
    "converse-line-expects-anything", "converse-line-two-in-one", "converse-with-nobody", "duplicate-",
    "edit-config-no-way", "edit-config-two-ways", "exec-detached", "exec-with-shim-named", "exit-status-unknown",
    "file-absent-with-text", "gateway-", "holds-stream-by-itself", "http-no-answer", "link-kind-has-its-own-action",
    "merge-key", "namespace-compared", "needs-in-a-circle", "needs-itself", "needs-later-step", "needs-of-the-first",
    "needs-unknown-step", "move-link-to-two-places", "namespaces-kind-twice", "namespaces-of-nothing",
    "namespaces-own-and-shared", "namespaces-with-itself", "number-octal", "number-that", "number-time", "on-for-true",
    "parent-of-it", "points-from-a-text-variable", "process-", "rootfs-has-and-lacks", "route-without-a-way", "rule-",
    "run-empty", "screen-of-nothing", "since-not-over", "subnet-is-an-address", "survives-labhost", "survives-since",
    "tcp-address-ipv6", "template-", "text-variable-for-a-number", "two-steps-with-one-id", "until-earlier-step",
    "until-in-the-last-step", "until-its-own-step", "until-is-empty", "until-unknown-step", "variable-",
    "write-path-goes-back")
BUT_KNOWN = (
    "rule-as-text", "rule-unknown-", "template-without-quotes", "variable-choice-empty", "variable-choices-with",
    "variable-default-is-a-", "variable-is-", "variable-min-is-a-text", "variable-name-bad", "variable-unknown-",
    "variable-without-default")
NOT_AFTER_ALL = ("rule-unknown-target",)


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    found = schema()
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


def plain(file: Path) -> Any:
    """The document as any YAML reader sees it; None when it is none."""
    try:
        return yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert_golden(COMMITTED, json.dumps(schema(), indent=1) + "\n")


@pytest.mark.parametrize("file", GOOD, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_good_lab_is_valid(file: Path, validator: Draft202012Validator) -> None:
    assert examine(str(file)).mistakes == []
    assert [error.message for error in validator.iter_errors(plain(file))] == []


@pytest.mark.parametrize("file", [file for file in WRONG if plain(file) is not None], ids=lambda file: file.stem)
def test_a_wrong_lab_is_invalid_unless_only_the_loader_can_know(file: Path, validator: Draft202012Validator) -> None:
    known = file.stem.startswith(BUT_KNOWN) and file.stem not in NOT_AFTER_ALL
    hidden = file.stem.startswith(ONLY_THE_LOADER) and not known
    assert validator.is_valid(plain(file)) == hidden


def test_what_the_loader_takes_is_valid(tmp_path: Path, validator: Draft202012Validator) -> None:
    file, taken = tmp_path / "lab.yaml", 0
    for data in documents(11, 600):
        file.write_bytes(data)
        try:
            mistakes = examine(str(file)).mistakes
        except LabError:
            continue
        if not mistakes:
            taken += 1
            assert [error.message for error in validator.iter_errors(plain(file))] == [], data.decode()
    assert taken > 50


def test_every_word_is_there_with_its_arguments_and_what_they_are_for() -> None:
    definitions = schema()["$defs"]
    for sort in (ACTIONS, CHECKS):
        for word in sort.words:
            made, found = sort.find(word), definitions[f"{sort.noun}.{word}"]
            assert found["description"]
            by_name = next((each for each in found.get("anyOf", [found]) if "properties" in each), None)
            if by_name:
                assert set(by_name["properties"]) == set(made.arguments)
                assert all(each["description"] for each in by_name["properties"].values())


@pytest.mark.parametrize(("check", "valid"), [
    ({"netns": "c1"}, True),
    ({"netns": {"name": "c1", "exists": False}}, True),
    ({"netns": {"name": "c1", "exists": "{{ there }}"}}, True),
    ({"netns": "{{ name }}"}, True),
    ({"netns": "c1", "until": "second"}, True),
    ({"netns": "c1", "interface": "lo"}, False),
    ({"netns": "c1", "interface": "lo", "until": "second"}, False),
    ({"until": "second"}, False),
    ({"netns": None}, False),
    ({"netns": {"exists": True}}, False),
    ({"ping": {"to": "10.0.0.1"}}, True),
    ({"ping": "10.0.0.1"}, False),
    ({"not": {"netns": "c1"}}, True),
    ({"not": [{"netns": "c1"}, {"netns": "c2"}]}, True),
    ({"not": {"netns": "c1", "until": "second"}}, False),
    ({"any_of": [{"all_of": [{"netns": "c1"}]}], "until": "second"}, True),
    ({"any_of": []}, False),
], ids=str)
def test_a_check(check: dict[str, Any], valid: bool, validator: Draft202012Validator) -> None:
    lab = {"title": "A lab", "steps": [{"title": "First", "check": [check]}]}
    assert validator.is_valid(lab) == valid


def test_the_words_are_all_in_the_reference() -> None:
    text = reference()
    assert all(f"**{word}** - " in text for sort in (ACTIONS, CHECKS) for word in sort.words)
    assert max(map(len, text.splitlines())) <= 118


@pytest.mark.parametrize("file", sorted(ROOT.glob("labs/*/lab.yaml")), ids=lambda file: file.parent.name)
def test_an_editor_is_told_where_the_schema_is(file: Path) -> None:
    assert file.read_text("utf-8").startswith("# yaml-language-server: $schema=../lab.schema.json\n")
