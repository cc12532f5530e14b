"""labrun start: begin a lab that one does oneself."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

from labrunner.catalogue.catalog import find
from labrunner.cli import EXIT_FAIL, EXIT_FAULT, EXIT_MISSING, EXIT_PASS
from labrunner.events import Event, RunEnded
from labrunner.kept.keeper import Answer
from labrunner.kept.relay import on_terminals
from labrunner.language.loading import load
from labrunner.language.variables import variables
from labrunner.lesson.asking import ask
from labrunner.lesson.standing import Wanted, stand
from labrunner.reporters import Reporter
from labrunner.reporters.json import JsonReporter
from labrunner.reporters.lesson import LessonReporter
from labrunner.streams import say
from runtime.errors import Problem, Refused
from runtime.oci.available import RUNTIMES, preferred
from runtime.sandbox.channel import Channel, Closed, pack
from runtime.sandbox.idmap import KINDS

_CODES = {"pass": EXIT_PASS, "fail": EXIT_FAIL, "skip": EXIT_MISSING, "error": EXIT_FAULT}


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("lab", metavar="LAB", help="an id from `labrun list`, a folder, or a lab.yaml")
    add("--set", metavar="VAR=VALUE", action="append", default=[], help="another value for a variable of the lab")
    add("--runtime", choices=RUNTIMES, default=None, help="the OCI runtime of labs with containers")
    add("--id-map", choices=KINDS, default=KINDS[0], help="which ids the lab's root has on this machine")
    add("--no-shell", action="store_true", help="open no shell in the lab")
    parser.epilog = """\
examples:
  labrun start bridge-network      the first step, and a shell on the lab host
  labrun start nat --no-shell      without a shell; labrun shell opens one

and then, there or in another terminal:
  labrun check                     what is true by now?
  labrun hint                      a hint; again for a stronger one
  labrun solve                     let labrun do the step
  labrun status                    how far you are
  labrun goto bridge               to that step; back, too: the lab is made anew
  labrun reset                     begin the step anew
  labrun shell                     one more terminal
  labrun stop                      the end

The lab goes on when the shell ends and when the terminal is closed.
"""


def run(options: argparse.Namespace) -> int:
    """Begin the lab, show its first step, and open a shell. Returns the exit code."""
    lab = load(find(options.lab), {**variables(options.set), "runtime": options.runtime or preferred()})
    keeper = str(_begin(Wanted(lab, options.id_map, "netlink")))
    ask(keeper, "teach")
    sys.stdout.flush()
    if options.no_shell or not on_terminals():
        return EXIT_PASS
    say("\nA shell on the lab host. In another terminal: labrun check, labrun hint, labrun stop\n")
    from labrunner.commands import shell

    shell.run(argparse.Namespace(lab=keeper, where="", argv=[]))
    say("The lab goes on: labrun shell comes back, labrun stop ends it.\n")
    return EXIT_PASS


def report(events: Iterable[Event], request: dict[str, Any]) -> Answer:
    """Tell events in the way that somebody asked for."""
    out, code = io.StringIO(), EXIT_PASS
    reporter: Reporter = JsonReporter(out) if request.get("json") else LessonReporter(
        out, int(request.get("width", 80)), bool(request.get("colour")))
    for event in events:
        reporter.tell(event)
        code = _CODES[event.outcome] if isinstance(event, RunEnded) else code
    encoding = str(request.get("encoding") or "utf-8")
    return Answer(out.getvalue().encode(encoding, "replace").decode(encoding), code)


def _begin(wanted: Wanted) -> int:
    """Start the standing process. Returns its PID when the lab is there. Raises Problem."""
    here, there = Channel.pair()
    sys.stdout.flush(), sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        here.close()
        _stand(wanted, there)
    there.close()
    os.waitpid(pid, 0)  # it has only left this terminal's session
    try:
        return int(here.expect("standing"))
    except Closed as closed:
        raise Refused("start the lab", why="its process died", mend="labrun run LAB --debug") from closed
    finally:
        here.close()


def _stand(wanted: Wanted, above: Channel) -> None:
    """In a session of its own, with no terminal; never returns (daemon(7))."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os.chdir("/")

        def started(problem: Problem | None) -> None:
            above.send({"problem": pack(problem)} if problem else {"standing": os.getpid()})

        stand(wanted, report, started)
    finally:
        os._exit(0)
