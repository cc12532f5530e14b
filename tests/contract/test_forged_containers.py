"""Forged state files of a runtime: the kernel says otherwise, and the container is refuted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.facts.observer import Observer
from tests.bundles import BUNDLE, RUNTIMES, create, make, start
from tests.conftest import Lab

InSandbox = Callable[..., Any]

# How a process with the PID $pid is made a container of, in the files of each runtime.
FORGE = {
    "runc": """mkdir -p /run/runc/c1; started=$(sed 's/.*) //' /proc/$pid/stat | cut -d' ' -f20)
printf '{"id":"c1","init_process_pid":%s,"init_process_start":%s,"config":{"labels":["bundle=/tmp/c1"]}}' \\
  $pid $started > /run/runc/c1/state.json""",
    "crun": """mkdir -p /run/crun/c1; started=$(sed 's/.*) //' /proc/$pid/stat | cut -d' ' -f20)
printf '{"pid":%s,"process-start-time":%s,"bundle":"/tmp/c1"}' $pid $started > /run/crun/c1/status""",
}
FIFO = "mkfifo /run/{runtime}/c1/exec.fifo; "
NAMED = "bash -c 'exec -a {runtime} sleep 1000' & pid=$!; "
UNSHARED = "unshare {unshare} sleep 1000 & until pid=$(pgrep -f '^sleep 1000'); do :; done; "
INSIDE = (f"unshare {{unshare}} chroot {BUNDLE}/rootfs /bin/sleep 1000 & "
          "until pid=$(pgrep -f '^/bin/sleep 1000'); do :; done; ")
ALL, NO_PID = "-mnpuiCf --kill-child", "-mnuiC"


def _observe(lab: Lab) -> tuple[str, str]:
    [container] = Observer(lab.namespaces, lab.sandbox.proc, root=lab.sandbox.root).observe().containers
    return container.status, container.refuted


def _forged(lab: Lab, runtime: str, begin: str, end: str) -> tuple[str, str]:
    make(lab, runtime)
    script = f"{begin}{FORGE[runtime]}\n{end}".replace("{runtime}", runtime)
    lab.shell(f"{{ {script} }} < /dev/null > /dev/null 2>&1")
    return _observe(lab)


def _unshare(begin: str, options: str) -> str:
    return begin.replace("{unshare}", options)


# what is done before and after the files are written, the status that they say, and what refutes it
FORGED: dict[str, tuple[str, str, str, str]] = {
    "a process named so, created": (NAMED, FIFO, "created", "is in the pid namespace of the lab host"),
    "a process named so, running": (NAMED, "", "running", "is in the pid namespace of the lab host"),
    "namespaces, created": (_unshare(INSIDE, ALL), FIFO, "created", "which is not {runtime}"),
    "namespaces, the host's root": (_unshare(UNSHARED, ALL), "", "running", "has the root directory of the lab host"),
    "all namespaces but one": (_unshare(INSIDE, NO_PID), "", "running", "in the pid namespace of the lab host"),
    "made by hand": (_unshare(INSIDE, ALL), "", "running", "may get capabilities that config.json does not list"),
    "another root": (_unshare(INSIDE, ALL).replace(f"{BUNDLE}/rootfs", "/tmp/c2"), "", "running",
                     "is not /tmp/c1/rootfs"),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("forged", FORGED)
def test_what_is_forged_is_refuted(in_sandbox: InSandbox, forged: str, runtime: str) -> None:
    begin, end, status, says = FORGED[forged]
    if "/tmp/c2" in begin:
        begin = f"cp -r {BUNDLE}/rootfs /tmp/c2; {begin}"
    found, refuted = in_sandbox(_forged, runtime, begin, end)
    assert found == status
    assert says.replace("{runtime}", runtime) in refuted
    assert refuted.startswith(f"/run/{runtime}/c1/{'state.json' if runtime == 'runc' else 'status'} says that c1 is ")


def _honest(lab: Lab, runtime: str, after_create: str, after_start: str) -> list[tuple[str, str]]:
    make(lab, runtime)
    create(lab, runtime)
    lab.shell(after_create)
    seen = [_observe(lab)]
    if after_start:
        start(lab, runtime)
        lab.shell(after_start)
        seen.append(_observe(lab))
    return seen


@pytest.mark.parametrize("id_map", ["auto", "single"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_a_runtime_makes_is_confirmed(in_sandbox: InSandbox, runtime: str, id_map: str) -> None:
    assert in_sandbox(_honest, runtime, "true", "true", id_map=id_map) == [("created", ""), ("running", "")]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_container_without_its_folder_is_still_one(in_sandbox: InSandbox, runtime: str) -> None:
    moved = f"mv {BUNDLE}/rootfs {BUNDLE}/old; rm -r {BUNDLE}/old; mkdir {BUNDLE}/rootfs"
    assert in_sandbox(_honest, runtime, "true", moved)[-1] == ("running", "")
    assert in_sandbox(_honest, runtime, "true", f"rm -r {BUNDLE}")[-1] == ("running", "")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_stub_without_its_fifo_does_not_run(in_sandbox: InSandbox, runtime: str) -> None:
    [(status, refuted)] = in_sandbox(_honest, runtime, f"rm /run/{runtime}/c1/exec.fifo", "")
    assert (status, f"still executes {runtime}" in refuted) == ("running", True)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_new_fifo_makes_nothing_created(in_sandbox: InSandbox, runtime: str) -> None:
    status, refuted = in_sandbox(_honest, runtime, "true", f"mkfifo /run/{runtime}/c1/exec.fifo")[-1]
    assert (status, f"which is not {runtime}" in refuted) == ("created", True)


def _with_a_copy(lab: Lab, runtime: str) -> tuple[str, str]:
    make(lab, runtime)
    lab.shell(f"cp $(command -v {runtime}) /tmp/{runtime}; /tmp/{runtime} create --bundle {BUNDLE} c1")
    return _observe(lab)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_copy_of_the_runtime_is_the_runtime(in_sandbox: InSandbox, runtime: str) -> None:
    assert in_sandbox(_with_a_copy, runtime) == ("created", "")
