"""labrun reset: begin the step that is to be done anew."""

from __future__ import annotations

import argparse

from labrunner.lesson.asking import ask


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("step", metavar="STEP", nargs="?", default="", help="another step, by its id or its number")
    parser.add_argument("--lab", metavar="LAB", default="",
                        help="which lab, when there is more than one: its id, or its number")
    parser.epilog = """\
examples:
  labrun reset                     the lab as it was when this step began
  labrun reset bridge              as it was when that step began

The lab is made anew, and terminals in it end.
"""


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, "goto", step=options.step)
