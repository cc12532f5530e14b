"""labrun record: type commands, and a lab comes of them."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys

from labrunner.cli import EXIT_FAIL, EXIT_PASS
from labrunner.commands.new import refuse_name, refuse_twin
from labrunner.errors import UsageError
from labrunner.kept.relay import on_terminals
from labrunner.language.about import LAB_FILE
from labrunner.lesson.rc import KINDS, own_shell
from labrunner.recording.keeping import Wanted, keep
from labrunner.streams import say
from runtime.errors import Refused
from runtime.network.world import WORLDS
from runtime.sandbox.channel import Channel, Closed


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("id", metavar="ID", help="the name of the lab: small letters, digits and -, as in veth-pairs")
    add("folder", metavar="FOLDER", nargs="?", default=".", help="where its folder is made; without it, here")
    add("--world", choices=sorted(WORLDS), default="internet", help="what there is at the start")
    add("--shell", choices=KINDS, default="", help="the shell; yours, where it is one of these")
    add("--force", action="store_true", help="write over the lab.yaml that is there")
    parser.description = ("Open a shell on a lab host and make a lab of what is typed in it: a step for each command "
                          "that changes something, with checks of what has changed.")
    parser.epilog = """\
examples:
  labrun record my-lab                 type the commands; exit ends it
  labrun record my-lab --world empty   without an interface that leads out
  labrun test my-lab                   then: does it notice every mistake?

Checked is what is the same each time: names, addresses, routes, rules. Never
MAC addresses, numbers of interfaces, PIDs or counters. What only looks, as ping
or `ip addr`, is no step. After `ip netns exec NAME bash` what you type in there
counts, too; in sh, or in a shell inside a container, it does not.
"""


def run(options: argparse.Namespace) -> int:
    """Record. Returns the exit code."""
    refuse_name(options.id)
    path = os.path.join(options.folder, options.id, LAB_FILE)
    refuse_twin(options.id, path)
    if os.path.lexists(path) and not options.force:
        raise UsageError(f"{path} exists already", mend="choose another name; or write over it: --force")
    if not on_terminals():
        raise UsageError("a lab is recorded at a terminal", "somebody has to type it",
                         "labrun import NOTES.md makes one of commands that are written down")
    written = _recorded(options, path)
    if not written:
        say("Nothing was recorded: no command has changed anything that a lab could check.\n")
        return EXIT_FAIL
    shown = shlex.quote(os.path.dirname(path).removeprefix("./"))
    shown = shown if "/" in shown else f"./{shown}"
    say("MAC addresses, numbers of interfaces, PIDs and counters are in no check: they differ each time.\n")
    print(f"{path.removeprefix('./')}: say in it what each step is about, and give hints.\n"
          f"  next: labrun test {shown}    does it notice every mistake?")
    return EXIT_PASS


def _recorded(options: argparse.Namespace, path: str) -> bool:
    """Whether a lab was written. Raises Problem."""
    from labrunner.commands import shell

    here, there = Channel.pair()
    sys.stdout.flush(), sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        here.close()
        keep(Wanted(options.id, path, options.world, own_shell(options.shell)), there)
    there.close()
    try:
        here.expect("ready")
        say("A lab host. Each command that changes something becomes a step; exit ends the recording.\n")
        shell.run(argparse.Namespace(lab=str(pid), where="", argv=[]))
    except Closed as closed:
        raise Refused("record a lab", why="its process died", mend="record it again with --debug") from closed
    finally:
        here.close()
        os.kill(pid, signal.SIGTERM)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code == EXIT_PASS
