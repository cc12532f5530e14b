"""labrun hint: the next hint for the step that is to be done."""

from __future__ import annotations

import argparse

from labrunner.lesson.asking import ask


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--lab", metavar="LAB", default="",
                        help="which lab, when there is more than one: its id, or its number")
    parser.epilog = """\
examples:
  labrun hint
  labrun hint                      a stronger one, until the last
"""


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, "hint")
