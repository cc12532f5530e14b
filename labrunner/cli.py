"""The command line: which command is meant, and the exit code of what came of it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from importlib import import_module
from keyword import iskeyword
from types import ModuleType

from labrunner import __version__, streams
from labrunner.errors import UsageError, nearest
from runtime.errors import Missing, Problem, Refused

EXIT_PASS, EXIT_FAIL, EXIT_USAGE, EXIT_MISSING, EXIT_FAULT, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130

COMMANDS = {
    "list": "the labs there are",
    "show": "what a lab is about, without doing it",
    "start": "begin a lab that you do yourself, step by step",
    "check": "what is true by now of the step that you do",
    "hint": "a hint for the step that you do",
    "solve": "let labrun do the step",
    "goto": "go to another step of the lab that you do",
    "reset": "begin the step anew",
    "diff": "what has changed since the step began",
    "watch": "see a lab change, live, in a second terminal",
    "status": "which labs are under way, and how far",
    "stop": "end a lab that is under way",
    "run": "watch a lab being done, step by step, on a real kernel",
    "shell": "a terminal in a lab that is kept, or in a container of it",
    "attach": "join the streams of a container in a lab that is kept",
    "doctor": "what this machine can do, and what it lacks",
    "new": "begin a lab of your own",
    "record": "type commands, and a lab comes of them",
    "lint": "find what is wrong with a lab, without doing it",
    "test": "prove that the checks of a lab notice every mistake",
    "import": "make a lab of notes in Markdown",
    "completion": "let your shell complete commands, labs and steps",
}
_EXAMPLES = """\
examples:
  labrun list                              which labs there are
  labrun show bridge-network               what one of them is about
  labrun start bridge-network              do it yourself, in a shell of its own
  labrun check                             what of its step is true by now?
  labrun hint                              a hint for it
  labrun run bridge-network                watch it, all at once
  labrun run bridge-network --pause        watch it step by step
  labrun run bridge-network --keep         keep it, and in another terminal ...
  labrun shell                             ... look around in it
  labrun doctor                            does this machine have all it needs?
  labrun new my-lab                        write one yourself
  labrun lint my-lab                       is it written well?
  labrun test my-lab                       does it notice every mistake?

exit codes:
  0  every check passed
  1  a check failed
  2  the call or the lab file is wrong
  3  this machine lacks something
  4  a step could not be carried out, or a fault in labrun
  130  interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Carry out one call and return its exit code. argv: the arguments, without the program's name."""
    arguments = sys.argv[1:] if argv is None else argv
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_DFL, signal.default_int_handler):  # else whoever started labrun wants it ignored
        signal.signal(signal.SIGINT, lambda *_: os._exit(_interrupted(arguments)))
    try:
        return _finished(arguments)
    finally:
        signal.signal(signal.SIGINT, before)


def _finished(arguments: list[str]) -> int:
    """Call, and see to it that the output is written."""
    try:
        streams.prepare()
        code = _call(arguments)
    except KeyboardInterrupt:  # Ctrl-D where Enter was waited for
        code = _interrupted(arguments)
    except SystemExit as ended:  # argparse, after --help or a wrong call
        code = int(ended.code or 0)
    except Exception as error:  # noqa: BLE001 whatever it is, a person is told of it
        code = _failed(error, "--debug" in arguments)
    stuck = streams.stuck()
    if not stuck:
        return code
    streams.let_go()
    if isinstance(stuck, BrokenPipeError):  # `labrun list | head -1` has seen enough: nothing to complain of
        return code
    tell(streams.unwritable(stuck))
    return EXIT_FAULT


def _call(arguments: list[str]) -> int:
    options = parse(arguments)
    return int(command(options.command).run(options))


def parse(arguments: list[str]) -> argparse.Namespace:
    """What a call asks for. Raises UsageError, and SystemExit as argparse does."""
    if "_ARGCOMPLETE" in os.environ:  # it is the shell that asks, how a line could go on
        from labrunner.completing import complete

        complete(_parser([], whole=True))
    wanted = arguments[0] if arguments else ""
    if wanted and not wanted.startswith("-") and wanted not in COMMANDS:  # argparse lists them all, and guesses none
        raise UsageError(f"there is no command '{wanted}'", nearest(wanted, list(COMMANDS)), "labrun --help")
    return _parser(arguments).parse_args(arguments)


def command(name: str) -> ModuleType:
    """The module of a command. That of `import`, a keyword of Python, is called import_."""
    return import_module(f"labrunner.commands.{name}{'_' * iskeyword(name)}")


def _interrupted(arguments: list[str]) -> int:
    """Tell of it and return the exit code.

    Ctrl-C then ends the process at once. A KeyboardInterrupt can come in the middle of anything: Python loses one that
    meets a destructor, and makes a RuntimeError of one that meets the making of a class. The sandbox needs no farewell.
    """
    gone = "; the sandbox ends with it, and nothing is left behind" if {"run", "test"} & {*arguments} else ""
    streams.say(f"\nlabrun: interrupted{gone}\n")
    return EXIT_INTERRUPTED


def _failed(error: Exception, debug: bool) -> int:
    """Tell of what went wrong. Returns the exit code."""
    if debug:
        import traceback

        traceback.print_exc()
    problem = error if isinstance(error, Problem) else fault(error)
    if not streams.stuck():  # else that is what is wrong, and main tells of it
        tell(problem)
    return code_of(problem)


def fault(error: Exception) -> Problem:
    """What to tell of an exception that nobody expected."""
    return Refused("a fault in labrun", why=f"{type(error).__name__}: {error}",
                   mend="run it again with --debug and report what it prints")


def tell(problem: Problem) -> None:
    """Say on standard error what is wrong, why, and what to do next."""
    print(words_of(problem), file=sys.stderr)


def words_of(problem: Problem) -> str:
    """What is wrong, why, and what to do next."""
    return f"labrun: {problem}" + (f"\n  next: {problem.mend}" if problem.mend else "")


def code_of(problem: Problem) -> int:
    """The exit code that stands for a problem."""
    if isinstance(problem, Missing):
        return EXIT_MISSING
    return EXIT_FAULT if isinstance(problem, Refused) else EXIT_USAGE


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse itself would load shutil to find out, 5 ms at every start."""

    def __init__(self, prog: str) -> None:
        said = os.environ.get("COLUMNS", "")
        try:
            columns = int(said) if said.isdecimal() else os.get_terminal_size(1).columns
        except (OSError, ValueError):
            columns = 80
        super().__init__(prog, width=max(40, min(columns, 100)) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """A sentence is wrapped; examples stay as they are."""
        fill = super()._fill_text if "\n" in text else super(argparse.RawDescriptionHelpFormatter, self)._fill_text
        return fill(text, width, indent)


def _parser(arguments: list[str], whole: bool = False) -> argparse.ArgumentParser:
    """whole: with the options of all commands, and not only of the one that is called."""
    parser = argparse.ArgumentParser(
        prog="labrun", description="Containers and Linux networking, step by step, on a real kernel, without root.",
        epilog=_EXAMPLES, formatter_class=_Help, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"labrun {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in arguments[:1] if COMMANDS.keys() & arguments[:1] else COMMANDS:  # the others need not be built
        declared = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name].capitalize() + ".",
                                       formatter_class=_Help, allow_abbrev=False)
        if whole or name in arguments:
            command(name).declare(declared)
        declared.add_argument("--debug", action="store_true", help="show Python's traceback when something goes wrong")
    return parser
