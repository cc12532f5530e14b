"""The starting worlds: what is there before the first step of a lab."""

from __future__ import annotations

from contextlib import suppress

from runtime.errors import Missing
from runtime.network.netns import LAB_HOST
from runtime.network.verbs import Network

WORLDS = ("empty", "internet")
OUTSIDE = "outside"

# Addresses for documentation (RFC 5737): they belong to nobody.
UPLINK = "eth0"
HOST_ADDRESS = "203.0.113.2/24"
GATEWAY = "203.0.113.1"
SERVER = "198.51.100.1"


def furnish(network: Network, world: str) -> None:
    """Make the world called `world` in a fresh sandbox, and the lab host a host that doesn't forward.

    A new netns inherits the machine's ip_forward (Documentation/networking/ip-sysctl.rst, devconf_inherit_init_net):
    left as it is, a lab about forwarding would depend on the machine.
    """
    network.set_link("lo", True, LAB_HOST)
    _be_a_plain_host(network, LAB_HOST)
    if world == "internet":
        _internet(network)


def _internet(network: Network) -> None:
    """A host outside, at the far end of the lab host's eth0: the gateway, and a server behind it."""
    network.namespaces.add_unnamed(OUTSIDE)
    _be_a_plain_host(network, OUTSIDE)
    network.add_veth(UPLINK, UPLINK, LAB_HOST, OUTSIDE)
    network.set_link("lo", True, OUTSIDE)
    network.add_address(f"{SERVER}/32", "lo", OUTSIDE)
    network.add_address(f"{GATEWAY}/24", UPLINK, OUTSIDE)
    network.set_link(UPLINK, True, OUTSIDE)
    network.add_address(HOST_ADDRESS, UPLINK, LAB_HOST)
    network.set_link(UPLINK, True, LAB_HOST)
    network.add_route("default", GATEWAY, "", LAB_HOST)


def _be_a_plain_host(network: Network, netns: str) -> None:
    """The kernel's own defaults, which distributions change: with a reverse path filter some packets vanish unseen.

    And no rules for what only passes a bridge, wherever br_netfilter is loaded (net/bridge/br_netfilter_hooks.c).
    """
    network.set_sysctl("net.ipv4.ip_forward", "0", netns)
    for scope in ("all", "default"):
        network.set_sysctl(f"net.ipv4.conf.{scope}.rp_filter", "0", netns)
    with suppress(Missing):  # without br_netfilter there is no such setting
        network.set_sysctl("net.bridge.bridge-nf-call-iptables", "0", netns)
