"""Waiting until every wire carries.

An interface whose other end has just come up sends nothing until the kernel's linkwatch has noticed, some milliseconds
later (net/core/link_watch.c). A probe sent before is lost, and with it an ARP request that is repeated a second later.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

from runtime.errors import Refused
from runtime.facts.links import read_links
from runtime.network.link_events import wait_until
from runtime.network.netns import Netns

_PATIENCE = 1.5  # linkwatch works once a second at the latest


def settle(everywhere: Collection[Netns]) -> None:
    """Return when every interface with a carrier is ready to send, or after 1.5 seconds."""
    unsettled = [netns for netns in everywhere if not _settled(netns)]
    if unsettled:
        wait_until(lambda: all(map(_settled, unsettled)), unsettled, _PATIENCE)


def _settled(netns: Netns) -> bool:
    with suppress(Refused):  # interfaces that change without end cannot be listed
        return all(link.settled for link in read_links(netns.route))
    return False
