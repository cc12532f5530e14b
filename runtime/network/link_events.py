"""Waiting for interfaces to change (rtnetlink(7), RTMGRP_LINK)."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Collection

from runtime.netlink.socket import ROUTE, Netlink
from runtime.network.netns import Netns

_RTMGRP_LINK = 1


def wait_until(condition: Callable[[], bool], everywhere: Collection[Netns], seconds: float) -> None:
    """Return when `condition` holds, or after `seconds`. It is asked again after each change of an interface."""
    events = [_listen(netns) for netns in everywhere]
    poll = select.poll()
    for each in events:
        poll.register(each, select.POLLIN)
    deadline = time.monotonic() + seconds
    try:
        # Asked again after listening began: what happened in between is not missed.
        while not condition() and (left := deadline - time.monotonic()) > 0:
            poll.poll(left * 1000)
            for each in events:
                each.drop_events()
    finally:
        for each in events:
            each.close()


def _listen(netns: Netns) -> Netlink:
    with netns.entered():
        return Netlink(ROUTE, _RTMGRP_LINK)
