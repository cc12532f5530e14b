"""`labrun test` and the pytest plugin: what is wrong with a lab is found, and a good lab is found good."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import pexpect
import pytest

from labrunner.catalogue.catalog import bundled
from labrunner.honesty.mistakes import mistakes
from labrunner.honesty.report import examine
from labrunner.honesty.trials import Part, trials
from labrunner.language.loading import load
from runtime.errors import Refused
from runtime.sandbox import apart as apart_module
from runtime.sandbox.apart import Apart, apart
from runtime.sandbox.traces import traces
from tests.conftest import Lab

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
title: A lab
steps:
  - id: first
    title: A wire
    do:
      - add_netns: c1
      - add_veth: {name: veth0, peer: ceth0}
      - move_link: {name: ceth0, to: c1}
      - set_link: veth0
      - set_link: {name: ceth0, netns: c1}
      - add_address: {address: 10.0.0.1/24, interface: veth0}
      - add_address: {address: 10.0.0.2/24, interface: ceth0, netns: c1}
    check:
      - interface: {name: veth0, up: true, address: 10.0.0.1/24, peer: ceth0, peer_netns: c1}
      - interface: {name: ceth0, netns: c1, up: true, address: 10.0.0.2/24}
      - ping: {to: 10.0.0.2}
        until: second
  - id: second
    title: The wire goes down
    do:
      - set_link: {name: ceth0, netns: c1, state: down}
    check:
      - ping: {to: 10.0.0.2, answers: false}
"""
FIRST_DOWN = GOOD.replace("name: ceth0, netns: c1, up: true, address", "name: ceth0, netns: c1, address")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes a lab and gives its path."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(text: str) -> Path:
        path = tmp_path / "lab.yaml"
        path.write_text(text)
        return path

    return write


PARTS = int(os.environ.get("LABRUN_TEST_MISTAKES") or 16)


def found(path: Path) -> list[tuple[int, str]]:
    """What is wrong with a lab: line and words."""
    return [(result.finding.line, result.finding.says) for result in examine(load(str(path))).results if result.finding]


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_lab_is_honest(name: str) -> None:
    """All of the mistakes by hand, with LABRUN_TEST_MISTAKES=1: that takes seven minutes."""
    done = labrun("test", name, "--json", "--part", f"1/{PARTS}", timeout=600)
    (report,) = json.loads(done.stdout)["labs"]
    assert (report["outcome"], report["findings"], report["problems"], report["left"]) == ("pass", [], [], [])
    assert report["noticed"] == report["mistakes"] > 0
    assert done.returncode == 0


def test_a_good_lab(lab: Callable[[str], Path]) -> None:
    report = examine(load(str(lab(FIRST_DOWN))))
    assert (report.outcome, [result.finding for result in report.results if not result.good]) == ("pass", [])
    assert report.noticed == len(report.mistakes) > 20
    assert report.summary().startswith(f"{report.noticed} of {report.noticed} mistakes noticed (100 %), the solution")


def test_a_mistake_that_nobody_notices_is_named_with_its_line(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("up: true, address: 10.0.0.1/24, peer: ceth0, peer_netns: c1", "up: true"))
    lines = {line for line, _says in found(path)}
    assert lines == {11}
    assert any("10.0.0.1/24 dev veth0 -> ip addr add 10.0.0.41/24 dev veth0 (address)" in says
               for _line, says in found(path))


def test_another_way_to_the_same_end_is_no_mistake(lab: Callable[[str], Path]) -> None:
    """The far end of the wire can be made where it belongs at once."""
    path = lab(FIRST_DOWN)
    assert any("netns c1 (peer_netns)" in str(each) for each in mistakes(load(str(path))))
    assert found(path) == []


def test_a_mistake_that_only_a_later_step_clears_away_is_one(lab: Callable[[str], Path]) -> None:
    """The wire goes with the netns, and with it every trace of what was wrong with it."""
    path = lab("""\
title: A lab
steps:
  - id: first
    title: A wire
    do:
      - add_netns: c1
      - add_veth: {name: veth0, peer: ceth0, peer_netns: c1}
      - add_address: {address: 10.0.0.1/24, interface: veth0}
    check:
      - netns: c1
        until: second
      - interface: {name: veth0, peer: ceth0, peer_netns: c1}
        until: second
  - id: second
    title: All of it goes
    do:
      - delete_netns: c1
    check:
      - netns: {name: c1, exists: false}
""")
    survivors = found(path)
    assert {line for line, _says in survivors} == {8}
    assert any("10.0.0.1/24 dev veth0 -> ip addr add 10.0.0.41/24 dev veth0" in says for _line, says in survivors)


def test_a_late_answer_notices_nothing(lab: Callable[[str], Path]) -> None:
    """On a busy machine answers come late. Here it is a server that begins late, and no check asks for c1."""
    path = lab("""\
title: A lab
steps:
  - id: first
    title: A server
    do:
      - add_netns: c1
      - run: (sleep 0.6; exec python3 -m http.server 80) > /dev/null 2>&1 &
    check:
      - tcp: {to: 127.0.0.1, port: 80}
""")
    assert [says for line, says in found(path) if line == 6] == [
        f"no check notices this mistake: ip netns add c1 -> {wrong}"
        for wrong in ("left out", "ip netns add nowhere (name)")]


def test_a_step_that_passes_before_it_is_done(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("- ping: {to: 10.0.0.2, answers: false}", "- netns: c1"))
    assert (18, "all checks of step 'second' pass before it is done") in found(path)


def test_a_check_that_cannot_fail_is_found_whatever_the_others_notice(lab: Callable[[str], Path]) -> None:
    never = "      - sysctl: {name: net.ipv4.ip_forward, value: 0}\n"
    path = lab(FIRST_DOWN.replace("    check:\n", f"    check:\n{never}", 1))
    assert found(path) == [
        (14, "this check passes whatever is done or left out: net.ipv4.ip_forward is 0 in labhost")]


def test_a_check_that_only_a_mistake_can_break_is_none_of_those(lab: Callable[[str], Path]) -> None:
    """Between the steps ceth0 is never on the host; it is when somebody forgets to move it."""
    path = lab(FIRST_DOWN.replace("    check:\n", "    check:\n      - interface: {name: ceth0, exists: false}\n", 1))
    assert found(path) == []


def test_a_step_in_which_one_only_looks_may_pass_at_once(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN + "  - id: look\n    title: Look\n    needs: []\n    check:\n      - netns: labhost\n")
    assert found(path) == []


def test_a_check_that_holds_no_longer(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("        until: second\n", ""))
    (line, says), *_ = found(path)
    assert line == 16
    assert "it holds since step 'first', and no longer after step 'second': 10.0.0.2 answers labhost" in says


def test_a_solution_that_fails(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("ping: {to: 10.0.0.2}", "ping: {to: 10.0.0.3}"))
    assert (16, "after step 'first': 10.0.0.3 answers labhost: found no answer (host unreachable, says 10.0.0.1)") in [
        (line, re.sub("no answer within.*s", "host unreachable, says 10.0.0.1", says)) for line, says in found(path)]


def test_a_solution_that_the_kernel_refuses(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("- set_link: veth0", "- set_link: veth1"))
    assert found(path)[0] == (
        9, "step 'first' cannot be done: set the interface veth1 up in labhost: No such device (ENODEV)")


def test_a_need_that_is_none(lab: Callable[[str], Path]) -> None:
    last = "  - id: last\n    title: Last\n    do:\n      - add_netns: c2\n    check:\n      - netns: c2\n"
    path = lab(FIRST_DOWN + last)
    assert found(path) == [(24, "step 'last' passes without step 'second', which it is said to need")]
    assert found(lab(path.read_text().replace("    title: Last", "    title: Last\n    needs: []"))) == []


def test_a_step_that_lives_on_the_traffic_of_another(lab: Callable[[str], Path]) -> None:
    rule = "{hook: output, protocol: icmp, jump: ACCEPT}"
    path = lab(f"""\
title: A lab
steps:
  - id: first
    title: A rule that counts
    do:
      - add_rule: {{chain: OUTPUT, protocol: icmp, jump: ACCEPT}}
    check:
      - rule: {rule}
      - ping: {{to: 127.0.0.1}}
  - id: second
    title: It has counted
    check:
      - counter: {rule}
""")
    assert [line for line, says in found(path) if "were not judged" in says] == [13]


def test_what_this_machine_lacks(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("- add_netns: c1", "- add_netns: c1\n      - run: no-such-program"))
    done = labrun("test", path)
    assert done.returncode == 3
    assert "no-such-program is not installed" in done.stderr
    assert "skipped: this machine lacks something for it" in done.stdout


def test_what_this_machine_lacks_for_the_only_step(lab: Callable[[str], Path]) -> None:
    """So that what the solution makes is asked for before anything else has been tried."""
    step = "steps:\n  - title: A step\n    do:\n      - run: no-such-program\n    check:\n      - netns: labhost\n"
    done = labrun("test", lab(f"title: A lab\n{step}"), "--json", "--jobs", "8")
    assert (done.returncode, json.loads(done.stdout)["labs"][0]["outcome"]) == (3, "skip")


def test_a_lab_in_which_nothing_is_done(lab: Callable[[str], Path]) -> None:
    step = "steps:\n  - title: A step\n    check:\n      - netns: labhost\n"
    assert examine(load(str(lab(f"title: A lab\n{step}")))).summary() == (
        "no mistake can be made, the solution passes and leaves nothing behind")


def test_the_command_tells_line_score_and_exit_code(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("up: true, address: 10.0.0.1/24, peer: ceth0, peer_netns: c1", "up: true"))
    done = labrun("test", path)
    assert done.returncode == 1
    assert done.stderr == ""
    assert f"{path}:11: no check notices this mistake: ip addr add 10.0.0.1/24 dev veth0" in done.stdout
    assert "    next: add a check of it to step 'first'" in done.stdout
    assert re.search(r"^\w+: \d+ of \d+ mistakes noticed \(\d\d %\), the solution passes", done.stdout, re.MULTILINE)


def test_json(lab: Callable[[str], Path]) -> None:
    path = lab(FIRST_DOWN.replace("- ping: {to: 10.0.0.2, answers: false}", "- netns: c1"))
    done = labrun("test", path, "--json", "--jobs", "1")
    document = json.loads(done.stdout)
    (report,) = document["labs"]
    assert (document["schema"], report["lab"], report["outcome"], done.returncode) == (1, path.parent.name, "fail", 1)
    assert {"trial", "line", "says", "mend"} == set(report["findings"][0])


def test_on_a_terminal_a_bar_shows_how_far_it_is() -> None:
    with pexpect.spawn(str(ROOT / "labrun"), ["test", "netns-veth"], encoding="utf-8", timeout=60) as terminal:
        terminal.expect(r"netns-veth .*\d+/\d+")
        terminal.expect(r"netns-veth: \d+ of \d+ mistakes noticed \(100 %\)")
        terminal.expect(pexpect.EOF)
    assert terminal.exitstatus == 0


def test_a_wrong_call_and_a_wrong_lab(lab: Callable[[str], Path]) -> None:
    assert labrun("test", "no-such-lab").returncode == 2
    assert labrun("test", "netns-veth", "--jobs", "-1").returncode == 2
    wrong = labrun("test", lab(GOOD.replace("add_netns", "add_nets")))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "lab.yaml:6:9: there is no action 'add_nets'" in wrong.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_it_is_ended(number: int) -> None:
    before = traces()
    with subprocess.Popen([ROOT / "labrun", "test", "bridge-network"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: len(below(process.pid)) > 4)
        doomed = [fd for pid in below(process.pid) if (fd := pidfd(pid)) is not None]
        process.send_signal(number)
    for fd in doomed:
        assert select.select([fd], [], [], 20)[0], "it goes on"
        os.close(fd)
    assert traces() == before


def test_traces_are_seen(in_sandbox: Callable[..., Any]) -> None:
    new = in_sandbox(_leave_traces)
    assert {"the interface left0", "the interface left1"} <= new


def _leave_traces(lab: Lab) -> frozenset[str]:
    before = traces()
    lab.shell("ip link add left0 type veth peer name left1")
    return traces() - before


def test_processes_that_are_left_are_seen() -> None:
    with pytest.raises(Refused, match="these processes are left"):
        apart(_leave_a_process, "leave a process")


def _leave_a_process() -> int:
    """A process that has lost its parent. It ends with its pipe, which closes when the test's process ends."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.close(writing)
            os.read(reading, 1)
        os._exit(0)
    os.wait()
    return 0


def test_a_trial_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart_module, "SECONDS", 1)
    process = Apart(signal.pause, "wait")
    with pytest.raises(Refused, match="did not end within 1 s"):
        process.result()


# The pytest plugin


def test_pytest_tries_a_lab(lab: Callable[[str], Path], tmp_path: Path) -> None:
    path = lab(FIRST_DOWN.replace("up: true, address: 10.0.0.1/24, peer: ceth0, peer_netns: c1", "up: true"))
    done = run_pytest(tmp_path, "-k", "solution or step or 10.0.0.1/24")
    assert done.returncode == 1
    assert re.search(r"PASSED.*lab\.yaml::1: the solution passes, run 1 of 2", done.stdout)
    assert re.search(r"FAILED.*lab\.yaml::\d+: first: ip addr add 10\.0\.0\.1/24 dev veth0 -> ip addr add", done.stdout)
    assert f"{path}:11: no check notices this mistake" in done.stdout
    assert "Traceback" not in done.stdout


def test_pytest_tells_of_a_lab_that_cannot_be_loaded(lab: Callable[[str], Path], tmp_path: Path) -> None:
    lab(GOOD.replace("add_netns", "add_nets"))
    done = run_pytest(tmp_path)
    assert done.returncode == 2
    assert "lab.yaml:6:9: there is no action 'add_nets'" in done.stdout
    assert "Traceback" not in done.stdout


def test_pytest_skips_what_this_machine_lacks(lab: Callable[[str], Path], tmp_path: Path) -> None:
    lab(FIRST_DOWN.replace("- add_netns: c1", "- add_netns: c1\n      - run: no-such-program"))
    done = run_pytest(tmp_path, "-k", "solution")
    assert "no-such-program is not installed" in done.stdout
    assert "2 skipped" in done.stdout


def run_pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv: list[str | Path] = [sys.executable, "-m", "pytest", "-p", "labrunner.pytest_plugin", "-p", "no:cacheprovider",
                              "-rA", *options, folder]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})


def labrun(*words: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "labrun", *words], capture_output=True, text=True, timeout=timeout)


def below(pid: int) -> set[int]:
    """The PIDs of all descendants."""
    try:
        children = {int(each) for task in os.listdir(f"/proc/{pid}/task")
                    for each in Path(f"/proc/{pid}/task/{task}/children").read_text().split()}
    except OSError:
        return set()
    return children.union(*map(below, children))


def pidfd(pid: int) -> int | None:
    """A descriptor that is readable when the process has ended; None when it has already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_parts_are_the_whole(lab: Callable[[str], Path]) -> None:
    loaded = load(str(lab(FIRST_DOWN)))
    whole = [str(each) for each in trials(loaded) if each.mistake]
    parts = [[str(each) for each in trials(loaded, Part(number, 3)) if each.mistake] for number in (1, 2, 3)]
    assert sorted(chain(*parts)) == sorted(whole)
    assert [each for part in zip_longest(*parts) for each in part if each] == whole
    others = [str(each) for each in trials(loaded, Part(2, 3)) if not each.mistake]
    assert others == [str(each) for each in trials(loaded) if not each.mistake]


@pytest.mark.parametrize("part", ["", "1", "0/3", "4/3", "1/0", "-1/2", "a/b", "1/2/3"])
def test_what_is_no_part(part: str) -> None:
    done = labrun("test", "netns-veth", f"--part={part}")
    assert (done.returncode, "is no part" in done.stderr) == (2, True)
