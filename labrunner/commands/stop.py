"""labrun stop: end a lab that is under way."""

from __future__ import annotations

import argparse
import os
import select
import signal
from contextlib import suppress
from typing import Any

from labrunner.cli import EXIT_PASS
from labrunner.errors import UsageError, nearest
from labrunner.kept.journal import left
from labrunner.kept.place import Kept, connected, kept
from runtime.errors import Refused
from runtime.sandbox.channel import Closed

_SECONDS, _ANSWERING = 10.0, 2.0  # it takes a tenth


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("lab", metavar="LAB", nargs="?", default="", help="which, when there is more than one: its id, or its number")
    add("--all", action="store_true", help="all that are under way")
    parser.epilog = """\
examples:
  labrun stop
  labrun stop --all
"""


def run(options: argparse.Namespace) -> int:
    """End it, or them. Returns the exit code."""
    labs = kept()
    found = labs if options.all else [each for each in labs if options.lab in ("", each.lab, str(each.pid))]
    dead = left(options.lab) if options.all or not found else []
    if not found and not dead and not options.all:
        what = f"the lab '{options.lab}' is not under way" if options.lab else "no lab is under way"
        known = nearest(options.lab, [each.lab for each in labs]) if options.lab else ""
        raise UsageError(what, known, "labrun status")
    if len(found) > 1 and not options.all:
        shown = ", ".join(f"{each.lab} ({each.pid})" for each in found)
        raise UsageError(f"more than one lab is under way: {shown}", mend="say which, or --all")
    for each in found:
        _end(each)
        print(f"{each.lab} has ended")
    for gone in dead:
        gone.forget()
        print(f"{gone.begun.lab} is forgotten")
    return EXIT_PASS


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab, when one is in it. Raises UsageError."""
    if options.all or options.lab:
        raise UsageError("in a lab one can stop that one", mend="labrun stop; the others in another terminal")
    return {"ask": "stop"}


def _end(lab: Kept) -> None:
    """Tell the process that keeps it to end, and wait until it has. Raises Refused."""
    _ask(lab)
    if not lab.wait_for_end(_ANSWERING):
        with suppress(ProcessLookupError):
            os.kill(lab.pid, signal.SIGTERM)
    if not lab.wait_for_end(_SECONDS):
        raise Refused(f"end {lab.lab}", why=f"it has not ended within {_SECONDS:g} s", mend=f"kill -9 {lab.pid}")
    for gone in left(str(lab.pid)):  # it could not be asked; nothing is to be brought back all the same
        gone.forget()


def _ask(lab: Kept) -> None:
    """Ask it to end by itself. One that was only watched is told: nobody answers there."""
    channel = connected(lab)
    if channel is None:
        return
    try:
        channel.send({"ask": "stop"})
        if select.select([channel], [], [], _ANSWERING)[0]:
            channel.receive()
    except Closed:
        pass
    except Refused:
        with suppress(ProcessLookupError):
            os.kill(lab.pid, signal.SIGTERM)
    finally:
        channel.close()
