"""Whether two things are in one namespace: what same_namespace and different_namespace share."""

from __future__ import annotations

from typing import NamedTuple

from checks.reasoning.wording import no_netns
from runtime.facts.processes import NAMESPACES
from runtime.facts.snapshot import Snapshot
from runtime.network.command_line import within
from runtime.values import Kind, choice, in_words, many

_PID = "pid "


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


def _subject(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{in_words(value)} is neither the name of a netns nor 'pid NUMBER'")


def _several(value: object) -> tuple[str, ...]:
    parsed: tuple[str, ...] = many(SUBJECT).parse(value)
    if len(parsed) < 2:
        raise ValueError("it takes at least two to compare")
    if len({*parsed}) < len(parsed):
        raise ValueError("one of them is named twice, and is in one namespace with itself")
    return parsed


SUBJECT: Kind[str] = Kind("subject", "the name of a netns, or 'pid NUMBER' for a process", _subject)
SUBJECTS: Kind[tuple[str, ...]] = Kind("subjects", "two or more, each the name of a netns or 'pid NUMBER'", _several,
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
    return within(subject, f"readlink /proc/self/ns/{kind}")


def _inode(snapshot: Snapshot, kind: str, name: str) -> tuple[int, str]:
    number = name.removeprefix(_PID)
    if name.startswith(_PID) and number.isdigit():
        process = next((each for each in snapshot.processes if each.pid == int(number)), None)
        return (process.namespace(kind), "") if process else (0, f"there is no process {number} in the sandbox")
    facts = snapshot.find(name)
    if facts is None:
        return 0, no_netns(snapshot, name)
    return (facts.inode, "") if kind == "net" else (0, f"{name} is a network namespace and has no {kind} namespace")


