"""labrun watch: see a lab change, live, in a second terminal."""

from __future__ import annotations

import argparse

from labrunner.cli import EXIT_PASS
from labrunner.lesson.asking import declare_lab
from labrunner.lesson.screen import watch


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    declare_lab(parser)
    parser.epilog = """\
examples:
  labrun watch
  labrun watch --lab nat           one of several
  labrun watch > log               each state after the other, without colour

It follows what the kernel tells, whichever program has changed something.
q or Ctrl-C ends it, and not the lab.
"""


def run(options: argparse.Namespace) -> int:
    """Show it until somebody has seen enough, or the lab ends. Returns the exit code."""
    watch(options.lab)
    return EXIT_PASS
