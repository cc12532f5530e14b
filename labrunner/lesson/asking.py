"""A request to the process that keeps a lab, and its answer, on the terminal of whoever asked."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from labrunner.kept.place import enter
from labrunner.streams import write
from runtime.errors import Refused
from runtime.sandbox.channel import Closed

# What looks at the lab and does nothing in it, and the seconds that it may take: some looks at a lab that makes each of
# them as slow as it can (runtime/facts/look.py).
_QUICK, _ANSWERING = ("check", "diff", "hint", "status", "teach"), 60.0


def declare_lab(parser: argparse.ArgumentParser) -> None:
    """The option by which one says which lab is asked."""
    parser.add_argument("--lab", metavar="LAB", default="",
                        help="which lab, when there is more than one: its id, or its number")


def ask(lab: str, request: Mapping[str, Any]) -> int:
    """Ask, print the answer, and return the exit code that it means. lab: see labrunner.kept.place.enter.

    Raises UsageError, Problem.
    """
    channel = enter(lab)
    try:
        channel.send({"json": False, **terminal(), **request})
        if request["ask"] in _QUICK and not channel.is_ready(_ANSWERING):
            raise Refused(f"{request['ask']} the lab", why=f"its judge does not answer within {_ANSWERING:g} s",
                          mend="labrun stop ends the lab")
        message, (fd,) = channel.receive()
    except Closed as closed:
        if request["ask"] == "goto":  # the lab is made anew, and meanwhile one waits at its door
            return ask(lab, {"ask": "teach"})
        raise Refused(f"{request['ask']} the lab", why="it has just ended", mend="labrun status") from closed
    finally:
        channel.close()
    with os.fdopen(fd, encoding="utf-8") as file:
        write(sys.stdout, file.read())
    return int(message["told"])


def terminal() -> dict[str, Any]:
    """How the answer can be shown here."""
    shown = sys.stdout.isatty()
    try:
        width = os.get_terminal_size(1).columns if shown else 80
    except OSError:
        width = 80
    said = os.environ.get("COLUMNS", "")
    return {"width": int(said) if said.isdecimal() else width, "encoding": sys.stdout.encoding,
            "colour": shown and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"}
