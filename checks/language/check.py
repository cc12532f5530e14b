"""What a check is, what it is given, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

from checks.language.statement import Statement
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Wanted
from runtime.probes.asking import Answer, Probe

A = TypeVar("A", bound=Answer)

Outcome = Literal["pass", "fail", "skip", "error"]


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


def verdict_json(check: str, verdict: Verdict, seconds: float) -> dict[str, Any]:
    """The check object of the JSON contract."""
    return {"check": check, **verdict._asdict(), "seconds": round(seconds, 6)}
