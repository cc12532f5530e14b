"""The command line: help, exit codes, and words on standard error. In this process; tests/system does it for real."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from labrunner import __version__
from labrunner.cli import COMMANDS, code_of, main, tell
from labrunner.errors import LabError, LabMistake, Place, UsageError, nearest
from labrunner.language.variables import variables
from runtime.errors import Missing, Problem, Refused


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("COLUMNS", "80")


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one call."""
    try:
        code = main([*arguments])
    except SystemExit as ended:  # argparse
        code = int(ended.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("arguments", [("--help",), *((command, "--help") for command in COMMANDS)], ids=" ".join)
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_help_has_examples_and_fits(arguments: tuple[str, ...], columns: int, capsys: pytest.CaptureFixture[str],
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, err = called(capsys, *arguments)
    assert (code, err) == (0, "")
    head, _, examples = out.partition("\nexamples:\n")
    assert examples.count("  labrun ") >= 2
    assert max(map(len, out.splitlines())) <= max(80, columns)
    assert [line for line in head.splitlines() if len(line) > columns and "{" not in line] == []


def test_a_command_that_is_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, "shwo", "nat")
    assert (code, out) == (2, "")
    assert err.startswith("labrun: there is no command 'shwo': did you mean 'show'? known are list, show, start,")
    assert err.endswith("  next: labrun --help\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "--version") == (0, f"labrun {__version__}\n", "")


@pytest.mark.parametrize("arguments", [
    (), ("--foo",), ("run",), ("run", "a", "b"), ("run", "bridge-network", "--foo"),
    ("run", "bridge-network", "--network", "ip"), ("run", "bridge-network", "--id-map", "all"),
    ("run", "bridge-network", "--js"), ("run", "bridge-network", "--until"), ("show",)], ids=" ".join)
def test_a_call_that_is_wrong(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: labrun")
    assert "error: " in err


@pytest.mark.parametrize(("arguments", "says", "mend"), [
    (("show", "bridge-netwrk"), "there is no lab 'bridge-netwrk': did you mean 'bridge-network'?", "labrun list"),
    (("show", "bridge-network", "--set", "subent=1"), "this lab has no variable 'subent': did you mean 'subnet'?",
     "labrun show LAB"),
    (("show", "bridge-network", "--set", "subnet"), "'--set subnet' is not of the form VAR=VALUE",
     "as in --set subnet=10.1.0.0/24"),
    (("show", "bridge-network", "--set", "runtime=crun"),
     "'--set runtime=crun' cannot be: the OCI runtime has an option of its own", "--runtime crun"),
    (("show", "bridge-network", "--set", "=1"), "'--set =1' is not of the form VAR=VALUE", "as in --set"),
    (("show", "bridge-network", "--set", "subnet=banana"), "'--set subnet=banana' does not fit this lab: ", ""),
])
def test_what_is_wrong_and_what_to_do_next(arguments: tuple[str, ...], says: str, mend: str,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"labrun: {says}")
    assert f"  next: {mend}" in err if mend else "next:" not in err


@pytest.mark.parametrize(("problem", "code"), [
    (Problem("x"), 2), (UsageError("x"), 2), (LabError([LabMistake(Place("lab.yaml", 1, 1), "x")]), 2),
    (Missing("x"), 3), (Refused("x"), 4)], ids=lambda value: type(value).__name__)
def test_the_exit_code_of_a_problem(problem: Problem, code: int) -> None:
    assert code_of(problem) == code


def test_a_fault_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labrunner.commands.list.catalogue", lambda: 1 / 0)
    code, out, err = called(capsys, "list")
    assert (code, out) == (4, "")
    assert err == ("labrun: a fault in labrun: ZeroDivisionError: division by zero\n"
                   "  next: run it again with --debug and report what it prints\n")


def test_debug_shows_the_traceback_and_keeps_the_exit_code(capsys: pytest.CaptureFixture[str],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labrunner.commands.list.catalogue", lambda: 1 / 0)
    code, _, err = called(capsys, "list", "--debug")
    assert code == 4
    assert err.startswith("Traceback (most recent call last):\n")
    assert "labrun: a fault in labrun: ZeroDivisionError" in err


@pytest.mark.parametrize(("arguments", "says"), [
    (("list",), "\nlabrun: interrupted\n"),
    (("run", "bridge-network"), "\nlabrun: interrupted; the sandbox ends with it, and nothing is left behind\n")])
def test_an_interrupt(arguments: tuple[str, ...], says: str, capfd: pytest.CaptureFixture[str],
                      monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"labrunner.commands.{arguments[0]}.run", interrupted)
    assert called(capfd, *arguments) == (130, "", says)


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN], ids=["default", "ignored"])
def test_the_signal_is_as_it_was(before: Any, capsys: pytest.CaptureFixture[str],
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(_options: object) -> int:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        return int(ignored == (before is signal.SIG_IGN)) + 40

    monkeypatch.setattr("labrunner.commands.list.run", handler)
    own = signal.signal(signal.SIGINT, before)
    try:
        assert called(capsys, "list")[0] == 41
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, own)


def test_telling(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Missing("make a user namespace", "they are forbidden", "sudo sysctl -w user.max_user_namespaces=1000"))
    assert capsys.readouterr().err == ("labrun: make a user namespace: they are forbidden\n"
                                       "  next: sudo sysctl -w user.max_user_namespaces=1000\n")


@pytest.mark.parametrize(("pairs", "found"), [
    ([], {}), (["a=1"], {"a": "1"}), (["a=b=c"], {"a": "b=c"}), (["a="], {"a": ""}), (["a=1", "a=2"], {"a": "2"})])
def test_variables(pairs: list[str], found: dict[str, str]) -> None:
    assert variables(pairs) == found


@pytest.mark.parametrize(("word", "known", "says"), [
    ("titel", ("title", "steps"), "did you mean 'title'? known are title, steps"),
    ("TITLE", ("title", "steps"), "did you mean 'title'? known are title, steps"),
    ("add-veth", ("add_veth",), "did you mean 'add_veth'? known are add_veth"),
    ("zzz", ("title", "steps"), "known are title, steps"),
    ("zzz", (), "there is none"),
    ("x" * 100_000, ("title",), "known are title"),
])
def test_the_nearest_word(word: str, known: tuple[str, ...], says: str) -> None:
    assert nearest(word, known) == says


def test_a_long_list_is_cut() -> None:
    known = [f"word-{n}" for n in range(1000)]
    assert nearest("zzz", known).endswith("word-39 and 960 more")
