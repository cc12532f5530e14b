"""The verbs that change a network, over netlink: no `ip`, no `iptables`, nothing forked.

Every verb raises Refused with the kernel's reason. Each equals one command of ip(8), sysctl(8) or iptables(8).
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Mapping

from runtime.errors import Missing, Refused
from runtime.facts.addresses import ADDRESS, IFADDR, LOCAL
from runtime.facts.links import IFINFO, IFNAME, LINKINFO, MASTER, index_of
from runtime.facts.routes import DST, GATEWAY, MAIN, OIF, RTMSG
from runtime.facts.sysctls import path_of
from runtime.netlink.message import ACK, CREATE, EXCL, REQUEST, Message, attribute, nest, text, u32
from runtime.network import nat
from runtime.network.netns import Namespaces, Netns
from runtime.network.other_links import add_link
from runtime.sandbox.handle import Sandbox

_NEWLINK, _DELLINK, _NEWADDR, _DELADDR, _NEWROUTE, _DELROUTE = 16, 17, 20, 21, 24, 25
_NET_NS_FD = 28
_KIND, _DATA = 1, 2
_VETH_PEER = 1  # VETH_INFO_PEER, <linux/veth.h>
_UP = 1
_NEW = REQUEST | ACK | CREATE | EXCL
_CHANGE = REQUEST | ACK
_PROTOCOL_BOOT, _SCOPE_UNIVERSE, _SCOPE_LINK, _UNICAST = 3, 0, 253, 1


class Network:
    """The lab's network. `netns` arguments are names; the lab host's is the default."""

    def __init__(self, sandbox: Sandbox, namespaces: Namespaces) -> None:
        self._sandbox, self.namespaces = sandbox, namespaces

    def add_netns(self, name: str) -> None:
        """ip netns add NAME"""
        self._sandbox.add_netns(name)

    def delete_netns(self, name: str) -> None:
        """ip netns delete NAME"""
        self.namespaces.forget()  # what is still held here would live on
        self._sandbox.delete_netns(name)

    def add_veth(self, name: str, peer: str, netns: str, peer_netns: str, index: int = 0) -> None:
        """ip -n NETNS link add NAME [index INDEX] type veth peer name PEER [netns PEER_NETNS]

        A peer made in place is 25 times faster than one made here and moved: a move waits for an RCU grace period.
        """
        where = b"" if peer_netns == netns else u32(_NET_NS_FD, self.namespaces[peer_netns].fd)
        info = nest(_VETH_PEER, IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, peer) + where)
        body = IFINFO.pack(0, 0, index, 0, 0) + text(IFNAME, name) + nest(LINKINFO, text(_KIND, "veth"), nest(_DATA, info))
        self._route(netns, _NEWLINK, _NEW, body, f"add the veth pair {name} and {peer}")

    def add_bridge(self, name: str, netns: str) -> None:
        """ip -n NETNS link add NAME type bridge"""
        body = IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, name) + nest(LINKINFO, text(_KIND, "bridge"))
        self._route(netns, _NEWLINK, _NEW, body, f"add the bridge {name}")

    def add_link(self, name: str, kind: str, lower: str, options: Mapping[str, str | int], netns: str) -> None:
        """ip -n NETNS link add [link LOWER] name NAME type KIND [OPTION VALUE]..."""
        try:
            add_link(self.namespaces[netns], name, kind, lower, options)
        except Refused as refused:
            raise missing(refused) or refused from None

    def delete_link(self, name: str, netns: str) -> None:
        """ip -n NETNS link delete NAME"""
        body = IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, name)
        self._route(netns, _DELLINK, _CHANGE, body, f"delete the interface {name}")

    def move_link(self, name: str, to: str, netns: str) -> None:
        """ip -n NETNS link set NAME netns TO"""
        body = IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, name) + u32(_NET_NS_FD, self.namespaces[to].fd)
        self._route(netns, _NEWLINK, _CHANGE, body, f"move the interface {name} to {to}")

    def set_link(self, name: str, up: bool, netns: str) -> None:
        """ip -n NETNS link set NAME up|down"""
        body = IFINFO.pack(0, 0, 0, _UP if up else 0, _UP) + text(IFNAME, name)
        self._route(netns, _NEWLINK, _CHANGE, body, f"set the interface {name} {'up' if up else 'down'}")

    def set_master(self, name: str, master: str, netns: str) -> None:
        """ip -n NETNS link set NAME master MASTER, and `nomaster` when MASTER is ''"""
        index = index_of(self.namespaces[netns].route, master) if master else 0
        body = IFINFO.pack(0, 0, 0, 0, 0) + text(IFNAME, name) + u32(MASTER, index)
        self._route(netns, _NEWLINK, _CHANGE, body, f"make {name} a port of {master}")

    def add_address(self, address: str, interface: str, netns: str) -> None:
        """ip -n NETNS addr add ADDRESS dev INTERFACE"""
        self._route(netns, _NEWADDR, _NEW, self._address(address, interface, netns),
                    f"add the address {address} to {interface}")

    def delete_address(self, address: str, interface: str, netns: str) -> None:
        """ip -n NETNS addr del ADDRESS dev INTERFACE"""
        self._route(netns, _DELADDR, _CHANGE, self._address(address, interface, netns),
                    f"delete the address {address} from {interface}")

    def add_route(self, destination: str, gateway: str, interface: str, netns: str) -> None:
        """ip -n NETNS route add DESTINATION [via GATEWAY] [dev INTERFACE]"""
        self._route(netns, _NEWROUTE, _NEW, self._destination(destination, gateway, interface, netns),
                    f"add the route {_shown(destination, gateway, interface)}")

    def delete_route(self, destination: str, gateway: str, interface: str, netns: str) -> None:
        """ip -n NETNS route del DESTINATION [via GATEWAY] [dev INTERFACE]"""
        self._route(netns, _DELROUTE, _CHANGE, self._destination(destination, gateway, interface, netns),
                    f"delete the route {_shown(destination, gateway, interface)}")

    def set_sysctl(self, name: str, value: str, netns: str) -> None:
        """ip netns exec NETNS sysctl -w NAME=VALUE"""
        with self.namespaces[netns].entered():
            try:
                fd = os.open(path_of(name), os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._sandbox.proc)
                try:
                    os.write(fd, value.encode())
                finally:
                    os.close(fd)
            except OSError as error:
                raise Refused(f"set {name} to {value}", error.errno or 0) from error

    def masquerade(self, source: str, not_out: str, netns: str) -> None:
        """iptables -t nat -A POSTROUTING -s SOURCE [! -o NOT_OUT] -j MASQUERADE"""
        nat.masquerade(self.namespaces[netns].netfilter, source, not_out=not_out or None)

    def _route(self, netns: str, kind: int, flags: int, body: bytes, operation: str) -> None:
        where = self.namespaces[netns]
        try:
            where.route.request(Message(kind, flags, body, operation))
        except Refused as refused:
            refused.what = f"{operation} {_where(where)}"
            raise missing(refused) or refused from None

    def _index(self, interface: str, netns: str) -> int:
        where = self.namespaces[netns]
        try:
            return index_of(where.route, interface)
        except Refused as refused:
            if refused.errno == errno.ENODEV:
                refused.what = f"find the interface {interface} {_where(where)}"
                refused.mend = f"ip -n {netns} link" if netns != self.namespaces.host.name else "ip link"
            raise

    def _address(self, address: str, interface: str, netns: str) -> bytes:
        parsed = ipaddress.ip_interface(address)
        family = socket.AF_INET if parsed.version == 4 else socket.AF_INET6
        prefix = parsed.network.prefixlen
        body = IFADDR.pack(family, prefix, 0, 0, self._index(interface, netns))
        body += attribute(LOCAL, parsed.ip.packed) + attribute(ADDRESS, parsed.ip.packed)
        return body

    def _destination(self, destination: str, gateway: str, interface: str, netns: str) -> bytes:
        probe = ipaddress.ip_network("0.0.0.0/0" if destination == "default" else destination)
        if destination == "default" and ":" in gateway:
            probe = ipaddress.ip_network("::/0")
        family = socket.AF_INET if probe.version == 4 else socket.AF_INET6
        scope = _SCOPE_UNIVERSE if gateway or family == socket.AF_INET6 else _SCOPE_LINK
        body = RTMSG.pack(family, probe.prefixlen, 0, 0, MAIN, _PROTOCOL_BOOT, scope, _UNICAST, 0)
        if probe.prefixlen:
            body += attribute(DST, probe.network_address.packed)
        if gateway:
            body += attribute(GATEWAY, ipaddress.ip_address(gateway).packed)
        if interface:
            body += u32(OIF, self._index(interface, netns))
        return body


def missing(refused: Refused) -> Missing | None:
    """EOPNOTSUPP is no fault of the lab: this kernel was built without something."""
    if refused.errno != errno.EOPNOTSUPP:
        return None
    return Missing(refused.what, f"this kernel does not offer it ({refused.why})", "labrun doctor")


def _where(netns: Netns) -> str:
    return f"in {netns.name}"


def _shown(destination: str, gateway: str, interface: str) -> str:
    words = [destination]
    if gateway:
        words += ["via", gateway]
    if interface:
        words += ["dev", interface]
    return " ".join(words)
