"""labrun status: which labs are under way, and how far one is."""

from __future__ import annotations

import argparse
import sys
from time import localtime, strftime
from typing import Any

from labrunner.cli import EXIT_PASS
from labrunner.kept.journal import Left, left
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


def request(_options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab, when one is in it."""
    return {"ask": "status"}


def run(options: argparse.Namespace) -> int:
    """Tell of each. Returns the exit code."""
    labs, dead = kept(), left()
    if not labs and not dead:
        print("no lab is under way; begin one: labrun start LAB")
    for each in labs:
        print(f"{each.lab}, number {each.pid}")
        sys.stdout.flush()
        try:
            ask(str(each.pid), request(options))
        except Refused as refused:
            print(f"  {refused.why}")
    for gone in dead:
        print(told(gone))
    return EXIT_PASS


def told(gone: Left) -> str:
    """What there is to say of a lab that has died."""
    began = strftime("%Y-%m-%d %H:%M", localtime(gone.begun.began))
    return (f"{gone.begun.lab}, begun {began}, is no longer under way: {gone.why}\n"
            f"  bring it back: labrun start {gone.begun.lab} --resume\n"
            f"  forget it: labrun stop {gone.pid}")
