from __future__ import annotations

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.obstacles import why_no_answer
from checks.reasoning.path import owner
from checks.reasoning.surprises import why_answered, why_seen
from checks.reasoning.wording import advice, no_netns
from runtime.facts.snapshot import Snapshot
from runtime.network.command_line import within
from runtime.network.netns import LAB_HOST
from runtime.probes import ping as probe
from runtime.values import ADDRESS, BOOLEAN, NETNS


class Ping(Check):
    """An echo request is answered, or is not. The runner sends it itself; no ping(8) is involved."""

    from_ = argument(NETNS, "the netns to ask from", default=LAB_HOST)
    to = argument(ADDRESS, "the address to ask")
    answers = argument(BOOLEAN, "whether an answer has to come", default=True)
    seen_as = argument(ADDRESS, "the source address that the far side has to see", default=None)

    def validate(self) -> None:
        if ":" in self.to:
            raise Mistake("to", "ping asks IPv4 addresses only")

    def is_told(self) -> bool:
        return True

    def claim(self) -> str:
        seen = f" {'and' if self.answers else 'but'} sees {self.seen_as}" if self.seen_as else ""
        return f"{self.to} {'answers' if self.answers else 'does not answer'} {self.from_}{seen}"

    def needs_traffic(self) -> bool:
        return True

    def probes(self, snapshot: Snapshot) -> tuple[probe.Ping, ...]:
        if snapshot.find(self.from_) is None:
            return ()
        return (self._ping(snapshot),)

    def _ping(self, snapshot: Snapshot) -> probe.Ping:
        there = owner(snapshot, self.to) if self.seen_as else None
        return probe.Ping(self.from_, self.to, self.answers, there.netns if there else "")

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        expected = "an answer" if self.answers else "no answer"
        if self.seen_as:
            expected += f", seen as {self.seen_as}"
        answer = evidence.answer(self._ping(snapshot), probe.Answer) or self._same_ping(evidence)
        if answer is None:
            return self.failed(expected, f"no {self.from_}", no_netns(snapshot, self.from_))
        actual = f"an answer in {answer.milliseconds:.2f} ms" if answer.answered else f"no answer ({answer.reason})"
        if self.seen_as:
            actual += f", seen as {answer.seen_as}" if answer.seen_as else ", not seen"
        if answer.answered != self.answers:
            hint = self._why_silent(snapshot) if self.answers else why_answered(snapshot, self.from_, self.to)
        elif self.seen_as and answer.seen_as != self.seen_as:
            hint = why_seen(snapshot, self.from_, self.to, answer.seen_as, self.seen_as)
        else:
            return self.passed(expected, actual)
        return self.failed(expected, actual, hint)

    def _same_ping(self, evidence: Evidence) -> probe.Answer | None:
        """Its answer although the address has changed hands since, so that another netns would be watched now."""
        mine = (self.from_, self.to, self.answers)
        return next((answer for ping, answer in evidence.answers.items()
                     if ping[:3] == mine and isinstance(answer, probe.Answer)), None)

    def _why_silent(self, snapshot: Snapshot) -> str:
        return why_no_answer(snapshot, self.from_, self.to) or advice(
            f"the addresses, routes and wires from {self.from_} to {self.to} look right", "look at the firewall",
            within(self.from_, "iptables -S"), "nft list ruleset")
