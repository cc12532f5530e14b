"""A sandbox that a test talks to, as any user of the machine, with the runtime of the installed labrun."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, NamedTuple

from runtime.sandbox.handle import Completed
from tests.system.accounts import User, start_as

_DRIVER = """
import json, sys
from runtime.errors import Problem
from runtime.sandbox.handle import start

def tell(message):
    print(json.dumps(message), flush=True)

sandbox = start(*sys.argv[1:])
sandbox.enter()
tell({"pid": sandbox.pid})
for line in sys.stdin:
    try:
        tell({"completed": sandbox.run(**json.loads(line))})
    except Problem as problem:
        tell({"problem": str(problem)})
sandbox.stop()
"""


# Programs inherit what their parent did with signals (execve(2)); nothing of it may come inside.
_IN_BAD_COMPANY = ("env", "--block-signal=CHLD,USR1", "--ignore-signal=HUP,QUIT,CHLD")


class Problem(Exception):
    """What `Sandbox.run` raised, in words."""


class Inside(NamedTuple):
    """The way into a sandbox. pid: its PID 1, as the machine numbers it. python: one that can import runtime."""

    user: User
    id_map: str
    pid: int
    python: Path
    driver: Popen[str]

    def run(self, *argv: str | Path, **options: Any) -> Completed:
        """Sandbox.run. Raises Problem."""
        answer = _ask(self.driver, {"argv": [str(each) for each in argv], "timeout": 20, **options})
        if "problem" in answer:
            raise Problem(answer["problem"])
        return Completed(*answer["completed"])

    def shell(self, command: str, **options: Any) -> Completed:
        """A shell command. Raises Problem."""
        return self.run("/bin/sh", "-c", command, **options)

    def output(self, command: str) -> str:
        """What a shell command prints; it has to succeed and to say nothing on standard error."""
        done = self.shell(command)
        assert (done.status, done.errors) == (0, ""), f"{command}: {done}"
        return done.output.strip()

    def script(self, code: str) -> str:
        """A shell command that runs Python code."""
        return shlex.join([str(self.python), "-I", "-c", code])


@contextmanager
def inside(user: User, id_map: str, python: Path, **options: Any) -> Iterator[Inside]:
    """A sandbox of `user`, and its end. options go to start_as."""
    with started(user, id_map, python, _IN_BAD_COMPANY, **options) as running:
        yield running
        assert running.driver.stdin
        running.driver.stdin.close()
        assert running.driver.wait(20) == 0


@contextmanager
def started(user: User, id_map: str, python: Path, wrapper: Sequence[str] = (), lab_file: Path | None = None,
            **options: Any) -> Iterator[Inside]:
    """The same, and its driver is killed at the end, if it has not ended by then.

    wrapper: a command that starts it.  lab_file: of the lab, whose folder can be read inside.
    """
    argv: list[str | Path] = [*wrapper, python, "-I", "-c", _DRIVER, id_map, *([lab_file] if lab_file else ())]
    with start_as(user, argv, stdin=PIPE, stdout=PIPE, **{"cwd": "/"} | options) as driver:
        try:
            yield Inside(user, id_map, _answer(driver)["pid"], python, driver)
        finally:
            driver.kill()


def _ask(driver: Popen[str], request: dict[str, Any]) -> dict[str, Any]:
    assert driver.stdin
    driver.stdin.write(json.dumps(request) + "\n")
    driver.stdin.flush()
    return _answer(driver)


def _answer(driver: Popen[str]) -> dict[str, Any]:
    assert driver.stdout
    line = driver.stdout.readline()
    assert line, f"the driver has died; exit code {driver.wait(20)}"
    return dict(json.loads(line))
