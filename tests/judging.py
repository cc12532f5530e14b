"""Checks judged in a sandbox as it is now, whatever was done in it: what a session does at the end of a step."""

from __future__ import annotations

from collections.abc import Sequence

from checks.language.check import Check, Evidence, Verdict
from runtime.facts.observer import Observer
from runtime.probes.asking import ask_all
from runtime.probes.settle import settle
from tests.conftest import Lab


def judge(lab: Lab, checks: Sequence[Check], observer: Observer | None = None) -> list[Verdict]:
    """The verdict of each check. observer: one that has looked before, for what has to grow."""
    observer = observer or Observer(
        lab.namespaces, lab.sandbox.proc, [name for check in checks for name in check.sysctls()],
        [path for check in checks for path in check.files()], lab.sandbox.root,
        streams=any(check.needs_streams() for check in checks),
        screens=[name for check in checks for name in check.screens()])
    snapshot = observer.observe()
    everywhere = {netns.name: netns for netns in lab.namespaces.all()}
    probes = [probe for check in checks for probe in check.probes(snapshot)]
    answers = {}
    if probes:
        settle(everywhere.values())
        answers = ask_all(probes, everywhere)
        snapshot = observer.observe()
    return [check.verdict(Evidence(snapshot, answers)) for check in checks]
