"""labrun goto: go to another step, forward or back."""

from __future__ import annotations

import argparse

from labrunner.lesson.asking import ask


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("step", metavar="STEP", help="its id or its number, as `labrun status` shows them")
    parser.add_argument("--lab", metavar="LAB", default="",
                        help="which lab, when there is more than one: its id, or its number")
    parser.epilog = """\
examples:
  labrun goto bridge               the steps before it are done for you
  labrun goto 2                    back

To go back the lab is made anew, and terminals in it end.
"""


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, "goto", step=options.step)
