"""What was gathered becomes the draft of a lab: steps in the order of the notes, each with checks that can be made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from checks.http import Http
from checks.language.check import Check
from checks.ping import Ping
from labrunner.action import Action
from labrunner.actions.add_bridge import AddBridge
from labrunner.actions.add_link import AddLink
from labrunner.actions.add_route import AddRoute
from labrunner.actions.add_veth import AddVeth
from labrunner.actions.masquerade import Masquerade
from labrunner.actions.run import Run
from labrunner.errors import UsageError
from labrunner.importing.asking import Asked
from labrunner.importing.blocks import LeftOut, one_line
from labrunner.importing.effects import Effects
from labrunner.importing.gathering import Entry, Gathered, gather
from labrunner.importing.model import Model
from labrunner.importing.naming import Names
from labrunner.importing.notes import Notes, prose
from labrunner.importing.programs import CONTAINERS, NETWORKING
from labrunner.importing.reasons import programs_of
from labrunner.importing.verbs import actions_of
from labrunner.importing.where import here
from runtime.network.world import GATEWAY, SERVER, UPLINK

_NO_WORDS = "The notes have no words on these commands."
_TOPICS = {"AddNetns": "netns", "AddVeth": "veth", "AddBridge": "bridge", "AddRoute": "route", "Masquerade": "nat",
           "PublishPort": "nat", "AddRule": "firewall", "SetPolicy": "firewall"}


class Remark(NamedTuple):
    """Something that the writer of the notes should look at. line: in the notes."""

    line: int
    says: str


class DraftCheck(NamedTuple):
    """A check of a draft. until: the id of the step that makes it untrue, or ''."""

    check: Check
    until: str = ""


class DraftStep(NamedTuple):
    """A step of a draft. entries: its actions, and what was left out among them.

    needs: ids of the steps that it needs; None for the one before it.
    """

    id: str
    title: str
    teach: str
    entries: tuple[Action | LeftOut, ...]
    checks: tuple[DraftCheck, ...]
    needs: tuple[str, ...] | None = None


class Draft(NamedTuple):
    """A lab before it is written down, and what there is to tell of it."""

    title: str
    source: str
    summary: str
    world: str
    topics: tuple[str, ...]
    needs: tuple[str, ...]
    steps: tuple[DraftStep, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[Remark, ...]


def draft(notes: Notes) -> Draft:
    """The lab that the notes become. Raises UsageError when there is nothing in them that can be checked."""
    gathered = gather(notes)
    actions = [entry.says for each in gathered for entry in each.entries if isinstance(entry.says, Action)]
    drafter = _Drafter(notes, world_of(actions))
    for each in gathered:
        drafter.take(each)
    steps = drafter.finished()
    return Draft(notes.title, notes.name, f"Made of {notes.name} by labrun import.", drafter.world,
                 topics_of(actions), needs_of(actions), steps,
                 tuple(sorted(drafter.left_out, key=lambda each: each.line)), tuple(drafter.remarks))


def world_of(actions: Iterable[Action]) -> str:
    """The starting world that commands expect: one with an eth0 that leads out, unless they make it themselves."""
    wanted = False
    for action in actions:
        names = (getattr(action, "name", ""), getattr(action, "peer", ""))
        if isinstance(action, AddVeth | AddBridge | AddLink) and UPLINK in names:
            return "empty"
        words = action.command().split()
        wanted = wanted or isinstance(action, Masquerade) or bool({UPLINK, GATEWAY, SERVER} & set(words))
    return "internet" if wanted else "empty"


def topics_of(actions: Iterable[Action]) -> tuple[str, ...]:
    """What a lab with these actions is about."""
    return tuple(dict.fromkeys(topic for action in actions if (topic := _TOPICS.get(type(action).__name__))))


def needs_of(actions: Iterable[Action]) -> tuple[str, ...]:
    """The programs that a machine must have: those that commands run, without what every machine has."""
    runs = (action for action in actions if isinstance(action, Run))
    found = {program for run in runs for program in programs_of(run.command())}
    return tuple(sorted(found & (NETWORKING | CONTAINERS | {"python3", "busybox"})))


class _Drafter:
    """Makes steps of what was gathered. What cannot be a step of its own waits for the next one."""

    def __init__(self, notes: Notes, world: str) -> None:
        self.world = world
        self.left_out: list[LeftOut] = []
        self.remarks: list[Remark] = []
        self._notes = notes
        self._model = Model(world)
        self._effects = Effects(self._model)
        self._names = Names()
        self._steps: list[DraftStep] = []
        self._open: list[tuple[int, int]] = []
        self._waiting: list[Action | LeftOut] = []
        self._waiting_teach: list[str] = []
        self._moved: list[tuple[int, str]] = []

    def take(self, gathered: Gathered) -> None:
        """The next part of the notes."""
        line = gathered.parts[0].line
        teach = self._teach(gathered)
        says, questions = self._followed(gathered.entries)
        self._waiting += says
        if not gathered.has_commands:
            if teach:
                self.left_out.append(LeftOut(gathered.title, line, "there are no commands under it"))
            return
        checks = [*dict.fromkeys((*self._effects.checks(), *questions))]
        if checks:
            self._add(gathered.title, teach, checks)
            return
        self._moved.append((line, gathered.title))
        self._waiting_teach.append(f"**{gathered.title}**\n\n{teach}".strip() if gathered.title else teach)

    def finished(self) -> tuple[DraftStep, ...]:
        """All steps. Raises UsageError when there is none."""
        if not self._steps:
            raise UsageError(f"there is nothing in {self._notes.name} that a lab could check",
                             self._why_nothing(), "labrun new ID begins a lab of your own")
        self._end_with_what_waits()
        return tuple(self._steps)

    def _end_with_what_waits(self) -> None:
        """What no step comes after goes to the end of the last one, unless it undoes all that is checked there."""
        last = self._steps[-1]
        checks = tuple(each for each in last.checks if self._model.holds(each.check))
        if not checks:
            why = "it undoes all that the last step checks"
            self.left_out += (LeftOut(title, line, why) for line, title in self._moved)
            return
        self._say_moved("at the end of the last step")
        teach = "\n\n".join(filter(None, (last.teach, *self._waiting_teach)))
        self._open = [(number, at) for number, at in self._open if number < len(self._steps) - 1]
        self._close(last.id)
        self._steps[-1] = last._replace(teach=teach, entries=(*last.entries, *self._waiting), checks=checks)

    def _why_nothing(self) -> str:
        if any(isinstance(each, Action) for each in self._waiting):
            return "its commands make no namespace, interface, route, rule or setting"
        left_out = [each for each in self._waiting if isinstance(each, LeftOut)]
        if not left_out:
            return "no command of a shell stands in it as code"
        return f"all was left out, the first of it in line {left_out[0].line}: {one_line(left_out[0])}"

    def _teach(self, gathered: Gathered) -> str:
        pieces = (prose(self._notes, part, gathered.taken, gathered.title) for part in gathered.parts)
        return "\n\n".join(filter(None, pieces))

    def _followed(self, entries: tuple[Entry, ...]) -> tuple[list[Action | LeftOut], list[Check]]:
        """What stands under `do`, and what is asked when all of it is done."""
        says: list[Action | LeftOut] = []
        questions: list[Check] = []
        changes = [at for at, entry in enumerate(entries)
                   if isinstance(entry.says, Action) and not isinstance(entry.says, Run)]
        for at, (line, found) in enumerate(entries):
            if isinstance(found, Asked) and not (changes and at < changes[-1]):
                questions.append(found.check)
                continue
            said = _done_now(found, line) if isinstance(found, Asked) else found
            if isinstance(said, LeftOut):
                says.append(said)
                self.left_out.append(said)
            else:
                says.append(self._as_it_is(said, line))
                self.remarks += (Remark(line, remark) for remark in self._effects.follow(said))
        return says, questions

    def _as_it_is(self, action: Action, line: int) -> Action:
        """An action, or the bare command where a lab refuses the verb: for a gateway that cannot be one."""
        if type(action) is not AddRoute or not action.gateway or self._model.reaches(action.netns, action.gateway):
            return action
        if action.netns in self._model.netns:
            says = f"{action.gateway} is on no wire of {action.netns} by then, and the kernel takes no such gateway"
            self.remarks.append(Remark(line, says))
        alone = {name: value for name, value in action.values().items() if value and name != "netns"}
        return Run(command=AddRoute(**alone).command(), **here(action.netns))

    def _add(self, title: str, teach: str, checks: list[Check]) -> None:
        number = len(self._steps)
        step = DraftStep(self._names.new(title), title or f"Step {number + 1}",
                         "\n\n".join(filter(None, (*self._waiting_teach, teach))) or _NO_WORDS, tuple(self._waiting),
                         tuple(DraftCheck(check) for check in checks))
        self._say_moved(f"at the beginning of the step '{step.title}'")
        self._close(step.id)
        self._steps.append(step)
        self._open += ((number, at) for at in range(len(checks)))
        self._waiting, self._waiting_teach = [], []

    def _close(self, until: str) -> None:
        """Give an end to the checks of earlier steps that this one makes untrue. A question is of its moment."""
        still = []
        for number, at in self._open:
            step = self._steps[number]
            check = step.checks[at].check
            if self._model.holds(check) and not isinstance(check, Ping | Http):
                still.append((number, at))
                continue
            checks = list(step.checks)
            checks[at] = DraftCheck(check, until)
            self._steps[number] = step._replace(checks=tuple(checks))
        self._open = still

    def _say_moved(self, where: str) -> None:
        for line, title in self._moved:
            self.remarks.append(Remark(line, f"'{title}' changes nothing that can be checked; it is done {where}"))
        self._moved = []


def _done_now(asked: Asked, line: int) -> Action | LeftOut:
    """A question that cannot wait for the end of its step, because something is changed after it."""
    ran = actions_of(asked.text)[0]
    if asked.ends and isinstance(ran, Run):
        return Run(command=ran.command_, **here(ran.netns), **({"status": asked.status} if asked.status else {}))
    return LeftOut(asked.text, line, "it does not end by itself, and the step goes on after it: write ping -c 1")
