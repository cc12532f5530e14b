"""The command line: which command is meant, and the exit code of what came of it."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from labrunner import __version__
from runtime.errors import Missing, Problem, Refused

EXIT_PASS, EXIT_FAIL, EXIT_USAGE, EXIT_MISSING, EXIT_FAULT, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130

COMMANDS = {
    "list": "the labs there are",
    "show": "what a lab is about, without doing it",
    "run": "watch a lab being done, step by step, on a real kernel",
    "doctor": "what this machine can do, and what it lacks",
}
_EXAMPLES = """\
examples:
  labrun list                              which labs there are
  labrun show bridge-network               what one of them is about
  labrun run bridge-network                watch it, all at once
  labrun run bridge-network --pause        watch it step by step
  labrun doctor                            does this machine have all it needs?

exit codes: 0 every check passed, 1 a check failed, 2 the call or the lab file is wrong,
3 this machine lacks something, 4 a step could not be carried out, 130 interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Carry out one call and return its exit code. argv: the arguments, without the program's name."""
    arguments = sys.argv[1:] if argv is None else argv
    parser = _parser(arguments)
    options = parser.parse_args(arguments)
    try:
        return int(import_module(f"labrunner.commands.{options.command}").run(options))
    except KeyboardInterrupt:
        print("\nlabrun: interrupted; the sandbox is gone and nothing is left behind", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_FAULT
    except Problem as problem:
        if options.debug:
            raise
        tell(problem)
        return code_of(problem)
    except Exception as error:
        if options.debug:
            raise
        tell(Problem("a fault in labrun", f"{type(error).__name__}: {error}",
                     "run it again with --debug and report what it prints"))
        return EXIT_FAULT


def tell(problem: Problem) -> None:
    """Say on standard error what is wrong, why, and what to do next."""
    print(f"labrun: {problem}", file=sys.stderr)
    if problem.mend:
        print(f"  next: {problem.mend}", file=sys.stderr)


def code_of(problem: Problem) -> int:
    """The exit code that stands for a problem."""
    if isinstance(problem, Missing):
        return EXIT_MISSING
    return EXIT_FAULT if isinstance(problem, Refused) else EXIT_USAGE


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse itself would load shutil to find out, 5 ms at every start."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size(1).columns
        except OSError:
            columns = 80
        super().__init__(prog, width=max(40, min(columns, 100) - 2))


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="labrun", description="Containers and Linux networking, step by step, on a real kernel, without root.",
        epilog=_EXAMPLES, formatter_class=_Help)
    parser.add_argument("--version", action="version", version=f"labrun {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, says in COMMANDS.items():
        command = commands.add_parser(name, help=says, description=says.capitalize() + ".",
                                      formatter_class=_Help)
        if name in arguments:  # the others' options need not be built
            import_module(f"labrunner.commands.{name}").declare(command)
        command.add_argument("--debug", action="store_true", help="show Python's traceback when something goes wrong")
    return parser
