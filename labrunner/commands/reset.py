"""labrun reset: begin the step that is to be done anew."""

from __future__ import annotations

import argparse
from typing import Any

from labrunner.lesson.asking import ask, declare_lab


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("step", metavar="STEP", nargs="?", default="", help="another step, by its id or its number")
    declare_lab(parser)
    parser.epilog = """\
examples:
  labrun reset                     the lab as it was when this step began
  labrun reset bridge              as it was when that step began

The lab is made anew, and terminals in it end.
"""


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab."""
    return {"ask": "goto", "step": options.step}


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, request(options))
