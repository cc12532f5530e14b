"""Whoever is stuck gets there: the last hint of a step is a way that passes, typed as it stands."""

from __future__ import annotations

import re
from time import monotonic, sleep

import pytest

from checks.language.check import Verdict
from labrunner.catalogue.catalog import bundled
from labrunner.language.lab import Lab, Step
from labrunner.language.loading import load
from labrunner.session import Session
from runtime.sandbox.apart import apart
from runtime.sandbox.handle import start

# In a step that is long and is not what the lab is about.
_POINTS_ELSEWHERE = re.compile(r"`labrun show [\w-]+ --commands`")


@pytest.mark.parametrize("name", bundled())
def test_the_last_hint_is_enough(name: str) -> None:
    assert apart(lambda: _follow(load(bundled()[name])), "follow the hints") == []


def _follow(lab: Lab) -> list[str]:
    """What is wrong with the last hints."""
    session = Session(lab, start())
    try:
        return [wrong for step in lab.steps for wrong in _typed(session, step)]
    finally:
        session.close()


def _typed(session: Session, step: Step) -> list[str]:
    hint = step.hints[-1]
    wrong = []
    for command in _commands(hint):
        done = session.run(["/bin/sh", "-c", command])
        if done.status:
            wrong.append(f"{step.id}: {command}: {done.errors}")
        session.observe()  # as before each prompt of a learner's shell
    if _POINTS_ELSEWHERE.search(hint):
        for action in step.actions:
            session.apply(action)
    verdicts = _judged(session, step)
    session.remember(step)
    return wrong + [f"{step.id}: {each.claim}: {each.actual}" for each in verdicts if each.outcome != "pass"]


def _judged(session: Session, step: Step) -> list[Verdict]:
    """As by a person, who looks a second time at what has just been done: a process that is killed takes a moment."""
    deadline = monotonic() + 2
    while True:
        session.observe()
        verdicts = [judged.verdict for judged in session.judge(step.checks)]
        if all(each.outcome == "pass" for each in verdicts) or monotonic() > deadline:
            return verdicts
        sleep(0.01)


def _commands(hint: str) -> list[str]:
    """Those in an indented block; or, where there is none, those between backquotes."""
    block = re.findall(r"^    (.+)$", hint, re.MULTILINE)
    return block or [" ".join(words.split()) for words in re.findall(r"`((?:ip|iptables|sysctl|nft) [^`]+)`", hint)]
