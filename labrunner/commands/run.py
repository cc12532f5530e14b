"""labrun run: watch a lab being done.

The sandbox is begun first, and the rest of labrun is loaded while the kernel makes it: hence the imports in functions.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from labrunner.catalogue.catalog import find
from labrunner.cli import EXIT_FAIL, EXIT_FAULT, EXIT_MISSING, EXIT_PASS, fault
from labrunner.errors import UsageError, nearest
from labrunner.language.variables import variables
from labrunner.streams import say
from runtime.errors import Missing, Problem
from runtime.oci.available import RUNTIMES, preferred
from runtime.sandbox.handle import Starting
from runtime.sandbox.idmap import KINDS

if TYPE_CHECKING:
    from labrunner.kept.place import Door
    from labrunner.language.lab import Lab
    from labrunner.reporters import Reporter
    from labrunner.session import Session

_NETWORKS = ("netlink", "iproute2")
_CODES = {"pass": EXIT_PASS, "fail": EXIT_FAIL, "skip": EXIT_MISSING, "error": EXIT_FAULT}


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("lab", metavar="LAB", help="an id from `labrun list`, a folder, or a lab.yaml")
    add("--until", metavar="STEP", help="stop after this step (its id or its number)")
    add("--pause", action="store_true", help="wait for Enter before each step is done")
    add("--set", metavar="VAR=VALUE", action="append", default=[], help="another value for a variable of the lab")
    add("--network", choices=_NETWORKS, default=_NETWORKS[0],
        help="how steps are done: netlink (labrun's own, needs no tools) or iproute2 (the shown commands, run)")
    add("--runtime", choices=RUNTIMES, default=None,
        help="the OCI runtime of labs with containers; without it runc, or crun where only that is here")
    add("--id-map", choices=KINDS, default=KINDS[0], help="which ids the lab's root has on this machine")
    add("--keep", action="store_true",
        help="keep the lab when it is done, for `labrun shell` and `labrun attach` in other terminals; Ctrl-C ends it")
    add("--json", action="store_true", help="one JSON document on standard output, and nothing else there")
    parser.epilog = """\
examples:
  labrun run bridge-network
  labrun run bridge-network --pause
  labrun run bridge-network --until bridge --set subnet=10.1.0.0/24
  labrun run bridge-network --keep
  labrun run bridge-network --json | python3 -m json.tool
"""


def run(options: argparse.Namespace) -> int:
    """Do the lab and tell of it. Returns the exit code."""
    path, given = find(options.lab), {**variables(options.set), "runtime": options.runtime or preferred()}
    if options.pause and (options.json or not (sys.stdin and sys.stdin.isatty())):
        raise UsageError("--pause needs a terminal to wait for Enter on", mend="leave out --pause")
    starting: Starting | Problem
    try:
        starting = Starting(options.id_map, path)
    except Problem as problem:
        starting = problem  # a wrong lab or step is told first: it can be mended without another machine
    try:
        from labrunner.language.loading import load

        lab = load(path, given)
        until = "" if options.until is None else _step(lab, options)
    except BaseException:
        if isinstance(starting, Starting):
            starting.give_up()
        raise
    return _CODES[_play(lab, starting, until, options)]


def _play(lab: Lab, starting: Starting | Problem, until: str, options: argparse.Namespace) -> str:
    """The outcome of the lab."""
    from labrunner.session import Session

    reporter = _reporter(options)
    outcome = ""
    try:
        if isinstance(starting, Problem):
            raise starting
        door = _door(lab) if options.keep else None
        session = Session(lab, starting.ready(), options.network)
        try:
            for event in session.play(until):
                reporter.tell(event)
                outcome = getattr(event, "outcome", outcome)
            if door:
                _keep(session, door)
        finally:
            session.close()
    except Exception as error:
        problem = error if isinstance(error, Problem) else fault(error)
        reporter.fail(lab.about.id, problem, "skip" if isinstance(problem, Missing) else "error")
        raise
    return outcome


def _door(lab: Lab) -> Door:
    from labrunner.kept.place import Door

    return Door(lab.about.id)


def _keep(session: Session, door: Door) -> None:
    """Wait until it is told to end, and let others in meanwhile."""
    from labrunner.kept.keeper import Keeper

    sys.stdout.flush()
    door.open()
    try:
        say("\nThe lab is kept. In another terminal: labrun shell, labrun shell --in NAME, labrun attach CONTAINER\n"
            "Ctrl-C ends it.\n")
        Keeper(session, door).keep()
    finally:
        door.close()
    say("\nThe lab has ended, and nothing is left behind.\n")


def _reporter(options: argparse.Namespace) -> Reporter:
    if options.json:
        from labrunner.reporters.json import JsonReporter

        return JsonReporter(sys.stdout)
    from labrunner.reporters.terminal import TerminalReporter

    return TerminalReporter(sys.stdout, pause=options.pause)


def _step(lab: Lab, options: argparse.Namespace) -> str:
    """The id of the step that --until means by its id, or by its number from 1. Raises UsageError."""
    wanted = options.until
    ids = [step.id for step in lab.steps]
    if wanted in ids:
        return str(wanted)
    if wanted.isdecimal() and wanted.lstrip("0") in map(str, range(1, len(ids) + 1)):
        return ids[int(wanted) - 1]
    raise UsageError(f"this lab has no step '{wanted}'", nearest(wanted, ids), f"labrun show {options.lab}")
