from __future__ import annotations

from typing import Any

from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake, argument
from checks.reasoning.connections import Way, why_not, why_seen_so
from checks.reasoning.wording import no_netns
from runtime.facts.snapshot import Snapshot
from runtime.network.netns import LAB_HOST
from runtime.probes import http as probe
from runtime.values import ADDRESS, BOOLEAN, NETNS, PORT, TEXT, Kind, in_words, whole_number

_SHOWN = 60  # characters of a page in a verdict


def _path(value: Any) -> str:
    """The target of a request (RFC 9112, 3.2.1)."""
    if not isinstance(value, str) or not value.startswith("/") or not all("!" <= letter <= "~" for letter in value):
        raise ValueError(f"{in_words(value)} is not a path: it begins with / and has no spaces")
    return value


PATH: Kind[str] = Kind("path", "a path, as /index.html", _path, {"type": "string", "pattern": "^/[!-~]*$"},
                       lambda value: [f"{value.rstrip('/')}/wrong"])


class Http(Check):
    """A web server answers a GET, or does not. The runner asks itself, without a program, and follows no redirects."""

    from_ = argument(NETNS, "the netns to ask from", default=LAB_HOST)
    to = argument(ADDRESS, "the address to ask")
    port = argument(PORT, "the port to ask for", default=80)
    path = argument(PATH, "what to ask for", default="/")
    answers = argument(BOOLEAN, "whether an answer has to come", default=True)
    status = argument(whole_number(100, 599), "the status code that has to come", default=200)
    contains = argument(TEXT, "a text that has to be in the answer", default=None)
    seen_as = argument(ADDRESS, "the source address that the server's host has to see", default=None)

    def validate(self) -> None:
        if ":" in self.to:
            raise Mistake("to", "http asks IPv4 addresses only")
        if not self.answers and self.contains is not None:
            raise Mistake("contains", "where no answer has to come, nothing can be in it")
        if self.contains == "":
            raise Mistake("contains", "an empty text is in every answer: write a part of the page")

    def _url(self) -> str:
        return f"http://{self.to}{'' if self.port == 80 else f':{self.port}'}{self.path}"

    def claim(self) -> str:
        seen = f", and the server's host sees {self.seen_as}" if self.seen_as else ""
        if not self.answers:
            return f"{self._url()} does not answer {self.from_}{seen}"
        return f"{self._url()} answers {self.from_} with {self._page()}{seen}"

    def _page(self) -> str:
        return f"{self.status}" + (f" and '{self.contains}'" if self.contains is not None else "")

    def needs_traffic(self) -> bool:
        return True

    def probes(self, snapshot: Snapshot) -> tuple[probe.Http, ...]:
        return (self._probe(),) if snapshot.find(self.from_) else ()

    def _probe(self) -> probe.Http:
        return probe.Http(self.from_, self.to, self.port, self.path, self.answers)

    def _way(self) -> Way:
        return Way(self.from_, self.to, self.port)

    def judge(self, evidence: Evidence) -> Verdict:
        snapshot = evidence.snapshot
        expected = self._page() if self.answers else "no answer"
        if self.seen_as:
            expected += f", seen as {self.seen_as}"
        answer = evidence.answer(self._probe(), probe.HttpAnswer)
        if answer is None:
            return self.failed(expected, f"no {self.from_}", no_netns(snapshot, self.from_))
        actual = f"{answer.status} and {_excerpt(answer.body)}" if answer.status else f"no answer ({answer.reason})"
        seen = answer.arrival.source if answer.arrival else ""
        if self.seen_as:
            actual += f", seen as {seen}" if seen else ", not seen"
        hint = self._why_wrong(snapshot, answer)
        if not hint and self.seen_as and seen != self.seen_as:
            hint = why_seen_so(self.seen_as, snapshot, self._way(), answer)
        return self.failed(expected, actual, hint) if hint else self.passed(expected, actual)

    def _why_wrong(self, snapshot: Snapshot, answer: probe.HttpAnswer) -> str:
        """What is wrong with the answer, '' when it is as it has to be. What a server sends has no place in a hint."""
        server = f"the server in {answer.arrival.netns}" if answer.arrival else "the server"
        if bool(answer.status) != self.answers:
            if answer.outcome == "accepted" and self.answers:
                return f"{server} accepts the connection, but it does not answer as a web server does"
            return why_not("accepted" if self.answers else "silent", snapshot, self._way(), answer)
        if not self.answers:
            return ""
        if answer.status != self.status:
            return f"{server} answers {answer.status} to a GET of {self.path}, not {self.status}"
        if self.contains is not None and self.contains not in answer.body:
            return f"{server} answers a GET of {self.path}, but not with what has to be in the answer"
        return ""


def _excerpt(body: str) -> str:
    """The beginning of a page, on one line."""
    return repr(body if len(body) <= _SHOWN else body[:_SHOWN] + "…") if body else "an empty page"
