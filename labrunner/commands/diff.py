"""labrun diff: what has changed since the step began."""

from __future__ import annotations

import argparse
from typing import Any

from labrunner.errors import UsageError
from labrunner.lesson.asking import ask, declare_lab


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("--step", metavar="STEP", action="append", default=[],
        help="since that step began, by its id or its number; with a second one, up to when that began")
    add("--json", action="store_true", help="one JSON document on standard output, and nothing else there")
    declare_lab(parser)
    parser.epilog = """\
examples:
  labrun diff                          what you have changed in this step
  labrun diff --step 1                 since the first step began
  labrun diff --step 1 --step bridge   from the first step to the step 'bridge'
"""


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab. Raises UsageError."""
    if len(options.step) > 2:
        raise UsageError("two steps can be compared, and no more", mend="labrun diff --step A --step B")
    return {"ask": "diff", "steps": options.step, "json": options.json}


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, request(options))
