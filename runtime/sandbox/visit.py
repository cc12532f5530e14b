"""A short visit to a sandbox: the caller stays outside, a forked process goes in and reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.sandbox.apart import apart
from runtime.sandbox.handle import Sandbox, start


def visit(function: Callable[[Sandbox], Any], kind: str = "auto") -> Any:
    """What `function` returns (JSON) when it is called inside a fresh sandbox with an id map of `kind`.

    Raises what `start` raises, and the Problem that `function` raises.
    """

    def go_in() -> Any:
        sandbox = start(kind)
        try:
            sandbox.enter()
            return function(sandbox)
        finally:
            sandbox.stop()

    return apart(go_in, "visit a sandbox")
