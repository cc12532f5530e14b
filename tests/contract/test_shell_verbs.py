"""The verbs that act by a command or on files: what they do to a real sandbox, and the command that does the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checks.language.statement import Mistake
from labrunner.action import Action
from labrunner.actions.run import Run
from labrunner.actions.serve import Serve
from labrunner.actions.write import Write
from runtime.errors import Missing, Refused
from runtime.lab_host import LabHost
from runtime.probes.http import Http
from tests.conftest import Lab

InSandbox = Callable[..., Any]
BACKENDS = ("by the call", "by the command")
PAGE = "one\n'two' $HOME \\n\n"


def do(lab: Lab, action: Action, backend: str = BACKENDS[0]) -> None:
    if backend == BACKENDS[0]:
        action.apply(lab.host)
    else:
        action.type_in(lab.host)


def refused(lab: Lab, action: Action) -> tuple[str, str]:
    """What an action was refused with."""
    try:
        action.apply(lab.host)
    except (Refused, Missing) as problem:
        return type(problem).__name__, str(problem)
    return "", ""


@pytest.mark.parametrize(("action", "command"), [
    (Run(command="ip link"), "ip link"),
    (Run(command=" ip link | cat\n"), "ip link | cat"),
    (Run(command="ip link", netns="c1"), "ip netns exec c1 ip link"),
    (Run(command="ip link | cat", netns="c1"), "ip netns exec c1 sh -c 'ip link | cat'"),
    (Run(command="A=1 env", netns="c1"), "ip netns exec c1 sh -c 'A=1 env'"),
    (Write(path="/tmp/x", text="hello\n"), "echo hello > /tmp/x"),
    (Write(path="/tmp/a b/x", text="hello"), "mkdir -p '/tmp/a b' && printf %s hello > '/tmp/a b/x'"),
    (Write(path="/run/x", text="-n\n", mode="755"), "printf %s '-n\n' > /run/x && chmod 755 /run/x"),
    (Serve(folder="/tmp/web"), "python3 -m http.server 80 --directory /tmp/web > /dev/null 2>&1 &"),
    (Serve(folder="/tmp/web", port=81, netns="c1"),
     "ip netns exec c1 python3 -m http.server 81 --directory /tmp/web > /dev/null 2>&1 &"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_the_command_that_is_shown(action: Action, command: str) -> None:
    assert action.command() == command


@pytest.mark.parametrize("text", ["", "hello\n", PAGE, "\\n\n", "-e x\n", "a" * 20000, "ü € 🐧\n", "'", "%s%d\n"])
def test_what_is_written_is_in_the_file(in_sandbox: InSandbox, text: str) -> None:
    assert in_sandbox(_written, Write(path="/tmp/a/b c", text=text)) == text


def _written(lab: Lab, action: Action) -> str:
    do(lab, action)
    return lab.shell("cat '/tmp/a/b c'")


def test_a_file_gets_its_mode(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_mode) == "750\n"


def _mode(lab: Lab) -> str:
    do(lab, Write(path="/tmp/x", text="", mode="750"))
    return lab.shell("stat -c %a /tmp/x")


def test_a_command_runs_where_it_is_said(in_sandbox: InSandbox) -> None:
    host, c1, own = in_sandbox(_where)
    assert host == own != c1


def _where(lab: Lab) -> list[str]:
    lab.shell("ip netns add c1")
    do(lab, Run(command="readlink /proc/self/ns/net > /tmp/host"))
    do(lab, Run(command="readlink /proc/self/ns/net > /tmp/c1", netns="c1"))
    return [lab.shell("cat /tmp/host"), lab.shell("cat /tmp/c1"), lab.shell("readlink /proc/self/ns/net")]


def test_what_a_command_deleted_is_gone(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_deleted) == ("labhost",)


def _deleted(lab: Lab) -> tuple[str, ...]:
    lab.shell("ip netns add c1")
    lab.observer.observe()
    do(lab, Run(command="ip netns delete c1"))
    return lab.observer.observe().names


@pytest.mark.parametrize(("action", "kind", "says"), [
    (Run(command="echo no such thing >&2; exit 3"), "Refused", "no such thing"),
    (Run(command="exit 3"), "Refused", "it ended with 3"),
    (Run(command="exit 0", status=1), "Refused", "it ended with 0"),
    (Run(command="exit 3", status=3), "", ""),
    (Run(command="no-such-program --now"), "Missing", "no-such-program is not installed"),
    (Run(command="true", netns="nowhere"), "Refused", "nowhere"),
    (Write(path="/usr/bin/labrun", text="x"), "Refused", "Permission denied"),
    (Serve(folder="/tmp", netns="nowhere"), "Refused", "there is no /run/netns/nowhere"),
], ids=str)
def test_what_is_refused(in_sandbox: InSandbox, action: Action, kind: str, says: str) -> None:
    found, words = in_sandbox(refused, action)
    assert found == kind
    assert says in words


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_command_may_be_meant_to_fail(in_sandbox: InSandbox, backend: str) -> None:
    in_sandbox(do, Run(command="exit 3", status=3), backend)


class _ByTool(Action):
    """An action that a person does with a tool which no machine has."""

    def command(self) -> str:
        return "no-such-program"

    def apply(self, host: LabHost) -> None:
        """Without it."""


@pytest.mark.parametrize(("action", "more"), [
    (Run(command="no-such-program"), ""), (_ByTool(), "; or leave out --network iproute2: netlink needs no tools"),
], ids=["run", "another"])
def test_what_to_do_without_the_tool(in_sandbox: InSandbox, action: Action, more: str) -> None:
    assert in_sandbox(_mend, action) == f"sudo apt install no-such-program{more}"


def _mend(lab: Lab, action: Action) -> str:
    with pytest.raises(Missing) as raised:
        do(lab, action, BACKENDS[1])
    return raised.value.mend


def test_a_command_in_the_background_goes_on(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_background) == "sleep\n"


def _background(lab: Lab) -> str:
    do(lab, Run(command="sleep 60 > /tmp/log 2>&1 & echo $! > /tmp/pid"))
    return lab.shell("cat /proc/$(cat /tmp/pid)/comm")


# A web server


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("netns", ["labhost", "c1"])
def test_a_web_server_shows_the_folder(in_sandbox: InSandbox, backend: str, netns: str) -> None:
    (status, body), (missing, _) = in_sandbox(_served, backend, netns)
    assert (status, body, missing) == (200, PAGE, 404)


def _served(lab: Lab, backend: str, netns: str) -> list[tuple[int, str]]:
    lab.shell("ip netns add c1; ip -n c1 link set lo up; mkdir /tmp/web; ip link set lo up")
    do(lab, Write(path="/tmp/web/index.html", text=PAGE))
    do(lab, Serve(folder="/tmp/web", port=8000, netns=netns), backend)
    return [_get(lab, netns, path) for path in ("/", "/none")]


def _get(lab: Lab, netns: str, path: str) -> tuple[int, str]:
    from runtime.probes.asking import ask_all

    everywhere = {each.name: each for each in lab.namespaces.all()}
    asked = Http(netns, "127.0.0.1", 8000, path, True)
    answer = ask_all([asked], everywhere)[asked]
    return answer.status, answer.body  # type: ignore[union-attr]


def test_a_port_that_is_taken(in_sandbox: InSandbox) -> None:
    kind, words = in_sandbox(_taken)
    assert kind == "Refused"
    assert "serve /tmp on port 8000 in labhost: Address already in use (EADDRINUSE)" in words


def _taken(lab: Lab) -> tuple[str, str]:
    lab.shell("ip link set lo up")
    do(lab, Serve(folder="/tmp", port=8000))
    return refused(lab, Serve(folder="/tmp", port=8000))


def test_nobody_gets_out_of_the_folder(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_outside) == [404, 404, 404]


def _outside(lab: Lab) -> list[int]:
    lab.shell("ip link set lo up; mkdir /tmp/web; echo secret > /tmp/secret")
    do(lab, Serve(folder="/tmp/web", port=8000))
    return [_get(lab, "labhost", path)[0] for path in ("/../secret", "/x/../../secret", "/")]


@pytest.mark.parametrize(("made", "given", "key", "says"), [
    (Run, {"command": "  "}, "command", "the command is empty"),
    (Run, {"command": "true", "status": 256}, "status", "256 is not an exit status"),
    (Run, {"command": "true", "status": True}, "status", "true is not an exit status"),
    (Write, {"path": "x", "text": ""}, "path", "it has to begin with /"),
    (Write, {"path": "/tmp/../etc/x", "text": ""}, "path", "go straight there"),
    (Write, {"path": "/tmp/", "text": ""}, "path", "is not the path of a file"),
    (Write, {"path": "/tmp/x", "text": "", "mode": "899"}, "mode", "'899' is not a mode in quotes"),
    (Write, {"path": "/tmp/x", "text": "", "mode": 755}, "mode", "755 is not a mode in quotes"),
], ids=str)
def test_what_no_lab_can_say(made: type[Action], given: dict[str, Any], key: str, says: str) -> None:
    with pytest.raises(Mistake) as raised:
        made(**given)
    assert raised.value.key == key
    assert says in raised.value.says
