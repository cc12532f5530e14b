"""labrun shell: a terminal in a lab that is kept."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from typing import Any

from labrunner.kept.detaching import Watch
from labrunner.kept.far import Far, FarPipes, FarTerminal
from labrunner.kept.journal import left
from labrunner.kept.place import Kept, connected, meant
from labrunner.kept.relay import on_terminals, own_size, relay
from labrunner.lesson.asking import ask
from labrunner.lesson.explained import Explained
from labrunner.streams import say
from runtime.errors import Problem, Refused
from runtime.sandbox.channel import Channel, Closed

_ENDING = 2.0  # seconds; it takes some hundredths


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("argv", metavar="COMMAND", nargs=argparse.REMAINDER, help="what to run there; without it, a shell")
    add("--in", dest="where", metavar="NAME", default="", help="in this container or network namespace of the lab")
    add("--lab", metavar="LAB", default="", help="which lab, when more than one is kept: its id, or its number")
    parser.epilog = """\
examples:
  labrun run runc-lifecycle --until exec --keep    in one terminal
  labrun shell                                     in another: on the lab host
  labrun shell --in c1                             in the container c1
  labrun shell --in c1 ls -l /proc/1/ns
  labrun shell -- ip -br addr | sort

The exit code is that of the command. See also: labrun attach --help
"""


def run(options: argparse.Namespace) -> int:
    """Run a command there. Returns its exit status."""
    found = meant(options.lab)
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    lesson = False
    while (channel := connected(found)) is not None:
        try:
            opened, far = _open(channel, options.where, argv)
            lesson = lesson or bool(opened.get("lesson"))
            return _relayed(channel, far)
        except BrokenPipeError:  # `labrun shell yes | head -1` has seen enough
            return 0
        except Closed:
            if argv or not on_terminals():
                break
            _teach(found)  # somebody went back, and the lab is made anew
        finally:
            channel.close()
    found.wait_for_end(_ENDING)
    gone = left(str(found.pid))
    if lesson and not gone and not argv:
        say(f"{found.lab} has ended.\n")
        return 0
    raise Refused(f"stay in the lab {found.lab}", why=gone[-1].why if gone else "the lab has ended",
                  mend=f"labrun start {found.lab} --resume brings it back" if gone else "labrun status")


def _open(channel: Channel, where: str, argv: list[str]) -> tuple[dict[str, Any], Far]:
    terminal = on_terminals()
    rows, columns = own_size()
    channel.send({"open": {"in": where, "argv": argv, "terminal": terminal, "rows": rows, "columns": columns,
                           "term": os.environ.get("TERM", "dumb"), "plain": bool(os.environ.get("NO_COLOR"))}})
    message, fds = channel.receive()
    far: Far = FarTerminal(*fds) if terminal else FarPipes(*fds)
    if terminal and message.get("lesson") and not argv:
        far = Explained(far)
    return message, far


def _relayed(channel: Channel, far: Far) -> int:
    try:
        relay(far, Watch(b""), linger=None)
    finally:
        far.close()
    return _status(channel)


def _teach(found: Kept) -> None:
    """Show where one is in a lab that is made anew. Nothing when it has ended."""
    with suppress(Problem):
        ask(str(found.pid), {"ask": "teach"})


def _status(channel: Channel) -> int:
    """128 and the signal's number for a signal, as shells tell it (bash(1), EXIT STATUS)."""
    status = int(channel.expect("ended"))
    return status if status >= 0 else 128 - status
