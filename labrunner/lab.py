"""A lab as it is carried out: immutable, its variables filled in, its words turned into actions and checks."""

from __future__ import annotations

from typing import NamedTuple

from checks.language.check import Check
from checks.language.statement import Statement
from labrunner.action import Action


class Step(NamedTuple):
    """One step. teach: Markdown.  checks: what is true when it is done."""

    id: str
    title: str
    teach: str
    actions: tuple[Action, ...]
    checks: tuple[Check, ...]


class About(NamedTuple):
    """What a list of labs tells. minutes: how long a learner needs, 0 when the lab does not say."""

    id: str
    path: str
    title: str
    summary: str
    level: str
    minutes: int
    topics: tuple[str, ...]


class Lab(NamedTuple):
    """A whole lab. world: the starting world, see runtime.network.world."""

    about: About
    world: str
    steps: tuple[Step, ...]


def word(statement: Statement) -> str:
    """The word that a lab writes for an action or a check: the name of its file."""
    return type(statement).__module__.rpartition(".")[2]
