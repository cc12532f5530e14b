"""Whether two Snapshots of different sandboxes show the same: without what no two sandboxes have in common."""

from __future__ import annotations

from hashlib import sha256

from runtime.facts.snapshot import NetnsFacts, Snapshot


def fingerprint(snapshot: Snapshot) -> str:
    """Equal for two Snapshots that show the same links, addresses, routes, rules, settings and files.

    Left out are inodes, processes, neighbours and counters, and the order of links: it tells only which came first.
    """
    alike = snapshot._replace(netns=tuple(map(_alike, snapshot.netns)), processes=())
    return sha256(repr(alike).encode()).hexdigest()


def _alike(facts: NetnsFacts) -> NetnsFacts:
    return facts._replace(
        inode=0, neighbours=(), links=tuple(sorted(facts.links)), addresses=tuple(sorted(facts.addresses)),
        rules=tuple(rule._replace(packets=None, bytes=None) for rule in facts.rules))
