"""labrun status: which labs are under way, and how far one is."""

from __future__ import annotations

import argparse
import sys

from labrunner.cli import EXIT_PASS
from labrunner.kept.place import kept
from labrunner.lesson.asking import ask
from runtime.errors import Refused


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.epilog = """\
examples:
  labrun status
  labrun stop 4711                 one of them, by its number
"""


def run(_options: argparse.Namespace) -> int:
    """Tell of each. Returns the exit code."""
    labs = kept()
    if not labs:
        print("no lab is under way; begin one: labrun start LAB")
    for each in labs:
        print(f"{each.lab}, number {each.pid}")
        sys.stdout.flush()
        try:
            ask(str(each.pid), "status")
        except Refused:
            print("  kept by labrun run")
    return EXIT_PASS
