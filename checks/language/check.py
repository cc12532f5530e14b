"""What a check is, what it is given, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from checks.language.statement import Statement
from runtime.facts.look import Unexamined
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Wanted
from runtime.probes.asking import Answer, Probe

A = TypeVar("A", bound=Answer)

Outcome = Literal["pass", "fail", "skip", "error"]
_STRANGE = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
UNEXAMINED = "cannot be examined"  # what a failed check says is there when it could not tell: its opposite fails too


class Verdict(NamedTuple):
    """The judgement of one check.

    claim: what is claimed, in a sentence without its full stop.  expected, actual: the same in short, to be compared.
    hint: for a failure the cause and the command that mends it; otherwise ''.
    """

    claim: str
    outcome: Outcome
    expected: str
    actual: str
    hint: str = ""


class Evidence(NamedTuple):
    """Everything that a check may look at. earlier: the lab as it was after each step that is over, by its id."""

    snapshot: Snapshot
    answers: Mapping[Probe, Answer]
    earlier: Mapping[str, Snapshot] = MappingProxyType({})

    def answer(self, probe: Probe, kind: type[A]) -> A | None:
        """What came of a probe, None when it was not sent. kind: of its answer."""
        found = self.answers.get(probe)
        return found if isinstance(found, kind) else None


class Check(Statement, ABC):
    """A claim about the lab. Its subclass in checks/NOUN.py is found by that name."""

    @abstractmethod
    def claim(self) -> str:
        """What is claimed, in plain words."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Verdict:
        """Compare the claim with the evidence."""

    def verdict(self, evidence: Evidence) -> Verdict:
        """Judge; or fail, where something that the verdict depends on could not be examined."""
        found = self.unexamined(evidence.snapshot)
        if found is None:
            try:
                return self.judge(evidence)
            except _STRANGE as error:  # what a lab writes into a file is text or JSON without an end to its oddities
                return self.not_examined("something that can be examined",
                                         f"what is there cannot be understood ({type(error).__name__})")
        return self.not_examined("something that can be examined", str(found).replace(": ", " - "))

    def unexamined(self, snapshot: Snapshot) -> Unexamined | None:
        """The first thing that the verdict depends on and that could not be examined."""
        if not snapshot.unexamined:
            return None
        wanted = {*self.looks_at()}
        return next((each for each in snapshot.unexamined if any(
            each.kind == kind and (each.name == name or (not each.name and not _is_known(snapshot, kind, name)))
            for kind, name in wanted)), None)

    def looks_at(self) -> Iterator[tuple[str, str]]:
        """Yield what the verdict depends on, by kind and name as those of runtime.facts.look.Unexamined."""
        wanted = self.storage()
        for kind, names in (("process", ("",)), ("file", self.files()), ("tree", self.trees()),
                            ("screen", self.screens()), ("stream", ("",) * self.needs_streams()),
                            ("layout", wanted.layouts), ("layer", map(str, wanted.layers)), ("disk", wanted.disk),
                            ("overlay", ("",) * wanted.overlays)):
            yield from ((kind, name) for name in names)
        for name, value in self.values().items():
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, str):
                    yield from _meant(self.arguments[name].kind.name, each)

    def probes(self, snapshot: Snapshot) -> tuple[Probe, ...]:  # noqa: ARG002 for those that ask for some
        """Questions that need traffic and whose answers are wanted; `snapshot` tells who has which address."""
        return ()

    def needs_traffic(self) -> bool:
        """Whether its verdict depends on packets that are sent when the step is judged."""
        return False

    def is_told(self) -> bool:
        """Whether the kernel sends an event when its verdict may be another (runtime.facts.events)."""
        return False

    def sysctls(self) -> tuple[str, ...]:
        """Names of kernel settings that are wanted in the Snapshot."""
        return ()

    def files(self) -> tuple[str, ...]:
        """Paths of the lab host's files that are wanted in the Snapshot."""
        return ()

    def trees(self) -> tuple[str, ...]:
        """Paths of folders that are wanted in the Snapshot with all that is in them."""
        return ()

    def needs_streams(self) -> bool:
        """Whether the Snapshot has to tell which processes hold which pipes and terminals."""
        return False

    def screens(self) -> tuple[str, ...]:
        """Containers, or sessions of exec, whose terminals are wanted in the Snapshot."""
        return ()

    def storage(self) -> Wanted:
        """What is wanted in the Snapshot of images, layers, overlays and of the room that folders take."""
        return Wanted()

    def passed(self, expected: str, actual: str = "") -> Verdict:
        return Verdict(self.claim(), "pass", expected, actual or expected)

    def failed(self, expected: str, actual: str, hint: str) -> Verdict:
        return Verdict(self.claim(), "fail", expected, actual, hint)

    def not_examined(self, expected: str, hint: str) -> Verdict:
        """A check that fails since something could not be examined. hint: what, and why."""
        return self.failed(expected, UNEXAMINED, hint)


def _meant(kind: str, value: str) -> Iterator[tuple[str, str]]:
    """What an argument means, of a kind and with a value: a netns, a container, or nothing that has a name here."""
    if kind in ("netns", "container"):
        yield kind, value
    elif kind in ("subject", "subjects") or kind.endswith(" or subject"):
        is_container, name = value.startswith("container "), value.partition(" ")[2]
        yield ("container", name) if is_container else ("netns", value)


def _is_known(snapshot: Snapshot, kind: str, name: str) -> bool:
    """Whether something was examined, though not all of its kind could be."""
    return bool((kind == "netns" and snapshot.find(name)) or (kind == "container" and snapshot.container(name)))


def verdict_json(check: str, verdict: Verdict, seconds: float) -> dict[str, Any]:
    """The check object of the JSON contract."""
    return {"check": check, **verdict._asdict(), "seconds": round(seconds, 6)}
