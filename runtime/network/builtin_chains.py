"""The tables of iptables(8), the chains that each has by itself, and what may stand in them."""

from __future__ import annotations

from runtime.netlink.nf_tables.messages import IPV4, AnyChain, BaseChain, OwnChain

HOOKS = ("prerouting", "input", "forward", "output", "postrouting")  # by number: NF_INET_*, <linux/netfilter.h>
CHAINS = tuple(hook.upper() for hook in HOOKS)

# NF_IP_PRI_*, <linux/netfilter_ipv4.h>. A source is translated after all else, a destination before.
_PRIORITIES = {
    "filter": {"INPUT": 0, "FORWARD": 0, "OUTPUT": 0},
    "nat": {"PREROUTING": -100, "INPUT": 100, "OUTPUT": -100, "POSTROUTING": 100},
    "mangle": dict.fromkeys(CHAINS, -150),
    "raw": {"PREROUTING": -300, "OUTPUT": -300},
}
TABLES = tuple(_PRIORITIES)

# target -> the table that it belongs in, and the hooks that it may be called from (struct xt_target in the kernel)
TARGETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ACCEPT": ("", HOOKS),
    "DROP": ("", HOOKS),
    "RETURN": ("", HOOKS),
    "REJECT": ("filter", ("input", "forward", "output")),
    "MASQUERADE": ("nat", ("postrouting",)),
    "SNAT": ("nat", ("postrouting", "input")),
    "DNAT": ("nat", ("prerouting", "output")),
}


def chains_of(table: str) -> tuple[str, ...]:
    """The chains that a table has by itself; none for a table that iptables(8) does not know."""
    return tuple(_PRIORITIES.get(table, ()))


def chain_of(table: str, name: str) -> AnyChain:
    """A chain of IPv4: the table's own one by that name, or one that somebody made."""
    priority = _PRIORITIES[table].get(name)
    if priority is None:
        return OwnChain(IPV4, table, name)
    hook = CHAINS.index(name)
    kind = "nat" if table == "nat" else "route" if (table, name) == ("mangle", "OUTPUT") else "filter"
    return BaseChain(IPV4, table, name, kind, hook, priority)


def hook_of(table: str, name: str) -> str:
    """The hook that calls a chain; '' for one of one's own."""
    chain = chain_of(table, name)
    return HOOKS[chain.hook] if isinstance(chain, BaseChain) else ""


def table_for(hook: str, target: str) -> str:
    """The table in which iptables(8) would have a rule at `hook` ('' in a chain of one's own) with this target."""
    table = TARGETS.get(target, ("", ()))[0]
    return table or ("filter" if not hook or hook.upper() in _PRIORITIES["filter"] else "mangle")
