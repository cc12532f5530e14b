"""A lab.yaml becomes a Lab. Every mistake is found in one go and has its file:line:column."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from checks.language.check import Check
from checks.language.statement import Mistake, Statement
from labrunner.about import read_about
from labrunner.action import Action
from labrunner.errors import LabError, LabMistake, UsageError, nearest
from labrunner.lab import Lab, Step
from labrunner.reading import Reader
from labrunner.source import read_document
from labrunner.tree import UNKNOWN, Entry, Node
from runtime.network.world import WORLDS
from runtime.values import Kind

S = TypeVar("S", bound=Statement)

_LAB_KEYS = ("title", "summary", "level", "minutes", "topics", "world", "vars", "steps")
_STEP_KEYS = ("id", "title", "teach", "do", "check")
_ID = re.compile(r"(?!\d+$)[a-z0-9][a-z0-9-]*")


class _SortFields(NamedTuple):
    noun: str
    package: str
    key: str


class _Sort(_SortFields, Generic[S]):
    """A sort of statement: what it is called, the package whose files are its words, and where in a step it stands."""

    @property
    def words(self) -> tuple[str, ...]:
        return words(self.package)

    def find(self, word: str) -> type[S]:
        """The class in the file `word`.py: add_veth -> AddVeth."""
        module = importlib.import_module(f"{self.package}.{word}")
        found: type[S] = getattr(module, "".join(part.capitalize() for part in word.split("_")))
        return found


_ACTION: _Sort[Action] = _Sort("action", "labrunner.actions", "do")
_CHECK: _Sort[Check] = _Sort("check", "checks", "check")


def load(path: str, given: Mapping[str, str] | None = None) -> Lab:
    """The lab in the file `path`, with the variables `given` (--set). Raises LabError, UsageError."""
    lab, mistakes = _read(path, given or {})
    if mistakes and given and not _read(path, {})[1]:
        shown = " ".join(f"--set {name}={value}" for name, value in given.items())
        raise UsageError(f"'{shown}' does not fit this lab", mistakes[0].says)
    if mistakes:
        raise LabError(mistakes)
    return lab


def _read(path: str, given: Mapping[str, str]) -> tuple[Lab, Sequence[LabMistake]]:
    document = read_document(path, given)
    reader = _LabReader(document.mistakes)
    return reader.lab(path, document.tree), reader.mistakes


@cache
def words(package: str) -> tuple[str, ...]:
    """The words of a sort of statement: the files of its package."""
    folder = os.path.dirname(importlib.import_module(package).__file__ or "")
    return tuple(sorted(name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_")))


class _LabReader(Reader):
    def lab(self, path: str, root: Node) -> Lab:
        top = self.mapping(root, _LAB_KEYS, ("title", "steps"), "a lab")
        nodes = self.nodes(top, "steps", least=1)
        steps = tuple(self._step(node, number) for number, node in enumerate(nodes, 1))
        self._no_twins(zip(steps, nodes, strict=True))
        world = self.word(top, "world", WORLDS, WORLDS[0])
        return Lab(read_about(self, path, root), world, self._variables(top), steps)

    def _variables(self, top: Mapping[str, Entry]) -> dict[str, str]:
        declared: Mapping[str, Entry] = self.typed(top, "vars", dict, "a mapping of names to values") or {}
        for name, entry in declared.items():
            if not name.isidentifier():
                self.mistake_at(entry, f"'{name}' cannot be the name of a variable", "letters, digits and _ can")
            if isinstance(entry.node.value, dict | list | None):
                self.mistake(entry.node, f"the variable '{name}' has to be a text or a number")
        return {name: str(entry.node.value) for name, entry in declared.items()}

    def _step(self, node: Node, number: int) -> Step:
        top = self.mapping(node, _STEP_KEYS, ("title", "check"), "a step")
        return Step(
            self._id(top) or f"step-{number}",
            self.text(top, "title"),
            self.text(top, "teach").strip(),
            tuple(self._statements(self.nodes(top, "do"), _ACTION, _CHECK)),
            tuple(self._statements(self.nodes(top, "check", least=1), _CHECK, _ACTION)),
        )

    def _id(self, top: Mapping[str, Entry]) -> str:
        found = self.text(top, "id")
        if found and not _ID.fullmatch(found):
            self.mistake(top["id"].node, f"'{found}' cannot be the id of a step",
                         "small letters, digits and - can, and a letter has to be among them")
        return found

    def _no_twins(self, steps: Iterable[tuple[Step, Node]]) -> None:
        seen: dict[str, Node] = {}
        for step, node in steps:
            first = seen.setdefault(step.id, node)
            if first is not node:
                named = isinstance(node.value, dict) and "id" in node.value
                self.mistake(node.value["id"].node if named else node,
                             f"there are two steps with the id '{step.id}' (the first in line {first.place.line})",
                             "give each an id of its own")

    def _statements(self, nodes: Iterable[Node], sort: _Sort[S], other: _Sort[Action] | _Sort[Check]) -> Iterator[S]:
        for node in nodes:
            statement = self._statement(node, sort, other)
            if statement:
                yield statement

    def _statement(self, node: Node, sort: _Sort[S], other: _Sort[Action] | _Sort[Check]) -> S | None:
        if node.value is UNKNOWN:
            return None
        if not isinstance(node.value, dict) or len(node.value) != 1:
            self._no_statement(node, sort)
            return None
        word, entry = next(iter(node.value.items()))
        if word in sort.words:
            return self._made(sort.find(word), word, entry)
        elsewhere = f"'{word}' belongs under '{other.key}', with the {other.noun}s" if word in other.words else ""
        self.mistake_at(entry, f"there is no {sort.noun} '{word}'", elsewhere or nearest(word, sort.words))
        return None

    def _no_statement(self, node: Node, sort: _Sort[S]) -> None:
        example = f"write '- {sort.words[0]}: ...', and the arguments in {{}} or indented below it"
        found = tuple(node.value) if isinstance(node.value, dict) else ()
        if not found:
            self.mistake(node, f"here has to stand one {sort.noun} with its arguments", example)
            return
        says = f"one {sort.noun} has to stand here, and here stand {len(found)} words: {', '.join(found)}"
        if found[0] in sort.words and node.value[found[0]].node.value is None:
            example = f"indent the arguments of '{found[0]}' further than '{found[0]}' itself"
        self.mistake(node, says, example)

    def _made(self, made: type[S], word: str, entry: Entry) -> S | None:
        if not entry.node.known:
            return None
        value = entry.node.value
        if not isinstance(value, dict) and not made.main:
            self.mistake(entry.node, f"'{word}' needs its arguments by name", _arguments(made))
            return None
        fields = value if isinstance(value, dict) else {made.main: entry}
        try:
            return made(**{key: each.node.plain() for key, each in fields.items()})
        except Mistake as mistake:
            self._explain(mistake, made, word, fields, entry)
            return None

    def _explain(self, mistake: Mistake, made: type[S], word: str, fields: Mapping[str, Entry], entry: Entry) -> None:
        at, argument = fields.get(mistake.key), made.arguments.get(mistake.key)
        if not at:
            self.mistake(entry.node, f"{word}: {mistake.says}", _arguments(made))
        elif not argument:
            known = nearest(mistake.key, tuple(made.arguments))
            self.mistake_at(at, f"'{word}' has no argument '{mistake.key}'", known)
        else:
            says = f"'{mistake.key}' has no value" if at.node.value is None else mistake.says
            fits = _parses(argument.kind, at.node.plain())  # then it is the statement as a whole that is wrong
            self.mistake(at.node, f"{word}: {says}", "" if fits else f"'{mistake.key}' has to be {argument.kind.says}")


def _parses(kind: Kind[Any], value: Any) -> bool:
    try:
        kind.parse(value)
    except ValueError:
        return False
    return True


def _arguments(made: type[Statement]) -> str:
    """What a statement is given: 'its arguments are name, peer, and if need be netns'."""
    needed = [name for name, each in made.arguments.items() if each.required]
    others = [name for name, each in made.arguments.items() if not each.required]
    return f"its arguments are {', '.join(needed)}" + (f", and if need be {', '.join(others)}" if others else "")
