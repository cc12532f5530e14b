"""Write docs/labrun.1, the manual page, from the help texts: scripts/make_man.py > docs/labrun.1 (man-pages(7))."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from labrunner import cli

_FILES = """\
.TP
.I $XDG_STATE_HOME/labrun/progress.txt
which steps were passed, when, and with how many hints: plain lines, to be read by people too. Without the variable,
.I ~/.local/state
is taken.
.TP
.I $XDG_STATE_HOME/labrun/labs
what was done in each lab that is under way, so that it can be brought back.
.TP
.I $XDG_RUNTIME_DIR/labrun
the sockets of labs that are under way. Without the variable,
.I /tmp/labrun-UID
is taken.
.TP
.I $XDG_CACHE_HOME/labrun
what was found out once and need not be found out again; it may be removed at any time.
"""
_ENVIRONMENT = """\
.TP
.B LABRUN_PATH
folders with more labs, separated by colons.
.TP
.B NO_COLOR
when it is set, nothing is coloured.
.TP
.B SHELL
the shell that a lab opens, where it is bash or zsh.
"""


def page() -> str:
    """The page, in roff."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    parser = cli._parser([], whole=True)
    yield '.\\" made by scripts/make_man.py'
    yield '.TH LABRUN 1 "" "labrun" "User Commands"'
    yield from (".SH NAME", r"labrun \- containers and Linux networking, step by step, on a real kernel")
    yield from (".SH SYNOPSIS", ".B labrun", ".I COMMAND", "[options]")
    yield from (".SH DESCRIPTION", _escaped(parser.description or ""))
    yield ".SH COMMANDS"
    (commands,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    for name, declared in commands.choices.items():
        yield from _command(name, declared)
    yield from (".SH EXIT STATUS", *_exit_codes(parser.epilog or ""))
    yield from (".SH FILES", _FILES.rstrip(), ".SH ENVIRONMENT", _ENVIRONMENT.rstrip())
    yield from (".SH EXAMPLES", *_examples(parser.epilog or ""))
    yield from (".SH SEE ALSO", ".BR ip (8),", ".BR ip-netns (8),", ".BR namespaces (7),", ".BR runc (8)")


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    arguments = " ".join(_argument(each) for each in parser._actions if not each.option_strings)
    yield f".SS labrun {name} {_escaped(arguments)}".rstrip()
    yield _escaped(parser.description or "")
    for each in parser._actions:
        if each.help is argparse.SUPPRESS or "--help" in each.option_strings:
            continue
        shown = ", ".join(each.option_strings) or (each.metavar or each.dest)
        value = f" {_value(each)}" if each.option_strings and each.nargs != 0 else ""
        yield from (".TP", f".B {_escaped(f'{shown}{value}')}", _escaped(each.help or ""))
    yield from _examples(parser.epilog or "")


def _argument(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return f"[{name}]" if action.nargs in ("?", "*", argparse.REMAINDER) else name


def _value(action: argparse.Action) -> str:
    return str(action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper()))


def _exit_codes(epilog: str) -> Iterator[str]:
    for code, says in re.findall(r"^  (\d+)  (.*)$", epilog.partition("exit codes:")[2], re.MULTILINE):
        yield from (".TP", f".B {code}", _escaped(says))


def _examples(epilog: str) -> Iterator[str]:
    """What stands indented is an example, and is shown as it is; all else is text."""
    for block in epilog.partition("exit codes:")[0].strip("\n").split("\n\n"):
        inside = False
        yield ".PP"
        for line in block.split("\n"):
            if line.startswith("  ") != inside:
                inside = not inside
                yield ".nf" if inside else ".fi"
            yield _escaped(line)
        if inside:
            yield ".fi"


def _escaped(text: str) -> str:
    """Without what roff would take for its own (groff_char(7))."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("`", r"\(ga").replace("…", "...")
    return re.sub(r"^\.", r"\&.", text, flags=re.MULTILINE)


if __name__ == "__main__":
    sys.stdout.write(page())
