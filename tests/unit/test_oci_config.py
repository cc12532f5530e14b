"""Paths into config.json and edits of it, beside what jq(1) makes of the same."""

from __future__ import annotations

import json
import shutil
import subprocess
from copy import deepcopy
from typing import Any

import pytest

from runtime.container_values import CONFIG_PATH, JSON, freeze, thaw
from runtime.oci.config import Edit, Unreadable, edit, jq_path, jq_program, parse_path, read_config, show_path, values

CONFIG: dict[str, Any] = {
    "process": {"args": ["sh", "-c", "ls"], "terminal": True, "env": ["A=1"]},
    "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/proc2", "type": "proc"},
               {"destination": "/dev/pts", "type": "devpts", "options": ["nosuid", "gid=5", "gid=5", "mode=0620"]}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}]}, "hostname": "büro \"1\""}


@pytest.mark.parametrize(("path", "found"), [
    ("process.args", [["sh", "-c", "ls"]]),
    ("process.args[0]", ["sh"]),
    ("process.args[3]", []),
    ("process.args.x", []),
    ("process[0]", []),
    ("nothing", []),
    ("nothing.at.all", []),
    ("hostname.x", []),
    ("mounts[2].type", ["devpts"]),
    ("mounts[type=proc].destination", ["/proc", "/proc2"]),
    ("mounts[destination=/dev/pts].options[0]", ["nosuid"]),
    ("mounts[destination=/none].options", []),
    ("linux.namespaces[type=pid]", [{"type": "pid"}]),
])
def test_what_is_there(path: str, found: list[Any]) -> None:
    parsed = parse_path(path)
    assert values(CONFIG, parsed) == found
    assert show_path(parsed) == path


@pytest.mark.parametrize("text", ["", ".", ".a", "a.", "a..b", "a b", "[0]", "[a=b]", "a[", "a[]", "a[x=]", "a]",
                                  "a[-1]", "a[1", "a'b", "a[b=c", "a/b"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no path into config\.json"):
        parse_path(text)


EDITS = [
    ("process.args", "set", ["sleep", "1000"]),
    ("process.terminal", "set", False),
    ("process.args[1]", "set", "-x"),
    ("hostname", "set", "it's \"new\" ü"),
    ("process.cwd", "set", {"a": [1, 2.5, None]}),
    ("process.env", "add", "B=2"),
    ("linux.namespaces", "add", {"type": "uts"}),
    ("mounts[destination=/dev/pts].options", "remove", "gid=5"),
    ("mounts[destination=/dev/pts].options", "remove", "nothing"),
    ("linux.namespaces[type=pid].type", "set", "sofa"),
    ("linux.namespaces[type=pid]", "delete", None),
    ("mounts[0]", "delete", None),
    ("mounts[type=proc]", "delete", None),
    ("mounts[type=proc].destination", "set", "/elsewhere"),
    ("process.args", "delete", None),
]


def jq(program: str) -> str:
    """What jq(1) makes of CONFIG, a line for each value."""
    return subprocess.run(["jq", "-c", program], input=json.dumps(CONFIG), capture_output=True, text=True,
                          check=True).stdout


@pytest.mark.parametrize(("path", "kind", "value"), EDITS, ids=[f"{path}-{kind}" for path, kind, _ in EDITS])
def test_an_edit_is_what_jq_does(path: str, kind: str, value: Any) -> None:
    assert shutil.which("jq"), "scripts/test installs jq"
    change, config = Edit(parse_path(path), kind, value), deepcopy(CONFIG)
    edit(config, change)
    assert config == json.loads(jq(jq_program(change)))


@pytest.mark.parametrize(("path", "kind", "says"), [
    ("nothing.at.all", "set", "there is no nothing.at.all in it"),
    ("process.args[3]", "set", "there is no process.args[3] in it"),
    ("nothing", "add", "there is no nothing in it"),
    ("nothing", "delete", "there is no nothing in it"),
    ("hostname", "add", "hostname is not a list"),
    ("process", "remove", "process is not a list"),
    ("mounts[destination=/none].options", "remove", "there is no mounts[destination=/none].options in it"),
])
def test_what_cannot_be_edited(path: str, kind: str, says: str) -> None:
    config = deepcopy(CONFIG)
    with pytest.raises(ValueError, match=says.replace("[", r"\[")):
        edit(config, Edit(parse_path(path), kind, "x"))
    assert config == CONFIG


@pytest.mark.parametrize("path", ["process.args", "mounts[destination=/dev/pts].options", "linux.namespaces[type=pid]"])
def test_the_path_in_the_words_of_jq(path: str) -> None:
    assert [json.loads(line) for line in jq(jq_path(parse_path(path))).splitlines()] == values(CONFIG, parse_path(path))


@pytest.mark.parametrize(("text", "says"), [
    ("", "it is not JSON: Expecting value in line 1, column 1"), ("{\n 'a'", "in line 2, column 2"),
    ("[]", "not a JSON object"), ("3", "not a JSON object"), ("[" * 100_000, "it is nested too deep")])
def test_what_is_no_config(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read_config(text)


@pytest.mark.parametrize("value", ["x", 3, 2.5, True, [], ["a", ["b"]], {"a": {"b": [1]}}, [{}]])
def test_a_value_becomes_unchangeable_and_again_what_it_was(value: Any) -> None:
    frozen = JSON.parse(value)
    hash(frozen)
    assert thaw(frozen) == value
    assert freeze(frozen) == frozen
    assert thaw(JSON.parse(frozen)) == value
    for wrong in JSON.wrong(frozen):
        assert wrong != value
        assert JSON.parse(wrong) != frozen


def test_the_mistakes_with_a_list_of_arguments() -> None:
    assert JSON.wrong(("sh", "x")) == [["x"], ["sh"], ["shx", "x"], ["sh", "xx"]]


def test_the_mistake_with_a_path() -> None:
    assert CONFIG_PATH.wrong("process.args") == ["args"]
    assert CONFIG_PATH.wrong("hostname") == []
    assert CONFIG_PATH.wrong("mounts[type=proc]") == []
