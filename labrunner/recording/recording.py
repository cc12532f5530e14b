"""What was recorded by now: a step for each command that has changed something."""

from __future__ import annotations

import re
from typing import NamedTuple

from checks.language.check import Check
from labrunner.action import Action
from labrunner.actions.run import Run
from labrunner.errors import UsageError
from labrunner.importing.asking import Asked
from labrunner.importing.blocks import program_of, without_sudo
from labrunner.importing.drafting import Draft, DraftCheck, DraftStep, needs_of, topics_of
from labrunner.importing.effects import Effects
from labrunner.importing.gathering import in_netns, said
from labrunner.importing.learner_shell import LearnerShell
from labrunner.importing.model import Model
from labrunner.importing.naming import Names
from labrunner.importing.reasons import why_not
from labrunner.importing.shell import commands
from labrunner.importing.where import here
from labrunner.recording.differing import BY_COMMAND, checks_of, holds, unchecked, where_of
from labrunner.recording.needing import Makers
from labrunner.session import Session, by_command
from runtime.facts.difference import Change
from runtime.facts.snapshot import Snapshot
from runtime.network.netns import LAB_HOST

_LONGEST_TITLE = 70
_DOERS = frozenset(("ip", "nft", "tc", "bridge", "iptables", "ip6tables", "sysctl", "mount"))
_DOES = re.compile(r"\s(?:add|create|insert|replace|set|change|del|delete|flush|destroy|-[ANIPRDFX]|-w|--bind|-t)\s")
_MARKS = {"added": "is there now", "removed": "is gone", "changed": "has changed"}


class Taken(NamedTuple):
    """What became of a command. step: its number, 0 when it is none.  checks: how many.  left_out: what, and why."""

    step: int
    checks: int
    left_out: tuple[str, ...] = ()


class Recording:
    """name: of the lab.  world: in which it begins."""

    def __init__(self, session: Session, name: str, world: str) -> None:
        self._session, self._name, self._world = session, name, world
        self._before = session.now
        self._shell, self._names = LearnerShell(), Names()
        self._effects, self._makers = Effects(Model(world)), Makers()
        self._steps: list[DraftStep] = []
        self._waiting: list[Action] = []
        self._open: list[tuple[int, int]] = []  # step and check of those that hold to the end, as far as it is known

    @property
    def steps(self) -> int:
        """How many there are by now."""
        return len(self._steps)

    def take(self, command: str, status: int, wrote: bool, netns: str = "") -> Taken:
        """A command has ended. status: of it.  wrote: whether a file has become of it, as far as can be told.

        netns: in which it was typed, '' for the lab host's.
        """
        before, after = self._before, self._session.observe()
        changes = by_command(before, after)
        actions, why = self._actions(command, status, netns)
        if not changes and not (actions and (wrote or _does_something(command) or _runs_on(before, after))):
            return Taken(0, 0)
        self._before = after
        if why or not actions:
            shown = command or "what was typed in another shell"
            return Taken(0, 0, (f"left out: {shown}: {why or 'it does nothing in a lab'}",))
        for action in actions:
            self._effects.follow(action)
        self._waiting += actions
        checks = self._checks(changes, before)
        if not checks:
            return Taken(0, 0, (f"no check sees what this does; it goes to the beginning of the next step: {command}",))
        self._add(f"{command} in {netns}" if netns else command, changes, checks)
        return Taken(len(self._steps), len(checks), tuple(map(_no_check, unchecked(changes, checks))))

    def draft(self) -> Draft:
        """The lab as it is by now. Raises UsageError when there is no step yet."""
        if not self._steps:
            raise UsageError("nothing was recorded", "no command has changed anything that a lab could check")
        steps = list(self._steps)
        last = steps[-1]
        steps[-1] = last._replace(entries=(*last.entries, *self._waiting))
        actions = [entry for step in steps for entry in step.entries if isinstance(entry, Action)]
        title = self._name.replace("-", " ").strip().capitalize()
        return Draft(title, self._name, "Recorded by labrun record.", self._world, topics_of(actions),
                     needs_of(actions), tuple(steps), (), ())

    def _actions(self, command: str, status: int, netns: str) -> tuple[list[Action], str]:
        """What a command is in a lab; none for what only the shell is about. Or why it cannot be in one."""
        whole = command.strip()
        why = why_not(without_sudo(whole))
        if why:
            return [], why
        found: list[Action] = []
        for each in commands(whole, 1):
            text = self._shell.filled(without_sudo(each.text))
            if not self._shell.keeps(text):
                text = in_netns(text, netns) if netns else text
                found += (action for action in said(text, "", self._shell) if not isinstance(action, Asked))
        if status and found:
            return [Run(command=self._shell.alone(without_sudo(whole)), status=status, **here(netns or LAB_HOST))], ""
        return found, ""

    def _checks(self, changes: tuple[Change, ...], before: Snapshot) -> list[Check]:
        meant = [check for check in self._effects.checks() if isinstance(check, BY_COMMAND)]
        self._before = after = self._session.look_for(meant)
        return [*checks_of(changes, before, after), *(check for check in dict.fromkeys(meant) if holds(check, after))]

    def _add(self, command: str, changes: tuple[Change, ...], checks: list[Check]) -> None:
        title = " ".join(without_sudo(command).split())
        title = title if len(title) <= _LONGEST_TITLE else f"{title[:_LONGEST_TITLE - 1]}…"
        told = "\n".join(f"- {_told(change)}" for change in changes)
        needs = self._makers.needs(" ".join(action.command() for action in self._waiting), changes)
        step = DraftStep(self._names.new(title), title, f"After this command:\n\n{told}", tuple(self._waiting),
                         tuple(map(DraftCheck, checks)), needs if self._steps else None)
        self._makers.note(step.id, needs, changes)
        self._close(step.id)
        self._open += ((len(self._steps), at) for at in range(len(checks)))
        self._steps.append(step)
        self._waiting = []

    def _close(self, until: str) -> None:
        """Give an end to the checks of earlier steps that are no longer true."""
        still = []
        for number, at in self._open:
            checks = list(self._steps[number].checks)
            if holds(checks[at].check, self._before):
                still.append((number, at))
                continue
            checks[at] = DraftCheck(checks[at].check, until)
            self._steps[number] = self._steps[number]._replace(checks=tuple(checks))
        self._open = still


def _does_something(command: str) -> bool:
    """Whether it changes what no Snapshot shows, though another command may build on it."""
    return program_of(command) in _DOERS and bool(_DOES.search(f"{command} "))


def _runs_on(before: Snapshot, after: Snapshot) -> bool:
    """Whether something was started that runs still."""
    known = {process.pid for process in before.processes}
    return any(process.pid not in known and not process.ended for process in after.processes)


def _told(change: Change) -> str:
    """A change in a line of Markdown."""
    fields = ", ".join(f"{name} {before or 'none'} → {after or 'none'}" for name, before, after in change.fields
                       ) if change.change == "changed" else ""
    return f"{change.kind} `{change.name}`{where_of(change)} {_MARKS[change.change]}{f': {fields}' if fields else ''}"


def _no_check(change: Change) -> str:
    why = "there is still another one" if change.kind == "route" else "there is no check of it"
    return f"left out: {change.kind} {change.name}{where_of(change)}: {why}"
