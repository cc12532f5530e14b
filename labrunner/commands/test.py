"""labrun test: is a lab honest? Its solution works, no step is done before it is done, no mistake goes unnoticed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labrunner.catalogue.catalog import bundled, find
from labrunner.cli import EXIT_FAIL, EXIT_FAULT, EXIT_MISSING, EXIT_PASS, tell
from labrunner.errors import UsageError
from labrunner.honesty.report import Report, examine
from labrunner.honesty.trials import Part
from labrunner.language.loading import load
from labrunner.streams import write
from runtime.oci.available import RUNTIMES, preferred

_CODES = {"error": EXIT_FAULT, "fail": EXIT_FAIL, "skip": EXIT_MISSING, "pass": EXIT_PASS}  # the worst first


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("labs", metavar="LAB", nargs="*",
        help="an id from `labrun list`, a folder, or a lab.yaml; without one, all labs that come with labrun")
    add("--runtime", choices=RUNTIMES, default=None, help="the OCI runtime of labs with containers; without it runc")
    add("--jobs", metavar="N", type=int, default=0, help="how many trials at a time; without it two a core")
    add("--part", metavar="K/N", default="1/1",
        help="only each Nth mistake, from the Kth on: for several machines, or for a quick look")
    add("--json", action="store_true", help="one JSON document on standard output, and nothing else there")
    parser.description = (
        "A lab is done again and again, each time in a fresh sandbox: its solution, which has to pass twice; each step "
        "before it is done, when its checks have to fail; and with every mistake that a learner could make: each "
        "command left out, each of its arguments spoiled, each step without one that it needs. A check has to notice "
        "every mistake, and every check has to fail at some time. The line of each that does not is shown, and the "
        "exit code is 1.")
    parser.epilog = """\
examples:
  labrun test bridge-network
  labrun test ./my-lab
  labrun test ./my-lab --part 1/5      a quick look: each fifth mistake
  labrun test ./my-lab --json | python3 -m json.tool
"""


def run(options: argparse.Namespace) -> int:
    """Carry out the trials and tell of them. Returns the exit code."""
    if options.jobs < 0:
        raise UsageError(f"--jobs cannot be {options.jobs}", mend="leave it out for two a core")
    part = _part(options.part)
    given = {"runtime": options.runtime or preferred()}
    labs = [load(find(each), given) for each in options.labs or bundled()]
    reports = []
    for lab in labs:
        with _progress(lab.about.id, quiet=options.json) as advance:
            reports.append(examine(lab, options.jobs, advance, part))
        if not options.json:
            _print(reports[-1])
    if options.json:
        document = {"schema": 1, "labs": [report.as_json() for report in reports]}
        write(sys.stdout, json.dumps(document, indent=2) + "\n")
    outcomes = {report.outcome for report in reports}
    return next(code for outcome, code in _CODES.items() if outcome in outcomes)


def _part(text: str) -> Part:
    """Raises UsageError for what is none."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 0 < int(number) <= int(of)):
        raise UsageError(f"'{text}' is no part", mend="of three machines the second takes --part 2/3")
    return Part(int(number), int(of))


@contextmanager
def _progress(title: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")))
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # No thread of its own that draws it: what is forked meanwhile would get a copy of whatever that thread has locked.
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)


def _print(report: Report) -> None:
    path = report.lab.about.path
    for result in report.results:
        if result.finding:
            _found(f"{path}:{result.finding.line}: {result.finding.says}", result.finding.mend)
        if result.problem:
            print(f"{path}:{result.trial.line}: {result.trial}: it could not be tried")
            tell(result.problem)
    for each in report.left:
        _found(f"{path}: {each} was not on the machine before", "see who made it; if it was the lab, report it")
    print(f"{report.lab.about.id}: {report.summary()}, in {report.seconds:.1f} s", flush=True)


def _found(says: str, mend: str) -> None:
    print(says)
    if mend:
        print(f"    next: {mend}")
