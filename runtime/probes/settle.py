"""Waiting until every wire carries.

An interface whose other end has just come up sends nothing until the kernel's linkwatch has noticed, some milliseconds
later (net/core/link_watch.c). A probe sent before is lost, and with it an ARP request that is repeated only a second later.
"""

from __future__ import annotations

import select
import time
from collections.abc import Collection

from runtime.facts.links import read_links
from runtime.netlink.socket import ROUTE, Netlink
from runtime.network.netns import Netns

_RTMGRP_LINK = 1
_PATIENCE = 1.5  # linkwatch works once a second at the latest


def settle(everywhere: Collection[Netns]) -> None:
    """Return when every interface with a carrier is ready to send, or after 1.5 seconds."""
    unsettled = [netns for netns in everywhere if not _settled(netns)]
    if unsettled:
        _wait(unsettled)


def _settled(netns: Netns) -> bool:
    return all(link.settled for link in read_links(netns.route))


def _wait(unsettled: list[Netns]) -> None:
    events = [_listen(netns) for netns in unsettled]
    poll = select.poll()
    for each in events:
        poll.register(each, select.POLLIN)
    deadline = time.monotonic() + _PATIENCE
    try:
        # Looked at again after listening began: what happened in between is not missed.
        while not all(map(_settled, unsettled)) and (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            for each in events:
                each.drop_events()
    finally:
        for each in events:
            each.close()


def _listen(netns: Netns) -> Netlink:
    with netns.entered():
        return Netlink(ROUTE, _RTMGRP_LINK)
