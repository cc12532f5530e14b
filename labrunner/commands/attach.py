"""labrun attach: join the streams of a container in a lab that is kept."""

from __future__ import annotations

import argparse
import socket

from labrunner.kept.detaching import DEFAULT, Watch, parse
from labrunner.kept.far import FarContainer
from labrunner.kept.place import enter
from labrunner.kept.relay import LINGER, on_terminals, relay, say
from runtime.errors import Problem, Refused
from runtime.oci.shim.attached import Attached
from runtime.sandbox.channel import Channel, Closed


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("container", metavar="CONTAINER", help="the container, or a session of exec; it has to have a shim")
    add("--detach-keys", metavar="K", default=DEFAULT, help=f"how to leave it without ending it: {DEFAULT}")
    add("--lab", metavar="LAB", default="", help="which lab, when more than one is kept: its id, or its number")
    parser.epilog = """\
examples:
  labrun run attach-vs-exec --until shim --keep    in one terminal
  labrun attach c1                                 in another
  labrun attach c1 --detach-keys ctrl-a,d
  echo ls | labrun attach c1

All who are attached share one input and one output: that of the container's
first process. When that ends the exit code is its status; after detaching it
is 0. What comes from a file or a pipe is over when nothing has been printed for
a second after it. A program of your own there: labrun shell --in CONTAINER
"""


def run(options: argparse.Namespace) -> int:
    """Join a container. Returns its exit status, 0 after detaching."""
    watch, channel = Watch(parse(options.detach_keys)), enter(options.lab)
    try:
        return _attach(options, watch, channel)
    except BrokenPipeError:  # `labrun shell yes | head -1` has seen enough
        return 0
    except Closed as closed:
        raise Refused(f"attach to {options.container}", why="the lab has ended",
                      mend="labrun run LAB --keep") from closed


def _attach(options: argparse.Namespace, watch: Watch, channel: Channel) -> int:
    name = options.container
    channel.send({"attach": name})
    message, (fd,) = channel.receive()

    def resized(rows: int, columns: int) -> None:
        channel.send({"resize": [name, rows, columns]})
        channel.receive()

    far = FarContainer(Attached(socket.socket(fileno=fd)), message["terminal"], resized)
    if on_terminals():
        say(f"attached to {name}; {options.detach_keys or 'no keys'} to leave it")
    try:
        outcome = relay(far, watch, None if on_terminals() else LINGER)
    finally:
        far.close()
    if outcome == "detached":
        say(f"detached from {name}; it goes on") if on_terminals() else None
        return 0
    return _ended(channel, name)


def _ended(channel: Channel, name: str) -> int:
    """Tell how it ended. Raises Refused when nobody knows."""
    channel.send({"exit_of": name})
    try:
        status = int(channel.expect("status"))
    except Problem as problem:
        raise Refused(f"tell how {name} ended", why=str(problem), mend="its shim may have been killed") from problem
    if on_terminals():
        say(f"{name} has ended with {status}")
    return status
