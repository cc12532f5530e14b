"""labrun completion: what a shell needs to complete labrun's commands, options, labs and steps."""

from __future__ import annotations

import argparse
import sys

from labrunner.cli import EXIT_PASS
from labrunner.completing import script
from labrunner.streams import write


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
    parser.epilog = """\
examples:
  labrun completion bash >> ~/.bashrc
  labrun completion zsh > ~/.zfunc/_labrun       in a folder of $fpath
  labrun completion fish > ~/.config/fish/completions/labrun.fish

From a checkout, labrun has to be found by its name:
  ln -s $PWD/labrun ~/.local/bin/
"""


def run(options: argparse.Namespace) -> int:
    """Print it. Returns the exit code."""
    write(sys.stdout, script(options.shell))
    return EXIT_PASS
