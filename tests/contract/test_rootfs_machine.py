"""The embedded root file system: of busybox, and of the machine's own shell and tools where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checks.language.check import Verdict
from labrunner.catalogue.catalog import bundled
from labrunner.language.loading import load
from labrunner.session import Session
from runtime.oci.rootfs import machine
from runtime.sandbox.apart import apart
from runtime.sandbox.handle import start
from tests.bundles import make
from tests.conftest import Lab

InSandbox = Callable[..., Any]


@pytest.mark.parametrize(("program", "static"), [
    ("/usr/bin/busybox", True), ("/sbin/ldconfig", True), ("/bin/ls", False), ("/etc/passwd", False), ("/none", False),
    ("/", False)])
def test_what_is_static(program: str, static: bool) -> None:
    assert machine.is_static(program) is static


@pytest.mark.parametrize("head", [b"", b"\x7fELF", b"\x7fELF\x09" + bytes(100), b"\x7fELF\x02" + bytes(20),
                                  b"\x7fELF\x02" + b"\xff" * 100])
def test_what_only_looks_like_a_program(head: bytes, tmp_path: Any) -> None:
    (tmp_path / "x").write_bytes(head)
    assert machine.is_static(str(tmp_path / "x")) in (True, False)


def _no_busybox() -> None:
    found = machine.where
    machine.where = lambda program: "" if program == "busybox" else found(program)


def _said(lab: Lab, rootfs: str) -> str:
    make(lab, args='"sh", "-c", "id -u; hostname; ls -d /bin; cat /proc/1/comm; true"')
    lab.shell("rm -r /tmp/c1/rootfs")
    lab.host.shell(machine.command("/tmp/c1/rootfs"))
    assert (lab.sandbox.run(["test", "-e", "/tmp/c1/rootfs/bin/busybox"]).status == 0) is (rootfs == "busybox")
    return lab.shell("runc run --bundle /tmp/c1 c1")


@pytest.mark.parametrize("id_map", ["auto", "single"])
def test_a_shell_runs_in_it(in_sandbox: InSandbox, id_map: str) -> None:
    assert in_sandbox(_said, "busybox", id_map=id_map) == "0\nrunc\n/bin\nsh\n"


@pytest.mark.parametrize("id_map", ["auto", "single"])
def test_a_shell_runs_in_that_of_the_machines_own_tools(in_sandbox: InSandbox, id_map: str) -> None:
    assert in_sandbox(_said_without_busybox, id_map=id_map) == "0\nrunc\n/bin\nsh\n"


def _said_without_busybox(lab: Lab) -> str:
    _no_busybox()
    return _said(lab, "tools")


@pytest.mark.parametrize("name", ["runc-lifecycle", "oci-bundle", "container-network"])
def test_the_labs_pass_without_busybox(name: str) -> None:
    assert apart(lambda: _play_without_busybox(name), "play a lab without busybox") == []


def _play_without_busybox(name: str) -> list[str]:
    """What does not pass."""
    _no_busybox()
    session = Session(load(bundled()[name]), start())
    try:
        return [str(event) for event in session.play() if _is_bad(event)]
    finally:
        session.close()


def _is_bad(event: Any) -> bool:
    verdict = getattr(event, "verdict", None)
    return bool(getattr(event, "problem", None)) or (isinstance(verdict, Verdict) and verdict.outcome != "pass")
