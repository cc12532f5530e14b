"""Whatever a file holds, loading it gives a Lab or says what is wrong with it: no other exception, no long wait."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labrunner.errors import LabError, LabMistake
from labrunner.lab import Lab
from labrunner.loading import load, words

REAL = (Path(__file__).parents[2] / "labs/bridge-network/lab.yaml").read_text("utf-8")
BROKEN = sorted((Path(__file__).parent / "labs").glob("*.yaml"))
# What YAML, Jinja2 or the kinds of values could stumble over.
FRAGMENTS = (
    "{{", "}}", "{%", "{# ", "|", "&a ", "*a", "<<: *a", "!!int ", "!x ", "- ", ": ", "? ", "#", "'", '"', "[", "]",
    "{", "}", ",", "---\n", "...\n", "%YAML 9\n", "\t", "\r", "\x00", "\x1b", "\x85", "\ufeff", "\u2028", "\ud800",
    "é", "🐧", "0x1", "1e999", "-.inf", "1:2:3", "~", "null", "on", "=", "@", "`", "self", "__class__", " | host(-1)",
    " | address(99999999999999999999)", "::1", "fe80::1%0", "/", "..", "0.0.0.0/0", "255", "\\e", "\n", "\n\n  ")
VALUES = ("{{ a }}", "{{ a | host(1) }}", "c1", "veth0", "10.0.0.1/8", "10.0.0.0/8", "up", "none")
WORDS = (
    "title", "summary", "level", "minutes", "topics", "world", "vars", "steps", "id", "teach", "do", "check", "a",
    "name", "netns", "to", "from", "address", "interface", "up", "self", "destination", "exists", "peer",
    *words("labrunner.actions"), *words("checks"))

PLACES = st.integers(0, len(REAL))
LINES = st.integers(0, REAL.count("\n"))


@st.composite
def spoiled_labs(draw: st.DrawFn) -> str:
    """The real lab after a few accidents with an editor."""
    lines = REAL.splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        at, other = draw(LINES) % len(lines), draw(LINES) % len(lines)
        match draw(st.sampled_from(("delete", "duplicate", "replace", "indent", "spoil"))):
            case "delete":
                del lines[at: at + draw(st.integers(1, 5))]
            case "duplicate":
                lines.insert(at, lines[other])
            case "replace":
                lines[at] = lines[other]
            case "indent":
                lines[at] = " " * draw(st.integers(0, 9)) + lines[at].lstrip()
            case _:
                column, end = draw(PLACES) % len(lines[at]), draw(st.integers(0, 3))
                lines[at] = lines[at][:column] + draw(st.sampled_from(FRAGMENTS)) + lines[at][column + end:]
        if not lines:
            break
    return "".join(lines)


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(FRAGMENTS + VALUES))
KEYS = st.sampled_from(WORDS) | st.text(max_size=5)


def mapping(values: st.SearchStrategy[Any], most: int = 5) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEYS, values, max_size=most)


TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | mapping(inner), max_leaves=25)
STATEMENTS = st.lists(mapping(LEAVES | mapping(TREES), 2), max_size=4)
STEP = st.fixed_dictionaries({"title": LEAVES, "check": STATEMENTS}, optional={"do": STATEMENTS, "id": LEAVES})
LABS = st.fixed_dictionaries({"title": LEAVES, "steps": st.lists(STEP, max_size=3) | TREES},
                             optional={"vars": TREES, "topics": TREES})
RANDOM = st.one_of(LABS, TREES).map(lambda tree: yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
SOUP = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=30).map("".join)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "lab.yaml"


def assert_told(file: Path, data: bytes) -> None:
    """Loading gives a whole Lab, or an error with places that are in the file."""
    file.write_bytes(data)
    loaded = outcome(file)
    if isinstance(loaded, Lab):
        assert all(action.command() for step in loaded.steps for action in step.actions)
        assert all(check.claim() for step in loaded.steps for check in step.checks)
        return
    lines = data.count(b"\n") + data.count(b"\r") + 1
    assert loaded
    for mistake in loaded:
        assert 1 <= mistake.place.line <= lines + 1
        assert mistake.place.column >= 1
        assert mistake.says
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", mistake.says + mistake.mend), "it would reach the terminal"


def outcome(file: Path) -> Lab | tuple[LabMistake, ...]:
    try:
        return load(str(file))
    except LabError as error:
        return error.mistakes


AT_MOST = settings(deadline=timedelta(seconds=3),
                   suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(AT_MOST, max_examples=150)
@given(text=spoiled_labs())
def test_a_spoiled_lab(file: Path, text: str) -> None:
    assert_told(file, text.encode("utf-8", "surrogatepass"))


@settings(AT_MOST, max_examples=100)
@given(text=RANDOM | SOUP)
def test_random_yaml(file: Path, text: str) -> None:
    assert_told(file, text.encode("utf-8", "surrogatepass"))


@settings(AT_MOST, max_examples=50)
@given(data=st.binary(max_size=200), seed=st.integers(0, 1 << 32))
def test_random_bytes_in_a_lab(file: Path, data: bytes, seed: int) -> None:
    chosen = random.Random(seed)
    lab = chosen.choice(BROKEN).read_bytes()
    at = chosen.randint(0, len(lab))
    assert_told(file, lab[:at] + data + lab[at + chosen.randint(0, 20):])
