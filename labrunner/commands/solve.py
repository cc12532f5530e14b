"""labrun solve: let labrun do the step, and see how."""

from __future__ import annotations

import argparse

from labrunner.lesson.asking import ask


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--json", action="store_true",
                        help="one JSON document on standard output, and nothing else there")
    parser.add_argument("--lab", metavar="LAB", default="",
                        help="which lab, when there is more than one: its id, or its number")
    parser.epilog = """\
examples:
  labrun solve
  labrun solve --json | python3 -m json.tool
"""


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, "solve", json=options.json)
