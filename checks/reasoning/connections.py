"""Why a connection was answered as it was, and not as it should be.

Whether the request arrived, and where, was seen and need not be reasoned: only the other half of its way is followed.
A destination that is translated on the way is not: then rules are listed and not judged.
"""

from __future__ import annotations

from typing import NamedTuple

from checks.reasoning.matching import Service
from checks.reasoning.obstacles import explain, translation_missing
from checks.reasoning.path import Journey, follow
from checks.reasoning.surprises import why_seen
from checks.reasoning.wording import advice
from runtime.facts.snapshot import Snapshot
from runtime.network.command_line import within
from runtime.network.world import OUTSIDE
from runtime.probes.arrivals import Arrival
from runtime.probes.connecting import Outcome
from runtime.probes.http import HttpAnswer
from runtime.probes.tcp import TcpAnswer


class Way(NamedTuple):
    """A connection from the netns `start` to a port of the address `to`."""

    start: str
    to: str
    port: int


def why_not(wanted: Outcome, snapshot: Snapshot, way: Way, answer: TcpAnswer | HttpAnswer) -> str:
    """Why a connection is not `wanted` but what `answer` says."""
    start, to, _port = way
    there = answer.arrival
    if there is None:
        return _why_lost(snapshot, way, answer.reason)
    port = f"port {there.port} of {there.to}"
    if (wanted, answer.outcome) == ("accepted", "refused"):
        return _see(f"{_gets(there)} and refuses it, because nobody listens on {port}", "see who listens there",
                    there.netns, "ss -ltn")
    if (wanted, answer.outcome) == ("refused", "accepted"):
        return _see(f"{_gets(there)}, and somebody listens on {port}", "see who", there.netns, "ss -ltnp")
    if answer.outcome in ("refused", "accepted"):
        does = "accepts it" if answer.outcome == "accepted" else f"refuses it, because nobody listens on {port}"
        return _see_rules(f"{_gets(there)} and {does}; no rule stops it on its way", snapshot, start, to, there)
    return _why_unanswered(snapshot, start, to, there)


def why_seen_so(wanted: str, snapshot: Snapshot, way: Way, answer: TcpAnswer | HttpAnswer) -> str:
    """Why the receiver of a connection does not see it come from the address `wanted`."""
    there = answer.arrival
    if there is None:
        return _why_lost(snapshot, way, answer.reason)
    return why_seen(snapshot, way.start, there.to, there.source, wanted)


def _why_lost(snapshot: Snapshot, way: Way, reason: str) -> str:
    """Why the request did not arrive."""
    start, to, port = way
    journey = follow(snapshot, start, to, service=Service("tcp", port))
    if journey.obstacle and not (journey.obstacle == "filtered" and _translates_destinations(snapshot, journey)):
        return explain(snapshot, journey, to)
    return _see_rules(f"the addresses, routes and wires from {start} to {to} look right, so a rule may have stopped it "
                      f"({reason})", snapshot, start, to)


def _why_unanswered(snapshot: Snapshot, start: str, to: str, there: Arrival) -> str:
    """Why the answer did not come back."""
    back = follow(snapshot, there.netns, there.source, "established", Service("tcp"))
    if not back.obstacle:
        return _see_rules(f"{_gets(there)}, but its answer does not come back", snapshot, start, to, there)
    out = follow(snapshot, start, there.to)
    if back.netns == OUTSIDE and not back.hops and out.hops:
        return translation_missing(snapshot, out)
    return (f"{_gets(there)}, but the answer to {there.source} does not come back, because "
            f"{explain(snapshot, back, there.source)}")


def _translates_destinations(snapshot: Snapshot, journey: Journey) -> bool:
    """Whether a packet may have gone another way than the one that was followed."""
    names = {journey.netns, *(hop.netns for hop in journey.hops)}
    return any(rule.target.startswith(("dnat", "redirect")) for facts in snapshot.netns if facts.name in names
               for rule in facts.rules)


def _gets(there: Arrival) -> str:
    return f"{there.netns} gets the request"


def _see(cause: str, do: str, netns: str, command: str) -> str:
    """Nobody is sent to the world outside, which is not theirs."""
    return cause if netns == OUTSIDE else advice(cause, do, within(netns, command))


def _see_rules(cause: str, snapshot: Snapshot, start: str, to: str, there: Arrival | None = None) -> str:
    """The cause, and the commands that list the rules of every host on the way."""
    journey = follow(snapshot, start, to)
    names = [start, *(hop.netns for hop in journey.hops), journey.netns, *([there.netns] if there else [])]
    commands = [within(name, "iptables -S") for name in dict.fromkeys(names) if name != OUTSIDE]
    return advice(cause, "see the rules on its way", *commands) if commands else cause
