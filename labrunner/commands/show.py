"""labrun show: what a lab is about, without doing it."""

from __future__ import annotations

import argparse
from textwrap import fill

from labrunner.catalog import find
from labrunner.cli import EXIT_PASS
from labrunner.lab import Lab
from labrunner.loading import load
from labrunner.variables import variables

_WIDTH = 80
_WORLDS = {"empty": "a host of its own, with nothing attached",
           "internet": "a host of its own, and a host outside at the other end of its eth0"}


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("lab", metavar="LAB", help="an id from `labrun list`, a folder, or a lab.yaml")
    parser.add_argument("--set", metavar="VAR=VALUE", action="append", default=[],
                        help="another value for a variable of the lab")
    parser.add_argument("--commands", action="store_true", help="show the commands of each step too")
    parser.epilog = "examples:\n  labrun show bridge-network\n  labrun show bridge-network --commands\n"


def run(options: argparse.Namespace) -> int:
    """Print what the lab is about. Returns the exit code."""
    lab = load(find(options.lab), variables(options.set))
    _head(lab)
    for number, step in enumerate(lab.steps, 1):
        print(f"  {number}. {step.title}  [{step.id}]")
        if options.commands:
            for action in step.actions:
                print(f"       {action.command()}")
    checks = sum(len(step.checks) for step in lab.steps)
    print(f"\n{len(lab.steps)} steps, {checks} checks. Watch it: labrun run {options.lab}")
    return EXIT_PASS


def _head(lab: Lab) -> None:
    about = lab.about
    minutes = [f"{about.minutes} minutes"] if about.minutes else []
    print(f"{about.title}\n{about.id}: {', '.join((about.level, *minutes, *about.topics))}\n")
    if about.summary:
        print(fill(about.summary, _WIDTH), end="\n\n")
    print(f"begins with  {_WORLDS[lab.world]}")
    for name, value in lab.variables.items():
        print(f"variable     {name} = {value}")
    print()
