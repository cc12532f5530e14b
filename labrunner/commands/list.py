"""labrun list: the labs there are, and what this machine lacks for each."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

from labrunner.catalogue.catalog import catalogue, only
from labrunner.catalogue.index import Listed, listed
from labrunner.catalogue.lacking import SANDBOX, Lack, lacking
from labrunner.cli import EXIT_FAIL, EXIT_PASS, tell
from labrunner.errors import UsageError
from labrunner.language.about import About
from labrunner.lesson.progress import Passed, kept, problem
from labrunner.streams import printable, write

_Row = tuple[Listed, tuple[Lack, ...], "Mapping[str, Passed]"]


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("words", metavar="WORD", nargs="*",
                        help="only labs with this topic or level, or with a word that begins so in their id, title or "
                             "summary; of several words all have to fit")
    parser.add_argument("--topic", metavar="TOPIC", action="append", default=[], help="only labs with this very topic")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.epilog = """\
examples:
  labrun list
  labrun list bridge nat
  labrun list beginner --topic netns
  labrun list --json

Labs are looked for among those that come with labrun, in the folders that the
variable LABRUN_PATH names (FOLDER:FOLDER, each with LAB/lab.yaml in it), and in
installed packages that offer some. The exit code is 1 when no lab fits.
"""


def run(options: argparse.Namespace) -> int:
    """Print the labs that fit. Returns the exit code: 1 when there are none."""
    everything = catalogue()
    for each in everything.problems:
        tell(each)
    labs = listed([path for paths in everything.labs.values() for path in paths])
    fitting = [lab for lab in labs if _fits(lab.about, options.words, options.topic)]
    for lab in fitting:
        only(lab.about.id, everything.labs[lab.about.id])
    done = kept()
    if unread := problem():
        tell(unread)
    rows = [(lab, lacks, done.get(lab.about.id, {})) for lab, lacks in zip(fitting, lacking(fitting), strict=True)]
    if options.json:
        _write_json(rows)
    elif rows:
        write(sys.stdout, _text(rows))
    if not rows:
        tell(_nothing([*options.words, *options.topic], labs))
    return EXIT_PASS if rows else EXIT_FAIL


def _fits(about: About, words: Sequence[str], topics: Sequence[str]) -> bool:
    said = " ".join((about.id, about.level, *about.topics, about.title, about.summary))
    return set(topics) <= set(about.topics) and all(
        re.search(rf"(?<!\w){re.escape(word)}", said, re.IGNORECASE) for word in words)


def _nothing(wanted: Sequence[str], labs: Sequence[Listed]) -> UsageError:
    topics = sorted({topic for lab in labs for topic in lab.about.topics})
    return UsageError(f"no lab fits '{' '.join(wanted)}'", f"the topics are {', '.join(topics)}", "labrun list")


def _write_json(rows: Sequence[_Row]) -> None:
    import json

    document = {"schema": 1, "labs": [_as_json(*row) for row in rows]}
    write(sys.stdout, json.dumps(document, indent=2) + "\n")


def _text(rows: Sequence[_Row]) -> str:
    width = max(len(lab.about.id) for lab, *_ in rows)
    lines = []
    for lab, lacks, done in rows:
        first, *others = _lines(lab, lacks, done)
        lines += [f"{lab.about.id:{width}}  {first}", *(f"{'':{width}}  {line}" for line in others)]
    text = "\n".join(map(printable, lines)) + "\n\n"
    for lack in {lack for _, lacks, _done in rows for lack in lacks if lack.name == SANDBOX}:
        text += f"no lab can be done here: each {lack.says}\n  next: {lack.mend}\n\n"
    return f"{text}do one: labrun start LAB    watch one: labrun run LAB    read about one: labrun show LAB\n"


def _lines(lab: Listed, lacks: Sequence[Lack], done: Mapping[str, Passed]) -> Iterator[str]:
    """The first stands beside the lab's id, the others below."""
    about = lab.about
    if lab.error:
        yield f"cannot be loaded: {lab.error}"
        yield f"labrun lint {about.path} tells more"
        return
    minutes = [f"{about.minutes} minute{'s' * (about.minutes != 1)}"] if about.minutes else []
    yield about.title
    yield ", ".join((about.level, *minutes, *about.topics))
    yield from (str(lack) for lack in lacks if lack.name != SANDBOX)
    passed = [done[step] for step in lab.steps if step in done]
    if passed:
        yield _progress(passed, len(lab.steps))


def _progress(passed: Sequence[Passed], steps: int) -> str:
    """'passed on 2026-11-27, with 3 hints, 1 step done by labrun'."""
    last = max(each.when for each in passed).partition("T")[0]
    hints, solved = sum(each.hints for each in passed), sum(each.solved for each in passed)
    whole = "✓ passed" if len(passed) == steps else f"→ {len(passed)} of {steps} steps passed"
    words = [f"{whole}, last on {last}" if len(passed) < steps else f"{whole} on {last}"]
    words += [f"with {hints} hint{'s' * (hints != 1)}"] if hints else []
    words += [f"{solved} step{'s' * (solved != 1)} done by labrun"] if solved else []
    return ", ".join(words)


def _as_json(lab: Listed, lacks: Sequence[Lack], done: Mapping[str, Passed]) -> dict[str, object]:
    known = {**lab.about._asdict(), "lacks": [lack._asdict() for lack in lacks], "steps": lab.steps,
             "passed": [done[step]._asdict() for step in lab.steps if step in done]}
    return {**known, "error": lab.error} if lab.error else known
