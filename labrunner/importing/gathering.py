"""The parts of the notes with what their code says: actions, questions, and what is left out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from labrunner.action import Action
from labrunner.actions.run import Run
from labrunner.errors import UsageError
from labrunner.importing.asking import Asked, asked_of
from labrunner.importing.blocks import Found, LeftOut, program_of, read
from labrunner.importing.entered_shells import EnteredShells
from labrunner.importing.learner_shell import LearnerShell
from labrunner.importing.notes import Notes, Part
from labrunner.importing.programs import BUILTINS
from labrunner.importing.reasons import why_not
from labrunner.importing.verbs import actions_of, words_of
from labrunner.importing.where import here

_MOST_COMMANDS = 1000
_LONGEST_COMMAND, _LONGEST_SHOWN = 4000, 200
_ASSIGNED = re.compile(r"\w+=")
_BASH = re.compile(r"\{[^{}\s,.]*(?:,|\.\.)[^{}\s]*\}|&>|[<>]\(|<<<|\[\[\s")  # what /bin/sh may take for something else
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
    for _, parts in groupby(notes.parts, key=lambda part: part.heading):
        code = [*_read(notes, parts)]
        entered = EnteredShells([block for _, blocks in code for block in blocks])
        for part, blocks in code:
            new = _gathered(part, blocks, shell, entered)
            count += sum(not isinstance(entry.says, LeftOut) for entry in new.entries)
            if count > _MOST_COMMANDS:
                raise _too_much(notes)
            _join(found, new)
    return found


def _read(notes: Notes, parts: Iterable[Part]) -> Iterator[tuple[Part, list[list[Found | LeftOut]]]]:
    """What is in the blocks of code of each part. Raises UsageError when there are very many, before all are read."""
    count = 0
    for part in parts:
        blocks: list[list[Found | LeftOut]] = []
        for snippet in part.snippets:
            blocks.append([*read(snippet)])
            count += sum(isinstance(each, Found) for each in blocks[-1])
            if count > 10 * _MOST_COMMANDS:
                raise _too_much(notes)
        yield part, blocks


def _too_much(notes: Notes) -> UsageError:
    return UsageError(f"{notes.name} has more than {_MOST_COMMANDS} commands", "that is too much for one lab",
                      "split the notes")


def _gathered(part: Part, blocks: list[list[Found | LeftOut]], shell: LearnerShell, entered: EnteredShells) -> Gathered:
    entries: list[Entry] = []
    taken = []
    for snippet, block in zip(part.snippets, blocks, strict=True):
        said = [entry for each in block for entry in _entries(each, shell, entered)]
        if any(not isinstance(entry.says, LeftOut) for entry in said):
            taken.append(snippet.lines)
        entries += said
    return Gathered(part.title, (part,), tuple(entries), tuple(taken))


def _join(found: list[Gathered], new: Gathered) -> None:
    """Put what has no commands to its neighbour, when both stand under one heading."""
    last = found[-1] if found else None
    if not last or last.parts[-1].heading != new.parts[0].heading or (last.has_commands and new.has_commands):
        found.append(new)
        return
    title = last.title if last.has_commands or not new.has_commands else new.title
    found[-1] = Gathered(title, last.parts + new.parts, last.entries + new.entries, last.taken + new.taken)


def _entries(found: Found | LeftOut, shell: LearnerShell, entered: EnteredShells) -> list[Entry]:
    if isinstance(found, LeftOut):
        return [Entry(found.line, found)]
    inside = entered.at(found.line)
    if len(found.text) <= _LONGEST_COMMAND and shell.keeps(found.text):
        return []
    text = found.text if len(found.text) > _LONGEST_COMMAND else shell.filled(found.text)
    why = _TOO_LONG if len(text) > _LONGEST_COMMAND else _why_not(found, shell, entered)
    text = in_netns(text, inside.netns) if inside and not why else text
    says = [] if why else [*said(text, found.output, shell)]
    if any(isinstance(each, Run) and len(each.command_) > _LONGEST_COMMAND for each in says):
        why = _TOO_LONG
    if why:
        return [Entry(found.line, LeftOut(found.text[:_LONGEST_SHOWN].partition("\n")[0], found.line, why))]
    return [Entry(found.line, each) for each in says]


def _why_not(found: Found, shell: LearnerShell, entered: EnteredShells) -> str:
    inside, begun, unset = entered.at(found.line), entered.begun(found.line), shell.unset(found.text)
    if inside and not inside.netns:
        return f"it is typed in the shell that line {inside.begin} starts, and no lab can follow there"
    if begun and begun.netns:
        return (f"what is typed in this shell, to line {begun.end}, is done in {begun.netns}" if begun.end > begun.begin
                else f"the notes do not leave this shell; what comes after it is not done in {begun.netns}")
    return why_not(found.text) or (f"nothing in the notes sets {unset}" if unset else "")


def in_netns(text: str, netns: str) -> str:
    """A command as one types it outside of a shell in a netns."""
    simple = words_of(text) and program_of(text) not in BUILTINS and not _ASSIGNED.match(text)
    return f"ip netns exec {netns} {text if simple else f'sh -c {shlex.quote(text)}'}"


def said(text: str, output: str, shell: LearnerShell) -> Iterator[Action | Asked]:
    """What a command is in a lab: a question, or actions. output: what it printed.  shell: in which it was typed."""
    asked = asked_of(text, output)
    if asked:
        yield asked
        return
    for action in actions_of(text):
        if isinstance(action, Run):
            alone = shell.alone(action.command_)
            yield Run(command=f"bash -c {shlex.quote(alone)}" if _BASH.search(alone) else alone, **here(action.netns))
        else:
            yield action
