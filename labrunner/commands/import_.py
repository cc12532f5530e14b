"""labrun import: notes in Markdown become a lab."""

from __future__ import annotations

import argparse
import os
import shlex
import sys

from labrunner.cli import EXIT_PASS
from labrunner.errors import UsageError
from labrunner.lab_file import schema_line, write_lab
from labrunner.language.about import LAB_FILE
from labrunner.streams import write

_LARGEST_LAB = 1 << 20


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("notes", metavar="NOTES.md", help="notes in Markdown, with commands in code")
    parser.add_argument("-o", "--output", metavar="LAB",
                        help="where the lab is written: a folder, or a file NAME.yaml; without it, to the screen")
    parser.add_argument("--force", action="store_true", help="write over the lab that is there")
    parser.description = ("Make a lab of notes in Markdown. Nothing of the notes is run. What is left out of them, and "
                          "why, is told on standard error.")
    parser.epilog = """\
examples:
  labrun import notes.md                   see the lab that they become
  labrun import notes.md -o labs/bridge    write labs/bridge/lab.yaml
  labrun run labs/bridge                   then watch it
"""


def run(options: argparse.Namespace) -> int:
    """Write the lab, and tell what became of the notes. Returns the exit code."""
    from labrunner.importing.drafting import draft
    from labrunner.importing.notes import read_notes
    from labrunner.importing.report import report
    from labrunner.importing.writing import lab_text

    path = _path(options.output) if options.output else ""
    if path and os.path.lexists(path) and not options.force:
        raise UsageError(f"{path} exists already", mend="choose another name; or write over it: --force")
    made = draft(read_notes(options.notes))
    text = schema_line() + lab_text(made)
    if len(text.encode()) > _LARGEST_LAB:
        raise UsageError(f"the lab would be larger than {_LARGEST_LAB >> 20} MiB", "a lab is a few pages of text",
                         "split the notes")
    if path:
        write_lab(path, text)
    else:
        write(sys.stdout, text)
    print(report(made), file=sys.stderr)
    if path:
        shown = os.path.dirname(path) if os.path.basename(path) == LAB_FILE else path
        print(f"written: {path}\n  next: labrun run {shlex.quote(shown)}", file=sys.stderr)
    return EXIT_PASS


def _path(output: str) -> str:
    return output if output.endswith((".yaml", ".yml")) else os.path.join(output, LAB_FILE)
