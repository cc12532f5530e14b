"""labrun stop: end a lab that is under way."""

from __future__ import annotations

import argparse
import os
import signal
from contextlib import suppress
from typing import Any

from labrunner.cli import EXIT_PASS, tell
from labrunner.errors import UsageError, nearest
from labrunner.kept.family import Family
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
    problems = [problem for each in found if (problem := _ended(each))]
    for gone in dead:
        gone.forget()
        print(f"{gone.begun.lab} is forgotten")
    for problem in problems[1:]:
        tell(problem)
    if problems:
        raise problems[0]
    return EXIT_PASS


def _ended(lab: Kept) -> Refused | None:
    """End a lab and say so. Returns why it has not ended: one that stays must not keep others from being ended."""
    try:
        _end(lab)
    except Refused as problem:
        return problem
    print(f"{lab.lab} has ended")
    return None


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab, when one is in it. Raises UsageError."""
    if options.all or options.lab:
        raise UsageError("in a lab one can stop that one", mend="labrun stop; the others in another terminal")
    return {"ask": "stop"}


def _end(lab: Kept) -> None:
    """Tell the process that keeps it to end, and wait until all of its processes have. Raises Refused."""
    with Family(lab.pid) as processes:
        _ask(lab)
        if not lab.wait_for_end(_ANSWERING):
            with suppress(ProcessLookupError):
                os.kill(lab.pid, signal.SIGTERM)
        left_over = processes.left_after(_SECONDS)
    if left_over:
        pids = " ".join(each.partition(" ")[0] for each in left_over)
        raise Refused(f"end {lab.lab}", why=f"after {_SECONDS:g} s these processes of it are left: "
                      f"{', '.join(left_over)}", mend=f"kill -9 {pids}; then labrun stop again")
    for gone in left(str(lab.pid)):  # it could not be asked; nothing is to be brought back all the same
        gone.forget()


def _ask(lab: Kept) -> None:
    """Ask it to end by itself. One that was only watched is told: nobody answers there."""
    channel = connected(lab)
    if channel is None:
        return
    try:
        channel.send({"ask": "stop"})
        if channel.is_ready(_ANSWERING):
            channel.message()
    except Closed:
        pass
    except Refused:
        with suppress(ProcessLookupError):
            os.kill(lab.pid, signal.SIGTERM)
    finally:
        channel.close()
