"""labrun start: begin a lab that one does oneself."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from labrunner.catalogue.catalog import find, origin
from labrunner.cli import (
    EXIT_FAIL,
    EXIT_FAULT,
    EXIT_MISSING,
    EXIT_PASS,
    EXIT_USAGE,
    code_of,
    command,
    parse,
    words_of,
)
from labrunner.errors import UsageError
from labrunner.events import Event, RunEnded
from labrunner.kept.journal import left
from labrunner.kept.keeper import Answer
from labrunner.kept.place import kept
from labrunner.kept.relay import on_terminals
from labrunner.language.about import id_of
from labrunner.language.loading import load
from labrunner.language.variables import variables
from labrunner.lesson.asking import ask
from labrunner.lesson.idle import seconds_of
from labrunner.lesson.rc import KINDS as SHELLS
from labrunner.lesson.rc import own_shell
from labrunner.lesson.standing import Wanted, stand
from labrunner.lesson.teacher import Words
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
    add("--shell", choices=SHELLS, default="", help="the shell in it; yours, where it is one of these")
    add("--end-after", metavar="TIME", default="8h", help="when nothing is done for so long it ends: 30m, 8h, never")
    add("--resume", action="store_true", help="bring back the one that has died, as it was")
    add("--no-shell", action="store_true", help="open no shell in the lab")
    parser.epilog = """\
examples:
  labrun start bridge-network      the first step, and a shell on the lab host
  labrun start nat --no-shell      without a shell; labrun shell opens one
  labrun start nat --resume        after the machine was started anew

and then, there or in another terminal:
  labrun check                     what is true by now?
  labrun hint                      a hint; again for a stronger one
  labrun solve                     let labrun do the step
  labrun status                    how far you are
  labrun diff                      what you have changed in this step
  labrun goto bridge               to that step; back, too: the lab is made anew
  labrun reset                     begin the step anew
and in another terminal:
  labrun watch                     see it change, live
  labrun shell                     one more terminal
  labrun stop                      the end

The lab goes on when the shell ends and when the terminal is closed.
"""


def run(options: argparse.Namespace) -> int:
    """Begin the lab, show its first step, and open a shell. Returns the exit code."""
    wanted = _resumed(options) if options.resume else _wanted(options)
    keeper = str(_begin(wanted))
    if options.resume:
        for gone in left(wanted.lab.about.id):
            gone.forget()
    if source := origin(wanted.lab.about.path):
        print(source)
    ask(keeper, {"ask": "teach"})
    sys.stdout.flush()
    if options.no_shell or not on_terminals():
        return EXIT_PASS
    say("\nA shell on the lab host. In it, or in another terminal: labrun check, labrun hint, labrun stop\n")
    from labrunner.commands import shell

    shell.run(argparse.Namespace(lab=keeper, where="", argv=[]))
    if any(str(each.pid) == keeper for each in kept()):
        say("The lab goes on: labrun shell comes back, labrun stop ends it.\n")
    return EXIT_PASS


def _wanted(options: argparse.Namespace) -> Wanted:
    runtime = options.runtime or preferred()
    lab = load(find(options.lab), {**variables(options.set), "runtime": runtime})
    gone = left(lab.about.id)
    if gone:
        say(f"An earlier try of this lab is no longer under way: {gone[-1].why}.\n"
            f"  next: labrun stop {gone[-1].pid} forgets it; labrun start {lab.about.id} --resume brings it back\n\n")
    return Wanted(lab, options.id_map, tuple(options.set), own_shell(options.shell), seconds_of(options.end_after))


def _resumed(options: argparse.Namespace) -> Wanted:
    """Raises UsageError when there is none."""
    path = find(options.lab)
    gone = [each for each in left(id_of(path)) if each.begun.path == os.path.abspath(path)]
    if not gone:
        raise UsageError(f"there is no lab {id_of(path)} to be brought back", mend=f"labrun start {options.lab}")
    begun = gone[-1].begun
    lab = load(path, {**variables(begun.given), "runtime": begun.runtime})
    return Wanted(lab, begun.id_map, begun.given, own_shell(options.shell or begun.shell),
                  seconds_of(options.end_after), gone[-1].deeds)


def report(events: Iterable[Event], request: dict[str, Any]) -> Answer:
    """Tell events in the way that somebody asked for."""
    out, code = io.StringIO(), EXIT_PASS
    reporter: Reporter = JsonReporter(out) if request.get("json") else LessonReporter(
        out, int(request.get("width", 80)), bool(request.get("colour")), int(request.get("height", 0)))
    for event in events:
        reporter.tell(event)
        code = _CODES[event.outcome] if isinstance(event, RunEnded) else code
    encoding = str(request.get("encoding") or "utf-8")
    return Answer(out.getvalue().encode(encoding, "replace").decode(encoding), code)


def understand(argv: Sequence[str]) -> dict[str, Any] | tuple[int, str, str]:
    """The request that a call of labrun in a lab makes; or its exit code, standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            options = parse(list(argv))
    except SystemExit as ended:  # argparse, after --help or a wrong call
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except UsageError as problem:
        return EXIT_USAGE, "", f"{words_of(problem)}\n"
    asked = getattr(command(options.command), "request", None)
    if asked is None:
        says = f"labrun: `labrun {options.command}` cannot be called in a lab\n  next: call it in another terminal\n"
        return EXIT_USAGE, "", says
    try:
        return dict(asked(options))
    except UsageError as problem:
        return EXIT_USAGE, "", f"{words_of(problem)}\n"


def failed(problem: Problem) -> tuple[str, int]:
    """What is told of a problem in a lab, and its exit code."""
    return f"{words_of(problem)}\n", code_of(problem)


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

        stand(wanted, Words(report, understand, failed), started)
    finally:
        os._exit(0)
