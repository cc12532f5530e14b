"""Variables with a type: what they can be, what is given instead, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.errors import LabError, UsageError
from labrunner.language.lab import Lab
from labrunner.language.loading import load
from labrunner.language.variables import Variable, variables

HEAD = "title: A lab\nvars:\n  net: {type: subnet, default: 10.0.0.0/24}\n"
STEPS = "steps:\n  - title: First\n    check:\n      - netns: c1\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def read(tmp_path: Path, declared: str, steps: str = STEPS, **given: str) -> Lab:
    """A lab with the variable x, declared so."""
    (tmp_path / "lab.yaml").write_text(f"{HEAD}  x: {declared}\n{steps}")
    return load(str(tmp_path / "lab.yaml"), given)


@pytest.mark.parametrize(("declared", "variable"), [
    ("text", Variable("x", "text")),
    ("7", Variable("x", 7, "int")),
    ("'7'", Variable("x", "7")),
    ("{default: 7}", Variable("x", "7")),
    ("{type: int, default: 7}", Variable("x", 7, "int")),
    ("{type: int, default: '7', says: how many}", Variable("x", 7, "int", "how many")),
    ("{type: int, default: -7, min: -7, max: -7}", Variable("x", -7, "int")),
    ("{type: address, default: 10.0.0.9, within: net}", Variable("x", "10.0.0.9", "address")),
    ("{type: address, default: '{{ net | host(-1) }}', within: 10.0.0.0/8}", Variable("x", "10.0.0.255", "address")),
    ("{type: address, default: 'FD00::1', within: 'fd00::/8'}", Variable("x", "fd00::1", "address")),
    ("{type: subnet, default: 10.0.0.0/8}", Variable("x", "10.0.0.0/8", "subnet")),
    ("{type: name, default: container-1}", Variable("x", "container-1", "name")),
    ("{type: choice, default: b, choices: [a, b]}", Variable("x", "b", "choice", "", ("a", "b"))),
    ("{type: choice, default: 1, choices: ['1', '2']}", Variable("x", "1", "choice", "", ("1", "2"))),
], ids=str)
def test_a_declaration(tmp_path: Path, declared: str, variable: Variable) -> None:
    assert read(tmp_path, declared).variables["x"] == variable


@pytest.mark.parametrize(("declared", "given", "value"), [
    ("7", "8", 8),
    ("text", "8", "8"),
    ("{type: int, default: 7, max: 9}", "9", 9),
    ("{type: address, default: 10.0.0.9, within: net}", "10.0.0.1", "10.0.0.1"),
    ("{type: choice, default: b, choices: [a, b]}", "a", "a"),
])
def test_a_given_value_is_of_the_same_type(tmp_path: Path, declared: str, given: str, value: object) -> None:
    assert read(tmp_path, declared, x=given).variables["x"].value == value


@pytest.mark.parametrize(("declared", "given", "says"), [
    ("7", "many", "'many' is not a whole number"),
    ("{type: int, default: 7}", "7.5", "'7.5' is not a whole number"),
    ("{type: int, default: 7}", "", "'' is not a whole number"),
    ("{type: int, default: 7}", "\N{ARABIC-INDIC DIGIT SEVEN}", "is not a whole number"),
    ("{type: int, default: 7, min: 1}", "0", "0 is less than 1"),
    ("{type: int, default: 7, max: 9}", "10", "10 is more than 9"),
    ("{type: address, default: 10.0.0.9, within: net}", "10.0.1.9", "10.0.1.9 is outside of 10.0.0.0/24"),
    ("{type: address, default: 10.0.0.9}", "10.0.0.9/24", "'10.0.0.9/24' is not an IP address"),
    ("{type: subnet, default: 10.0.0.0/8}", "10.0.0.1/8", "did you mean '10.0.0.0/8'?"),
    ("{type: name, default: c1}", "my container", "is no name for a network namespace"),
    ("{type: choice, default: b, choices: [a, b]}", "c", "'c' is not one of a, b"),
])
def test_a_given_value_that_does_not_fit(tmp_path: Path, declared: str, given: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, declared, x=given)
    assert raised.value.what == f"'--set x={given}' does not fit this lab"
    assert says in raised.value.why


def test_what_is_within_a_variable_follows_it(tmp_path: Path) -> None:
    declared = "{type: address, default: '{{ net | host(1) }}', within: net}"
    assert read(tmp_path, declared, net="10.9.0.0/16").variables["x"].value == "10.9.0.1"


def test_a_template_alone_keeps_the_type_of_its_variable(tmp_path: Path) -> None:
    steps = 'steps:\n  - title: Up to {{ x }}\n    points: "{{ x }}"\n    check:\n      - netns: c1\n'
    found = read(tmp_path, "7", steps).steps[0]
    assert (found.title, found.points) == ("Up to 7", 7)


@pytest.mark.parametrize("name", ["true", "none", "not", "1st", "my-name", "a b", "''"])
def test_a_name_that_no_template_could_hold(tmp_path: Path, name: str) -> None:
    (tmp_path / "lab.yaml").write_text(f"title: A lab\nvars:\n  {name}: 1\n{STEPS}")
    with pytest.raises(LabError, match="cannot be the name of a variable"):
        load(str(tmp_path / "lab.yaml"))


def test_pairs_of_the_command_line() -> None:
    assert variables(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("pair", ["a", "=1", ""])
def test_what_is_no_pair(pair: str) -> None:
    with pytest.raises(UsageError, match="is not of the form VAR=VALUE"):
        variables([pair])
