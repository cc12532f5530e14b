"""What a check is, what it is given, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from checks.language.statement import Statement
from runtime.facts.snapshot import Snapshot
from runtime.probes.ping import Answer, Ping

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
    """Everything that a check may look at."""

    snapshot: Snapshot
    answers: Mapping[Ping, Answer]


class Check(Statement, ABC):
    """A claim about the lab. Its subclass in checks/NOUN.py is found by that name."""

    @abstractmethod
    def claim(self) -> str:
        """What is claimed, in plain words."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Verdict:
        """Compare the claim with the evidence."""

    def probes(self, snapshot: Snapshot) -> tuple[Ping, ...]:  # noqa: ARG002 for those that ask for some
        """Pings whose answers are wanted; `snapshot` tells who has which address."""
        return ()

    def sysctls(self) -> tuple[str, ...]:
        """Names of kernel settings that are wanted in the Snapshot."""
        return ()

    def passed(self, expected: str, actual: str = "") -> Verdict:
        return Verdict(self.claim(), "pass", expected, actual or expected)

    def failed(self, expected: str, actual: str, hint: str) -> Verdict:
        return Verdict(self.claim(), "fail", expected, actual, hint)


def verdict_json(check: str, verdict: Verdict, seconds: float) -> dict[str, Any]:
    """The check object of the JSON contract."""
    return {"check": check, **verdict._asdict(), "seconds": round(seconds, 6)}
