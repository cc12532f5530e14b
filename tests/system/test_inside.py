"""labrun called in the lab itself, the learner's own settings there, and what has changed since a step began."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from labrunner.lesson.rc import own_shell
from runtime.errors import Missing
from tests.golden.schema import run_document
from tests.system.desk import Desk, ended
from tests.system.learning import LAB, learner, prompt, said, typist


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_same_calls_as_outside(desk: Desk, shell: str) -> None:
    with learner(desk, "--shell", shell) as person:
        types = typist(person)

        types("labrun check", 2, "✓ .*lo in labhost is UP", "A second set")
        types("labrun check; echo code $?", 2, "✗ .*there is", "code 1")
        types("labrun hint && labrun hint", 2, "hint 1 of 3", "hint 2 of 3")
        types("labrun status", 2, r"→ .*\(2 hints\)")
        types("labrun solve", 3, r"\$ .*ip netns add container-1", "3/8")
        types("labrun diff", 3, "since the step 'loopback'", "nothing has changed")
        types("labrun diff --step 1", 3, "since the step 'look'", r"\+ .*netns container-1")
        types("labrun chekc; echo code $?", 3, "did you mean 'check'", "code 2")
        types("labrun run nat; echo code $?", 3, "cannot be called in a lab", "in another terminal", "code 2")
        types("labrun goto nowhere; echo code $?", 3, "the lab has no such step", "code 4")
        types("labrun hint --help", 3, "usage: labrun hint")
        types("labrun diff --step 1 --step 2 --step 3; echo code $?", 3, "two steps can be compared", "code 2")
        types("labrun goto 6", 6, "6/8")
        types("labrun reset veth", 4, "4/8")
        types("labrun check > /tmp/told; grep -c $'\\033' /tmp/told", 4, r"\s0\s")
        person.sendline("exit")
        person.expect("The lab goes on")
        assert ended(person) == 0


@pytest.mark.parametrize(("shell", "inner"), [
    ("zsh", "ip netns exec container-1 zsh"), ("zsh", "nsenter --net=/run/netns/container-1 bash"),
    ("bash", "ip netns exec container-1 su -")])
def test_a_shell_in_a_netns_tells_too(desk: Desk, shell: str, inner: str) -> None:
    """And what is typed there is known as what it would be on the lab host."""
    _in_a_netns(desk, shell, inner)


def test_anybodys_shell_in_a_netns(anyones: Desk) -> None:
    _in_a_netns(anyones, "bash", "sudo ip netns exec container-1 bash")


def _in_a_netns(desk: Desk, shell: str, inner: str) -> None:
    with learner(desk, "--shell", shell) as person:
        types = typist(person)
        types("ip netns add container-1", 3)
        person.sendline(inner)
        for line, told in (("for n in one two; do ip link add $n type bridge; done; touch $HOME/made", "link two"),
                           ("ip link set lo up", "lo in container-1 is UP"), ("exit", "")):
            person.expect(r"labhost\S* netns-veth \d/8 in container-1 .*[#%] ")
            person.sendline(line)
            person.expect(told)
        person.expect(prompt(4))
    assert "4/8" in said(desk, "reset")  # the lab is made anew by what was typed
    links = said(desk, "shell", "ip", "-n", "container-1", "link")
    assert "one" in links
    assert "two" in links
    assert "made" in said(desk, "shell", "sh", "-c", "ls ~")



def test_json_in_the_lab(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    report = run_document(said(desk, "shell", "labrun", "solve", "--json"))
    assert (report["lab"], report["outcome"]) == (LAB, "pass")
    report = run_document(desk.script("shell", "labrun", "check", "--json").stdout)
    assert report["outcome"] == "fail"


def test_many_calls_at_once(desk: Desk) -> None:
    """Each gets its own answer, whole."""
    said(desk, "start", LAB, "--no-shell")
    script = "for n in $(seq 20); do labrun status > /tmp/$n & done; wait; cat /tmp/[0-9]*"
    assert said(desk, "shell", "bash", "-c", script).count("→") == 20


def test_nobody_hears_you(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "shell", "rm", "-rf", "/run/labrun/asking")
    done = desk.script("shell", "labrun", "check")
    assert (done.returncode, done.stdout) == (4, "")
    assert "nobody hears you in here any more\n  next: in another terminal: labrun reset" in done.stderr
    assert "1/8" in said(desk, "reset")
    assert desk.script("shell", "labrun", "check").returncode == 0


HOSTILE = ("\\0\\0\\0", "shell\\037x\\037y\\037z\\0", "labrun\\037999999999999\\03780\\0371\\037check\\0",
           "shell\\0371\\0370\\0",
           "labrun\\0371\\03780\\0371\\0", "labrun\\0371\\03780\\0371\\037check\\037--lab\\037nat\\0", "\\377\\376\\0",
           "labrun\\0371\\03780\\0371\\037goto\\037\\0")


@pytest.mark.parametrize("words", HOSTILE)
def test_whatever_is_written_into_the_pipe(desk: Desk, words: str) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "shell", "bash", "-c", f"for n in 1 2 3; do printf '{words}' >> /run/labrun/asking; done")
    noise = "head -c 200000 /dev/urandom >> /run/labrun/asking & sleep 0.3; kill $! 2> /dev/null; true"
    said(desk, "shell", "bash", "-c", noise)
    said(desk, "shell", "bash", "-c", "printf '\\0' >> /run/labrun/asking")
    assert "→" in said(desk, "status")
    assert "→" in said(desk, "shell", "labrun", "status")


@pytest.mark.parametrize(("shell", "rc"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_the_learners_own_settings(desk: Desk, open_folder: Path, shell: str, rc: str) -> None:
    home = open_folder / "home"
    home.mkdir()
    (home / rc).write_text("alias greet='echo good morn''ing'\nPROMPT_COMMAND=false PS1='mine '\nnosuchprogram\n"
                           ". ~/.aliases\n")
    (home / ".aliases").write_text("alias more_of_it='echo and a good d''ay'\n")
    (home / ".zshenv").write_text("ZDOTDIR=/nonexistent\n")
    (home / ".vimrc").write_text("set number\n")
    (home / "secret").write_text("nobody's business\n")
    os.mkfifo(home / ".nanorc")
    desk.environment |= {"HOME": str(home), "SHELL": f"/bin/{shell}"}
    with learner(desk) as person:
        person.sendline("greet")
        person.expect("good morning")
        person.expect(prompt(1))
        person.sendline("nothing like it")
        person.expect(prompt(1))
        person.sendline("\x1b[A\x1b[A")  # the history: twice up
        person.expect("good morning")
        person.expect(prompt(1))
        person.sendline("false")
        person.expect(prompt(1))
        person.sendline("echo status $?")
        person.expect("status 1")
        person.sendline("more_of_it; cat ~/.vimrc")
        person.expect("and a good day\r\nset number")
        person.sendline(f"cat {home}/secret ~/secret")
        person.expect("No such file or directory.*No such file or directory")


def test_the_difference(desk: Desk) -> None:
    said(desk, "start", LAB, "--no-shell")
    said(desk, "goto", "4")
    said(desk, "shell", "ip", "link", "add", "v", "type", "veth", "peer", "name", "w")
    assert re.search(r"since the step 'veth'\n.*\+ labhost: link v", said(desk, "diff"), re.DOTALL)
    document = json.loads(said(desk, "diff", "--step", "2", "--step", "3", "--json"))
    assert (document["schema"], document["lab"], document["since"]) == (1, LAB, "the step 'namespace'")
    assert [change["kind"] for change in document["changes"]] == ["netns", "link"]
    done = desk.script("diff", "--step", "7")
    assert (done.returncode, "the lab has not come there yet" in done.stderr) == (4, True)


def test_what_was_passed_is_listed(desk: Desk) -> None:
    assert "passed" not in said(desk, "list", LAB)
    said(desk, "start", LAB, "--no-shell")
    said(desk, "check")
    said(desk, "hint")
    for _ in range(7):
        said(desk, "solve")
    said(desk, "stop")
    assert re.search(r"✓ passed on \d{4}-\d\d-\d\d, with 1 hint, 7 steps done by labrun", said(desk, "list", LAB))
    (lab,) = (each for each in json.loads(said(desk, "list", "--json"))["labs"] if each["id"] == LAB)
    assert [each["step"] for each in lab["passed"]] == lab["steps"]


def test_as_wide_as_the_terminal_and_without_colour(desk: Desk) -> None:
    desk.environment["NO_COLOR"] = "1"
    person = desk.person("start", LAB, columns=50)
    try:
        person.expect(prompt(1))
        person.sendline("ip netns add container-1")
        person.expect(prompt(3))
        told = str(person.before).partition("\n")[2].replace("\x1b[?2004l", "").replace("\x1b[?2004h", "")
        assert "\x1b" not in told
        assert max(len(line.strip()) for line in told.splitlines()) <= 50
    finally:
        person.close(force=True)


def test_a_shell_that_is_not_here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labrunner.lesson.rc.PATH", "/nowhere")
    with pytest.raises(Missing, match="neither bash nor zsh is here"):
        own_shell()
    with pytest.raises(Missing, match="zsh is not here"):
        own_shell("zsh")
