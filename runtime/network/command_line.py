"""The words of ip(8) and its like, as a person types them as lab root on the lab host."""

from __future__ import annotations

from runtime.network.netns import LAB_HOST

# ip-link(8) takes an abbreviation for the word: `ip link set br up` sets a broadcast address.
_KEYWORDS = (
    "addrgenmode", "address", "alias", "allmulticast", "arp", "brd", "broadcast", "carrier", "dev", "down", "dynamic",
    "group", "gro_max_size", "gso_max_size", "help", "index", "link", "link-netns", "link-netnsid", "master", "mode",
    "mtu", "multicast", "name", "netns", "nomaster", "numrxqueues", "numtxqueues", "parentbus", "parentdev", "promisc",
    "protodown", "qlen", "state", "trailers", "txqlen", "txqueuelen", "type", "up", "vf", "vrf", "xdp", "xdpdrv",
    "xdpgeneric", "xdpoffload",
)


def ip(netns: str, words: str) -> str:
    """A command of ip(8) that acts in `netns`: 'ip -n container-1 link set ceth0 up'."""
    return f"ip {words}" if netns == LAB_HOST else f"ip -n {netns} {words}"


def within(netns: str, command: str) -> str:
    """Any command, run in `netns`: 'ip netns exec container-1 sysctl ...'."""
    return command if netns == LAB_HOST else f"ip netns exec {netns} {command}"


def place(netns: str) -> str:
    """A netns as ip-link(8) takes it after `netns`. The lab host's has no name: it is that of process 1."""
    return "1" if netns == LAB_HOST else netns


def link(name: str, lead: str = "dev") -> str:
    """An interface as ip-link(8) takes it after `set` and `delete`, or with lead 'name' after `add`.

    lead: the word before it, which is left out where the name can't be taken for another word.
    """
    return f"{lead} {name}" if any(word.startswith(name) for word in _KEYWORDS) else name


def add_veth(netns: str, name: str, peer: str, peer_netns: str) -> str:
    """The command that makes a veth pair, each end where it belongs."""
    there = "" if peer_netns == netns else f" netns {place(peer_netns)}"
    return ip(netns, f"link add {link(name, 'name')} type veth peer name {peer}{there}")


def move_link(name: str, netns: str, to: str) -> str:
    """The command that moves an interface from `netns` to another."""
    return ip(netns, f"link set {link(name)} netns {place(to)}")


def rule_place(table: str, place: str) -> str:
    """Where a rule is, for iptables(8): '-t nat -A POSTROUTING'; `filter` is the table when none is named."""
    return place if table == "filter" else f"-t {table} {place}"


def iptables(netns: str, table: str, words: str) -> str:
    """A command of iptables(8) that acts in `netns`. words: from -A, -D, -N or -P on."""
    return within(netns, f"iptables {rule_place(table, words)}")
