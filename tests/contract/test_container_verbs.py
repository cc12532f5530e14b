"""The verbs of containers, with real runc and crun: what they leave, as calls and typed, and what is refused."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from labrunner.action import Action
from labrunner.actions.attach_veth import AttachVeth
from labrunner.actions.converse import Converse
from labrunner.actions.create_container import CreateContainer
from labrunner.actions.create_with_shim import CreateWithShim
from labrunner.actions.delete_container import DeleteContainer
from labrunner.actions.edit_config import EditConfig
from labrunner.actions.exec_in_container import ExecInContainer
from labrunner.actions.exec_with_shim import ExecWithShim
from labrunner.actions.export_rootfs import ExportRootfs
from labrunner.actions.kill_container import KillContainer
from labrunner.actions.move_link import MoveLink
from labrunner.actions.name_netns import NameNetns
from labrunner.actions.resize_terminal import ResizeTerminal
from labrunner.actions.start_container import StartContainer
from labrunner.actions.write_spec import WriteSpec
from labrunner.language.vocabulary import word
from runtime.errors import Problem
from runtime.facts.likeness import fingerprint
from runtime.facts.observer import Observer
from runtime.facts.shims import shims
from runtime.facts.snapshot import Snapshot
from tests.bundles import BUNDLE, RUNTIMES, create, look_after, make, start
from tests.conftest import Lab
from tests.contract.container_verbs import CONTAINER_VERBS

InSandbox = Callable[..., Any]
CONFIG = f"{BUNDLE}/config.json"
PTS = "mounts[destination=/dev/pts].options"


def _nothing(_lab: Lab, _runtime: str) -> None: ...


def _created(lab: Lab, runtime: str) -> None:
    make(lab, runtime)
    create(lab, runtime)


def _running(lab: Lab, runtime: str) -> None:
    _created(lab, runtime)
    start(lab, runtime)


def _stopped(lab: Lab, runtime: str) -> None:
    _running(lab, runtime)
    [container] = _look(lab).containers
    lab.shell(f"{runtime} kill c1 KILL")
    assert lab.sandbox.wait_for_end(container.pid, 5)


def _with_wire(lab: Lab, runtime: str) -> None:
    _created(lab, runtime)
    lab.shell("ip link add veth0 type veth peer name ceth0")


def _with_terminal(lab: Lab, runtime: str) -> None:
    make(lab, runtime, '"sh"', terminal=True)


def _without_terminal(lab: Lab, runtime: str) -> None:
    """Looked after by a shim, and its program reads nothing."""
    look_after(lab, runtime, '"sleep", "1000"', terminal=False)


def _with_pipes(lab: Lab, runtime: str) -> None:
    look_after(lab, runtime, terminal=False)


def _with_cat(lab: Lab, runtime: str) -> None:
    look_after(lab, runtime, '"cat"')


def _with_session(lab: Lab, runtime: str) -> None:
    look_after(lab, runtime)
    lab.host.shims.exec(runtime, "c1", "e1", ["sh"], terminal=True)


class Example(NamedTuple):
    """made: the verb and its arguments, but for the runtime.  seen: what is so afterwards, by the Snapshot."""

    before: Callable[[Lab, str], None]
    verb: type[Action]
    given: dict[str, Any]
    seen: Callable[[Snapshot], Any]
    expected: Any

    def action(self, runtime: str) -> Action:
        return self.verb(**self.given, **({"runtime": runtime} if "runtime" in self.verb.arguments else {}))

    def __str__(self) -> str:
        return self.action("runc").command()


def _status(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(each.status, each.command.partition(" ")[0]) for each in snapshot.containers]


def _config(path: str) -> Callable[[Snapshot], Any]:
    def read(snapshot: Snapshot) -> Any:
        value = json.loads(snapshot.files[0].text or "")
        for key in path.split("."):
            value = value.get(key)
        return value
    return read


def _there(path: str) -> Callable[[Snapshot], bool]:
    return lambda snapshot: any(path in (*tree.files, *tree.folders) for tree in snapshot.trees)


def _running_there(snapshot: Snapshot) -> set[str]:
    return {each.command for each in snapshot.processes if each.command.startswith("sleep")}


def _shims_and_children(snapshot: Snapshot) -> list[tuple[str, str, bool, list[str]]]:
    return [(shim.name, shim.container, shim.terminal,
             [each.command for each in snapshot.processes if each.parent == shim.process.pid])
            for shim in shims(snapshot.processes, snapshot.containers)]


def _shims_and_status(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    """The child of a shim is the stub of the runtime as yet."""
    found = _shims_and_children(snapshot)
    assert all(len(children) == 1 for *_, children in found)
    return [*(each[:3] for each in found), *((each.status,) for each in snapshot.containers)]


def _size(name: str) -> Callable[[Snapshot], Any]:
    return lambda snapshot: next((each.rows, each.columns) for each in snapshot.screens if each.name == name)


def _shown(text: str) -> Callable[[Snapshot], bool]:
    return lambda snapshot: any(text in line for each in snapshot.screens if each.name == "c1" for line in each.lines)


def _exits(snapshot: Snapshot) -> list[tuple[str, int]]:
    return [(each.name, each.status) for each in snapshot.exits]


def _links_of_host(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    return [(link.name, link.peer, link.peer_netns) for link in snapshot.netns[0].links if link.kind == "veth"]


def _names(snapshot: Snapshot) -> tuple[str, ...]:
    return snapshot.names


EXAMPLES = [
    Example(_nothing, WriteSpec, {"bundle": BUNDLE}, _config("root.path"), "rootfs"),
    Example(_nothing, ExportRootfs, {"to": f"{BUNDLE}/rootfs"}, _there("/rootfs/bin/sh"), True),
    Example(make, EditConfig, {"bundle": BUNDLE, "at": "process.args", "set": ["ls", "-l"]}, _config("process.args"),
            ["ls", "-l"]),
    Example(make, EditConfig, {"bundle": BUNDLE, "at": "process.env", "add": "A=1"},
            lambda s: "A=1" in _config("process.env")(s), True),
    Example(make, EditConfig, {"bundle": BUNDLE, "at": "process.args", "remove": "sleep"}, _config("process.args"),
            ["1000"]),
    Example(make, EditConfig, {"bundle": BUNDLE, "at": "hostname", "delete": True}, _config("hostname"), None),
    Example(make, CreateContainer, {"name": "c1", "bundle": BUNDLE}, lambda s: [each[0] for each in _status(s)],
            ["created"]),
    Example(_created, StartContainer, {"name": "c1"}, _status, [("running", "sleep")]),
    Example(_running, ExecInContainer, {"name": "c1", "command": "touch /dev/shm/x"}, _status, [("running", "sleep")]),
    Example(_running, ExecInContainer, {"name": "c1", "command": "sleep 7", "detach": True}, _running_there,
            {"sleep 1000", "sleep 7"}),
    Example(_running, ExecInContainer, {"name": "c1", "command": "true; exit 3", "status": 3}, _status,
            [("running", "sleep")]),
    Example(_running, KillContainer, {"name": "c1"}, _status, [("stopped", "")]),
    Example(_running, KillContainer, {"name": "c1", "signal": "TERM"}, _status, [("running", "sleep")]),
    Example(_stopped, DeleteContainer, {"name": "c1"}, _status, []),
    Example(_running, DeleteContainer, {"name": "c1", "force": True}, _status, []),
    Example(_created, NameNetns, {"container": "c1"}, _names, ("labhost", "c1")),
    Example(_running, NameNetns, {"container": "c1", "name": "other"}, _names, ("labhost", "other")),
    Example(_created, AttachVeth, {"container": "c1", "name": "veth0", "peer": "eth0"}, _links_of_host,
            [("veth0", "", "")]),
    Example(_with_wire, MoveLink, {"name": "ceth0", "container": "c1"}, _links_of_host, [("veth0", "", "")]),
    Example(make, CreateWithShim, {"name": "c1", "bundle": BUNDLE}, _shims_and_status,
            [("c1", "c1", False), ("created",)]),
    Example(_with_terminal, CreateWithShim, {"name": "c1", "bundle": BUNDLE, "terminal": True}, _shims_and_status,
            [("c1", "c1", True), ("created",)]),
    Example(look_after, ExecWithShim, {"container": "c1", "name": "e1", "command": "sleep 7"}, _shims_and_children,
            [("c1", "c1", True, ["sh"]), ("e1", "c1", False, ["sleep 7"])]),
    Example(look_after, ExecWithShim, {"container": "c1", "name": "e1", "command": "printf '\\n\\\\ä'; cat; true",
                                     "terminal": True},
            _shims_and_children,
            [("c1", "c1", True, ["sh"]), ("e1", "c1", True, ["sh -c printf '\\n\\\\ä'; cat; true"])]),
    Example(look_after, ResizeTerminal, {"of": "c1", "size": "30x100"}, _size("c1"), (30, 100)),
    Example(_with_session, ResizeTerminal, {"of": "e1", "size": "7x300"}, _size("e1"), (7, 300)),
    Example(look_after, Converse, {"container": "c1", "lines": [{"type": "echo a$((1+1))", "expect": "^a2"}]},
            _shown("a2"), True),
    Example(look_after, Converse, {"container": "c1", "lines": ["exit 7"], "status": 7}, _exits, [("c1", 7)]),
    Example(_with_cat, Converse, {"container": "c1", "lines": ["hello", {"ctrl": "d"}], "status": 0}, _exits,
            [("c1", 0)]),
    Example(_with_session, Converse, {"container": "e1", "lines": ["exit 7"], "status": 7}, _exits, [("e1", 7)]),
    Example(_with_pipes, Converse, {"container": "c1", "lines": ["a=3", "exit $((a+1))"], "status": 4}, _exits,
            [("c1", 4)]),
    Example(look_after, Converse, {"container": "c1", "command": "sh", "status": 5, "lines": [
        "echo b$((1+1)) > /proc/1/fd/1", "exit 5"]}, _shown("b2"), True),
    Example(make, Converse, {"command": "sh", "lines": [f"echo > {BUNDLE}/made", "exit 3"], "status": 3, "within": 9},
            _there("/made"), True),
    Example(make, Converse, {"command": "sh", "lines": [
        {"expect": "# $"}, {"type": f"echo > {BUNDLE}/made; echo don$((1+1))", "expect": "^don2"}]},
            _there("/made"), True),
    Example(make, Converse, {"command": "sh", "lines": [f"echo > {BUNDLE}/made", "kill -9 $$"], "status": 137},
            _there("/made"), True),
]


def _look(lab: Lab) -> Snapshot:
    return Observer(lab.namespaces, lab.sandbox.proc, files=[CONFIG], root=lab.sandbox.root, trees=[BUNDLE],
                    screens=["c1", "e1"]).observe()


def _by_call(lab: Lab, action: Action) -> None:
    action.apply(lab.host)


def _by_command(lab: Lab, action: Action) -> None:
    """As a person types it, who looks when it is done: a process that was killed has ended by then."""
    pids = [each.pid for each in _look(lab).containers if each.pid]
    by_socat = isinstance(action, Converse) and not action.command_
    lab.host.shell(action.command(), 0 if by_socat else getattr(action, "status", 0) or 0)
    if isinstance(action, KillContainer) and action.signal == "KILL":
        assert all(lab.sandbox.wait_for_end(pid, 5) for pid in pids)


def _left(lab: Lab, example: Example, runtime: str, do: Callable[[Lab, Action], None]) -> tuple[Any, str]:
    example.before(lab, runtime)
    do(lab, example.action(runtime))
    snapshot = _look(lab)
    text = {file.path: json.loads(file.text or "null") for file in snapshot.files}  # jq indents as it likes
    return example.seen(snapshot), fingerprint(snapshot._replace(files=())) + json.dumps(text, sort_keys=True)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_call_and_the_command_leave_the_same(in_sandbox: InSandbox, example: Example, runtime: str) -> None:
    called, typed = (in_sandbox(_left, example, runtime, do) for do in (_by_call, _by_command))
    assert called[0] == example.expected
    assert called == typed


def _killed_often(lab: Lab, runtime: str) -> list[str]:
    make(lab, runtime, '"sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 1000 \\& done; sleep 1000"')
    found = []
    for number in range(10):
        for action in (CreateContainer(name=f"c{number}", bundle=BUNDLE, runtime=runtime),
                       StartContainer(name=f"c{number}", runtime=runtime),
                       KillContainer(name=f"c{number}", runtime=runtime)):
            action.apply(lab.host)
        found += [each.status for each in _look(lab).containers if each.name == f"c{number}"]
    return found


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_was_killed_has_ended(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_killed_often, runtime) == ["stopped"] * 10


def test_every_verb_has_an_example() -> None:
    done_elsewhere = {"start_containerd", "start_docker"}
    found = {word(example.action("runc")) for example in EXAMPLES} | {word(EXAMPLES[-1].action("runc"))}
    assert found - {"move_link"} == set(CONTAINER_VERBS) - done_elsewhere


@pytest.mark.parametrize("verb", [verb for verb in CONTAINER_VERBS if verb not in ("start_containerd", "start_docker")])
def test_every_argument_has_an_example(verb: str) -> None:
    made = importlib.import_module(f"labrunner.actions.{verb}")
    statement = getattr(made, "".join(part.capitalize() for part in verb.split("_")))
    given = [example.given for example in EXAMPLES if example.verb is statement]
    for name, argument in statement.arguments.items():
        if name != "runtime" and name != "from":
            assert argument.required or any(name not in each for each in given), f"{name} is always given"
            assert any(name in each for each in given), f"{name} is never given"


SHIM = """\
mkdir -p /run/conmon/attach /run/conmon/{name} && rm -f /run/conmon/{name}/exit &&
{{ _OCI_SYNCPIPE=3 conmon --api-version 1 {} \\
  --runtime $(command -v {}) --bundle {} \\
  --container-pidfile /run/{name}.pid --conmon-pidfile /run/conmon/{name}/pid \\
  --persist-dir /run/conmon/{name} --socket-dir-path /run/conmon/attach --log-path k8s-file:/run/conmon/{name}/log \\
  --log-size-max 8388608 \\
  --stdin --leave-stdin-open{terminal} 3>&1 > /dev/null; }} | head -n 1"""


@pytest.mark.parametrize(("action", "command"), [
    (WriteSpec(bundle="/tmp/a b"), "mkdir -p '/tmp/a b' && runc spec --bundle '/tmp/a b'"),
    (CreateContainer(name="c1", bundle=BUNDLE), "runc create --bundle /tmp/c1 --pid-file /run/c1.pid c1"),
    (CreateContainer(name="c1", bundle=BUNDLE, runtime="crun"),
     "crun create --bundle /tmp/c1 --pid-file /run/c1.pid c1"),
    (ExecInContainer(name="c1", command="ls /"), "runc exec c1 ls /"),
    (ExecInContainer(name="c1", command="ls *"), "runc exec c1 sh -c 'ls *'"),
    (ExecInContainer(name="c1", command="sleep 9", detach=True), "runc exec --detach c1 sleep 9"),
    (KillContainer(name="c1"), "runc kill c1 KILL"),
    (DeleteContainer(name="c1", force=True), "runc delete --force c1"),
    (AttachVeth(container="c1", name="veth0", peer="eth0"),
     "ip link add veth0 type veth peer name eth0 netns $(cat /run/c1.pid)"),
    (MoveLink(name="ceth0", container="c1"), "ip link set ceth0 netns $(cat /run/c1.pid)"),
    (NameNetns(container="c1"), "ip netns attach c1 $(cat /run/c1.pid)"),
    (ResizeTerminal(of="c1", size="24x80"), "echo 1 24 80 > /run/conmon/attach/c1/ctl"),
    (Converse(container="c1", lines=["ls", {"expect": "bin"}, "exit 3"]),
     "socat STDIO UNIX-CONNECT:/run/conmon/attach/c1/attach,type=5 <<'END'\nls\nexit 3\nEND"),
    (Converse(container="c1", lines=["printf '%s\\n' a", {"ctrl": "d"}]),
     """printf 'printf '"'"'%%s\\\\n'"'"' a\\n\\004' | socat STDIO UNIX-CONNECT:/run/conmon/attach/c1/attach,type=5"""),
    (Converse(container="c1", command="sh", lines=["exit 3"], runtime="crun"),
     "script -qec 'crun exec --tty c1 sh' /dev/null <<'END'\nexit 3\nEND"),
    (Converse(command="echo $HOME", lines=[{"expect": "/"}]),
     """script -qec 'sh -c '"'"'echo $HOME'"'"'' /dev/null <<'END'\n\nEND"""),
    (CreateWithShim(name="c1", bundle="/tmp/a b", terminal=True, runtime="crun"), SHIM.format(
        "--cid c1 --cuuid c1 --name c1", "crun", "'/tmp/a b'", name="c1", terminal=" --terminal")),
    (ExecWithShim(container="c1", name="e1", command="ls *"),
     """mkdir -p /run/conmon/e1 && printf '%s\\n' '{"args": ["sh", "-c", "ls *"], "terminal": false, "cwd": "/", """
     """"user": {"uid": 0, "gid": 0}, "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", """
     """"TERM=xterm"]}' > /run/conmon/e1/process.json &&\n""" + SHIM.format(
         "--cid c1 --exec --exec-process-spec /run/conmon/e1/process.json --cuuid e1 --name e1", "runc",
         "/run/conmon/e1", name="e1", terminal="")),
    (EditConfig(bundle=BUNDLE, at=PTS, remove="gid=5"),
     ("jq '(.mounts[] | select(.destination == \"/dev/pts\") | .options) -= [\"gid=5\"]' /tmp/c1/config.json "
      "> /tmp/c1/config.json.new && mv /tmp/c1/config.json.new /tmp/c1/config.json")),
])
def test_the_command_that_is_shown(action: Action, command: str) -> None:
    assert action.command() == command


# What is refused


def _spoil(change: str) -> Callable[[Lab, str], None]:
    def before(lab: Lab, runtime: str) -> None:
        make(lab, runtime)
        lab.shell(f"cd {BUNDLE} && {change}")
    return before


def _args(words: str) -> str:
    return f"sed -i 's|\"sleep\", \"1000\"|{words}|' config.json"


CREATE, EXEC = CreateContainer(name="c1", bundle=BUNDLE), ExecInContainer(name="c1", command="true")
REFUSED: list[tuple[Callable[[Lab, str], None], Action, str, str]] = [  # ..., in what it says, in what to do next
    (make, WriteSpec(bundle=BUNDLE), "exit status 1", "rm -f /tmp/c1/config.json"),
    (_nothing, CREATE, "exit status 1", "spec --bundle /tmp/c1"),
    (_spoil("echo '{' > config.json"), CREATE, "exit status 1", "/tmp/c1/config.json"),
    (_spoil(_args('"nosuch"')), CREATE, "nosuch", "ls /tmp/c1/rootfs/bin"),
    (_spoil(_args('"/bin/nosuch"')), CREATE, "/bin/nosuch", "ls /tmp/c1/rootfs/bin"),
    (_spoil("touch rootfs/bin/x; " + _args('"/bin/x"')), CREATE, "ermission denied", "chmod +x"),
    (_spoil(_args("")), CREATE, "exit status 1", "process.args"),
    (_spoil("sed -i 's/\"uts\"/\"sofa\"/' config.json"), CREATE, "sofa", "pid, network, mount"),
    (_spoil("sed -i 's/: \"rootfs\"/: \"nowhere\"/' config.json"), CREATE, "nowhere", "root.path"),
    (_spoil("sed -i 's/\"terminal\": false/\"terminal\": true/' config.json"), CREATE, "console", "process.terminal"),
    (_created, CREATE, "already exists", "delete --force c1"),
    (_nothing, StartContainer(name="c1"), "exit status 1", "list"),
    (_running, StartContainer(name="c1"), "exit status 1", "c1"),
    (_stopped, StartContainer(name="c1"), "exit status 1", "delete c1"),
    (_nothing, EXEC, "exit status", "list"),
    (_stopped, EXEC, "exit status", "delete c1"),
    (_running, ExecInContainer(name="c1", command="nosuch"), "nosuch", "c1"),
    (_running, ExecInContainer(name="c1", command="true; exit 3"), "exit status 3", "c1"),
    (_running, ExecInContainer(name="c1", command="true", status=1), "exit status 0", "c1"),
    (_nothing, KillContainer(name="c1"), "exit status 1", "list"),
    (_stopped, KillContainer(name="c1"), "exit status 1", "delete c1"),
    (_nothing, DeleteContainer(name="c1"), "exit status 1", "list"),
    (_running, DeleteContainer(name="c1"), "exit status 1", "kill c1 KILL"),
    (_nothing, EditConfig(bundle=BUNDLE, at="hostname", set="x"), "no such file", "spec --bundle"),
    (_spoil("echo '{' > config.json"), EditConfig(bundle=BUNDLE, at="hostname", set="x"), "not JSON", "cat"),
    (make, EditConfig(bundle=BUNDLE, at="process.nothing", add="x"), "no process.nothing", "cat"),
    (_spoil("head -c 70000 /dev/zero > config.json"), EditConfig(bundle=BUNDLE, at="hostname", set="x"),
     "it is no text of at most 64 KiB", "ls -l"),
    (make, EditConfig(bundle="/etc", at="process.nothing", set="x"), "no such file", "spec"),
    (_nothing, NameNetns(container="c1"), "none with that name, but none at all", "create"),
    (_stopped, NameNetns(container="c1"), "it has ended", "delete c1"),
    (_nothing, AttachVeth(container="c1", name="veth0", peer="eth0"), "none with that name", "create"),
    (_created, AttachVeth(container="c1", name="lo", peer="eth0"), "File exists", ""),
    (_created, AttachVeth(container="c1", name="veth0", peer="lo"), "File exists", ""),
    (_nothing, MoveLink(name="eth9", container="c1"), "none with that name", "create"),
    (_created, MoveLink(name="eth9", container="c1"), "No such device", "ip link"),
    (_nothing, ExportRootfs(to="/proc/rootfs"), "No such file or directory", ""),
]


def _with_runtime(action: Action, runtime: str) -> Action:
    given = {name: value for name, value in action.values().items() if value not in (None, ())}
    return type(action)(**{**given, **({"runtime": runtime} if "runtime" in action.arguments else {})})


def _refused(lab: Lab, before: Callable[[Lab, str], None], action: Action,
             runtime: str) -> tuple[str, str, str, list[str]]:
    before(lab, runtime)
    known = [each.name for each in _look(lab).containers]
    problem = _problem(lab, _with_runtime(action, runtime))
    added = [each.name for each in _look(lab).containers if each.name not in known]
    return type(problem).__name__, str(problem), problem.mend, added


def _problem(lab: Lab, action: Action) -> Problem:
    try:
        action.apply(lab.host)
    except Problem as problem:
        return problem
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("before", "action", "says", "mend"), REFUSED,
                         ids=[f"{number}-{each[1].command()[:60]}" for number, each in enumerate(REFUSED)])
def test_what_is_refused(in_sandbox: InSandbox, before: Callable[[Lab, str], None], action: Action, says: str,
                         mend: str, runtime: str) -> None:
    kind, told, next_, added = in_sandbox(_refused, before, action, runtime)
    assert kind == "Refused"
    assert says in told
    assert mend in next_
    assert "level=error" not in told
    assert added == [], "nothing is left of it"
