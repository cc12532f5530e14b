"""labrun lint: what is wrong with a lab, and what could be better, without doing it."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from labrunner.catalogue.catalog import find
from labrunner.cli import EXIT_FAIL, EXIT_PASS, EXIT_USAGE
from labrunner.errors import LabError, LabMistake, Place, UsageError
from labrunner.language.about import LAB_FILE
from labrunner.streams import printable, write
from runtime.errors import describe

_OBJECTS = 200_000


class Finding(NamedTuple):
    """severity: 'error', which keeps the lab from being done, or 'style'."""

    severity: str
    mistake: LabMistake


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    add = parser.add_argument
    add("paths", metavar="PATH", nargs="*",
        help="a lab (an id from `labrun list`, a folder, or a lab.yaml), or a folder: then every lab.yaml below it. "
             "Without PATH: every lab.yaml below this folder")
    add("--json", action="store_true", help="one JSON document on standard output")
    add("--schema", action="store_true", help="print the JSON Schema of labs, for editors, and nothing else")
    add("--words", action="store_true", help="print all keys, actions and checks with their arguments, in Markdown")
    parser.epilog = """\
examples:
  labrun lint                              every lab below this folder
  labrun lint bridge-network my-labs/
  labrun lint --words | less               what a lab can say
  labrun lint --schema > lab.schema.json   so that an editor helps

An `error` keeps a lab from being done, `style` is what could be better. The
exit code is 2 when there is an error, 1 when there is only style, and else 0.
"""


def run(options: argparse.Namespace) -> int:
    """Print what is to be mended. Returns the exit code."""
    if options.schema or options.words:
        _print(_schema() if options.schema else _words())
        return EXIT_PASS
    gc.set_threshold(_OBJECTS)  # looking for garbage among the objects of a large lab costs a third of the time
    found = {path: _findings(path) for path in _files(options.paths)}
    severities = {each.severity for findings in found.values() for each in findings}
    if options.json:
        _print(json.dumps({"schema": 1, "files": [*map(_as_json, found, found.values())]}, indent=2) + "\n")
    else:
        _print("".join(_line(each) for findings in found.values() for each in findings))
        _sum_up(found)
    return EXIT_USAGE if "error" in severities else EXIT_FAIL if severities else EXIT_PASS


def _print(text: str) -> None:
    with suppress(BrokenPipeError):  # `labrun lint | head` has seen enough, and the exit code stays what it is
        write(sys.stdout, text)


def _schema() -> str:
    from labrunner.language.schema import schema

    return json.dumps(schema(), indent=1) + "\n"


def _words() -> str:
    from labrunner.language.reference import reference

    return reference()


def _files(paths: Sequence[str]) -> dict[str, None]:
    """The lab.yaml files that are meant, each once. Raises UsageError for a PATH that means none."""
    return dict.fromkeys(file for path in paths or ["."] for file in _labs_of(path))


def _labs_of(path: str) -> list[str]:
    if not os.path.isdir(path) or os.path.isfile(os.path.join(path, LAB_FILE)):
        return [find(path)]
    found = sorted(_below(path))
    if not found:
        raise UsageError(f"there is no {LAB_FILE} in the folder {path} or below it",
                         mend="labrun lint PATH; labrun list shows the labs there are")
    return found


def _below(folder: str) -> Iterator[str]:
    """Every lab.yaml below a folder; hidden folders are left out."""
    for here, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if LAB_FILE in files:
            yield os.path.normpath(os.path.join(here, LAB_FILE))


def _refuse(error: OSError) -> None:
    raise UsageError(f"the folder {error.filename} cannot be read", describe(error.errno or 0)) from error


def _findings(path: str) -> list[Finding]:
    """What there is to say of a lab, in the order of its file. Style is looked at when there are no errors."""
    from labrunner.language.loading import examine
    from labrunner.language.style import style

    try:
        examined = examine(path)
    except LabError as error:
        mistakes: Sequence[LabMistake] = error.mistakes
    except UsageError as error:
        mistakes = [LabMistake(Place(path, 1, 1), str(error))]
    else:
        mistakes = LabError(examined.mistakes).mistakes
    if mistakes:
        return [Finding("error", each) for each in mistakes]
    return [Finding("style", each) for each in style(examined)]


def _line(finding: Finding) -> str:
    """FILE:LINE:COLUMN: SEVERITY: what is wrong; and in a line of its own what to do."""
    place, says, mend = finding.mistake
    first = printable(f"{place}: {finding.severity}: {says}".replace("\n", "\\n"))
    return f"{first}\n    {mend}\n" if mend else f"{first}\n"


def _as_json(path: str, findings: Sequence[Finding]) -> dict[str, object]:
    return {"path": path, "mistakes": [
        {"line": mistake.place.line, "column": mistake.place.column, "severity": severity, "says": mistake.says,
         "mend": mistake.mend} for severity, mistake in findings]}


def _sum_up(found: Mapping[str, Sequence[Finding]]) -> None:
    """A last line for people: what there was, on standard error; that all is well, only at a terminal."""
    severities = [each.severity for findings in found.values() for each in findings]
    labs = f"{len(found)} labs" if len(found) > 1 else "1 lab"
    if severities:
        errors, style = severities.count("error"), severities.count("style")
        print(f"labrun: errors: {errors}, style: {style}, in {labs}", file=sys.stderr)
    elif sys.stdout.isatty():
        print(f"ok: {labs}, nothing to mend")
