"""labrun new: begin a lab of your own."""

from __future__ import annotations

import argparse
import os
import shlex

from labrunner.catalogue.catalog import catalogue
from labrunner.cli import EXIT_PASS
from labrunner.errors import UsageError
from labrunner.lab_file import schema_line, write_lab
from labrunner.language.about import LAB_FILE

_TEMPLATE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "new_lab.yaml")
_LONGEST = 60
_LETTERS = set("abcdefghijklmnopqrstuvwxyz0123456789-")


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("id", metavar="ID", help="its name: small letters, digits and -, as in veth-pairs")
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=".",
                        help="where its folder is made; without it, here")
    parser.add_argument("--force", action="store_true", help="write over the lab.yaml that is there")
    parser.epilog = "examples:\n  labrun new my-lab\n  labrun new my-lab ~/labs\n"


def run(options: argparse.Namespace) -> int:
    """Write a lab that passes. Returns the exit code."""
    refuse_name(options.id)
    folder = os.path.join(options.folder, options.id)
    path = os.path.join(folder, LAB_FILE)
    refuse_twin(options.id, path)
    if os.path.lexists(folder) and not options.force:
        raise UsageError(f"{folder} exists already", mend="choose another name; or write its lab.yaml anew: --force")
    write_lab(path, _text(options.id))
    shown = folder.removeprefix("./")
    shown = shlex.quote(shown if "/" in shown else f"./{shown}")
    print(f"{path.removeprefix('./')} is a lab that passes. Change it to the one you have in mind.\n"
          f"  next: labrun run {shown}     watch it\n"
          f"        labrun lint {shown}    is it written well?\n"
          f"        labrun test {shown}    does it notice every mistake?")
    return EXIT_PASS


def refuse_name(name: str) -> None:
    """Raises UsageError for what cannot be the name of a lab."""
    if name.startswith("-") or not name or not set(name) <= _LETTERS or len(name) > _LONGEST:
        raise UsageError(f"'{name[:2 * _LONGEST]}' cannot be the name of a lab",
                         f"it has small letters, digits and - after the first, {_LONGEST} at most", "labrun new my-lab")


def refuse_twin(name: str, path: str) -> None:
    """Two labs of the catalogue cannot have one id: `labrun run ID` would not know which is meant."""
    for other in catalogue().labs.get(name, ()):
        if os.path.realpath(other) != os.path.realpath(path):
            raise UsageError(f"there is a lab '{name}' already", other, "choose another name")


def _text(name: str) -> str:
    """The lab with its own name in it, and for editors the place of the schema that completes and checks it."""
    with open(_TEMPLATE, encoding="utf-8") as file:
        text = file.read()
    return schema_line() + text.replace("new-lab", name).replace("New lab", name.replace("-", " ").strip().capitalize())
