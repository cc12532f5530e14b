"""labrun as a person and as a program calls it: real runs in real sandboxes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from labrunner.language.loading import load
from tests.golden.schema import run_document

ROOT = Path(__file__).resolve().parents[2]
LABRUN = str(ROOT / "labrun")
LAB = "bridge-network"
ENTER = "Enter does this step, Ctrl-C ends the lab "

FAILS = """\
title: A check that fails
steps:
  - id: bridge
    title: A bridge that is not up
    do:
      - add_bridge: br0
    check:
      - interface: {name: br0, up: true}
  - id: never
    title: Never done
    check:
      - interface: br0
"""
REFUSED = """\
title: An action that is refused
steps:
  - id: twice
    title: The same bridge twice
    do:
      - add_bridge: br0
      - add_bridge: br0
    check:
      - interface: {name: br0, kind: bridge}
  - id: never
    title: Never done
    check:
      - interface: br0
"""
LACKS = """\
title: What no kernel has
steps:
  - id: good
    title: A bridge
    do:
      - add_bridge: br0
    check:
      - interface: br0
  - id: lacks
    title: An interface of a kind that nobody has written
    do:
      - add_link: {name: x0, kind: nosuchkind}
    check:
      - interface: br0
  - id: never
    title: Never done
    check:
      - interface: br0
"""
WRONG = "title: A lab\nsteps:\n  - title: First\n    do:\n      - add_bridge: a-name-that-is-too-long\n    check: []\n"

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True, scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A plain terminal of 80 columns, and a cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "80")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def labrun(*arguments: str | Path, env: dict[str, str] | None = None, **options: Any) -> Finished:
    """One call, to its end."""
    options = {"capture_output": True, "text": True, "timeout": 60, "stdin": subprocess.DEVNULL} | options
    return subprocess.run([LABRUN, *map(str, arguments)], env={**os.environ, **(env or {})}, **options)


def shell(script: str) -> Finished:
    """A line of bash in which $LABRUN is labrun; its exit code is labrun's."""
    return subprocess.run(["bash", "-c", script], env={**os.environ, "LABRUN": LABRUN}, capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)


def lab(folder: Path, text: str) -> Path:
    """A lab.yaml in the folder."""
    file = folder / "lab.yaml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """What `run bridge-network --json` prints."""
    done = labrun("run", LAB, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return run_document(done.stdout)


def outcomes(document: dict[str, Any]) -> list[tuple[str, str, list[str], list[tuple[str, str]]]]:
    """Of each step: id, outcome, commands, claims and what became of them."""
    return [(step["id"], step["outcome"], [action["command"] for action in step["actions"]],
             [(check["claim"], check["outcome"]) for check in step["checks"]]) for step in document["steps"]]


# Finding


def test_list() -> None:
    done = labrun("list")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"bridge-network +A Docker bridge network, by hand\n", done.stdout)
    last = "\ndo one: labrun start LAB    watch one: labrun run LAB    read about one: labrun show LAB\n"
    assert done.stdout.endswith(last)


def test_list_as_json() -> None:
    done = labrun("list", "--json")
    document = json.loads(done.stdout)
    about = next(each for each in document["labs"] if each["id"] == LAB)
    assert document["schema"] == 1
    assert set(about) == {"id", "path", "title", "summary", "level", "minutes", "topics", "needs", "lacks", "steps",
                          "passed"}
    assert Path(about["path"]).samefile(ROOT / "labs/bridge-network/lab.yaml")


def test_show() -> None:
    done = labrun("show", LAB)
    assert (done.returncode, done.stderr) == (0, "")
    for step in load(str(ROOT / "labs/bridge-network/lab.yaml")).steps:
        assert f". {step.title}  [{step.id}]\n" in done.stdout
    assert "variable     subnet = 192.168.0.0/24\n" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_show_lists_the_very_commands_that_run_reports(whole: dict[str, Any]) -> None:
    shown = re.findall(r"^ {7}(\S.*)$", labrun("show", LAB, "--commands").stdout, re.MULTILINE)
    assert shown == [command for _, _, commands, _ in outcomes(whole) for command in commands]
    assert shown


def test_doctor() -> None:
    done = labrun("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ok +a sandbox of one's own$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("\nEvery lab can be done here.\n")


def test_doctor_as_json() -> None:
    done = labrun("doctor", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["schema"], document["outcome"]) == (0, 1, "pass")
    found = {each["name"]: each for each in document["findings"]}
    assert {"sandbox-auto", "sandbox-single", "veth", "bridge", "nat", "ip", "iptables"} <= set(found)
    assert all(each["why"] for each in found.values() if not each["ok"])
    assert LAB in found["nat"]["labs"]
    assert found["nat"]["needed"]


# Watching


def test_run() -> None:
    done = labrun("run", LAB)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n── 4/8  A bridge joins the wires ──" in done.stdout
    assert "\n  $ ip link set veth0 master br0\n" in done.stdout
    assert "\n  ├─ br0 (bridge) 192.168.0.1/24\n" in done.stdout
    assert re.search(r"\n✓ 8 steps, \d+ checks, all passed, in \d+\.\d\d s\n$", done.stdout)
    assert "\x1b" not in done.stdout, "piped: no colour"
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_document(whole: dict[str, Any]) -> None:
    assert (whole["lab"], whole["outcome"], len(whole["steps"])) == (LAB, "pass", 8)
    assert whole["environment"]["network"] == "netlink"
    changes = [change for step in whole["steps"] for action in step["actions"] for change in action["changes"]]
    assert {change["change"] for change in changes} == {"added", "removed", "changed"}
    assert all(action["changes"] for step in whole["steps"] for action in step["actions"])


@pytest.mark.parametrize("step", ["veth", "2"])
def test_until_a_step_by_its_id_or_its_number(step: str) -> None:
    done = labrun("run", LAB, "--until", step, "--json")
    assert done.returncode == 0
    assert [each["id"] for each in run_document(done.stdout)["steps"]] == ["namespace", "veth"]


def test_other_addresses(whole: dict[str, Any]) -> None:
    done = labrun("run", LAB, "--set", "subnet=10.1.0.0/16", "--json")
    document = run_document(done.stdout)
    assert (done.returncode, document["outcome"]) == (0, "pass")
    assert [len(step["checks"]) for step in document["steps"]] == [len(step["checks"]) for step in whole["steps"]]
    assert "ip addr add 10.1.0.1/16 dev br0" in done.stdout
    assert "192.168." not in done.stdout


def test_the_shown_commands_themselves_do_the_same(whole: dict[str, Any]) -> None:
    done = labrun("run", LAB, "--network", "iproute2", "--json")
    document = run_document(done.stdout)
    assert (done.returncode, document["environment"]["network"]) == (0, "iproute2")
    assert outcomes(document) == outcomes(whole)


def test_a_single_id(whole: dict[str, Any]) -> None:
    done = labrun("run", LAB, "--id-map", "single", "--json")
    document = run_document(done.stdout)
    assert (done.returncode, document["environment"]["id_map"]) == (0, "single")
    assert outcomes(document) == outcomes(whole)


def test_where_a_lab_comes_from_is_said_once(tmp_path: Path) -> None:
    source = f"This lab did not come with labrun: it is {tmp_path / 'lab.yaml'}"
    assert labrun("run", lab(tmp_path, FAILS)).stdout.replace("\n", " ").count(source.replace("\n", " ")) == 1
    assert "did not come with" not in labrun("run", "netns-veth", "--until", "1").stdout
    assert "did not come with" not in labrun("run", lab(tmp_path, FAILS), "--json").stdout


def test_a_lab_by_folder_by_path_and_from_where_one_stands(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    file = lab(tmp_path / "mine", FAILS.replace("up: true", "up: false"))
    calls = (tmp_path, "mine"), (tmp_path, "./mine/lab.yaml"), (tmp_path / "mine", "."), (Path("/"), file)
    for place, named in calls:
        done = labrun("run", named, "--json", "--until", "1", cwd=place)
        assert (done.returncode, run_document(done.stdout)["lab"]) == (0, "mine"), done.stderr


# What does not go well


def test_a_check_that_fails(tmp_path: Path) -> None:
    done = labrun("run", lab(tmp_path, FAILS))
    assert (done.returncode, done.stderr) == (1, "")
    assert "→ br0 in labhost is DOWN; bring it up: ip link set br0 up\n" in done.stdout
    assert "\n  - skipped: Never done (step 'bridge' did not pass)\n" in done.stdout
    assert "\n✗ stopped in step 1 of 2: 1 of 1 checks failed, in " in done.stdout


def test_a_check_that_fails_as_json(tmp_path: Path) -> None:
    done = labrun("run", lab(tmp_path, FAILS), "--json")
    assert (done.returncode, done.stderr) == (1, "")
    document = run_document(done.stdout)
    assert [step["outcome"] for step in document["steps"]] == ["fail", "skip"]
    assert document["steps"][0]["checks"][0]["hint"].endswith(": ip link set br0 up")


@pytest.mark.parametrize("network", ["netlink", "iproute2"])
def test_an_action_that_is_refused(tmp_path: Path, network: str) -> None:
    done = labrun("run", lab(tmp_path, REFUSED), "--network", network)
    assert done.returncode == 4
    assert re.search(r"\n +! .*: .*File exists", done.stdout)
    assert "\n  - skipped: Never done (step 'twice' did not pass)\n" in done.stdout
    assert "\n! stopped in step 1 of 2: it could not be carried out, in " in done.stdout


def test_an_action_that_is_refused_as_json(tmp_path: Path) -> None:
    done = labrun("run", lab(tmp_path, REFUSED), "--json")
    document = run_document(done.stdout)
    assert (done.returncode, document["outcome"]) == (4, "error")
    assert document["steps"][0]["actions"][1]["error"]["why"] == "File exists (EEXIST)"
    assert [step["outcome"] for step in document["steps"]] == ["error", "skip"]


def test_what_this_machine_lacks_is_never_a_pass(tmp_path: Path) -> None:
    done = labrun("run", lab(tmp_path, LACKS))
    assert done.returncode == 3
    assert "\n- stopped in step 2 of 3: this machine lacks something for it, in " in done.stdout
    document = run_document(labrun("run", lab(tmp_path, LACKS), "--json").stdout)
    assert (document["outcome"], [step["outcome"] for step in document["steps"]]) == ("skip", ["pass", "skip", "skip"])


@pytest.mark.parametrize("call", [("run",), ("run", "--json"), ("show",)], ids=" ".join)
def test_a_lab_file_with_mistakes(tmp_path: Path, call: tuple[str, ...]) -> None:
    file = lab(tmp_path, WRONG)
    done = labrun(*call, file)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("labrun: the lab file has 2 mistakes\n")
    assert f"\n{file}:5:21: add_bridge: 'a-name-that-is-too-long' has 23 characters" in done.stderr
    assert f"\n{file}:6:12: the list 'check' is empty\n" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["empty", "tab", "not-utf8", "billion-laughs", "template-python-class",
                                  "two-documents", "several-mistakes", "many-mistakes"])
def test_the_golden_messages_are_what_one_sees(name: str) -> None:
    done = labrun("run", f"{name}.yaml", cwd=ROOT / "tests/errors/labs")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (ROOT / f"tests/errors/messages/{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("json", [(), ("--json",)], ids=["text", "json"])
def test_a_file_that_would_take_the_parser_down(tmp_path: Path, json: tuple[str, ...]) -> None:
    done = labrun("run", lab(tmp_path, "title: " + "[" * 200_000), *json)
    assert (done.returncode, done.stdout) == (2, "")
    assert "lab.yaml:1:47: it is nested too deep\n" in done.stderr


@pytest.mark.parametrize(("arguments", "says", "mend"), [
    (("bridge-netwrk",), "there is no lab 'bridge-netwrk': did you mean 'bridge-network'? known are ", "labrun list"),
    (("nowhere/lab.yaml",), "there is no file nowhere/lab.yaml: ", "labrun list"),
    ((LAB, "--until", "brige"), "this lab has no step 'brige': did you mean 'bridge'? known are namespace, veth, ",
     f"labrun show {LAB}"),
    ((LAB, "--until", "9"), "this lab has no step '9': ", f"labrun show {LAB}"),
    ((LAB, "--until", "0"), "this lab has no step '0': ", f"labrun show {LAB}"),
    ((LAB, "--until", "²"), "this lab has no step '²': ", f"labrun show {LAB}"),
    ((LAB, "--until", "9" * 5000), "this lab has no step '99", f"labrun show {LAB}"),
    ((LAB, "--until", ""), "this lab has no step '': ", f"labrun show {LAB}"),
    ((LAB, "--set", "subnet"), "'--set subnet' is not of the form VAR=VALUE", "as in --set subnet=10.1.0.0/24"),
    ((LAB, "--set", "subent=10.1.0.0/16"), "this lab has no variable 'subent': did you mean 'subnet'?",
     "labrun show LAB"),
    ((LAB, "--set", "subnet=10.1.0.0/33"), "'--set subnet=10.1.0.0/33' does not fit this lab: ", ""),
    ((LAB, "--pause"), "--pause needs a terminal to wait for Enter on", "leave out --pause"),
    ((LAB, "--pause", "--json"), "--pause needs a terminal to wait for Enter on", "leave out --pause"),
], ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "")
def test_a_call_that_is_wrong(arguments: tuple[str, ...], says: str, mend: str) -> None:
    done = labrun("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"labrun: {says}")
    assert f"\n  next: {mend}\n" in done.stderr if mend else "next:" not in done.stderr


@pytest.mark.parametrize("arguments", [("run", LAB, "--foo"), ("run", LAB, "--network", "ifconfig"), ()])
def test_a_call_that_argparse_refuses(arguments: tuple[str, ...]) -> None:
    done = labrun(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: labrun")


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = labrun("run", lab(tmp_path, WRONG), "--debug")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Traceback (most recent call last):\n")


def test_an_id_map_that_cannot_be_is_told_as_json_too() -> None:
    done = labrun("run", LAB, "--json", "--id-map", "subuid")
    document = run_document(done.stdout)
    if document["outcome"] == "pass":
        pytest.skip("whoever runs the tests has subordinate ids")
    assert (done.returncode, document["outcome"], document["steps"]) == (3, "skip", [])
    assert done.stderr.startswith("labrun: the id map 'subuid' cannot be made")
    assert document["error"]["mend"] in done.stderr


# Where the output goes


@pytest.mark.parametrize("call", [f"run {LAB}", f"run {LAB} --json", "list", "show bridge-network", "--help"])
def test_a_reader_that_has_seen_enough(call: str) -> None:
    done = shell(f'"$LABRUN" {call} | head -c 1; exit "${{PIPESTATUS[0]}}"')
    assert done.stderr == ""
    assert len(done.stdout) == 1
    assert done.returncode in (0, 4), "a run is broken off, and a short text was written whole"


@pytest.mark.parametrize("call", [f"run {LAB}", f"run {LAB} --json", "list --json", "show bridge-network", "--help"])
@pytest.mark.parametrize(("where", "why"), [
    (">/dev/full", "No space left on device (ENOSPC)"), (">&-", "Bad file descriptor (EBADF)")], ids=["full", "closed"])
def test_an_output_that_cannot_be_written(call: str, where: str, why: str) -> None:
    done = shell(f'"$LABRUN" {call} {where}')
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (f"labrun: write to standard output: {why}\n"
                           "  next: see where it goes: a full disk, or `>&-` in the call?\n")


def test_no_standard_input() -> None:
    assert shell(f'"$LABRUN" run {LAB} --until 1 <&-').returncode == 0
    done = shell(f'"$LABRUN" run {LAB} --pause <&-')
    assert done.returncode == 2
    assert done.stderr.startswith("labrun: --pause needs a terminal to wait for Enter on\n")


def test_no_standard_error() -> None:
    done = shell('"$LABRUN" run bridge-netwrk 2>&-')
    assert (done.returncode, done.stdout) == (2, "")
    run_document(shell(f'"$LABRUN" run {LAB} --json --until 1 2>&-').stdout)


@pytest.mark.parametrize("language", ["C", "POSIX", "en_US.ISO-8859-1", "nonsense"])
def test_any_language(language: str) -> None:
    done = labrun("run", LAB, "--until", "1", env={"LANG": language, "LC_ALL": language})
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^  (✓|ok) there is a network namespace container-1$", done.stdout, re.MULTILINE)


def test_a_narrow_terminal() -> None:
    done = labrun("run", LAB, env={"COLUMNS": "40"})
    wide = [line for line in done.stdout.splitlines() if len(line) > 40]
    assert wide, "the commands"
    assert all(line.startswith("  $ ") for line in wide)
    narrow = labrun("run", "--help", env={"COLUMNS": "40"}).stdout.partition("examples:")[0]
    assert all(len(line) <= 40 or "{" in line for line in narrow.splitlines())


# At a terminal


class Terminal:
    """labrun at a terminal of 80 columns."""

    def __init__(self, *arguments: str, **env: str) -> None:
        self.child = pexpect.spawn(LABRUN, list(arguments), encoding="utf-8", timeout=30, dimensions=(40, 80),
                                   env={**os.environ, **env})
        self.at_first = self.settings()

    def settings(self) -> list[Any]:
        """Of the terminal (termios(3))."""
        return termios.tcgetattr(self.child.child_fd)

    def wait_for(self, text: str) -> str:
        """What came before the text."""
        self.child.expect_exact(text)
        return str(self.child.before)

    def finish(self) -> tuple[int | None, str]:
        """Exit code and the rest of the output."""
        self.child.expect(pexpect.EOF)
        rest = str(self.child.before)
        self.child.close()
        return self.child.exitstatus, rest


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Those that a test has opened; they are closed at its end."""
    opened: list[Terminal] = []
    yield opened
    for each in opened:
        each.child.close(force=True)


def test_a_terminal_gets_colour(terminals: list[Terminal]) -> None:
    terminals.append(Terminal("run", LAB, "--until", "1"))
    code, shown = terminals[0].finish()
    assert code == 0
    assert "\x1b[1m" in shown
    assert "\x1b[32m" in shown
    assert "\x1b[?" not in shown, "no cursor hidden, no other screen"


def test_no_color(terminals: list[Terminal]) -> None:
    terminals.append(Terminal("run", LAB, "--until", "1", NO_COLOR="1"))
    code, shown = terminals[0].finish()
    assert code == 0
    assert "\x1b" not in shown


def test_pause_waits_for_enter(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("run", LAB, "--pause", "--until", "2", NO_COLOR="1"))
    terminal.wait_for("1/2  A network of its own")
    assert "$ ip netns add" not in terminal.wait_for(ENTER)
    terminal.child.sendline()
    terminal.wait_for("$ ip netns add container-1")
    terminal.wait_for("2/2  A wire between host and container")
    assert "$ ip link add" not in terminal.wait_for(ENTER)
    terminal.child.sendline()
    code, rest = terminal.finish()
    assert code == 0
    assert "2 steps, " in rest


@pytest.mark.parametrize("key", ["interrupt", "end of input"])
def test_pause_can_be_left(terminals: list[Terminal], key: str) -> None:
    terminals.append(terminal := Terminal("run", LAB, "--pause", NO_COLOR="1"))
    terminal.wait_for(ENTER)
    terminal.child.sendline()
    terminal.wait_for("2/8")
    terminal.wait_for(ENTER)
    if key == "interrupt":
        terminal.child.sendintr()
    else:
        terminal.child.sendeof()
    terminal.wait_for("labrun: interrupted; the sandbox ends with it, and nothing is left behind\r\n")
    after = terminal.settings()
    assert terminal.finish() == (130, "")
    assert after == terminal.at_first


def test_an_interrupt_in_the_middle(terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal("run", LAB, NO_COLOR="1"))
    terminal.wait_for("$ ip netns add container-2")
    terminal.child.sendintr()
    code, rest = terminal.finish()
    assert code == 130
    assert rest.endswith("labrun: interrupted; the sandbox ends with it, and nothing is left behind\r\n")
    assert "Traceback" not in rest
