"""A lab.yaml becomes a Lab. Every mistake is found in one go and has its file:line:column."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Generic, NamedTuple, TypeVar

from checks.language.check import Check
from checks.language.statement import Mistake, Statement
from labrunner.action import Action
from labrunner.document import Entry, Node
from labrunner.errors import LabError, LabMistake, nearest
from labrunner.lab import About, Lab, Step
from labrunner.source import read_tree
from runtime.network.world import WORLDS

S = TypeVar("S", bound=Statement)


class _SortFields(NamedTuple):
    noun: str
    package: str


class _Sort(_SortFields, Generic[S]):
    """A sort of statement: what it is called, and the package whose files are its words."""

    def find(self, word: str) -> type[S]:
        """The class in the file `word`.py: add_veth -> AddVeth."""
        module = importlib.import_module(f"{self.package}.{word}")
        found: type[S] = getattr(module, "".join(part.capitalize() for part in word.split("_")))
        return found


_ACTION: _Sort[Action] = _Sort("action", "labrunner.actions")
_CHECK: _Sort[Check] = _Sort("check", "checks")

_LAB_KEYS = ("title", "summary", "level", "minutes", "topics", "world", "vars", "steps")
_STEP_KEYS = ("id", "title", "teach", "do", "check")
_LEVELS = ("beginner", "intermediate", "advanced")


def load(path: str, given: Mapping[str, str] | None = None) -> Lab:
    """The lab in the file `path`, with the variables `given` (--set). Raises LabError, UsageError."""
    reader = _Reader()
    lab = reader.lab(path, read_tree(path, given or {}))
    if reader.mistakes:
        raise LabError(reader.mistakes)
    return lab


def load_about(path: str) -> About:
    """What a list tells of the lab; its steps are not read. Raises LabError."""
    reader = _Reader()
    about = reader.about(path, read_tree(path, {}))
    if reader.mistakes:
        raise LabError(reader.mistakes)
    return about


def words(package: str) -> list[str]:
    """The words of a kind of statement: the files of its package."""
    folder = os.path.dirname(importlib.import_module(package).__file__ or "")
    return sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_"))


class _Reader:
    """Reads nodes into values and collects the mistakes."""

    def __init__(self) -> None:
        self.mistakes: list[LabMistake] = []

    def lab(self, path: str, root: Node) -> Lab:
        about = self.about(path, root)
        top = self._mapping(root, _LAB_KEYS, required=("title", "steps"))
        world = self._word(top, "world", WORLDS, "empty")
        given = self._typed(top, "vars", dict, "a mapping of names to values") or {}
        variables = {name: str(entry.node.value) for name, entry in given.items()}
        steps = tuple(self._step(node, number) for number, node in enumerate(self._list(top, "steps"), 1))
        self._no_twins(top, steps)
        return Lab(about, world, variables, steps)

    def about(self, path: str, root: Node) -> About:
        top = root.value if isinstance(root.value, dict) else {}
        topics = [str(node.value) for node in self._list(top, "topics")]
        return About(PurePath(os.path.abspath(path)).parent.name, path, self._text(top, "title"), self._text(top, "summary"),
                     self._word(top, "level", _LEVELS, "beginner"), self._typed(top, "minutes", int, "a number") or 0, tuple(topics))

    def _step(self, node: Node, number: int) -> Step:
        top = self._mapping(node, _STEP_KEYS, required=("title", "check"))
        actions = tuple(self._statements(self._list(top, "do"), _ACTION))
        checks = tuple(self._statements(self._list(top, "check"), _CHECK))
        return Step(self._text(top, "id") or f"step-{number}", self._text(top, "title"), self._text(top, "teach").strip(),
                    actions, checks)

    def _no_twins(self, top: Mapping[str, Entry], steps: Iterable[Step]) -> None:
        seen: set[str] = set()
        for step, node in zip(steps, self._list(top, "steps"), strict=True):
            if step.id in seen:
                self._mistake(node, f"there are two steps with the id '{step.id}'", "give each an id of its own")
            seen.add(step.id)

    def _statements(self, nodes: Iterable[Node], sort: _Sort[S]) -> Iterable[S]:
        for node in nodes:
            statement = self._statement(node, sort)
            if statement:
                yield statement

    def _statement(self, node: Node, sort: _Sort[S]) -> S | None:
        if not isinstance(node.value, dict) or len(node.value) != 1:
            self._mistake(node, f"here stands one {sort.noun}, written as `- WORD: ...`")
            return None
        word, entry = next(iter(node.value.items()))
        known = words(sort.package)
        if word not in known:
            self._mistake_at(entry, f"there is no {sort.noun} '{word}'", nearest(word, known))
            return None
        return self._made(sort.find(word), word, entry)

    def _made(self, made: type[S], word: str, entry: Entry) -> S | None:
        value = entry.node.value
        if not isinstance(value, dict) and not made.main:
            self._mistake(entry.node, f"'{word}' needs its arguments by name", f"they are {', '.join(made.arguments)}")
            return None
        fields = value if isinstance(value, dict) else {made.main: Entry(entry.node.place, entry.node)}
        try:
            return made(**{key: each.node.plain() for key, each in fields.items()})
        except Mistake as mistake:
            at = fields.get(mistake.key)
            if mistake.key not in made.arguments and at:
                self._mistake_at(at, f"'{word}' has no argument '{mistake.key}'", nearest(mistake.key, list(made.arguments)))
            else:
                self._mistake(at.node if at else entry.node, f"{word}: {mistake.says}")
            return None

    def _mapping(self, node: Node, known: tuple[str, ...], required: tuple[str, ...]) -> dict[str, Entry]:
        if not isinstance(node.value, dict):
            self._mistake(node, f"here stands {_kind_of(node.value)}, expected are the keys {', '.join(known)}")
            return {}
        for key, entry in node.entries():
            if key not in known:
                self._mistake_at(entry, f"the key '{key}' is unknown here", nearest(key, known))
        for key in required:
            if key not in node.value:
                self._mistake(node, f"'{key}' is missing")
        return {key: entry for key, entry in node.value.items() if key in known}

    def _list(self, top: Mapping[str, Entry], key: str) -> list[Node]:
        return self._typed(top, key, list, "a list, each entry with `- ` before it") or []

    def _text(self, top: Mapping[str, Entry], key: str) -> str:
        return self._typed(top, key, str, "a text") or ""

    def _word(self, top: Mapping[str, Entry], key: str, known: tuple[str, ...], default: str) -> str:
        value = self._text(top, key) or default
        if value not in known:
            self._mistake(top[key].node, f"'{value}' is no {key}", nearest(value, known))
        return value

    def _typed(self, top: Mapping[str, Entry], key: str, kind: type[Any], says: str) -> Any:
        if key not in top:
            return None
        node = top[key].node
        if isinstance(node.value, kind) and not (kind is int and isinstance(node.value, bool)):
            return node.value
        self._mistake(node, f"'{key}' has to be {says}, and here stands {_kind_of(node.value)}")
        return None

    def _mistake(self, node: Node, says: str, mend: str = "") -> None:
        self.mistakes.append(LabMistake(node.place, says, mend))

    def _mistake_at(self, entry: Entry, says: str, mend: str = "") -> None:
        self.mistakes.append(LabMistake(entry.place, says, mend))


def _kind_of(value: Any) -> str:
    words = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return words.get(type(value), "nothing")
