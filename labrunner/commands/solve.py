"""labrun solve: let labrun do the step, and see how."""

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
  labrun solve
  labrun solve --json | python3 -m json.tool
"""


def request(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab."""
    return {"ask": "solve", "json": options.json}


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, request(options))
