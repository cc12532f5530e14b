"""Who is in which namespace: what same_namespace, different_namespace, namespaces and process share.

A subject is the name of a netns, 'labhost', 'container NAME', 'shim NAME', 'process COMMAND' or 'pid NUMBER'.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

from checks.reasoning.wording import advice, no_container, no_netns
from runtime.facts.processes import NAMESPACES, Process
from runtime.facts.snapshot import Snapshot
from runtime.network.command_line import within
from runtime.network.netns import LAB_HOST
from runtime.oci.command_line import pid_of
from runtime.oci.shim.conmon import shim_pid_file
from runtime.values import Kind, choice, in_words, many

_SPECIAL = re.compile(r"[][\\.^$*+?(){}|]")  # in a regular expression of pgrep(1), regex(7)
_PID, _CONTAINER, _SHIM, _PROCESS = "pid ", "container ", "shim ", "process "
FORMS = ("the name of a netns, labhost, 'container NAME', 'shim NAME' (of a container or a session of exec), "
         "'process COMMAND' (by the beginning of its command line) or 'pid NUMBER'")


class Membership(NamedTuple):
    """Who is in which namespace. problem: why this could not be told, or ''."""

    inodes: tuple[tuple[str, int], ...]
    problem: str = ""

    @property
    def shown(self) -> str:
        return self.problem or ", ".join(f"{name}: {inode}" for name, inode in self.inodes)

    @property
    def distinct(self) -> int:
        return len({inode for _name, inode in self.inodes})

    @property
    def sharing(self) -> list[str]:
        """Those that share a namespace with another."""
        inodes = [inode for _name, inode in self.inodes]
        return [name for name, inode in self.inodes if inodes.count(inode) > 1]


def are_netns(subjects: Sequence[str]) -> bool:
    """Whether all of them are names of netns, or the lab host: of these the kernel tells, of processes it does not."""
    return not any(subject.startswith((_PID, _CONTAINER, _SHIM, _PROCESS)) for subject in subjects)


def _subject(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{in_words(value)} is none of these: {FORMS}")


def _several(value: object) -> tuple[str, ...]:
    parsed: tuple[str, ...] = many(SUBJECT).parse(value)
    if len(parsed) < 2:
        raise ValueError("it takes at least two to compare")
    if len({*parsed}) < len(parsed):
        raise ValueError("one of them is named twice, and is in one namespace with itself")
    return parsed


SUBJECT: Kind[str] = Kind("subject", FORMS, _subject)
SUBJECTS: Kind[tuple[str, ...]] = Kind("subjects", f"two or more, each {FORMS}", _several,
                                         {"type": "array", "items": {"type": "string"}, "minItems": 2})
KIND = choice(*NAMESPACES)


def membership(snapshot: Snapshot, kind: str, subjects: tuple[str, ...]) -> Membership:
    """The inode of each subject's namespace of `kind`."""
    found = []
    for name in subjects:
        inode, problem = _inode(snapshot, kind, name)
        if problem:
            return Membership((), problem)
        found.append((name, inode))
    return Membership(tuple(found))


def show_inode(kind: str, subject: str) -> str:
    """The command that shows the inode of a subject's namespace."""
    if subject.startswith(_PID):
        return f"readlink /proc/{subject.removeprefix(_PID)}/ns/{kind}"
    if subject.startswith(_CONTAINER):
        return f"readlink /proc/{pid_of(subject.removeprefix(_CONTAINER))}/ns/{kind}"
    if subject.startswith(_SHIM):
        return f"readlink /proc/$(cat {shim_pid_file(subject.removeprefix(_SHIM))})/ns/{kind}"
    if subject.startswith(_PROCESS):
        beginning = _SPECIAL.sub(r"\\\g<0>", subject.removeprefix(_PROCESS))
        return f"readlink /proc/$(pgrep -o -f {quote(f'^{beginning}( |$)')})/ns/{kind}"
    return within(subject, f"readlink /proc/self/ns/{kind}")


def process_of(snapshot: Snapshot, subject: str) -> tuple[Process | None, str]:
    """The process that a subject stands for, of a netns the first in it; or None, and why there is none."""
    if subject == LAB_HOST:
        return snapshot.process(1), ""
    name = subject.removeprefix(_CONTAINER)
    if subject.startswith(_CONTAINER):
        container = snapshot.container(name)
        if container is None:
            return None, no_container(snapshot, name)
        if container.refuted:
            return None, container.refuted
        process = snapshot.process(container.pid)
        return process, "" if process else f"the process of the container {name} has ended"
    if subject.startswith(_SHIM):
        shim = snapshot.shim(subject.removeprefix(_SHIM))
        return shim.process if shim else None, "" if shim else no_shim(subject.removeprefix(_SHIM))
    if subject.startswith(_PROCESS):
        return _by_command(snapshot, subject.removeprefix(_PROCESS))
    number = subject.removeprefix(_PID)
    if subject.startswith(_PID) and number.isdigit():
        process = snapshot.process(int(number))
        return process, "" if process else f"there is no process {number} in the sandbox"
    facts = snapshot.find(subject)
    if facts is None:
        return None, no_netns(snapshot, subject)
    inside = [each for each in snapshot.processes if each.namespace("net") == facts.inode and not each.ended]
    return (inside[0], "") if inside else (None, f"no process is in the network namespace {subject}")


def _by_command(snapshot: Snapshot, command: str) -> tuple[Process | None, str]:
    """Of several the oldest."""
    found = [each for each in snapshot.processes
             if not each.ended and (each.command == command or each.command.startswith(f"{command} "))]
    return min(found, key=lambda each: each.started, default=None), "" if found else advice(
        f"there is no process '{command}'", "see which there are", "ps -e -o pid,ppid,args")


def no_shim(name: str) -> str:
    """What to say when nobody looks after `name`."""
    return advice(f"{name} has no shim", "see which processes there are", "ps -e -o pid,ppid,args")


def _inode(snapshot: Snapshot, kind: str, name: str) -> tuple[int, str]:
    if kind == "net" and (facts := snapshot.find(name)):
        return facts.inode, ""
    process, problem = process_of(snapshot, name)
    inode = process.namespace(kind) if process else 0
    return inode, problem or ("" if inode else f"the {kind} namespace of {name} cannot be read")
