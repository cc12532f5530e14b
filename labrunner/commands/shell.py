"""labrun shell: a terminal in a lab that is kept."""

from __future__ import annotations

import argparse
import os

from labrunner.kept.detaching import Watch
from labrunner.kept.far import Far, FarPipes, FarTerminal
from labrunner.kept.place import enter
from labrunner.kept.relay import on_terminals, own_size, relay
from runtime.errors import Refused
from runtime.sandbox.channel import Channel, Closed


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
    channel = enter(options.lab)
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    try:
        terminal = on_terminals()
        rows, columns = own_size()
        channel.send({"open": {"in": options.where, "argv": argv, "terminal": terminal, "rows": rows,
                               "columns": columns, "term": os.environ.get("TERM", "dumb")}})
        _message, fds = channel.receive()
        far: Far = FarTerminal(*fds) if terminal else FarPipes(*fds)
        try:
            relay(far, Watch(b""), linger=None)
        finally:
            far.close()
        return _status(channel)
    except BrokenPipeError:  # `labrun shell yes | head -1` has seen enough
        return 0
    except Closed as closed:
        raise Refused("run a command in the lab", why="the lab has ended", mend="labrun run LAB --keep") from closed


def _status(channel: Channel) -> int:
    """128 and the signal's number for a signal, as shells tell it (bash(1), EXIT STATUS)."""
    status = int(channel.expect("ended"))
    return status if status >= 0 else 128 - status
