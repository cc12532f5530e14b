"""A lab.yaml becomes a Lab. Every mistake is found in one go and has its file:line:column."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Generic, NamedTuple, TypeVar

from checks.language.check import Check
from checks.language.statement import Mistake, Statement
from labrunner.about import read_about
from labrunner.action import Action
from labrunner.errors import nearest
from labrunner.lab import Lab, Step
from labrunner.reading import Reader
from labrunner.source import read_tree
from labrunner.tree import Entry, Node
from runtime.network.world import WORLDS

S = TypeVar("S", bound=Statement)

_LAB_KEYS = ("title", "summary", "level", "minutes", "topics", "world", "vars", "steps")
_STEP_KEYS = ("id", "title", "teach", "do", "check")


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


def load(path: str, given: Mapping[str, str] | None = None) -> Lab:
    """The lab in the file `path`, with the variables `given` (--set). Raises LabError, UsageError."""
    reader = _LabReader()
    lab = reader.lab(path, read_tree(path, given or {}))
    reader.finish()
    return lab


@cache
def words(package: str) -> tuple[str, ...]:
    """The words of a sort of statement: the files of its package."""
    folder = os.path.dirname(importlib.import_module(package).__file__ or "")
    return tuple(sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_")))


class _LabReader(Reader):
    def lab(self, path: str, root: Node) -> Lab:
        top = self.mapping(root, _LAB_KEYS, required=("title", "steps"))
        given = self.typed(top, "vars", dict, "a mapping of names to values") or {}
        steps = tuple(self._step(node, number) for number, node in enumerate(self.nodes(top, "steps"), 1))
        self._no_twins(top, steps)
        return Lab(
            read_about(self, path, root),
            self.word(top, "world", WORLDS, WORLDS[0]),
            {name: str(entry.node.value) for name, entry in given.items()},
            steps,
        )

    def _step(self, node: Node, number: int) -> Step:
        top = self.mapping(node, _STEP_KEYS, required=("title", "check"))
        return Step(
            self.text(top, "id") or f"step-{number}",
            self.text(top, "title"),
            self.text(top, "teach").strip(),
            tuple(self._statements(self.nodes(top, "do"), _ACTION)),
            tuple(self._statements(self.nodes(top, "check"), _CHECK)),
        )

    def _no_twins(self, top: Mapping[str, Entry], steps: Iterable[Step]) -> None:
        seen: set[str] = set()
        for step, node in zip(steps, self.nodes(top, "steps"), strict=True):
            if step.id in seen:
                self.mistake(node, f"there are two steps with the id '{step.id}'", "give each an id of its own")
            seen.add(step.id)

    def _statements(self, nodes: Iterable[Node], sort: _Sort[S]) -> Iterator[S]:
        for node in nodes:
            statement = self._statement(node, sort)
            if statement:
                yield statement

    def _statement(self, node: Node, sort: _Sort[S]) -> S | None:
        if not isinstance(node.value, dict) or len(node.value) != 1:
            self.mistake(node, f"here stands one {sort.noun}, written as `- WORD: ...`")
            return None
        word, entry = next(iter(node.value.items()))
        known = words(sort.package)
        if word not in known:
            self.mistake_at(entry, f"there is no {sort.noun} '{word}'", nearest(word, known))
            return None
        return self._made(sort.find(word), word, entry)

    def _made(self, made: type[S], word: str, entry: Entry) -> S | None:
        value = entry.node.value
        if not isinstance(value, dict) and not made.main:
            self.mistake(entry.node, f"'{word}' needs its arguments by name", f"they are {', '.join(made.arguments)}")
            return None
        fields = value if isinstance(value, dict) else {made.main: Entry(entry.node.place, entry.node)}
        try:
            return made(**{key: each.node.plain() for key, each in fields.items()})
        except Mistake as mistake:
            at = fields.get(mistake.key)
            if mistake.key not in made.arguments and at:
                self.mistake_at(at, f"'{word}' has no argument '{mistake.key}'", nearest(mistake.key, tuple(made.arguments)))
            else:
                self.mistake(at.node if at else entry.node, f"{word}: {mistake.says}")
            return None
