"""labrun doctor: what this machine can do, what it lacks, for which labs, and how to mend it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from typing import NamedTuple

from labrunner.catalog import bundled
from labrunner.cli import EXIT_MISSING, EXIT_PASS
from labrunner.lab import Lab, needs
from labrunner.loading import load
from labrunner.streams import write
from runtime.errors import Problem
from runtime.features import features, try_all
from runtime.network.shell import PACKAGES
from runtime.sandbox.handle import Sandbox
from runtime.sandbox.idmap import KINDS
from runtime.sandbox.mounts import PATH
from runtime.sandbox.visit import visit

_NETWORK_TOOLS = ("ip", "iptables", "sysctl")


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
    findings = list(_examine([load(path) for path in bundled().values()]))
    lacking = any(each.needed and not each.ok for each in findings)
    if options.json:
        document = {"schema": 1, "outcome": "skip" if lacking else "pass", "kernel": os.uname().release,
                    "findings": [{**each._asdict(), "labs": list(each.labs)} for each in findings]}
        write(sys.stdout, json.dumps(document, indent=2) + "\n")
    else:
        _print(findings, lacking)
    return EXIT_MISSING if lacking else EXIT_PASS


def _examine(labs: list[Lab]) -> Iterator[Finding]:
    everyone = tuple(lab.about.id for lab in labs)
    yield _sandbox("auto", "a sandbox of one's own", True, everyone)
    for kind in KINDS[1:]:
        yield _sandbox(kind, f"id map '{kind}'", False, ())
    reasons = _feature_problems()
    for name, says in features().items():
        users = tuple(lab.about.id for lab in labs if name in needs(lab))
        yield Finding(name, says, name not in reasons, bool(users), users, reasons.get(name, ""),
                      f"sudo modprobe {_MODULES[name]}; or a kernel that has it" if name in reasons else "")
    for tool in _NETWORK_TOOLS:
        found = shutil.which(tool, path=PATH) is not None
        yield Finding(tool, f"{tool}, for --network iproute2", found, False, (), "" if found else "it is not installed",
                      "" if found else f"sudo apt install {PACKAGES[tool]}")


_MODULES = {"veth": "veth", "bridge": "bridge", "nat": "nft_compat xt_MASQUERADE nf_tables nft_chain_nat"}


def _sandbox(kind: str, says: str, needed: bool, labs: tuple[str, ...]) -> Finding:
    try:
        visit(_nothing, kind)
    except Problem as problem:
        return Finding(f"sandbox-{kind}", says, False, needed, labs, str(problem), problem.mend)
    return Finding(f"sandbox-{kind}", says, True, needed, labs)


def _nothing(_sandbox: Sandbox) -> None:
    """That the sandbox came to be is the answer."""


def _feature_problems() -> dict[str, str]:
    try:
        return dict(visit(try_all))
    except Problem as problem:
        return dict.fromkeys(features(), str(problem))


def _print(findings: list[Finding], lacking: bool) -> None:
    for each in findings:
        print(f"{'ok     ' if each.ok else 'MISSING' if each.needed else 'no     '} {each.says}")
        if not each.ok:
            print(f"          {each.why}")
            print(f"          mend: {each.mend}" if each.mend else "", end="\n" if each.mend else "")
            if each.labs:
                print(f"          needed by: {', '.join(each.labs)}")
    print("\nSome labs cannot be done here; see MISSING above." if lacking else "\nEvery lab can be done here.")
