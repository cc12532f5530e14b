"""Network address translation: what iptables(8) does with -t nat."""

from __future__ import annotations

import errno
from struct import Struct

from runtime.errors import Refused
from runtime.netlink.nf_tables.messages import IPV4, OIFNAME, BaseChain, count, xt_target
from runtime.netlink.socket import Netlink
from runtime.network.packet_rules import SOURCE, append, match_address, match_interface

# The number of the hook is NF_INET_POST_ROUTING, <linux/netfilter.h>; the priority NF_IP_PRI_NAT_SRC.
POSTROUTING = BaseChain(IPV4, "nat", "POSTROUTING", "nat", 4, 100)

_RANGE = Struct("=IIIIHH")  # struct nf_nat_ipv4_multi_range_compat with one range: flags, addresses, ports
_MODULES = "nft_chain_nat nft_compat xt_MASQUERADE"


def masquerade(netlink: Netlink, source: str, not_out: str | None = None, out: str | None = None) -> None:
    """iptables -t nat -A POSTROUTING -s SOURCE [! -o NOT_OUT | -o OUT] -j MASQUERADE

    source: an IPv4 address or subnet; not_out, out: names of interfaces (not both), 'eth+' for all that begin with eth.
    The rule is the one that iptables-nft writes, so that iptables, nft and this program all see it and can delete it.
    Raises Refused when the kernel or the arguments don't allow it, Missing when the kernel has no nf_tables or no NAT.
    """
    leaving = (f" ! -o {not_out}" if not_out is not None else "") + (f" -o {out}" if out is not None else "")
    operation = f"add the NAT rule -A POSTROUTING -s {source}{leaving} -j MASQUERADE"
    try:
        if out is not None and not_out is not None:
            raise ValueError("a rule names one interface: the one to leave by, or the one not to")
        conditions = _leaving(out, not_out) + match_address(SOURCE, source)
    except ValueError as error:
        raise Refused(operation, errno.EINVAL, str(error)) from error
    target = xt_target("MASQUERADE", 0, _RANGE.pack(1, 0, 0, 0, 0, 0))
    append(netlink, POSTROUTING, (*conditions, count(), target), operation, _MODULES)


def _leaving(out: str | None, not_out: str | None) -> tuple[bytes, ...]:
    if out is not None:
        return match_interface(OIFNAME, out)
    return match_interface(OIFNAME, not_out, negated=True) if not_out is not None else ()
