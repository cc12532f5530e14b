"""labrun stop: end a lab that is under way."""

from __future__ import annotations

import argparse
import os
import select
import signal
from contextlib import suppress

from labrunner.cli import EXIT_PASS
from labrunner.errors import UsageError, nearest
from labrunner.kept.place import Kept, kept
from runtime.errors import Refused

_SECONDS = 10.0  # it takes a tenth


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
    if not found and not options.all:
        what = f"the lab '{options.lab}' is not under way" if options.lab else "no lab is under way"
        known = nearest(options.lab, [each.lab for each in labs]) if options.lab else ""
        raise UsageError(what, known, "labrun status")
    if len(found) > 1 and not options.all:
        shown = ", ".join(f"{each.lab} ({each.pid})" for each in found)
        raise UsageError(f"more than one lab is under way: {shown}", mend="say which, or --all")
    for each in found:
        _end(each)
        print(f"{each.lab} has ended")
    return EXIT_PASS


def _end(lab: Kept) -> None:
    """Tell the process that keeps it to end, and wait until it has. Raises Refused."""
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(lab.pid)
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGTERM)
            if not select.select([pidfd], [], [], _SECONDS)[0]:
                raise Refused(f"end {lab.lab}", why=f"it has not ended within {_SECONDS:g} s",
                              mend=f"kill -9 {lab.pid}")
        finally:
            os.close(pidfd)
