from __future__ import annotations

from typing import cast

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.connections import Way, why_not, why_seen_so
from checks.reasoning.wording import no_netns
from runtime.facts.snapshot import Snapshot
from runtime.network.netns import LAB_HOST
from runtime.probes import tcp as probe
from runtime.probes.connecting import Outcome
from runtime.values import ADDRESS, NETNS, PORT, choice

_DOES = {"accepted": "accepts", "refused": "refuses", "silent": "says nothing to", "unreachable": "is unreachable for"}


class Tcp(Check):
    """A TCP port accepts connections, or is refused, silent or unreachable. The runner asks itself, without a program.

    refused: nobody listens there, or a rule says REJECT.  silent: a rule says DROP, or nobody has the address.
    unreachable: there is no route, or a router or a rule says so.
    """

    from_ = argument(NETNS, "the netns to ask from", default=LAB_HOST)
    to = argument(ADDRESS, "the address to ask")
    port = argument(PORT, "the port to ask for")
    answer = argument(choice(*_DOES), "what has to come of it", default="accepted")
    seen_as = argument(ADDRESS, "the source address that the host with the port has to see", default=None)

    def validate(self) -> None:
        if ":" in self.to:
            raise Mistake("to", "tcp asks IPv4 addresses only")

    def claim(self) -> str:
        seen = f" and sees {self.seen_as}" if self.seen_as else ""
        return f"port {self.port} of {self.to} {_DOES[self.answer]} {self.from_}{seen}"

    def needs_traffic(self) -> bool:
        return True

    def probes(self, snapshot: Snapshot) -> tuple[probe.Tcp, ...]:
        return (self._probe(),) if snapshot.find(self.from_) else ()

    def _probe(self) -> probe.Tcp:
        return probe.Tcp(self.from_, self.to, self.port, cast(Outcome, self.answer))

    def _way(self) -> Way:
        return Way(self.from_, self.to, self.port)

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        expected = self.answer + (f", seen as {self.seen_as}" if self.seen_as else "")
        answer = evidence.answer(self._probe(), probe.TcpAnswer)
        if answer is None:
            return self.failed(expected, f"no {self.from_}", no_netns(snapshot, self.from_))
        actual = answer.outcome + (f" ({answer.reason})" if answer.reason else f" in {answer.milliseconds:.2f} ms")
        seen = answer.arrival.source if answer.arrival else ""
        if self.seen_as:
            actual += f", seen as {seen}" if seen else ", not seen"
        if answer.outcome != self.answer:
            hint = why_not(cast(Outcome, self.answer), snapshot, self._way(), answer)
        elif self.seen_as and seen != self.seen_as:
            hint = why_seen_so(self.seen_as, snapshot, self._way(), answer)
        else:
            return self.passed(expected, actual)
        return self.failed(expected, actual, hint)
