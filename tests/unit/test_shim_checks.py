"""The checks of shims, streams, exit statuses and screens: passing, failing, what a learner reads. Snapshots by hand.

That the commands at the ends of the hints work is seen in tests/contract/test_shim_hints.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from checks.different_namespace import DifferentNamespace
from checks.exit_status import ExitStatus
from checks.holds_stream import HoldsStream
from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake
from checks.namespaces import Namespaces
from checks.parent import Parent
from checks.reasoning.wording import command_of
from checks.same_namespace import SameNamespace
from checks.screen import Screen
from checks.survives import Survives
from labrunner.language.vocabulary import word
from runtime.facts import docker
from runtime.facts.containers import Container
from runtime.facts.exits import Exit
from runtime.facts.processes import NAMESPACES, Process
from runtime.facts.screens import Screen as Shown
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.facts.streams import Stream
from runtime.oci.shim.conmon import log_file

HOST = "labhost"
LOOK = "see which processes there are: ps -e -o pid,ppid,args"


def process(number: int, parent: int, command: str, inodes: Mapping[str, int] = MappingProxyType({}), *,
            started: int = 0, ended: bool = False) -> Process:
    namespaces = tuple((kind, inodes.get(kind, 1)) for kind in NAMESPACES)
    program = command.split(maxsplit=1)[0].rpartition("/")[2]  # it executes what it says
    return Process(number, parent, started or number * 10, command, namespaces, ended, program)


def conmon(container: str, session: str = "", more: str = "") -> str:
    what = f"{container} --exec --cuuid {session}" if session else f"{container} --cuuid {container}"
    return f"/usr/bin/conmon --api-version 1 --cid {what}{more}"


OWN = dict.fromkeys(("pid", "net", "mnt", "ipc", "uts"), 2)
INIT = process(1, 0, "labrun")
SHIM = process(52, 1, conmon("c1", more=" --terminal"))
FIRST = process(62, 52, "sh", OWN)
SESSION = process(70, 1, conmon("c1", "e1"))
SLEEPER = process(71, 70, "sleep 1000", OWN)
OTHER = process(72, 62, "sleep 1000 2000", OWN)
BARE = process(80, 1, "httpd", {**OWN, "net": 7})
ENDED = process(90, 62, "[sleep]", ended=True)
SHIM_OF_CONTAINERD = process(95, 1, "/usr/bin/containerd-shim-runc-v2 -namespace default -id web -address /run/x")
WEB = process(96, 95, "nginx", OWN)
PROCESSES = (INIT, SHIM, FIRST, SESSION, SLEEPER, OTHER, BARE, ENDED, SHIM_OF_CONTAINERD, WEB)

C1 = Container("c1", "runc", "running", "/tmp/c1", 62, 620, "sh")
ALONE = Container("alone", "runc", "running", "/tmp/alone", 80, 800, "httpd")
GONE = Container("gone", "crun", "stopped", "/tmp/gone", 0, 0, "")
IN_CONTAINERD = Container("web", "runc", "running", "/run/x", 96, 960, "nginx", "/run/containerd/runc/default")
IN_DOCKER = Container("box", "runc", "stopped", "", 0, 0, "", docker.RUNTIME_ROOT, "f" * 64)


def end(pid: int, fd: int, kind: str, key: str, way: str, shown: str) -> Stream:
    return Stream(pid, fd, kind, key, "r" in way, "w" in way, shown)


STREAMS = (
    *(end(62, fd, "terminal", "terminal 9:0", "rw", "/dev/pts/0") for fd in (0, 1, 2)),
    end(52, 8, "master", "terminal 9:0", "rw", "/dev/pts/ptmx"),
    end(71, 0, "pipe", "pipe 14:100", "r", "pipe:[100]"), end(70, 5, "pipe", "pipe 14:100", "w", "pipe:[100]"),
    end(71, 1, "pipe", "pipe 14:101", "w", "pipe:[101]"), end(70, 6, "pipe", "pipe 14:101", "r", "pipe:[101]"),
    end(52, 9, "pipe", "pipe 14:101", "r", "pipe:[101]"),
    end(72, 0, "pipe", "pipe 14:100", "r", "pipe:[100]"),  # of a child, which has its parent's end
    end(80, 0, "other", "", "r", "/dev/null"), end(80, 1, "other", "", "w", "/tmp/log of it"),
    end(96, 0, "pipe", "pipe 14:200", "r", "/run/x/stdin"), end(96, 1, "pipe", "pipe 14:201", "w", "pipe:[201]"),
    end(72, 1, "terminal", "terminal 10:0", "rw", "/dev/pts/0"),  # of another mount of devpts
)
SCREENS = (Shown("c1", ("", "/ # ls /", "bin", "/ #"), 24, 80), Shown("e1", ()), Shown("alone", ("one", "two")))
EXITS = (Exit("gone", 137), Exit("box", 3))


def lab(**other: Any) -> Snapshot:
    netns = NetnsFacts(HOST, 1), NetnsFacts("net7", 7), NetnsFacts("empty", 5)
    whole = Snapshot(netns, PROCESSES, (), (C1, ALONE, GONE, IN_CONTAINERD, IN_DOCKER), (), "runc", EXITS, STREAMS,
                     SCREENS)
    return whole._replace(**other)


LAB = lab()
NOBODY = lab(processes=(INIT,), containers=(), exits=(), streams=(), screens=())
# The number 62 is another process's now, and the shim has been started anew.
REUSED = lab(processes=tuple({INIT, process(62, 1, "sh", started=9999), process(53, 1, SHIM.command)}),
             containers=(C1._replace(started=9999),))
WITHOUT_SHIM = lab(processes=(INIT, FIRST, SLEEPER))
ZOMBIE = lab(processes=(INIT, SHIM, FIRST._replace(ended=True)))
DOUBTED = lab(screens=(SCREENS[0]._replace(witnessed=("/ # ls /",), doubt="it is odd"),))
NO_SIZE = lab(screens=(Shown("c1", (), 0, 0),))
EARLIER = {"create": LAB, "empty": NOBODY}


def judge(check: Check, snapshot: Snapshot) -> Verdict:
    return check.judge(Evidence(snapshot, {}, EARLIER))


def parent(of: str, is_: Any) -> Parent:
    return Parent(of=of, **{"is": is_})


def status(of: str, **given: Any) -> ExitStatus:
    return ExitStatus(of=of, **{"is" if key == "is_" else key: value for key, value in given.items()})


PASS: list[tuple[Check, Snapshot]] = [
    (parent("container c1", "shim c1"), LAB),
    (parent("container c1", 52), LAB),
    (parent("shim c1", 1), LAB),
    (parent("shim c1", HOST), LAB),
    (parent("shim e1", "process labrun"), LAB),
    (parent("process sleep 1000", "shim e1"), LAB),
    (parent("process sleep 1000 2000", "container c1"), LAB),
    (parent("pid 90", "pid 62"), LAB),
    (parent("container web", "shim web"), LAB),
    (parent("net7", 1), LAB),
    (Survives(who="container c1", since="create"), LAB),
    (Survives(who="shim c1", since="create"), LAB),
    (Survives(who="process sleep", since="create"), LAB),
    (Survives(who="pid 80", since="create"), LAB),
    (status("gone"), LAB),
    (status("gone", is_=137), LAB),
    (status("box", is_=3), LAB),
    (status("none", known=False), LAB),
    (HoldsStream(of="container c1", by="shim c1"), LAB),
    (HoldsStream(of="container c1", stream="stdin", by="pid 52"), LAB),
    (HoldsStream(of="process sleep 1000", stream=["stdin", "stdout"], by="shim e1"), LAB),
    (HoldsStream(of="process sleep 1000", stream="stdout", by="shim c1"), LAB),  # two hold it
    (HoldsStream(of="container web", stream=["stdin", "stdout"], by="nobody"), LAB),
    (HoldsStream(of="process sleep 1000 2000", stream="stdout", by="nobody"), LAB),
    (Screen(of="c1", shows="bin"), LAB),
    (Screen(of="c1", lacks="etc", size="24x80"), LAB),
    (Screen(of="c1", shows="bin"), lab(screens=(SCREENS[0]._replace(witnessed=("bin",), doubt="it is odd"),))),
    (Screen(of="e1", lacks="anything"), LAB),
    (Screen(of="alone", shows="two", lacks="three"), LAB),
    # The subjects of others
    (Namespaces(of="shim c1", shared=["pid", "net", "mnt"]), LAB),
    (Namespaces(of="process httpd", own=["pid"], shared=["user"]), LAB),
    (Namespaces(of="container c1", own=["pid"], **{"with": "shim c1"}), LAB),
    (SameNamespace(between=["shim c1", "shim web", HOST]), LAB),
    (SameNamespace(between=["process sleep 1000", "container c1"], kind="pid"), LAB),
    (DifferentNamespace(between=["process httpd", "container c1"]), LAB),
]


class Failing(NamedTuple):
    check: Check
    snapshot: Snapshot
    expected: str
    actual: str
    hint: str


NO_C2 = ("there is no container c2 (only c1, alone, gone, web and box); create it: "
         "runc create --bundle BUNDLE --pid-file /run/c2.pid c2")
ENDS = "ls -l /proc/{0}/fd && ls -l /proc/[0-9]*/fd 2> /dev/null | grep -F {1}"
TERMINAL = "{} is /dev/pts/0, other end: 52 '" + SHIM.command + "'"
FAIL = [
    Failing(parent("container c1", 1), LAB, "PID 1", f"PID 52 '{SHIM.command}'",
            f"the parent of 62 is 52 ('{SHIM.command}'), and not 1; see it: ps -o pid,ppid,args -p 62,52"),
    Failing(parent("container alone", "shim c1"), LAB, "shim c1", "PID 1 'labrun'",
            "the parent of 80 is 1 ('labrun'), and not 52; see it: ps -o pid,ppid,args -p 80,1"),
    Failing(parent("container alone", 4000), LAB, "PID 4000", "PID 1 'labrun'",
            "the parent of 80 is 1 ('labrun'), and not 4000; see it: ps -o pid,ppid,args -p 80,1"),
    Failing(parent(HOST, 7), LAB, "PID 7", "PID 0",
            "the parent of 1 is 0, and not 7; see it: ps -o pid,ppid,args -p 1"),
    Failing(parent("container c1", "shim c1"), WITHOUT_SHIM, "shim c1", "PID 52",
            f"c1 has no shim; {LOOK}"),
    Failing(parent("shim c1", 1), WITHOUT_SHIM, "PID 1", "cannot be told", f"c1 has no shim; {LOOK}"),
    Failing(parent("container c2", "shim c1"), LAB, "shim c1", "cannot be told", NO_C2),
    Failing(parent("container gone", "shim c1"), LAB, "shim c1", "cannot be told",
            "the process of the container gone has ended"),
    Failing(parent("container c1", "process slee"), LAB, "process slee", f"PID 52 '{SHIM.command}'",
            "there is no process 'slee'; see which there are: ps -e -o pid,ppid,args"),
    Failing(parent("process sleep 100", 1), LAB, "PID 1", "cannot be told",
            "there is no process 'sleep 100'; see which there are: ps -e -o pid,ppid,args"),
    Failing(parent("pid 4000", 1), LAB, "PID 1", "cannot be told", "there is no process 4000 in the sandbox"),
    Failing(parent("pid x", 1), LAB, "PID 1", "cannot be told",
            "there is no network namespace pid x (only net7 and empty); make it: ip netns add pid x"),
    Failing(parent("empty", 1), LAB, "PID 1", "cannot be told", "no process is in the network namespace empty"),

    Failing(Survives(who="container c1", since="create"), REUSED, "PID 62", "PID 62",
            "container c1 is the process 62 now, and was another with the same number in step 'create', so it was made "
            "anew; see when it began: ps -o pid,lstart,args -p 62"),
    Failing(Survives(who="shim c1", since="create"), REUSED, "PID 52", "PID 53",
            "shim c1 is the process 53 now, and was 52 in step 'create', so it was made anew; see when it began: "
            "ps -o pid,lstart,args -p 53"),
    Failing(Survives(who="shim c1", since="create"), WITHOUT_SHIM, "PID 52", "no process", f"c1 has no shim; {LOOK}"),
    Failing(Survives(who="container c1", since="create"), NOBODY, "PID 62", "no process",
            "there is no container c1; create it: runc create --bundle BUNDLE --pid-file /run/c1.pid c1"),
    Failing(Survives(who="pid 62", since="create"), ZOMBIE, "PID 62", "no process",
            "pid 62 has ended, and its parent has not asked yet with which exit status; see it: "
            "ps -o pid,ppid,stat,args -p 62"),
    Failing(Survives(who="process httpd", since="create"), NOBODY, "PID 80", "no process",
            "there is no process 'httpd'; see which there are: ps -e -o pid,ppid,args"),
    Failing(Survives(who="container c1", since="empty"), LAB, "what it was in step 'empty'", "PID 62",
            "nobody knows which process container c1 was in step 'empty'"),
    Failing(Survives(who="container c1", since="never"), LAB, "what it was in step 'never'", "PID 62",
            "nobody knows which process container c1 was in step 'never'"),

    Failing(status("gone", is_=0), LAB, "0", "137", "gone ended with 137, not 0; see it: cat /run/conmon/gone/exit"),
    Failing(status("gone", known=False), LAB, "none", "137",
            "gone ended with 137, and its shim wrote that down; see it: cat /run/conmon/gone/exit"),
    Failing(status("box", is_=0), LAB, "0", "3",
            "box ended with 3, not 0; see it: docker inspect -f '{{.State.ExitCode}}' box"),
    Failing(status("c1", is_=0), LAB, "0", "it has not ended", "c1 has not ended; see it: ps -e -o pid,ppid,args"),
    Failing(status("c1", is_=7), lab(exits=(Exit("c1", 7),)), "7", "7",
            "c1 has not ended, whatever /run/conmon/c1/exit says; see it: ps -e -o pid,ppid,args"),
    Failing(status("e1"), LAB, "one", "it has not ended", "e1 has not ended; see it: ps -e -o pid,ppid,args"),
    Failing(status("c1", known=False), LAB, "none", "it has not ended",
            "c1 has not ended; see it: ps -e -o pid,ppid,args"),
    Failing(status("gone"), lab(exits=()), "one", "none",
            "nobody keeps it, for when gone ended it had no shim that writes it down"),
    Failing(status("none", is_=0), LAB, "0", "none",
            "nobody keeps it, for when none ended it had no shim that writes it down"),

    Failing(HoldsStream(of="container c1", by="shim e1"), LAB, "shim e1",
            "; ".join(TERMINAL.format(name) for name in ("stdin", "stdout", "stderr")),
            f"the other end of stdin of container c1 is held by PID 52, not by shim e1; compare the two ends: "
            f"{ENDS.format(62, 'ptmx')}"),
    Failing(HoldsStream(of="container c1", stream="stdout", by="nobody"), LAB, "nobody", TERMINAL.format("stdout"),
            f"the other end of stdout of container c1 is held by PID 52; compare the two ends: "
            f"{ENDS.format(62, 'ptmx')}"),
    Failing(HoldsStream(of="process sleep 1000", stream="stdout", by="nobody"), LAB, "nobody",
            f"stdout is pipe:[101], other end: 52 '{SHIM.command}' and 70 '{SESSION.command}'",
            "the other end of stdout of process sleep 1000 is held by PID 52 and PID 70; compare the two ends: "
            + ENDS.format(71, "'pipe:[101]'")),
    Failing(HoldsStream(of="process sleep 1000 2000", stream="stdin", by="process sleep 1000"), LAB,
            "process sleep 1000", f"stdin is pipe:[100], other end: 70 '{SESSION.command}'",
            "the other end of stdin of process sleep 1000 2000 is held by PID 70, not by process sleep 1000; "
            f"compare the two ends: {ENDS.format(72, repr('pipe:[100]'))}"),
    Failing(HoldsStream(of="process sleep 1000 2000", stream="stdout", by="shim c1"), LAB, "shim c1",
            "stdout is /dev/pts/0, other end: nobody",
            "the other end of stdout of process sleep 1000 2000 is held by nobody, not by shim c1; "
            f"compare the two ends: {ENDS.format(72, 'ptmx')}"),
    Failing(HoldsStream(of="process sleep 1000", stream="stderr", by="shim e1"), LAB, "shim e1", "stderr is closed",
            "stderr of process sleep 1000 is closed; see it: ls -l /proc/71/fd"),
    Failing(HoldsStream(of="process sleep 1000", stream="stderr", by="nobody"), LAB, "nobody", "stderr is closed",
            "stderr of process sleep 1000 is closed; see it: ls -l /proc/71/fd"),
    Failing(HoldsStream(of="container alone", stream=["stdout"], by="nobody"), LAB, "nobody",
            "stdout is /tmp/log of it, which has no other end",
            "stdout of container alone is /tmp/log of it, which has no other end; see it: ls -l /proc/80/fd"),
    Failing(HoldsStream(of="container web", stream="stdin", by="shim web"), LAB, "shim web",
            "stdin is /run/x/stdin, other end: nobody",
            "the other end of stdin of container web is held by nobody, not by shim web; compare the two ends: "
            + ENDS.format(96, "/run/x/stdin")),
    Failing(HoldsStream(of="container c2", by="shim c1"), LAB, "shim c1", "cannot be told", NO_C2),
    Failing(HoldsStream(of="container gone", by="nobody"), LAB, "nobody", "cannot be told",
            "the process of the container gone has ended"),
    Failing(HoldsStream(of="container c1", by="shim c1"), WITHOUT_SHIM, "shim c1", "cannot be told",
            f"c1 has no shim; {LOOK}"),

    Failing(Screen(of="c1", shows="etc"), LAB, "shows 'etc'", "'/ # ls /' / 'bin' / '/ #'",
            "no line of it has 'etc'; see all that was printed: cat /run/conmon/c1/log"),
    Failing(Screen(of="c1", shows="bin"), DOUBTED, "shows 'bin'", "'/ # ls /' / 'bin' / '/ #'",
            "a line of the log has 'bin', and is no evidence of it, as it is odd; have it printed again: "
            "socat STDIO UNIX-CONNECT:/run/conmon/attach/c1/attach,type=5"),
    Failing(Screen(of="c1", lacks="bin"), LAB, "does not show 'bin'", "'/ # ls /' / 'bin' / '/ #'",
            "a line of it has 'bin'; see all that was printed: cat /run/conmon/c1/log"),
    Failing(Screen(of="e1", shows="x"), LAB, "shows 'x'", "nothing",
            "no line of it has 'x'; see all that was printed: cat /run/conmon/e1/log"),
    Failing(Screen(of="box", shows="x"), lab(screens=(Shown("box", ()),)), "shows 'x'", "nothing",
            "no line of it has 'x'; see all that was printed: docker logs box"),
    Failing(Screen(of="c1", size="30x100"), LAB, "has the size 30x100", "24x80: '/ # ls /' / 'bin' / '/ #'",
            "its size is 24x80; change it: echo 1 30 100 > /run/conmon/attach/c1/ctl"),
    Failing(Screen(of="c1", size="30x100"), NO_SIZE, "has the size 30x100", "0x0: nothing",
            "nobody has told it its size; change it: echo 1 30 100 > /run/conmon/attach/c1/ctl"),
    Failing(Screen(of="alone", size="30x100"), LAB, "has the size 30x100", "0x0: 'one' / 'two'",
            "it has no terminal, or has ended; see it: ps -e -o pid,ppid,tty,args"),
    Failing(Screen(of="none", lacks="x"), LAB, "does not show 'x'", "nothing is known of it",
            f"nobody writes down what none prints; see whether there is a log: cat {log_file('none')}"),

    Failing(Namespaces(of="shim c2", own=["pid"]), LAB, "own: pid; shared: none", "cannot be told",
            f"c2 has no shim; {LOOK}"),
    Failing(Namespaces(of="process httpd", own=["user"], **{"with": "shim c1"}), LAB, "own: user; shared: none",
            "own: none; shared: user",
            "the user namespace of process httpd is shared; compare: "
            "readlink /proc/$(pgrep -o -f '^httpd( |$)')/ns/user && readlink /proc/$(cat /run/conmon/c1/pid)/ns/user"),
    Failing(SameNamespace(between=["process nosuch", "shim c1"]), LAB, "one namespace (one inode)", "cannot be told",
            "there is no process 'nosuch'; see which there are: ps -e -o pid,ppid,args"),
]


@pytest.mark.parametrize(("check", "snapshot"), PASS, ids=[each[0].claim() for each in PASS])
def test_it_passes(check: Check, snapshot: Snapshot) -> None:
    verdict = judge(check, snapshot)
    assert (verdict.outcome, verdict.hint) == ("pass", ""), verdict
    assert verdict.claim == check.claim()
    assert verdict.expected
    assert verdict.actual


@pytest.mark.parametrize("failing", FAIL, ids=lambda each: f"{each.check.claim()} - {each.hint[:60]}")
def test_it_fails(failing: Failing) -> None:
    verdict = judge(failing.check, failing.snapshot)
    assert verdict == Verdict(failing.check.claim(), "fail", failing.expected, failing.actual, failing.hint)
    assert verdict.hint.count(": ") <= 1, "a hint has one ': ', before its command"
    assert ": " not in verdict.hint or command_of(verdict.hint)


@pytest.mark.parametrize("check", [each.check for each in FAIL] + [each[0] for each in PASS], ids=lambda c: c.claim())
@pytest.mark.parametrize("snapshot", [Snapshot((), (INIT,)), NOBODY, LAB, REUSED, WITHOUT_SHIM, ZOMBIE, NO_SIZE,
                                      lab(streams=()), lab(screens=()), lab(processes=(INIT,))])
def test_whatever_is_missing_there_is_a_verdict(check: Check, snapshot: Snapshot) -> None:
    """No such container, nobody there, a shim without a container, a container without a process."""
    verdict = judge(check, snapshot)
    assert verdict.outcome in ("pass", "fail")
    assert bool(verdict.hint) == (verdict.outcome == "fail")


def test_of_several_processes_the_oldest_is_meant() -> None:
    younger, older = process(71, 52, "sleep 5", started=300), process(99, 62, "sleep 7", started=200)
    assert judge(parent("process sleep", 62), lab(processes=(INIT, FIRST, younger, older))).outcome == "pass"


def test_a_process_is_named_by_the_beginning_of_its_command_line_in_whole_words() -> None:
    for named in ("sleep", "sleep 1000"):
        assert judge(parent(f"process {named}", "shim e1"), LAB).outcome == "pass"
    for named in ("slee", "sleep 1", "sleep 1000 2", "leep 1000", "1000"):
        assert judge(parent(f"process {named}", "shim e1"), LAB).actual == "cannot be told"


def test_one_that_has_ended_is_no_process_of_that_name() -> None:
    assert judge(parent("process [sleep]", 62), LAB).actual == "cannot be told"


def test_every_check_is_here() -> None:
    mine = {"exit_status", "holds_stream", "parent", "screen", "survives"}
    assert mine <= {word(check) for check, _ in PASS}
    assert mine <= {word(each.check) for each in FAIL}
    assert mine == {word(check) for check, _ in CLAIMS}


CLAIMS: list[tuple[Check, str]] = [
    (parent("container c1", "shim c1"), "the parent of container c1 is shim c1"),
    (parent("shim c1", 1), "the parent of shim c1 is PID 1"),
    (Survives(who="shim c1", since="create"), "shim c1 is still the process that it was in step 'create'"),
    (status("c1"), "the exit status of c1 is kept"),
    (status("c1", is_=0), "the exit status of c1 is kept and is 0"),
    (status("c1", known=False), "nobody knows with which exit status c1 ended"),
    (HoldsStream(of="container c1", by="shim c1"),
     "shim c1 holds the other end of stdin, stdout and stderr of container c1"),
    (HoldsStream(of="container c1", stream="stdin", by="nobody"),
     "nobody holds the other end of stdin of container c1"),
    (Screen(of="c1", shows="x"), "the screen of c1 shows 'x'"),
    (Screen(of="c1", shows="x", lacks="y", size="24x80"),
     "the screen of c1 shows 'x' and does not show 'y' and has the size 24x80"),
]


@pytest.mark.parametrize(("check", "claim"), CLAIMS, ids=[each[1] for each in CLAIMS])
def test_what_is_claimed(check: Check, claim: str) -> None:
    assert check.claim() == claim


@pytest.mark.parametrize(("made", "given", "says"), [
    (Parent, {"of": "shim c1", "is": "shim c1"}, "nobody is the parent of itself"),
    (Parent, {"of": "pid 7", "is": 7}, "nobody is the parent of itself"),
    (HoldsStream, {"of": "shim c1", "by": "shim c1"}, "somebody else"),
    (Survives, {"who": HOST, "since": "create"}, "the lab host always does"),
    (ExitStatus, {"of": "c1", "known": False, "is": 0}, "what nobody knows has no value"),
    (Screen, {"of": "c1"}, "it needs 'shows', 'lacks' or 'size'"),
    (Screen, {"of": "c1", "shows": ""}, "it needs 'shows', 'lacks' or 'size'"),
    (Screen, {"of": "c1", "size": "24X80"}, "not the size of a terminal"),
])
def test_what_is_no_check(made: type[Check], given: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        made(**given)


def test_what_is_wanted_in_the_snapshot() -> None:
    assert HoldsStream(of="container c1", by="shim c1").needs_streams()
    assert Screen(of="c1", shows="x").screens() == ("c1",)
    assert not parent("container c1", 1).needs_streams()
    assert status("c1").screens() == ()
