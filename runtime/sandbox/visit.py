"""A short visit to a sandbox: the caller stays outside, a forked process goes in and reports."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.sandbox.build import fork
from runtime.sandbox.channel import Channel, Closed
from runtime.sandbox.handle import Sandbox, start


def visit(function: Callable[[Sandbox], Any], kind: str = "auto") -> Any:
    """What `function` returns (JSON) when it is called inside a fresh sandbox with an id map of `kind`.

    Raises what `start` raises, and the Problem that `function` raises.
    """
    here, there = Channel.pair()

    def life() -> None:
        here.close()
        sys.die_with_parent()
        sandbox = start(kind)
        try:
            sandbox.enter()
            there.send({"result": function(sandbox)})
        finally:
            sandbox.stop()

    pid = fork(life, there)
    there.close()
    try:
        return here.expect("result")
    except Closed as closed:
        raise Refused("visit a sandbox", why="the process that went in died without a word") from closed
    finally:
        here.close()
        os.waitpid(pid, 0)
