"""labrun list: the labs there are."""

from __future__ import annotations

import argparse
import json
import sys

from labrunner.about import About, load_about
from labrunner.catalog import bundled
from labrunner.cli import EXIT_PASS
from labrunner.streams import write


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.epilog = "examples:\n  labrun list\n  labrun list --json\n"


def run(options: argparse.Namespace) -> int:
    """Print the catalogue. Returns the exit code."""
    labs = [load_about(path) for path in bundled().values()]
    if options.json:
        document = {"schema": 1, "labs": [_as_json(about) for about in labs]}
        write(sys.stdout, json.dumps(document, indent=2) + "\n")
        return EXIT_PASS
    width = max((len(about.id) for about in labs), default=0)
    for about in labs:
        print(f"{about.id:{width}}  {about.title}")
        print(f"{'':{width}}  {', '.join(_facts(about))}")
    print("\nwatch one: labrun run LAB    read about one: labrun show LAB")
    return EXIT_PASS


def _facts(about: About) -> list[str]:
    minutes = [f"{about.minutes} minutes"] if about.minutes else []
    return [about.level, *minutes, *about.topics]


def _as_json(about: About) -> dict[str, object]:
    return {**about._asdict(), "topics": list(about.topics)}
