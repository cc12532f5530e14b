"""labrun needs no ip, no iptables, no ping: it runs on a machine that has none of them, and starts no program."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime import syscalls
from tests.system.accounts import environment, myself, run_as
from tests.system.machine import on_a_machine

if TYPE_CHECKING:
    from tests.system.accounts import AsUser, User

FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
TOOLS = ("ip", "iptables", "nft", "sysctl", "ping", "tc", "bridge", "brctl", "ss", "ifconfig", "route", "arp", "ipset",
         "iptables-nft", "iptables-legacy", "xtables-nft-multi", "xtables-legacy-multi", "iptables-restore")


@pytest.mark.parametrize("who", ["root", "lrsub", "lrplain"])
def test_it_passes_without_tools(installed: Path, session_folder: Path, open_folder: Path, users: dict[str, User],
                                 who: str) -> None:
    user = users.get(who) or myself()
    done = on_a_machine(session_folder, _run_without, TOOLS, open_folder, user,
                        [installed, "run", "bridge-network", "--json"])
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["outcome"] == "pass"


@pytest.mark.parametrize(("tool", "package"), [("ip", "iproute2"), ("iptables", "iptables"), ("sysctl", "procps")])
def test_the_missing_tool_is_named(installed: Path, session_folder: Path, open_folder: Path, users: dict[str, User],
                                   tool: str, package: str) -> None:
    done = on_a_machine(session_folder, _run_without, [tool], open_folder, users["lrplain"],
                        [installed, "run", "bridge-network", "--network", "iproute2"])
    assert done.returncode == 3
    told = " ".join((done.stdout + done.stderr).split())
    assert f"{tool} is not installed" in told
    assert f"sudo apt install {package}" in told


def test_without_docker_only_the_comparison_is_skipped(installed: Path, session_folder: Path, open_folder: Path,
                                                       users: dict[str, User]) -> None:
    call = [installed, "run", "docker-run-by-hand", "--json"]
    done = on_a_machine(session_folder, _run_without, ["dockerd"], open_folder, users["lrsub"], call)
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"]) == (3, "skip")
    *others, docker, compare = report["steps"]
    assert {step["outcome"] for step in others} == {"pass"}
    assert (docker["outcome"], docker["reason"]) == (
        "skip", "dockerd is not installed: a Docker daemon is to be started inside the lab")
    assert docker["actions"][0]["error"]["mend"] == "sudo apt install docker.io"
    assert (compare["outcome"], compare["reason"]) == ("skip", "step 'docker' did not pass")


@pytest.mark.parametrize(("tools", "options", "code", "runtime", "says"), [
    (["runc"], [], 0, "crun", ""),
    (["crun"], [], 0, "runc", ""),
    (["runc"], ["--runtime", "runc"], 3, "runc", "sudo apt install runc"),
    (["runc", "crun"], [], 3, "runc", "sudo apt install runc"),
    (["busybox", "jq"], [], 0, "runc", ""),
])
def test_containers_without_a_tool(installed: Path, session_folder: Path, open_folder: Path, users: dict[str, User],
                                   tools: list[str], options: list[str], code: int, runtime: str, says: str) -> None:
    call = [installed, "run", "runc-lifecycle", "--json", *options]
    done = on_a_machine(session_folder, _run_without, tools, open_folder, users["lrplain"], call)
    report = json.loads(done.stdout)
    assert (done.returncode, report["environment"]["runtime"]) == (code, runtime)
    assert says in done.stdout


@pytest.mark.parametrize(("lab", "tool", "step", "mend"), [
    ("containerd-shim", "containerd", "daemon", "sudo apt install containerd"),
    ("containerd-shim", "ctr", "daemon", "sudo apt install containerd"),
    ("containerd-shim", "containerd-shim-runc-v2", "daemon", "sudo apt install containerd"),
    ("container-shim", "conmon", "shim", "sudo apt install conmon"),
    ("attach-vs-exec", "conmon", "shim", "sudo apt install conmon"),
    ("attach-vs-exec", "dockerd", "docker", "sudo apt install docker.io"),
    ("image-layers", "jq", "follow", "sudo apt install jq"),
    ("build-image", "setfattr", "finish", "sudo apt install attr"),
    ("build-cache", "jq", "builder", "sudo apt install jq"),
])
def test_the_part_that_lacks_a_program_is_skipped(installed: Path, session_folder: Path, open_folder: Path,
                                                  users: dict[str, User], lab: str, tool: str, step: str,
                                                  mend: str) -> None:
    done = on_a_machine(session_folder, _run_without, [tool], open_folder, users["lrsub"],
                        [installed, "run", lab, "--json"])
    report = json.loads(done.stdout)
    steps = {each["id"]: each for each in report["steps"]}
    before = [*steps][:[*steps].index(step)]
    assert (done.returncode, report["outcome"]) == (3, "skip")
    assert {steps[each]["outcome"] for each in before} <= {"pass"}
    assert (steps[step]["outcome"], steps[step]["reason"].partition(":")[0]) == ("skip", f"{tool} is not installed")
    assert [action["error"]["mend"] for action in steps[step]["actions"] if action.get("error")] == [mend]
    assert {each["outcome"] for each in steps.values()} <= {"pass", "skip"}


def _run_without(tools: Collection[str], folder: Path, user: User,
                 argv: list[Any]) -> subprocess.CompletedProcess[str]:
    _take_away(tools, folder)
    path = environment(user)["PATH"]
    assert not [tool for tool in tools if shutil.which(tool, path=path)]
    assert shutil.which("sh", path=path)
    return run_as(user, argv, cwd="/")


def _take_away(tools: Collection[str], folder: Path) -> None:
    """Mount an overlay over each tree with programs, in which these are not. folder: for what is changed there."""
    for top in (Path(name) for name in ("/usr", "/bin", "/sbin")):
        if top.is_symlink() or not top.is_dir():
            continue
        changes = folder / top.name
        changes.mkdir()
        syscalls.mount("tmpfs", str(changes), "tmpfs")
        for name in ("upper", "work"):
            (changes / name).mkdir(mode=0o755)
        syscalls.mount("overlay", str(top), "overlay",
                       data=f"lowerdir={top},upperdir={changes}/upper,workdir={changes}/work")
        for place in (Path(name) for name in FOLDERS if name.startswith(str(top))):
            for tool in tools:
                (place / tool).unlink(missing_ok=True)


@pytest.mark.parametrize(("who", "helpers", "others"), [
    ("root", [], ["sh", "rmdir", "find", "sleep"]),  # the last four remove the cgroup, once the lab is over
    ("lrsub", ["newuidmap", "newgidmap"], []), ("lrplain", [], [])])
def test_it_starts_no_program(installed: Path, open_folder: Path, users: dict[str, User], as_user: AsUser, who: str,
                              helpers: list[str], others: list[str]) -> None:
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    user, trace = users.get(who) or myself(), open_folder / "trace"
    # Under root's strace newuidmap keeps the rights that its file gives it.
    strace = ["strace", "--user", user.name, "-f", "-qq", "-e", "trace=execve,execveat", "-e", "signal=none", "-o"]
    argv: list[str | Path] = [*strace, trace, installed, "run", "bridge-network", "--json"]
    done = as_user(myself(), argv, cwd="/", env=environment(user))
    assert (done.returncode, done.stderr) == (0, "")
    # Tried in vain counts too: programs are looked for in one folder after the other.
    tried = [Path(line.split('"')[1]).name for line in trace.read_text().splitlines() if "exec" in line and '"' in line]
    assert [name for name in dict.fromkeys(tried) if name not in others] == ["labrun", *helpers]
