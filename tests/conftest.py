"""Fixtures for all tests: code that runs as the judge of a fresh, real sandbox."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from runtime.facts.observer import Observer
from runtime.lab_host import LabHost
from runtime.network.netns import Namespaces
from runtime.network.verbs import Network
from runtime.network.world import furnish
from runtime.sandbox.handle import Sandbox, start

settings.register_profile("labrun", deadline=None)  # that would time the machine
settings.load_profile("labrun")


class Lab(NamedTuple):
    """What a test works with, inside `in_sandbox`."""

    sandbox: Sandbox
    namespaces: Namespaces
    host: LabHost
    observer: Observer

    @property
    def network(self) -> Network:
        return self.host.network

    def shell(self, command: str) -> str:
        """Run a shell command inside and return what it printed; it has to succeed."""
        done = self.sandbox.run(["/bin/sh", "-c", command])
        assert done.status == 0, f"{command}: {done.status}\n{done.output}{done.errors}"
        return done.output


class Failed(AssertionError):
    """A test function failed in its own process; this is its traceback."""


@pytest.fixture
def in_sandbox() -> Callable[..., Any]:
    """in_sandbox(function, *arguments, world='empty', id_map='auto').

    Calls function(lab, *arguments) in a forked process that has joined a fresh sandbox, and returns what it returns
    (picklable). An exception there fails the test here.
    """
    return run_in_sandbox


def run_in_sandbox(function: Callable[..., Any], *arguments: Any, world: str = "empty", id_map: str = "auto") -> Any:
    """See the fixture in_sandbox."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _child(write, function, arguments, world, id_map)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    assert data, f"the process of the test died with status {status}"
    good, result = pickle.loads(data)
    if not good:
        raise Failed(result)
    return result


def _child(write: int, function: Callable[..., Any], arguments: tuple[Any, ...], world: str, id_map: str) -> None:
    try:
        outcome = (True, _call(function, arguments, world, id_map))
    except BaseException:  # noqa: BLE001 whatever it is, it is told in the process of the test
        outcome = (False, traceback.format_exc())
    try:
        with os.fdopen(write, "wb") as pipe:
            pipe.write(pickle.dumps(outcome))
    finally:
        os._exit(0)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...], world: str, id_map: str) -> Any:
    sandbox = start(id_map)
    try:
        sandbox.enter()
        namespaces = Namespaces.of_sandbox(sandbox.root)
        host = LabHost(sandbox, namespaces)
        furnish(host.network, world)
        return function(Lab(sandbox, namespaces, host, Observer(namespaces, sandbox.proc)), *arguments)
    finally:
        sandbox.stop()
