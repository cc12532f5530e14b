"""labrun doctor: what this machine can do, what it lacks, for which labs, and how to mend it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from labrunner.catalogue.catalog import catalogue
from labrunner.catalogue.index import Listed, listed
from labrunner.catalogue.lacking import mend_feature
from labrunner.cli import EXIT_MISSING, EXIT_PASS, tell
from labrunner.streams import write
from runtime.errors import Problem
from runtime.features import features, try_all
from runtime.programs import how_to_install, is_there
from runtime.sandbox.cgroup import most_memory
from runtime.sandbox.handle import Sandbox
from runtime.sandbox.idmap import KINDS
from runtime.sandbox.visit import visit

# What is good to have: program -> what for.
_USEFUL = {**dict.fromkeys(("ip", "iptables", "sysctl"), "--network iproute2"),
           "jq": "the edits of config.json as shown", "dockerd": "the comparison with docker in docker-run-by-hand"}


class Finding(NamedTuple):
    """One thing that was tried. needed: some lab cannot do without it.  labs: ids of those that use it."""

    name: str
    says: str
    ok: bool
    needed: bool
    labs: tuple[str, ...]
    why: str = ""
    mend: str = ""


def declare(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.epilog = "examples:\n  labrun doctor\n  labrun doctor --json\n"


def run(options: argparse.Namespace) -> int:
    """Try everything and tell. Returns the exit code: 3 when some lab cannot be done here."""
    everything = catalogue()
    for problem in everything.problems:
        tell(problem)
    labs = listed([path for paths in everything.labs.values() for path in paths])
    findings, broken = [*_examine([lab for lab in labs if not lab.error])], [lab for lab in labs if lab.error]
    lacking = any(each.needed and not each.ok for each in findings)
    if options.json:
        document = {"schema": 1, "outcome": "skip" if lacking else "pass", "kernel": os.uname().release,
                    "findings": [{**each._asdict(), "labs": list(each.labs)} for each in findings],
                    "broken": [{"id": lab.about.id, "path": lab.about.path, "error": lab.error} for lab in broken]}
        write(sys.stdout, json.dumps(document, indent=2) + "\n")
    else:
        _print(findings, broken, lacking)
    return EXIT_MISSING if lacking else EXIT_PASS


def _examine(labs: list[Listed]) -> Iterator[Finding]:
    yield _sandbox("auto", "a sandbox of one's own", True, tuple(lab.about.id for lab in labs))
    for kind in KINDS[1:]:
        yield _sandbox(kind, f"id map '{kind}'", False, ())
    yield _memory()
    reasons = _feature_problems()
    for name, says in features().items():
        users = tuple(lab.about.id for lab in labs if name in lab.features)
        yield Finding(name, says, name not in reasons, bool(users), users, reasons.get(name, ""),
                      mend_feature(name) if name in reasons else "")
    for name in sorted({*_USEFUL, *(name for lab in labs for name in lab.about.needs)}):
        yield _program(name, tuple(lab.about.id for lab in labs if name in lab.about.needs))


def _program(name: str, users: tuple[str, ...]) -> Finding:
    says = f"{name}, for {_USEFUL[name]}" if name in _USEFUL else name
    if is_there(name):
        return Finding(name, says, True, bool(users), users)
    return Finding(name, says, False, bool(users), users, "it is not installed", how_to_install(name))


def _sandbox(kind: str, says: str, needed: bool, labs: tuple[str, ...]) -> Finding:
    try:
        visit(_nothing, kind)
    except Problem as problem:
        return Finding(f"sandbox-{kind}", says, False, needed, labs, str(problem), problem.mend)
    return Finding(f"sandbox-{kind}", says, True, needed, labs)


def _memory() -> Finding:
    says = f"a limit on a lab's memory, {most_memory() >> 20} MiB"
    try:
        limited = visit(lambda sandbox: sandbox.memory)
    except Problem as problem:
        return Finding("memory-limit", says, False, False, (), str(problem), problem.mend)
    if limited:
        return Finding("memory-limit", says, True, False, ())
    return Finding("memory-limit", says, False, False, (), "no cgroup can be made from here, and no "
                   "systemd of yours makes one; a process outside of the lab watches its memory instead",
                   "log in where systemd starts one for you: sudo loginctl enable-linger $USER")


def _nothing(_sandbox: Sandbox) -> None:
    """That the sandbox came to be is the answer."""


def _feature_problems() -> dict[str, str]:
    try:
        return dict(visit(try_all))
    except Problem as problem:
        return dict.fromkeys(features(), str(problem))


def _print(findings: Sequence[Finding], broken: Sequence[Listed], lacking: bool) -> None:
    for each in findings:
        print(f"{'ok     ' if each.ok else 'MISSING' if each.needed else 'no     '} {each.says}")
        if not each.ok:
            print(f"          {each.why}")
            print(f"          mend: {each.mend}" if each.mend else "", end="\n" if each.mend else "")
            if each.labs:
                print(f"          needed by: {', '.join(each.labs)}")
    for lab in broken:
        print(f"?       {lab.about.id} cannot be loaded, so nobody knows what it needs")
        print(f"          mend: labrun lint {lab.about.path}")
    print("\nSome labs cannot be done here; see MISSING above." if lacking else "\nEvery lab can be done here.")
