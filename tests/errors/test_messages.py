"""What labrun says of a lab file that is wrong: one file in labs/ and one golden message in messages/ a mistake."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from labrunner.cli import code_of, tell
from labrunner.errors import LabError, UsageError
from labrunner.language.loading import load
from labrunner.language.vocabulary import ACTIONS, CHECKS
from runtime.errors import Problem
from tests.golden.compare import assert_golden

HERE = Path(__file__).parent
LABS = sorted(HERE.glob("labs/*.yaml"))
GOOD = """\
title: A lab
vars:
  subnet: 192.168.0.0/24
  host: "{{ subnet | host(1) }}"
steps:
  - title: First
    check:
      - ping: {to: "{{ host }}"}
"""


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.stem)
def test_the_message_is_the_golden_one(lab: Path, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(lab.parent)
    first, again = told(lab.name, capsys), told(lab.name, capsys)
    assert first == again  # the second time its tree may come from the cache
    assert re.match(rf"labrun: the lab file has (a mistake|\d+ mistakes)\n{re.escape(lab.name)}:\d+:\d+: ", first)
    assert_golden(HERE / "messages" / f"{lab.stem}.txt", first)


def test_every_golden_message_has_its_lab() -> None:
    assert {file.stem for file in HERE.glob("messages/*")} == {lab.stem for lab in LABS}


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / "labs")
    with pytest.raises(LabError) as raised:
        load("several-mistakes.yaml")
    places = [mistake.place for mistake in raised.value.mistakes]
    assert places == sorted(places)
    assert len(places) >= 8


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"# " + b"x" * (1 << 20), "1:1: the file is larger than 1 MiB", id="large"),
    pytest.param(b"title: " + b"[" * 200_000, "1:47: it is nested too deep", id="brackets"),
    pytest.param(b"steps:\n" + b"- " * 200_000 + b"x\n", "2:79: it is nested too deep", id="dashes"),
    pytest.param(b"title: '{{ " + b"(" * 60_000 + b" }}'\n", "1:8: '{{ ((((", id="parentheses"),
    pytest.param(b"title: '{{ " + b"(" * 100_000 + b" }}'\n", "1:8: this text is longer than 64 Ki", id="longer"),
    pytest.param(b"title: '{{ " + b"-" * 150 + b"1 }}'\n", "1:8: '{{ ----", id="signs"),
    pytest.param(b"title: '{{ " + b"9" * 10_000 + b" }}'\n", "1:8: '{{ 9999", id="digits"),
    pytest.param(b"title: A lab\n" + b"k" * 900 + b": x\n", "2:1: a lab has no key 'kkk", id="word"),
    pytest.param(b"vars:\n" + b"".join(b"  v%d: '{{ x }}'\n" % i for i in range(5000)), "2:7: '{{ x }}'", id="names"),
])
@pytest.mark.usefixtures("in_time")
def test_what_is_too_much_is_refused_in_time(data: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_bytes(data)
    with pytest.raises(LabError, match=re.escape(says)):
        load(str(file))


@pytest.mark.parametrize(("given", "message"), [
    ({"subent": "10.0.0.0/8"}, "this lab has no variable 'subent': did you mean 'subnet'? known are subnet, host"),
    ({"subnet": "banana"}, "'--set subnet=banana' does not fit this lab: '{{ subnet | host(1) }}' cannot be filled in"),
    ({"subnet": "banana"}, "'banana' is not a subnet"),
    ({"subnet": "10.0.0.1/8"}, "did you mean '10.0.0.0/8'?"),
    ({"subnet": "10.0.0.1/32"}, "10.0.0.1/32 has 1 addresses, and no number 1"),
    ({"host": "banana"}, "'--set host=banana' does not fit this lab: ping: 'banana' is not an IP address"),
], ids=["unknown", "no-subnet", "no-subnet-why", "address-inside", "too-small", "no-address"])
def test_a_given_value_that_does_not_fit_is_not_the_labs_mistake(given: dict[str, str], message: str,
                                                                 tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(GOOD)
    with pytest.raises(UsageError, match=re.escape(message)):
        load(str(file), given)


def test_a_wrong_lab_is_told_as_such_whatever_is_given(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(GOOD.replace("ping:", "pong:"))
    with pytest.raises(LabError, match="there is no check 'pong'"):
        load(str(file), {"subnet": "banana"})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"lab\.yaml cannot be read: No such file or directory \(ENOENT\)"):
        load(str(tmp_path / "lab.yaml"))


@pytest.mark.usefixtures("in_time")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lab.yaml")
    with pytest.raises(UsageError, match=r"lab\.yaml cannot be read: it is no ordinary file"):
        load(str(tmp_path / "lab.yaml"))


def told(lab: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a person reads on standard error; standard output stays empty."""
    with pytest.raises(Problem) as raised:
        load(lab)
    assert code_of(raised.value) == 2
    tell(raised.value)
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.replace(", ".join(ACTIONS.words), "ACTIONS").replace(", ".join(CHECKS.words), "CHECKS")
