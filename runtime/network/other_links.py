"""Interfaces of every other kind, by pyroute2: it knows the attributes of macvlan, vxlan, ipvlan, vrf and many more.

The verbs that labs use all the time go through labrun's own thin codec. pyroute2 takes 0.2 s to load, so it is loaded
only when a lab asks for such an interface.
"""

from __future__ import annotations

from collections.abc import Mapping

from runtime.errors import Refused
from runtime.facts.links import index_of
from runtime.network.netns import Netns

# What ip-link(8) calls otherwise than <linux/if_link.h>, whose names pyroute2 uses.
_RENAMED = {("vxlan", "dstport"): "port", ("vxlan", "remote"): "group", ("vxlan", "dev"): "link"}


def add_link(netns: Netns, name: str, kind: str, lower: str, options: Mapping[str, str | int]) -> None:
    """ip link add [link LOWER] name NAME type KIND [OPTION VALUE]...

    Raises Refused; EOPNOTSUPP (95) when the kernel does not know the kind.
    """
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    operation = f"add the {kind} {name} in {netns.name}"
    wanted = {f"{kind}_{_RENAMED.get((kind, option), option)}": value for option, value in options.items()}
    if lower:
        wanted["link"] = index_of(netns.route, lower)
    try:
        # Its socket is made in the netns that this thread is in; IPRoute(netns=...) would fork a process for that.
        with netns.entered(), IPRoute() as route:
            route.link("add", ifname=name, kind=kind, **wanted)
    except NetlinkError as error:
        raise Refused(operation, error.code) from error
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise Refused(operation, why=f"{kind} does not take these options: {error}") from error
