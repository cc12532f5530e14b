"""labrun run: watch a lab being done.

The sandbox is begun first, and the rest of labrun is loaded while the kernel makes it: hence the imports in functions.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from labrunner.catalog import find
from labrunner.cli import EXIT_FAIL, EXIT_FAULT, EXIT_MISSING, EXIT_PASS
from labrunner.errors import UsageError, nearest
from labrunner.variables import variables
from runtime.errors import Missing, Problem
from runtime.sandbox.handle import Starting
from runtime.sandbox.idmap import KINDS

if TYPE_CHECKING:
    from labrunner.lab import Lab
    from labrunner.reporters import Reporter

_NETWORKS = ("netlink", "iproute2")
_CODES = {"pass": EXIT_PASS, "fail": EXIT_FAIL, "skip": EXIT_MISSING, "error": EXIT_FAULT}


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("lab", metavar="LAB", help="an id from `labrun list`, a folder, or a lab.yaml")
    parser.add_argument("--until", metavar="STEP", default="", help="stop after this step (its id or its number)")
    parser.add_argument("--pause", action="store_true", help="wait for Enter before each step is done")
    parser.add_argument("--set", metavar="VAR=VALUE", action="append", default=[], help="another value for a variable of the lab")
    parser.add_argument("--network", choices=_NETWORKS, default=_NETWORKS[0],
                        help="how steps are done: netlink (labrun's own, needs no tools) or iproute2 (the shown commands, run)")
    parser.add_argument("--id-map", choices=KINDS, default=KINDS[0], help="which ids the lab's root has on this machine")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, and nothing else there")
    parser.epilog = """\
examples:
  labrun run bridge-network
  labrun run bridge-network --pause
  labrun run bridge-network --until bridge --set subnet=10.1.0.0/24
  labrun run bridge-network --json | python3 -m json.tool
"""


def run(options: argparse.Namespace) -> int:
    """Do the lab and tell of it. Returns the exit code."""
    path, given = find(options.lab), variables(options.set)
    if options.pause and (options.json or not sys.stdin.isatty()):
        raise UsageError("--pause needs a terminal to wait for Enter on", mend="leave out --pause")
    starting: Starting | Problem
    try:
        starting = Starting(options.id_map)
    except Problem as problem:
        starting = problem  # a wrong lab or step is told first: it can be mended without another machine
    try:
        from labrunner.loading import load

        lab = load(path, given)
        until = _step(lab, options.until) if options.until else ""
    except BaseException:
        if isinstance(starting, Starting):
            starting.give_up()
        raise
    return _CODES[_play(lab, starting, until, options)]


def _play(lab: Lab, starting: Starting | Problem, until: str, options: argparse.Namespace) -> str:
    """The outcome of the lab."""
    from labrunner.session import Session

    reporter = _reporter(options)
    try:
        if isinstance(starting, Problem):
            raise starting
        session = Session(lab, starting.ready(), options.network)
    except Problem as problem:
        reporter.fail(lab.about.id, problem, "skip" if isinstance(problem, Missing) else "error")
        raise
    outcome = ""
    try:
        for event in session.play(until):
            reporter.tell(event)
            outcome = getattr(event, "outcome", outcome)
    finally:
        session.close()
    return outcome


def _reporter(options: argparse.Namespace) -> Reporter:
    if options.json:
        from labrunner.reporters.json import JsonReporter

        return JsonReporter(sys.stdout)
    from labrunner.reporters.terminal import TerminalReporter

    return TerminalReporter(sys.stdout, pause=options.pause)


def _step(lab: Lab, wanted: str) -> str:
    """The id of the step that `wanted` means: an id, or a number from 1. Raises UsageError."""
    ids = [step.id for step in lab.steps]
    if wanted.isdigit() and 1 <= int(wanted) <= len(ids):
        return ids[int(wanted) - 1]
    if wanted not in ids:
        raise UsageError(f"the lab {lab.about.id} has no step '{wanted}'", nearest(wanted, ids))
    return wanted
