"""Why a connection was answered as it was, and not as it should be.

Whether the request arrived, and where, was seen and need not be reasoned: only the other half of its way is followed.
Filters on that way are listed and not judged, for what is followed there is an echo.
"""

from __future__ import annotations

from checks.reasoning.obstacles import explain, translation_missing
from checks.reasoning.path import follow
from checks.reasoning.surprises import why_seen
from checks.reasoning.wording import advice
from runtime.facts.snapshot import Snapshot
from runtime.network.command_line import within
from runtime.network.world import OUTSIDE
from runtime.probes.arrivals import Arrival
from runtime.probes.connecting import Outcome
from runtime.probes.http import HttpAnswer
from runtime.probes.tcp import TcpAnswer


def why_not(wanted: Outcome, snapshot: Snapshot, start: str, to: str, answer: TcpAnswer | HttpAnswer) -> str:
    """Why a connection from `start` to the address `to` is not `wanted` but what `answer` says."""
    there = answer.arrival
    if there is None:
        return _why_lost(snapshot, start, to, answer.reason)
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


def why_seen_so(wanted: str, snapshot: Snapshot, start: str, to: str, answer: TcpAnswer | HttpAnswer) -> str:
    """Why the receiver of a connection from `start` to `to` does not see it come from the address `wanted`."""
    there = answer.arrival
    if there is None:
        return _why_lost(snapshot, start, to, answer.reason)
    return why_seen(snapshot, start, there.to, there.source, wanted)


def _why_lost(snapshot: Snapshot, start: str, to: str, reason: str) -> str:
    """Why the request did not arrive."""
    journey = follow(snapshot, start, to)
    if journey.obstacle not in ("", "filtered"):
        return explain(snapshot, journey, to)
    return _see_rules(f"the addresses, routes and wires from {start} to {to} look right, so a rule may have stopped it "
                      f"({reason})", snapshot, start, to)


def _why_unanswered(snapshot: Snapshot, start: str, to: str, there: Arrival) -> str:
    """Why the answer did not come back."""
    back = follow(snapshot, there.netns, there.source, "established")
    if back.obstacle in ("", "filtered"):
        return _see_rules(f"{_gets(there)}, but its answer does not come back", snapshot, start, to, there)
    out = follow(snapshot, start, there.to)
    if back.netns == OUTSIDE and not back.hops and out.hops:
        return translation_missing(snapshot, out)
    return (f"{_gets(there)}, but the answer to {there.source} does not come back, because "
            f"{explain(snapshot, back, there.source)}")


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
