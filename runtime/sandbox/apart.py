"""A function carried out in a forked process: whoever joins a sandbox can never leave it (Sandbox.enter)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from runtime import syscalls
from runtime.errors import Refused
from runtime.sandbox.build import fork
from runtime.sandbox.channel import Channel, Closed, pack
from runtime.sandbox.traces import children

SECONDS = 120


class Apart:
    """A call under way in a process of its own, which ends with this one, and after SECONDS at the latest.

    function: returns JSON; a Problem that it raises is raised by `result`.  what: it in words, for an error.
    """

    def __init__(self, function: Callable[[], Any], what: str) -> None:
        self._what = what
        self._here, there = Channel.pair()

        def life() -> None:
            self._here.close()
            syscalls.die_with_parent()
            syscalls.adopt_orphans()
            signal.alarm(SECONDS)
            result = function()
            there.send({"result": result} if not children() else {"problem": pack(_left_behind())})

        self._pid = fork(life, there)
        there.close()

    def fileno(self) -> int:
        """For select(2): readable when it is over."""
        return self._here.fileno()

    def result(self) -> Any:
        """Wait, and return what the function returned. Raises its Problem, or Refused when the process died."""
        try:
            return self._here.expect("result")
        except Closed as closed:
            raise Refused(self._what, why=f"its process died, or did not end within {SECONDS} s",
                          mend="run labrun with --debug") from closed
        finally:
            self._here.close()
            os.waitpid(self._pid, 0)

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._here.close()


def _left_behind() -> Refused:
    return Refused("end the sandbox", why=f"these processes are left: {', '.join(map(str, children()))}",
                   mend="report it: a fault in labrun")


def apart(function: Callable[[], Any], what: str) -> Any:
    """What `function` returns, called in a process of its own. what: it in words, for an error."""
    return Apart(function, what).result()
