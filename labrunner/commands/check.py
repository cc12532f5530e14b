"""labrun check: what is true by now of the step that is to be done."""

from __future__ import annotations

import argparse
from typing import Any

from labrunner.lesson.asking import ask, declare_lab


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--json", action="store_true",
                        help="one JSON document on standard output, and nothing else there")
    declare_lab(parser)
    parser.epilog = """\
examples:
  labrun check
  labrun check --json | python3 -m json.tool

The exit code is 0 when the step is done, and 1 when something is not true yet.
When it is done, the text of the next step is shown.
"""


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab."""
    return {"ask": "check", "json": options.json}


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, request(options))
