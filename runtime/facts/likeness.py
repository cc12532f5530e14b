"""Whether two Snapshots of different sandboxes show the same: without what no two sandboxes have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import groupby

from runtime.facts.rules import Rule
from runtime.facts.snapshot import NetnsFacts, Snapshot


def fingerprint(snapshot: Snapshot) -> str:
    """Equal for two Snapshots that show the same network, settings, files, containers and exit statuses.

    Left out are inodes, PIDs, other processes, streams, screens, neighbours and counters, the command line of a
    container's stub, in which crun names a socket in a folder of its own, the order of links, which tells only which
    came first, and that of rules with one target which follow one another: whatever their order, the same packets go
    there.
    """
    containers = tuple(each._replace(pid=0, started=0, id="", command="" if each.status == "created" else each.command,
                                     refuted="refuted" * bool(each.refuted)) for each in snapshot.containers)
    alike = snapshot._replace(netns=tuple(map(_alike, snapshot.netns)), processes=(), containers=containers,
                              streams=(), screens=())
    return sha256(repr(alike).encode()).hexdigest()


def _alike(facts: NetnsFacts) -> NetnsFacts:
    return facts._replace(
        inode=0, neighbours=(), links=tuple(sorted(facts.links)), addresses=tuple(sorted(facts.addresses)),
        rules=tuple(_in_order(rule._replace(packets=None, bytes=None, preset=0) for rule in facts.rules)))


def _in_order(rules: Iterable[Rule]) -> Iterator[Rule]:
    for _, alike in groupby(rules, lambda rule: rule._replace(matches=())):
        yield from sorted(alike)
