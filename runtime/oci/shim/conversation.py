"""A whole conversation: from joining a container or starting a program to its end."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join

from runtime.errors import Missing, Refused
from runtime.oci.shim.console import TerminalConsole
from runtime.oci.shim.line import Line
from runtime.oci.shim.shims import Shims
from runtime.programs import how_to_install, is_there
from runtime.sandbox.handle import Sandbox

_BY_SIGNAL = 128  # what a shell adds to the number of the signal that ended a program (sh(1))


def attach_and_talk(shims: Shims, name: str, lines: Sequence[Line], status: int | None, within: float) -> None:
    """Join the streams of a container, talk, and detach; with a status, wait for its end. Raises Refused."""
    console = shims.console(name)
    try:
        console.talk(lines)
        if status is not None:
            console.wait_for_end(within)
    finally:
        console.close()
    if status is not None:
        console.compare(shims.wait_for_exit(name, within), status)


def run_and_talk(sandbox: Sandbox, argv: Sequence[str], lines: Sequence[Line], status: int | None,
                 within: float) -> None:
    """Start a program on a terminal of its own, talk, and hang up; with a status, wait for its end.

    Raises Refused, and Missing when there is no such program.
    """
    terminal, shown = sandbox.open_terminal(), join(argv)
    console = TerminalConsole(shown, terminal.master)
    try:
        pid = _started(sandbox, terminal.path, argv, shown)
        try:
            console.talk(lines)
            if status is not None:
                console.wait_for_end(within)
        except Refused:
            sandbox.kill(pid)
            raise
    finally:
        console.close()
    ended = sandbox.wait(pid, shown, within)
    if status is not None:
        console.compare(ended if ended >= 0 else _BY_SIGNAL - ended, status)


def _started(sandbox: Sandbox, terminal: str, argv: Sequence[str], shown: str) -> int:
    pid = sandbox.start_on(terminal, argv)
    if not pid and "/" not in argv[0] and not is_there(argv[0]):
        raise Missing(f"{argv[0]} is not installed", f"'{shown}' needs it", how_to_install(argv[0]))
    if not pid:
        raise Refused(f"start {shown}", why=f"{argv[0]} is not there, or is no program", mend=f"ls -l {argv[0]}")
    return pid
