"""A lab as it is carried out: immutable, its variables filled in, its words turned into actions and checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from checks.language.check import Check
from checks.language.statement import Statement
from labrunner.about import About
from labrunner.action import Action


class Step(NamedTuple):
    """One step. teach: Markdown.  checks: what is true when it is done."""

    id: str
    title: str
    teach: str
    actions: tuple[Action, ...]
    checks: tuple[Check, ...]


class Lab(NamedTuple):
    """A whole lab. world: the starting world, see runtime.network.world.  variables: their values, by name."""

    about: About
    world: str
    variables: Mapping[str, str]
    steps: tuple[Step, ...]


def word(statement: Statement) -> str:
    """The word that a lab writes for an action or a check: the name of its file."""
    return type(statement).__module__.rpartition(".")[2]


def needs(lab: Lab) -> frozenset[str]:
    """What the kernel has to offer for this lab, see runtime.features."""
    world = {"veth"} if lab.world == "internet" else set()
    return frozenset(world.union(*(action.needs for step in lab.steps for action in step.actions)))
