"""labrun hint: the next hint for the step that is to be done."""

from __future__ import annotations

import argparse
from typing import Any

from labrunner.lesson.asking import ask, declare_lab


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    declare_lab(parser)
    parser.epilog = """\
examples:
  labrun hint
  labrun hint                      a stronger one, until the last
"""


def request(_options: argparse.Namespace) -> dict[str, Any]:
    """What is asked of the lab."""
    return {"ask": "hint"}


def run(options: argparse.Namespace) -> int:
    """Ask for it. Returns the exit code."""
    return ask(options.lab, request(options))
