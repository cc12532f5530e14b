"""The parts of the notes with what their code says: actions, questions, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from labrunner.action import Action
from labrunner.actions.run import Run
from labrunner.errors import UsageError
from labrunner.importing.asking import Asked, asked_of
from labrunner.importing.blocks import Found, LeftOut, read
from labrunner.importing.learner_shell import LearnerShell
from labrunner.importing.notes import Notes, Part
from labrunner.importing.reasons import why_not
from labrunner.importing.verbs import actions_of
from labrunner.importing.where import here

_MOST_COMMANDS = 1000
_LONGEST_COMMAND, _LONGEST_SHOWN = 4000, 200
_TOO_LONG = "it is too long for a command"


class Entry(NamedTuple):
    """What stands in line `line` of the notes."""

    line: int
    says: Action | Asked | LeftOut


class Gathered(NamedTuple):
    """A step to be. parts: those of the notes that it is made of.  taken: lines of the blocks that became commands."""

    title: str
    parts: tuple[Part, ...]
    entries: tuple[Entry, ...]
    taken: tuple[range, ...]

    @property
    def has_commands(self) -> bool:
        return any(not isinstance(entry.says, LeftOut) for entry in self.entries)


def gather(notes: Notes) -> list[Gathered]:
    """What may become steps, in the order of the notes. Raises UsageError when it is too much for a lab."""
    shell, count = LearnerShell(), 0
    found: list[Gathered] = []
    for part in notes.parts:
        entries: list[Entry] = []
        taken = []
        for snippet in part.snippets:
            said = [entry for each in read(snippet) for entry in _entries(each, shell)]
            if any(not isinstance(entry.says, LeftOut) for entry in said):
                taken.append(snippet.lines)
            entries += said
            count += sum(not isinstance(entry.says, LeftOut) for entry in said)
            if count > _MOST_COMMANDS:
                raise UsageError(f"{notes.name} has more than {_MOST_COMMANDS} commands",
                                 "that is too much for one lab", "split the notes")
        _join(found, Gathered(part.title, (part,), tuple(entries), tuple(taken)))
    return found


def _join(found: list[Gathered], new: Gathered) -> None:
    """Put what has no commands to its neighbour, when both stand under one heading."""
    last = found[-1] if found else None
    if not last or last.parts[-1].heading != new.parts[0].heading or (last.has_commands and new.has_commands):
        found.append(new)
        return
    title = last.title if last.has_commands or not new.has_commands else new.title
    found[-1] = Gathered(title, last.parts + new.parts, last.entries + new.entries, last.taken + new.taken)


def _entries(found: Found | LeftOut, shell: LearnerShell) -> list[Entry]:
    if isinstance(found, LeftOut):
        return [Entry(found.line, found)]
    if len(found.text) <= _LONGEST_COMMAND and shell.keeps(found.text):
        return []
    text = found.text if len(found.text) > _LONGEST_COMMAND else shell.filled(found.text)
    why = _TOO_LONG if len(text) > _LONGEST_COMMAND else _why_not(found.text, shell)
    says = [] if why else [*_said(text, found.output, shell)]
    if any(isinstance(each, Run) and len(each.command_) > _LONGEST_COMMAND for each in says):
        why = _TOO_LONG
    if why:
        return [Entry(found.line, LeftOut(found.text[:_LONGEST_SHOWN].partition("\n")[0], found.line, why))]
    return [Entry(found.line, each) for each in says]


def _why_not(text: str, shell: LearnerShell) -> str:
    unset = shell.unset(text)
    return why_not(text) or (f"nothing in the notes sets {unset}" if unset else "")


def _said(text: str, output: str, shell: LearnerShell) -> Iterator[Action | Asked]:
    asked = asked_of(text, output)
    if asked:
        yield asked
        return
    for action in actions_of(text):
        if isinstance(action, Run) and not action.container:
            yield Run(command=shell.alone(action.command_), **here(action.netns))
        else:
            yield action
