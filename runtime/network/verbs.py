"""The verbs that change a network, over netlink: no `ip`, no `iptables`, nothing forked.

Every verb raises Refused with the kernel's reason. Each equals one command of ip(8), sysctl(8) or iptables(8).
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from typing import NamedTuple

from runtime.errors import Missing, Refused
from runtime.facts.addresses import ADDRESS, IFADDR, LOCAL
from runtime.facts.links import IFINFO, IFNAME, LINKINFO, MASTER, index_of
from runtime.facts.routes import DST, GATEWAY, MAIN, OIF, RTMSG
from runtime.facts.sysctls import path_of
from runtime.netlink.message import ACK, CREATE, EXCL, REQUEST, Message, attribute, nest, text, u32
from runtime.netlink.nf_tables.messages import ACCEPT, DROP, IPV4, BaseChain, OwnChain
from runtime.netlink.socket import Netlink
from runtime.network import packet_rules
from runtime.network.builtin_chains import chain_of
from runtime.network.command_line import rule_place, within
from runtime.network.netns import LAB_HOST, Namespaces
from runtime.network.other_links import add_link
from runtime.network.rule_specification import Specification
from runtime.sandbox.handle import Sandbox

_NEWLINK, _DELLINK, _NEWADDR, _DELADDR, _NEWROUTE, _DELROUTE = 16, 17, 20, 21, 24, 25
_NET_NS_FD = 28
_KIND, _DATA = 1, 2
_VETH_PEER = 1  # VETH_INFO_PEER, <linux/veth.h>
_UP = 1
_FIRST_INDEX = 64  # past what a lab makes by other means
_NEW = REQUEST | ACK | CREATE | EXCL
_CHANGE = REQUEST | ACK
_PROTOCOL_BOOT, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 3, 0, 253, 1


class _Kind(NamedTuple):
    """Three fields of struct rtmsg (rtnetlink(7))."""

    protocol: int
    scope: int
    type: int


_ANY_KIND = _Kind(0, 255, 0)  # RTPROT_UNSPEC, RT_SCOPE_NOWHERE, RTN_UNSPEC: a route to delete may be the kernel's own


class Network:
    """The lab's network. `netns` arguments are names.

    A refusal names the operation, the interface and the netns: 'set the interface ceth0 up in container-1'.
    """

    def __init__(self, sandbox: Sandbox, namespaces: Namespaces) -> None:
        self._sandbox, self.namespaces = sandbox, namespaces
        self._indexes = count(_FIRST_INDEX)

    def add_netns(self, name: str) -> None:
        """ip netns add NAME"""
        self._sandbox.add_netns(name)

    def delete_netns(self, name: str) -> None:
        """ip netns delete NAME"""
        self.namespaces.forget()  # what is still held here would live on
        self._sandbox.delete_netns(name)

    def add_veth(self, name: str, peer: str, netns: str, peer_netns: str) -> None:
        """ip -n NETNS link add NAME type veth peer name PEER [netns PEER_NETNS]

        A peer made in place is 25 times faster than one made here and moved: a move waits for an RCU grace period. But
        both ends might get one ifindex, and then look like one device to linkwatch, which lets their carrier wait for
        up to a second (linkwatch_urgent_event, net/core/link_watch.c). So the near end gets one out of the way.
        """
        there = "" if peer_netns == netns else f" in {peer_netns}"
        operation = f"add the veth pair {name} in {netns} and {peer}{there}"
        with self._doing(operation, netns, new_kind=True) as change:
            where = u32(_NET_NS_FD, self.namespaces[peer_netns].fd) if there else b""
            info = nest(_VETH_PEER, IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, peer) + where)
            rest = text(IFNAME, name) + nest(LINKINFO, text(_KIND, "veth"), nest(_DATA, info))
            try:
                change(_NEWLINK, _NEW, IFINFO.pack(0, 0, next(self._indexes) if there else 0, 0, 0) + rest)
            except Refused as refused:
                if refused.errno not in (errno.EEXIST, errno.EBUSY):  # its name, or that index, is taken
                    raise
                change(_NEWLINK, _NEW, IFINFO.pack(0, 0, 0, 0, 0) + rest)

    def add_bridge(self, name: str, netns: str) -> None:
        """ip -n NETNS link add NAME type bridge"""
        with self._doing(f"add the bridge {name} in {netns}", netns, new_kind=True) as change:
            change(_NEWLINK, _NEW, _named(name) + nest(LINKINFO, text(_KIND, "bridge")))

    def add_link(self, name: str, kind: str, lower: str, options: Mapping[str, str | int], netns: str) -> None:
        """ip -n NETNS link add [link LOWER] name NAME type KIND [OPTION VALUE]..."""
        with self._doing(f"add the {kind} {name} in {netns}", netns, new_kind=True):
            add_link(self.namespaces[netns], name, kind, lower, options)

    def delete_link(self, name: str, netns: str) -> None:
        """ip -n NETNS link delete NAME"""
        with self._doing(f"delete the interface {name} in {netns}", netns) as change:
            change(_DELLINK, _CHANGE, _named(name))

    def move_link(self, name: str, to: str, netns: str) -> None:
        """ip -n NETNS link set NAME netns TO"""
        with self._doing(f"move the interface {name} from {netns} to {to}", netns) as change:
            change(_NEWLINK, _CHANGE, _named(name) + u32(_NET_NS_FD, self.namespaces[to].fd))

    def set_link(self, name: str, up: bool, netns: str) -> None:
        """ip -n NETNS link set NAME up|down"""
        with self._doing(f"set the interface {name} {'up' if up else 'down'} in {netns}", netns) as change:
            change(_NEWLINK, _CHANGE, IFINFO.pack(0, 0, 0, _UP if up else 0, _UP) + text(IFNAME, name))

    def set_master(self, name: str, master: str, netns: str) -> None:
        """ip -n NETNS link set NAME master MASTER, and `nomaster` when MASTER is ''"""
        change_it = f"make {name} a port of {master}" if master else f"take {name} out of its bridge"
        operation = f"{change_it} in {netns}"
        with self._doing(operation, netns) as change:
            index = index_of(self.namespaces[netns].route, master) if master else 0
            try:
                change(_NEWLINK, _CHANGE, _named(name) + u32(MASTER, index))
            except Refused as refused:
                if refused.errno == errno.EOPNOTSUPP:  # do_set_master, net/core/rtnetlink.c: it takes no ports at all
                    raise Refused(operation, refused.errno, f"{master} is no bridge") from refused
                raise

    def add_address(self, address: str, interface: str, netns: str) -> None:
        """ip -n NETNS addr add ADDRESS dev INTERFACE"""
        with self._doing(f"add the address {address} to {interface} in {netns}", netns) as change:
            change(_NEWADDR, _NEW, self._address(address, interface, netns))

    def delete_address(self, address: str, interface: str, netns: str) -> None:
        """ip -n NETNS addr del ADDRESS dev INTERFACE"""
        with self._doing(f"delete the address {address} from {interface} in {netns}", netns) as change:
            change(_DELADDR, _CHANGE, self._address(address, interface, netns))

    def add_route(self, destination: str, gateway: str, interface: str, netns: str) -> None:
        """ip -n NETNS route add DESTINATION [via GATEWAY] [dev INTERFACE]"""
        with self._doing(f"add the route {_shown(destination, gateway, interface)} in {netns}", netns) as change:
            scope = _SCOPE_UNIVERSE if gateway or ":" in destination else _SCOPE_LINK
            kind = _Kind(_PROTOCOL_BOOT, scope, _UNICAST)
            change(_NEWROUTE, _NEW, self._destination(destination, gateway, interface, netns, kind))

    def delete_route(self, destination: str, gateway: str, interface: str, netns: str) -> None:
        """ip -n NETNS route del DESTINATION [via GATEWAY] [dev INTERFACE]"""
        with self._doing(f"delete the route {_shown(destination, gateway, interface)} in {netns}", netns) as change:
            change(_DELROUTE, _CHANGE, self._destination(destination, gateway, interface, netns, _ANY_KIND))

    def set_sysctl(self, name: str, value: str, netns: str) -> None:
        """ip netns exec NETNS sysctl -w NAME=VALUE"""
        operation = f"set {name} to {value} in {netns}"
        with self._doing(operation, netns), self.namespaces[netns].entered():
            try:
                fd = os.open(path_of(name), os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._sandbox.proc)
                try:
                    os.write(fd, value.encode())
                finally:
                    os.close(fd)
            except OSError as error:
                if name.startswith("net.bridge.") and not self._has_bridge_filters():
                    raise Missing(operation, "br_netfilter is not loaded", "sudo modprobe br_netfilter") from error
                raise Refused(operation, error.errno or 0) from error

    def _has_bridge_filters(self) -> bool:
        with suppress(FileNotFoundError):
            os.stat(path_of("net.bridge"), dir_fd=self._sandbox.proc)
            return True
        return False

    def masquerade(self, source: str, not_out: str, netns: str) -> None:
        """iptables -t nat -A POSTROUTING -s SOURCE [! -o NOT_OUT] -j MASQUERADE"""
        rule = Specification(source=source, not_out=not_out or None, jump="MASQUERADE")
        self.add_rule("nat", "POSTROUTING", rule, netns)

    def add_rule(self, table: str, chain: str, rule: Specification, netns: str, at: int | None = None) -> None:
        """iptables -t TABLE -A CHAIN RULE, or with `at` iptables -t TABLE -I CHAIN AT RULE"""
        place = f"-A {chain}" if at is None else f"-I {chain} {at}"
        operation = f"add the rule {rule_place(table, place)} {rule.words()} in {netns}"
        with self._ruling(operation, netns) as netlink:
            packet_rules.add_rule(netlink, chain_of(table, chain), rule, operation, at)

    def delete_rule(self, table: str, chain: str, rule: Specification, netns: str) -> None:
        """iptables -t TABLE -D CHAIN RULE"""
        operation = f"delete the rule {rule_place(table, f'-D {chain}')} {rule.words()} in {netns}"
        with self._ruling(operation, netns) as netlink:
            packet_rules.delete_rule(netlink, chain_of(table, chain), rule, operation)

    def add_chain(self, name: str, table: str, netns: str) -> None:
        """iptables -t TABLE -N NAME"""
        operation = f"add the chain {name} to the table {table} in {netns}"
        with self._ruling(operation, netns) as netlink:
            packet_rules.add_chain(netlink, OwnChain(IPV4, table, name), operation)

    def set_policy(self, chain: str, policy: str, table: str, netns: str) -> None:
        """iptables -t TABLE -P CHAIN POLICY"""
        operation = f"set the policy of the chain {chain} of the table {table} to {policy} in {netns}"
        with self._ruling(operation, netns) as netlink:
            found = chain_of(table, chain)
            if not isinstance(found, BaseChain):
                raise Refused(operation, errno.EINVAL, "only a chain that a table has by itself has a policy")
            code = DROP if policy == "DROP" else ACCEPT
            packet_rules.set_policy(netlink, found._replace(policy=code), operation)

    @contextmanager
    def _ruling(self, operation: str, netns: str) -> Iterator[Netlink]:
        """As _doing, with the socket for packet rules; what mends a refusal has to be done in `netns`."""
        with self._doing(operation, netns):
            netlink = self.namespaces[netns].netfilter
            try:
                yield netlink
            except Refused as refused:
                refused.mend = refused.mend and within(netns, refused.mend)
                raise

    @contextmanager
    def _doing(self, operation: str, netns: str, new_kind: bool = False) -> Iterator[Callable[[int, int, bytes], None]]:
        """What is refused inside is told as `operation`. Gives a function that sends one request of rtnetlink.

        new_kind: an interface is made, and the kernel may not know its kind.
        """

        def change(kind: int, flags: int, body: bytes) -> None:
            self.namespaces[netns].route.request(Message(kind, flags, body, operation))

        try:
            yield change
        except Refused as refused:
            if refused.errno == errno.ENODEV and not refused.mend:
                refused.mend = "ip link" if netns == LAB_HOST else f"ip -n {netns} link"
            refused.what = operation
            raise (missing(refused) if new_kind else None) or refused from refused.__cause__

    def _address(self, address: str, interface: str, netns: str) -> bytes:
        parsed = ipaddress.ip_interface(address)
        family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
        index = index_of(self.namespaces[netns].route, interface)
        body = IFADDR.pack(family, parsed.network.prefixlen, 0, 0, index)
        return body + attribute(LOCAL, parsed.ip.packed) + attribute(ADDRESS, parsed.ip.packed)

    def _destination(self, destination: str, gateway: str, interface: str, netns: str, kind: _Kind) -> bytes:
        probe = ipaddress.ip_network("0.0.0.0/0" if destination == "default" else destination)
        if destination == "default" and ":" in gateway:
            probe = ipaddress.ip_network("::/0")
        family = socket.AF_INET if probe.version == 4 else socket.AF_INET6
        body = RTMSG.pack(family, probe.prefixlen, 0, 0, MAIN, *kind, 0)
        if probe.prefixlen:
            body += attribute(DST, probe.network_address.packed)
        if gateway:
            body += attribute(GATEWAY, ipaddress.ip_address(gateway).packed)
        if interface:
            body += u32(OIF, index_of(self.namespaces[netns].route, interface))
        return body


def missing(refused: Refused) -> Missing | None:
    """EOPNOTSUPP is no fault of the lab: this kernel was built without something."""
    if refused.errno != errno.EOPNOTSUPP:
        return None
    return Missing(refused.what, f"this kernel does not offer it ({refused.why})", "labrun doctor")


def _named(name: str) -> bytes:
    """The head of a request about the interface `name`."""
    return IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, name)


def _shown(destination: str, gateway: str, interface: str) -> str:
    words = [destination]
    if gateway:
        words += ["via", gateway]
    if interface:
        words += ["dev", interface]
    return " ".join(words)
