"""labrun goto: go to another step, forward or back."""

from __future__ import annotations

import argparse
from typing import Any

from labrunner.errors import UsageError
from labrunner.lesson.asking import ask, declare_lab


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("step", metavar="STEP", help="its id or its number, as `labrun status` shows them")
    declare_lab(parser)
    parser.epilog = """\
examples:
  labrun goto bridge               the steps before it are done for you
  labrun goto 2                    back

To go back the lab is made anew, and terminals in it end.
"""


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab. Raises UsageError."""
    if not options.step:
        raise UsageError("goto needs a step", mend="labrun status shows them; labrun reset begins this one anew")
    return {"ask": "goto", "step": options.step}


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, request(options))
