"""A lab.yaml becomes a Lab. Every mistake is found in one go and has its file:line:column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from checks.language.claim import Claim
from labrunner.errors import LabError, LabMistake, UsageError
from labrunner.language.about import read_about
from labrunner.language.addresses import check_gateways
from labrunner.language.keys import CLAIM, LAB, MOST_POINTS, STEP
from labrunner.language.lab import Holds, Lab, Step
from labrunner.language.order import check_order
from labrunner.language.source import read_document
from labrunner.language.statements import StatementReader
from labrunner.language.tree import Document, Entry, Node
from labrunner.language.variables import RUNTIME, read_variables
from runtime.network.world import WORLDS

_ID = re.compile(r"(?!\d+$)[a-z0-9][a-z0-9-]*")


def load(path: str, given: Mapping[str, str] | None = None) -> Lab:
    """The lab in the file `path`, with the variables `given` (--set). Raises LabError, UsageError."""
    lab, mistakes = _read(path, given or {})
    set_ = {name: value for name, value in (given or {}).items() if name != RUNTIME}
    if mistakes and set_ and not _read(path, {})[1]:
        shown = " ".join(f"--set {name}={value}" for name, value in set_.items())
        raise UsageError(f"'{shown}' does not fit this lab", mistakes[0].says)
    if mistakes:
        raise LabError(mistakes)
    return lab


class Examined(NamedTuple):
    """A lab and its document. mistakes: in no order; when there are some, the lab is what could be read of it."""

    lab: Lab
    document: Document
    mistakes: Sequence[LabMistake]


def examine(path: str) -> Examined:
    """Everything about the lab in the file `path`, read anew. Raises LabError when nothing can be read, UsageError."""
    return _examined(path, read_document(path, {}, fresh=True))


def _read(path: str, given: Mapping[str, str]) -> tuple[Lab, Sequence[LabMistake]]:
    found = _examined(path, read_document(path, given))
    return found.lab, found.mistakes


def _examined(path: str, document: Document) -> Examined:
    reader = _LabReader(document.mistakes)
    reader.runtime = document.runtime
    return Examined(reader.lab(path, document.tree), document, reader.mistakes)


class _LabReader(StatementReader):
    def lab(self, path: str, root: Node) -> Lab:
        top = self.mapping(root, LAB, "a lab")
        nodes = self.nodes(top, "steps", least=1)
        steps = tuple(self._step(node, number) for number, node in enumerate(nodes, 1))
        self._no_twins(zip(steps, nodes, strict=True))
        steps = check_order(self, steps, nodes)
        world = self.word(top, "world", WORLDS, WORLDS[0])
        check_gateways(self, world, steps, nodes)
        return Lab(read_about(self, path, root), world, read_variables(self, top), steps, self.runtime)

    def _step(self, node: Node, number: int) -> Step:
        top = self.mapping(node, STEP, "a step")
        if isinstance(node.value, dict) and not {"check", "claims"} & set(node.value):
            self.mistake(node, "a step needs the key 'check', and it is missing",
                         "add a line 'check:', and below it what is true when the step is done")
        do = tuple(self.actions(self.nodes(top, "do")))
        holds = (*self.checks(self.nodes(top, "check", least=1)), *self._claims(top))
        return Step(self._id(top) or f"step-{number}", self.text(top, "title"), self.text(top, "teach").strip(), do,
                    holds, self.texts(top, "needs"), self.texts(top, "hints"), self._points(top), node.place.line)

    def _id(self, top: Mapping[str, Entry]) -> str:
        found = self.text(top, "id")
        if found and not _ID.fullmatch(found):
            self.mistake(top["id"].node, f"'{found}' cannot be the id of a step",
                         "small letters, digits and - can, and a letter has to be among them")
        return found

    def _claims(self, top: Mapping[str, Entry]) -> Iterator[Holds]:
        for node in self.nodes(top, "claims", least=1):
            claim = self.mapping(node, CLAIM, "a claim")
            checks = list(self.parts(self.nodes(claim, "check", least=1)))
            says, holds = self.text(claim, "says"), self.typed(claim, "holds", bool, "true or false")
            if says and checks:
                yield Holds(Claim(says=says, holds=holds is not False, checks=checks), "", node.place.line)

    def _points(self, top: Mapping[str, Entry]) -> int:
        points = self.typed(top, "points", int, "a whole number")
        if points is not None and not 0 <= points <= MOST_POINTS:
            self.mistake(top["points"].node, f"'points' cannot be {points}", f"0 to {MOST_POINTS} can")
        return 1 if points is None else int(points)

    def _no_twins(self, steps: Iterable[tuple[Step, Node]]) -> None:
        seen: dict[str, Node] = {}
        for step, node in steps:
            first = seen.setdefault(step.id, node)
            if first is not node:
                named = isinstance(node.value, dict) and "id" in node.value
                self.mistake(node.value["id"].node if named else node,
                             f"there are two steps with the id '{step.id}' (the first in line {first.place.line})",
                             "give each an id of its own")

