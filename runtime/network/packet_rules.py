"""Packet rules put into the kernel and taken out: what iptables(8) does with -A, -I, -D, -N and -P.

What is written is what iptables-nft writes, so that iptables, nft and this program all see it and can delete it.
Every function raises Refused when the kernel or the rule doesn't allow it, and Missing when the kernel lacks
something. `mend` is a command for the same network namespace.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

from runtime.errors import Missing, Refused
from runtime.facts.rules import parse_chain
from runtime.netlink.message import Message, attributes
from runtime.netlink.nf_tables.expressions import decode
from runtime.netlink.nf_tables.messages import (
    ACCEPT,
    BEGIN,
    GETRULE,
    IPV4,
    RULE_EXPRESSIONS,
    RULE_HANDLE,
    AnyChain,
    BaseChain,
    OwnChain,
    append_rule,
    batch,
    change_policy,
    get_chain,
    insert_rule,
    new_chain,
    new_table,
    remove_rule,
    rules_of,
)
from runtime.netlink.socket import Netlink
from runtime.network.builtin_chains import TARGETS
from runtime.network.command_line import rule_place
from runtime.network.rule_specification import Specification


def add_rule(netlink: Netlink, chain: AnyChain, rule: Specification, operation: str, at: int | None = None) -> None:
    """iptables -A CHAIN RULE, or with `at` iptables -I CHAIN AT RULE

    A table's own chain is made when it is not there. operation: in words, for the errors.
    """
    write(netlink, chain, _written(netlink, chain, rule, operation, at), operation, _modules(chain, rule))


def _written(netlink: Netlink, chain: AnyChain, rule: Specification, operation: str, at: int | None) -> Message:
    try:
        expressions = rule.expressions()
    except ValueError as error:
        raise Refused(operation, errno.EINVAL, str(error)) from error
    if rule.jump not in TARGETS:
        _demand(netlink, OwnChain(IPV4, chain.table, rule.jump), operation)
    if at is None:
        return append_rule(chain, expressions, operation, rule.number)
    handles = [handle for handle, _rule in _rules(netlink, chain, operation)] if at > 1 else []
    if at > len(handles) + 1:
        raise Refused(operation, errno.E2BIG, f"{chain.name} has {len(handles)} rules, so there is no place {at}",
                      _iptables(chain, f"-L {chain.name} --line-numbers"))
    if at > 1 and at == len(handles) + 1:
        return append_rule(chain, expressions, operation, rule.number)
    return insert_rule(chain, expressions, operation, rule.number, handles[at - 1] if at > 1 else b"")


def delete_rule(netlink: Netlink, chain: AnyChain, rule: Specification, operation: str) -> None:
    """iptables -D CHAIN RULE: the first rule of `chain` that demands and does the same; a comment doesn't count."""
    try:
        wanted = rule.normal()
    except ValueError as error:
        raise Refused(operation, errno.EINVAL, str(error)) from error
    for handle, expressions in _rules(netlink, chain, operation):
        decoded = decode(chain.family, expressions)
        if (decoded.matches, decoded.target) == wanted:
            netlink.request(*batch(remove_rule(chain, handle, operation)))
            return
    raise Refused(operation, errno.ENOENT, f"{chain.name} has no such rule", _iptables(chain, "-S"))


def add_chain(netlink: Netlink, chain: OwnChain, operation: str) -> None:
    """iptables -N CHAIN"""
    if _is_there(netlink, chain, operation):
        raise Refused(operation, errno.EEXIST, f"the table {chain.table} has a chain {chain.name} already",
                      _iptables(chain, f"-S {chain.name}"))
    _send(netlink, (new_table(chain.family, chain.table), new_chain(chain)), operation, ())


def set_policy(netlink: Netlink, chain: BaseChain, operation: str) -> None:
    """iptables -P CHAIN POLICY. chain: has the policy that it shall have; it is made when it is not there."""
    write(netlink, chain, change_policy(chain), operation, _modules(chain))


def write(netlink: Netlink, chain: AnyChain, change: Message, operation: str, modules: Iterable[str]) -> None:
    """Make a change in `chain`: one of a table's own is made when it is not there, with its table."""
    if isinstance(chain, OwnChain):
        _demand(netlink, chain, operation)
        made: tuple[Message, ...] = ()
    else:
        # A NEWCHAIN for a chain that is there is no mistake, but waits for all packets under way: 16 ms.
        there = _is_there(netlink, chain, operation)
        made = () if there else (new_table(chain.family, chain.table), new_chain(chain._replace(policy=ACCEPT)))
    _send(netlink, (*made, change), operation, modules)


def _rules(netlink: Netlink, chain: AnyChain, operation: str) -> list[tuple[bytes, bytes]]:
    """Handle and expressions of each rule of `chain`; none when there is no such chain."""
    found = (attributes(body, 4) for body in netlink.dump(GETRULE, rules_of(chain), operation))
    return [(each[RULE_HANDLE], each.get(RULE_EXPRESSIONS, b"")) for each in found]


def _demand(netlink: Netlink, chain: OwnChain, operation: str) -> None:
    if not _is_there(netlink, chain, operation):
        raise Refused(operation, errno.ENOENT, f"the table {chain.table} has no chain {chain.name}",
                      _iptables(chain, f"-N {chain.name}"))


def _iptables(chain: AnyChain, words: str) -> str:
    return f"iptables {rule_place(chain.table, words)}"


def _is_there(netlink: Netlink, chain: AnyChain, operation: str) -> bool:
    try:
        found = parse_chain(netlink.request(get_chain(chain))[0])
    except Refused as refused:
        if refused.errno == errno.ENOENT:
            return False
        raise _explained(refused, operation, ()) from refused
    if isinstance(chain, BaseChain) and (not found.hook or found.type != chain.type):
        kind = f"of type {found.type}" if found.hook else "entered by jumps only"
        raise Refused(operation, errno.EEXIST,
                      f"the chain {chain.table} {chain.name} is there already, {kind} and not of type {chain.type}",
                      f"nft delete chain {found.family} {chain.table} {chain.name}")
    return True


def _send(netlink: Netlink, changes: tuple[Message, ...], operation: str, modules: Iterable[str]) -> None:
    """All of `changes` or none."""
    try:
        netlink.request(*batch(*changes))
    except Refused as refused:
        raise _explained(refused, operation, modules) from refused


def _modules(chain: AnyChain, rule: Specification | None = None) -> tuple[str, ...]:
    return (("nft_chain_nat",) if chain.table == "nat" else ()) + (rule.modules if rule else ())


def _explained(refused: Refused, operation: str, modules: Iterable[str]) -> Refused | Missing:
    """A refusal as one of `operation`, or that the kernel lacks something.

    Without nf_tables it answers EINVAL to a question and EOPNOTSUPP to a change (net/netfilter/nfnetlink.c); without a
    type of chain, an expression or a target, ENOENT (nf_tables_api.c, nft_compat.c).
    """
    if (refused.errno, refused.what) == (errno.EOPNOTSUPP, BEGIN) or (
            refused.errno == errno.EINVAL and refused.what.startswith("find the chain")):
        return Missing(operation, "this kernel has no nf_tables", "modprobe nf_tables (as root of the machine)")
    needed = " ".join(modules) or "nf_tables"
    if refused.errno == errno.ENOENT:
        return Missing(operation, f"this kernel lacks one of the modules {needed}",
                       f"modprobe -a {needed} (as root of the machine)")
    if refused.errno == errno.EMLINK:
        refused.why = "its chain would be entered again from within itself"
    refused.what = operation
    return refused
