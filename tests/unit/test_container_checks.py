"""The checks of bundles, containers and processes: passing, failing, and what a learner reads. Snapshots by hand."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from checks.bundle import Bundle
from checks.config import Config
from checks.container import Container
from checks.different_namespace import DifferentNamespace
from checks.language.check import Check, Evidence, Verdict
from checks.namespaces import Namespaces
from checks.process import Process
from checks.reasoning.wording import command_of
from checks.rootfs import Rootfs
from checks.same_namespace import SameNamespace
from labrunner.language.vocabulary import word
from runtime.facts.containers import Container as Found
from runtime.facts.files import File
from runtime.facts.processes import NAMESPACES
from runtime.facts.processes import Process as Running
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.facts.trees import Tree

HOST, BOX, CONFIG = "labhost", "/tmp/c1", "/tmp/c1/config.json"
OWN = dict.fromkeys(("pid", "net", "mnt", "ipc", "uts"), 2)
SPEC = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"args": ["sleep", "1000"], "terminal": False},
        "mounts": [{"destination": "/dev/pts", "options": ["nosuid", "gid=5"]}]}


def process(number: int, parent: int, command: str, **inodes: int) -> Running:
    return Running(number, parent, number * 10, command, tuple((kind, inodes.get(kind, 1)) for kind in NAMESPACES))


INIT = process(1, 0, "labrun")
FIRST = process(7, 1, "sleep 1000", **OWN)
SECOND = process(9, 1, "sleep 2000", **OWN)
C1 = Found("c1", "runc", "running", BOX, 7, 70, "sleep 1000")
STOPPED = Found("old", "crun", "stopped", "/tmp/old", 0, 0, "")


def lab(*, containers: tuple[Found, ...] = (C1, STOPPED), processes: tuple[Running, ...] = (INIT, FIRST, SECOND),
        spec: Any = SPEC, tree: Tree | None = None) -> Snapshot:
    text = spec if isinstance(spec, str) else json.dumps(spec)
    files = (File(CONFIG, "file", "644", len(text), "", text),) if spec is not None else ()
    trees = (tree or Tree("/tmp/c1/rootfs", ("/bin/busybox", "/bin/sh"), ("/bin",)),
             Tree(BOX, ("/config.json",), ("/rootfs", "/rootfs/bin")))
    netns = NetnsFacts(HOST, 1), NetnsFacts("c1", 2), NetnsFacts("empty", 5)
    return Snapshot(netns, processes, files, containers, trees)


LAB = lab()
CREATED = lab(containers=(C1._replace(status="created", command="runc init"),))


def judge(check: Check, snapshot: Snapshot) -> Verdict:
    return check.judge(Evidence(snapshot, {}))


PASS = [
    (Container(name="c1"), LAB),
    (Container(name="c1", status="running", bundle=BOX), LAB),
    (Container(name="c1", status="created"), CREATED),
    (Container(name="old", status="stopped"), LAB),
    (Container(name="none", exists=False), LAB),
    (Bundle(path=BOX), LAB),
    (Bundle(path=BOX, complete=False), lab(spec=None)),
    (Config(bundle=BOX, at="process.args", **{"is": ["sleep", "1000"]}), LAB),
    (Config(bundle=BOX, at="process.terminal", **{"is": False}), LAB),
    (Config(bundle=BOX, at="mounts[destination=/dev/pts].options", has="gid=5"), LAB),
    (Config(bundle=BOX, at="mounts[destination=/dev/pts].options", lacks="gid=6"), LAB),
    (Config(bundle=BOX, at="root.path", exists=True), LAB),
    (Config(bundle=BOX, at="linux", exists=False), LAB),
    (Namespaces(of="container c1", own=[*OWN], shared=["user", "cgroup"]), LAB),
    (Namespaces(of="pid 9", shared=["pid"], **{"with": "container c1"}), LAB),
    (Namespaces(of="c1", own=["pid"]), LAB),
    (Process(command="sleep"), LAB),
    (Process(container="c1", first=True, command="sleep 1000", parent=1), LAB),
    (Process(container="c1", first=False, command="sleep 2000", shares=[*OWN, "user"], parent="labrun"), LAB),
    (Process(container="c1", first=False, command="sleep 1000", exists=False), LAB),
    (Process(container="none", exists=False), LAB),
    (Process(command="httpd", exists=False), LAB),
    (Rootfs(path="/tmp/c1/rootfs"), LAB),
    (Rootfs(path="/tmp/c1/rootfs", has=["/bin/sh", "/bin"], lacks=["/etc"], files=["/bin/sh", "/bin/busybox"]), LAB),
    (SameNamespace(between=["c1", "container c1"]), LAB),
    (SameNamespace(between=["pid 7", "pid 9", "container c1"], kind="mnt"), LAB),
    (DifferentNamespace(between=[HOST, "container c1"], kind="uts"), LAB),
]


class Failing(NamedTuple):
    check: Check
    snapshot: Snapshot
    actual: str
    hint: str


RUNNING = "running, PID 7, 'sleep 1000', of the bundle /tmp/c1"
CREATE = "create it: runc create --bundle {} --pid-file /run/{}.pid {}"
REFUTED = "/run/runc/c1/state.json says that c1 is running, but process 7 is in the pid namespace of the lab host"
FORGED = lab(containers=(C1._replace(refuted=REFUTED),))

FAIL = [
    Failing(Container(name="none"), LAB, "no container none",
            f"there is no container none (only c1 and old); {CREATE.format('BUNDLE', 'none', 'none')}"),
    Failing(Container(name="c1", bundle=BOX), lab(containers=()), "no container c1",
            f"there is no container c1; {CREATE.format(BOX, 'c1', 'c1')}"),
    Failing(Container(name="c1", exists=False), LAB, RUNNING,
            "the container c1 is still there, running; delete it: runc delete --force c1"),
    Failing(Container(name="old", exists=False), LAB, "stopped, of the bundle /tmp/old",
            "the container old is still there, stopped; delete it: crun delete old"),
    Failing(Container(name="c1", bundle="/tmp/c2"), LAB, RUNNING,
            "c1 was made of /tmp/c1, not of /tmp/c2; make it anew: runc delete --force c1 && "
            "runc create --bundle /tmp/c2 --pid-file /run/c1.pid c1"),
    Failing(Container(name="c1", status="running"), CREATED, "created, PID 7, 'runc init', of the bundle /tmp/c1",
            "c1 is created, not running, as its program has not been started; start it: runc start c1"),
    Failing(Container(name="c1", status="stopped"), LAB, RUNNING,
            "c1 is running, not stopped; end its process: runc kill c1 KILL"),
    Failing(Container(name="c1", status="created"), LAB, RUNNING,
            "c1 is running, not created, because its program has been started; make it anew: "
            "runc delete --force c1 && runc create --bundle /tmp/c1 --pid-file /run/c1.pid c1"),
    Failing(Container(name="old", status="running"), LAB, "stopped, of the bundle /tmp/old",
            "old is stopped, not running, because its program has ended; make it anew: crun delete old && "
            "crun create --bundle /tmp/old --pid-file /run/old.pid old && crun start old"),
    Failing(Container(name="c1", status="running"), FORGED, RUNNING,
            f"{REFUTED}; delete it, and create it with the runtime: runc delete --force c1 && "
            "runc create --bundle /tmp/c1 --pid-file /run/c1.pid c1"),
    Failing(Container(name="c1"), FORGED, RUNNING,
            f"{REFUTED}; delete it, and create it with the runtime: runc delete --force c1 && "
            "runc create --bundle /tmp/c1 --pid-file /run/c1.pid c1"),
    Failing(Namespaces(of="container c1", own=["pid"]), FORGED, "cannot be told", REFUTED),
    Failing(Process(container="c1", first=True), FORGED, "no such process", REFUTED),
    Failing(Bundle(path=BOX), lab(spec=None), "something is missing",
            "there is no /tmp/c1/config.json; make one: mkdir -p /tmp/c1 && runc spec --bundle /tmp/c1"),
    Failing(Bundle(path=BOX), lab(spec=None)._replace(runtime="crun"), "something is missing",
            "there is no /tmp/c1/config.json; make one: mkdir -p /tmp/c1 && crun spec --bundle /tmp/c1"),
    Failing(Container(name="c2"), lab(containers=())._replace(runtime="crun"), "no container c2",
            "there is no container c2; create it: crun create --bundle BUNDLE --pid-file /run/c2.pid c2"),
    Failing(Bundle(path=BOX), lab(spec="{"), "something is missing",
            "/tmp/c1/config.json cannot be read, it is not JSON - Expecting property name enclosed in double quotes in "
            "line 1, column 2; see it: cat /tmp/c1/config.json"),
    Failing(Bundle(path=BOX), lab(spec={}), "something is missing",
            "config.json names no root.path; see it: cat /tmp/c1/config.json"),
    Failing(Bundle(path=BOX), lab(spec={"root": {"path": "elsewhere"}}), "something is missing",
            "config.json names /tmp/c1/elsewhere as the root file system, and there is no such folder; make it: "
            "mkdir -p /tmp/c1/elsewhere"),
    Failing(Bundle(path=BOX, complete=False), LAB, "config.json and the root file system", "/tmp/c1 is whole"),
    Failing(Config(bundle=BOX, at="process.args", **{"is": ["sh"]}), LAB, '["sleep", "1000"]',
            'process.args is ["sleep", "1000"]; see it: jq \'.process.args\' /tmp/c1/config.json'),
    Failing(Config(bundle=BOX, at="hostname", **{"is": "box"}), LAB, "nothing there",
            "there is no hostname in /tmp/c1/config.json; see it: jq '.hostname' /tmp/c1/config.json"),
    Failing(Config(bundle=BOX, at="mounts[destination=/dev/pts].options", lacks="gid=5"), LAB, '["nosuid", "gid=5"]',
            'mounts[destination=/dev/pts].options is ["nosuid", "gid=5"]; see it: '
            'jq \'(.mounts[] | select(.destination == "/dev/pts") | .options)\' /tmp/c1/config.json'),
    Failing(Config(bundle=BOX, at="process.args", has="sh"), LAB, '["sleep", "1000"]',
            'process.args is ["sleep", "1000"]; see it: jq \'.process.args\' /tmp/c1/config.json'),
    Failing(Config(bundle=BOX, at="process.args", exists=False), LAB, '["sleep", "1000"]',
            'process.args is ["sleep", "1000"]; see it: jq \'.process.args\' /tmp/c1/config.json'),
    Failing(Config(bundle=BOX, at="process.args", exists=True), lab(spec=None), "cannot be told",
            "there is no /tmp/c1/config.json; make one: mkdir -p /tmp/c1 && runc spec --bundle /tmp/c1"),
    Failing(Namespaces(of="container c1", own=["pid", "user"], shared=["net"]), LAB,
            "own: net and pid; shared: user",
            "the net namespace of container c1 is its own; compare: readlink /proc/$(cat /run/c1.pid)/ns/net && "
            "readlink /proc/self/ns/net"),
    Failing(Namespaces(of="container c1", own=["user"]), LAB, "own: none; shared: user",
            "the user namespace of container c1 is shared; compare: readlink /proc/$(cat /run/c1.pid)/ns/user && "
            "readlink /proc/self/ns/user"),
    Failing(Namespaces(of="container none", own=["pid"]), LAB, "cannot be told",
            f"there is no container none (only c1 and old); {CREATE.format('BUNDLE', 'none', 'none')}"),
    Failing(Namespaces(of="container old", own=["pid"]), LAB, "cannot be told",
            "the process of the container old has ended"),
    Failing(Namespaces(of="empty", own=["pid"]), LAB, "cannot be told",
            "no process is in the network namespace empty"),
    Failing(Process(command="httpd"), LAB, "no such process",
            "there is no such process; see which there are: ps -e -o pid,ppid,args"),
    Failing(Process(command="httpd", container="c1"), LAB, "no such process",
            "no such process is in the container c1, and its first process is 'sleep 1000'; see its state: "
            "runc state c1"),
    Failing(Process(container="old", first=True), LAB, "no such process",
            "no such process is in the container old, and its program has ended; see its state: crun state old"),
    Failing(Process(container="none"), LAB, "no such process",
            f"there is no container none (only c1 and old); {CREATE.format('BUNDLE', 'none', 'none')}"),
    Failing(Process(command="sleep 1000", parent=9), LAB, "PID 7 'sleep 1000', parent 1",
            "the parent of 7 is 1 ('labrun'); see it: ps -o pid,ppid,args -p 7"),
    Failing(Process(command="sleep 1000", shares=["pid"]), LAB, "PID 7 'sleep 1000', parent 1",
            "7 has a pid namespace of its own; compare: readlink /proc/7/ns/pid && readlink /proc/1/ns/pid"),
    Failing(Process(command="sleep 2000", exists=False), LAB, "PID 9 'sleep 2000', parent 1",
            "the process 9 still runs; end it: kill -KILL 9"),
    Failing(Rootfs(path="/tmp/none"), LAB, "no such folder",
            "there is no folder /tmp/none; make it: mkdir -p /tmp/none"),
    Failing(Rootfs(path="/tmp/c1/rootfs"), lab(tree=Tree("/tmp/c1/rootfs", (), ())), "0 files and 0 folders",
            "/tmp/c1/rootfs is empty; see it: ls -la /tmp/c1/rootfs"),
    Failing(Rootfs(path="/tmp/c1/rootfs", has=["/bin/httpd"]), LAB, "2 files (/bin/busybox and /bin/sh) and 1 folders",
            "there is no /bin/httpd in /tmp/c1/rootfs; see what is there: find /tmp/c1/rootfs | head"),
    Failing(Rootfs(path="/tmp/c1/rootfs", lacks=["/bin/sh"]), LAB, "2 files (/bin/busybox and /bin/sh) and 1 folders",
            "/bin/sh is in /tmp/c1/rootfs; take it away: rm -rf /tmp/c1/rootfs/bin/sh"),
    Failing(Rootfs(path="/tmp/c1/rootfs", files=["/bin/sh"]), LAB, "2 files (/bin/busybox and /bin/sh) and 1 folders",
            "there are 1 files too many in /tmp/c1/rootfs, as /bin/busybox; see what is there: "
            "find /tmp/c1/rootfs | head"),
    Failing(Rootfs(path="/tmp/c1/rootfs", files=["/x"]), LAB, "2 files (/bin/busybox and /bin/sh) and 1 folders",
            "there is no file /x in /tmp/c1/rootfs; see what is there: find /tmp/c1/rootfs | head"),
    Failing(SameNamespace(between=[HOST, "container c1"]), LAB, "labhost: 1, container c1: 2",
            "they are in 2 namespaces; compare: readlink /proc/self/ns/net && "
            "readlink /proc/$(cat /run/c1.pid)/ns/net"),
]


@pytest.mark.parametrize(("check", "snapshot"), PASS, ids=[each[0].claim() for each in PASS])
def test_it_passes(check: Check, snapshot: Snapshot) -> None:
    verdict = judge(check, snapshot)
    assert (verdict.outcome, verdict.hint) == ("pass", ""), verdict
    assert verdict.claim == check.claim()


@pytest.mark.parametrize("failing", FAIL, ids=lambda each: f"{each.check.claim()} - {each.hint[:40]}")
def test_it_fails(failing: Failing) -> None:
    verdict = judge(failing.check, failing.snapshot)
    assert (verdict.outcome, verdict.actual, verdict.hint) == ("fail", failing.actual, failing.hint)
    assert verdict.hint.count(": ") <= 1, "a hint has one ': ', before its command"
    assert ": " not in verdict.hint or command_of(verdict.hint)


def test_every_check_is_here() -> None:
    mine = {"bundle", "config", "container", "namespaces", "process", "rootfs"}
    assert mine <= {word(check) for check, _ in PASS}
    assert mine <= {word(each.check) for each in FAIL}


@pytest.mark.parametrize(("check", "claim"), [
    (Container(name="c1"), "the container c1 is there"),
    (Container(name="c1", exists=False), "there is no container c1"),
    (Namespaces(of="container c1", own=["pid"]), "container c1 has a pid namespace of its own"),
    (Namespaces(of="container c1", own=["pid", "net"], shared=["user"]),
     "container c1 has pid and net namespaces of its own, and shares user with labhost"),
    (Process(container="c1", first=True, command="runc", parent=1),
     "the first process of the container c1 is 'runc', and has the parent PID 1"),
    (Process(container="c1", first=False, command="sleep 2000", shares=["pid"]),
     "a further process of the container c1 is 'sleep 2000', and shares pid with the first"),
    (Process(command="httpd"), "there is a process 'httpd'"),
    (Process(command="httpd", exists=False), "there is no process 'httpd'"),
    (Process(command="httpd", container="c1", exists=False), "there is no process 'httpd' in the container c1"),
    (Process(container="c1"), "there is a process in the container c1"),
    (Rootfs(path="/r", has=["/bin/sh"], files=["/bin/sh"]),
     "/r is a root file system with /bin/sh, with no other file than /bin/sh"),
    (Bundle(path="/b"), "/b is a bundle"),
    (Bundle(path="/b", complete=False), "/b is no complete bundle"),
    (Config(bundle="/b", at="x.y", has="z"), 'x.y in /b/config.json has "z" in it'),
])
def test_what_is_claimed(check: Check, claim: str) -> None:
    assert check.claim() == claim


# What earlier steps saw

ENDED = lab(containers=(C1._replace(status="stopped", pid=0, started=0, command=""),))
GONE = lab(containers=())
ALIVE = "but the first process of c1, PID 7, still runs; end it: kill -KILL 7"


def _judge_later(check: Check, snapshot: Snapshot, before: Snapshot) -> Verdict:
    return check.judge(Evidence(snapshot, {}, {"start": before}))


@pytest.mark.parametrize(("check", "snapshot", "hint"), [
    (Container(name="c1", status="stopped"), ENDED, f"the files of the runtime say that it has ended, {ALIVE}"),
    (Container(name="c1", exists=False), GONE, f"the files of the runtime are gone, {ALIVE}"),
])
def test_a_container_has_not_ended_while_its_first_process_runs(check: Check, snapshot: Snapshot, hint: str) -> None:
    assert _judge_later(check, snapshot, LAB)[1::3] == ("fail", hint)
    another = snapshot._replace(processes=(INIT, FIRST._replace(started=99), SECOND))
    for after, before in ((another, LAB), (snapshot._replace(processes=(INIT,)), LAB), (snapshot, FORGED),
                          (snapshot._replace(processes=(INIT, FIRST._replace(ended=True))), LAB)):
        assert _judge_later(check, after, before).outcome == "pass"
