"""A lab as it is carried out: immutable, its variables filled in, its words turned into actions and checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from checks.language.check import Check
from checks.language.claim import Claim
from labrunner.action import Action
from labrunner.language.about import About
from labrunner.language.variables import Variable
from runtime.oci.available import RUNTIMES


class Do(NamedTuple):
    """An action, and the line of the lab file that it stands in."""

    action: Action
    line: int = 0


class Holds(NamedTuple):
    """A check that holds from its step on. until: id of the step that retires it, '' when it holds to the end.

    A claim is shown in its step, and what happens to it later says nothing against it.
    """

    check: Check
    until: str = ""
    line: int = 0


class Step(NamedTuple):
    """One step.

    teach: Markdown.  do: what is done; nothing where a learner only looks.  holds: what is true when it is done, the
    step's claims among it.  needs: ids of the steps before it that have to be done.  hints: from weak to strong.
    """

    id: str
    title: str
    teach: str
    do: tuple[Do, ...]
    holds: tuple[Holds, ...]
    needs: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    points: int = 1
    line: int = 0

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(each.action for each in self.do)

    @property
    def checks(self) -> tuple[Check, ...]:
        return tuple(each.check for each in self.holds)


class Kept(NamedTuple):
    """A check of an earlier step that still has to hold. since: the id of that step."""

    holds: Holds
    since: str


class Lab(NamedTuple):
    """A whole lab. world: the starting world, see runtime.network.world.  variables: by name, in their order.

    runtime: the OCI runtime that it is carried out with.
    """

    about: About
    world: str
    variables: Mapping[str, Variable]
    steps: tuple[Step, ...]
    runtime: str = RUNTIMES[0]

    def place(self, step: str) -> int:
        """Where a step stands, from 0. Raises ValueError for none of this lab."""
        return [each.id for each in self.steps].index(step)

    def kept(self, place: int) -> tuple[Kept, ...]:
        """The checks of earlier steps that hold in the step at `place`. What it says itself is not said twice."""
        own, later = {*self.steps[place].checks}, {step.id for step in self.steps[place + 1 :]}
        found = {holds.check: Kept(holds, step.id) for step in self.steps[:place] for holds in step.holds
                 if not isinstance(holds.check, Claim) and holds.check not in own
                 and (not holds.until or holds.until in later)}
        return tuple(found.values())


def kernel_needs(lab: Lab) -> frozenset[str]:
    """What the kernel has to offer for this lab, see runtime.features."""
    world = {"veth"} if lab.world == "internet" else set()
    return frozenset(world.union(*(action.needs for step in lab.steps for action in step.actions)))
