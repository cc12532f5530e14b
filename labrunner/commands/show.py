"""labrun show: what a lab is about, without doing it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from shlex import quote
from textwrap import fill

from labrunner.catalogue.catalog import find
from labrunner.catalogue.index import Listed
from labrunner.catalogue.lacking import Lack, lacking
from labrunner.cli import EXIT_PASS
from labrunner.language.lab import Lab, Step, kernel_needs
from labrunner.language.loading import load
from labrunner.language.variables import Variable, variables
from labrunner.streams import write
from runtime.oci.available import RUNTIMES, preferred

_WIDTH = 80
_WORLDS = {"empty": "a host of its own, with nothing attached",
           "internet": "a host of its own, and a host outside at the other end of its eth0"}


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("lab", metavar="LAB", help="an id from `labrun list`, a folder, or a lab.yaml")
    parser.add_argument("--set", metavar="VAR=VALUE", action="append", default=[],
                        help="another value for a variable of the lab")
    parser.add_argument("--runtime", choices=RUNTIMES, default=None,
                        help="the OCI runtime of its commands; without it runc, or crun where only that is here")
    parser.add_argument("--commands", action="store_true", help="show the commands of each step too")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, commands and all")
    parser.epilog = "examples:\n  labrun show bridge-network\n  labrun show bridge-network --commands\n"


def run(options: argparse.Namespace) -> int:
    """Print what the lab is about. Returns the exit code."""
    lab = load(find(options.lab), {**variables(options.set), "runtime": options.runtime or preferred()})
    lacks = lacking([Listed(lab.about, tuple(sorted(kernel_needs(lab))))])[0]
    if options.json:
        write(sys.stdout, json.dumps(_as_json(lab, lacks), indent=2) + "\n")
        return EXIT_PASS
    _head(lab, lacks)
    for number, step in enumerate(lab.steps, 1):
        _step(number, step, options.commands)
    checks = sum(len(step.checks) for step in lab.steps)
    print(f"\n{_count(len(lab.steps), 'step')}, {_count(checks, 'check')}. Watch it: labrun run {quote(options.lab)}")
    return EXIT_PASS


def _head(lab: Lab, lacks: Sequence[Lack]) -> None:
    about = lab.about
    minutes = [_count(about.minutes, "minute")] if about.minutes else []
    print(f"{about.title}\n{about.id}: {', '.join((about.level, *minutes, *about.topics))}\n")
    if about.summary:
        print(fill(about.summary, _WIDTH), end="\n\n")
    _say("begins with", _WORLDS[lab.world])
    if about.needs:
        _say("needs", ", ".join(about.needs))
    for lack in lacks:
        _say("problem", str(lack))
    for variable in lab.variables.values():
        print(f"variable     {variable.name} = {variable.value}")
        _say("", _described(variable))
    print()


def _say(label: str, text: str) -> None:
    if text:
        print(fill(text, _WIDTH, initial_indent=f"{label:13}", subsequent_indent=" " * 13))


def _described(variable: Variable) -> str:
    """What it is for and what it can be; '' for a text of which nothing is said."""
    kind = f"one of {', '.join(variable.choices)}" if variable.choices else variable.type
    if variable.says:
        return f"{variable.says} ({kind})"
    return "" if kind == "text" else kind


def _step(number: int, step: Step, commands: bool) -> None:
    facts = [f"needs {' and '.join(step.needs)}"] if step.needs else []
    facts += [_count(step.points, "point"), _count(len(step.checks), "check")]
    facts += [_count(len(step.hints), "hint")] if step.hints else []
    print(f"  {number}. {step.title}  [{step.id}]")
    print(fill(", ".join(facts), _WIDTH, initial_indent=" " * 5, subsequent_indent=" " * 5))
    if commands:
        for action in step.actions:
            print(f"       {action.command()}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _as_json(lab: Lab, lacks: Sequence[Lack]) -> dict[str, object]:
    about = lab.about._asdict()
    return {"schema": 1, "lab": about.pop("id"), **about, "world": lab.world,
            "lacks": [lack._asdict() for lack in lacks],
            "variables": [variable._asdict() for variable in lab.variables.values()],
            "steps": [_step_as_json(step) for step in lab.steps]}


def _step_as_json(step: Step) -> dict[str, object]:
    return {"id": step.id, "title": step.title, "teach": step.teach, "points": step.points, "needs": step.needs,
            "commands": [action.command() for action in step.actions],
            "claims": [check.claim() for check in step.checks], "hints": len(step.hints)}
