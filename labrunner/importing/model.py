"""What the notes have made by now, as far as their commands tell: a small model of the kernel's state."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from checks.chain_policy import ChainPolicy
from checks.file import File
from checks.interface import Interface
from checks.language.check import Check
from checks.nat import Nat
from checks.netns import Netns
from checks.route import Route
from checks.rule import Rule
from checks.sysctl import Sysctl
from runtime.network.netns import LAB_HOST
from runtime.network.world import HOST_ADDRESS, OUTSIDE, UPLINK


class Link:
    """An interface.

    kind: '' when nothing in the notes makes it.  up: None where nobody set it.
    unsure: whether something may have changed it that the model does not know.
    """

    def __init__(self, name: str, netns: str, kind: str = "") -> None:
        self.name, self.netns, self.kind = name, netns, kind
        self.up: bool | None = None
        self.addresses: list[str] = []
        self.master: Link | None = None
        self.peer: Link | None = None
        self.unsure = False


class Path(NamedTuple):
    """A route that the notes added. link: what it leaves by, as far as it can be told."""

    gateway: str | None
    interface: str | None
    link: Link | None

    def fits(self, gateway: str | None, interface: str | None) -> bool:
        """Whether it goes there; None asks nothing."""
        out = self.link.name if self.link else self.interface
        return gateway in (None, self.gateway) and interface in (None, out)


class Model:
    """world: the starting world.

    netns, links (by netns and name), settings (by netns and name), translated (netns, source, not_out), rules (netns,
    place and words), policies (by netns and hook) and files (their text, by path) are what there is; and paths, by
    netns and destination.
    """

    def __init__(self, world: str) -> None:
        self.netns: set[str] = set()
        self.links: dict[tuple[str, str], Link] = {}
        self.paths: dict[tuple[str, str], list[Path]] = {}
        self.settings: dict[tuple[str, str], str] = {}
        self.translated: set[tuple[str, str, str | None]] = set()
        self.rules: list[tuple[str, str]] = []
        self.policies: dict[tuple[str, str], str] = {}
        self.files: dict[str, str] = {}
        self.add_netns(LAB_HOST)
        if world == "internet":
            self.add_netns(OUTSIDE)
            near, far = self.add_link(UPLINK, LAB_HOST, "veth"), self.add_link(UPLINK, OUTSIDE, "veth")
            near.peer, far.peer = far, near
            near.addresses = [HOST_ADDRESS]

    def add_netns(self, name: str) -> None:
        """A network namespace; it has a loopback interface from the start."""
        self.netns.add(name)
        self.add_link("lo", name, "loopback")

    def delete_netns(self, name: str) -> None:
        """All that is in it goes with it."""
        for link in [link for link in self.links.values() if link.netns == name]:
            self.delete_link(link)
        self.netns.discard(name)
        self.settings = {key: value for key, value in self.settings.items() if key[0] != name}
        self.translated = {each for each in self.translated if each[0] != name}
        self.rules = [each for each in self.rules if each[0] != name]
        self.policies = {key: policy for key, policy in self.policies.items() if key[0] != name}

    def add_link(self, name: str, netns: str, kind: str = "") -> Link:
        """An interface, in the place of one with its name."""
        link = self.links[netns, name] = Link(name, netns, kind)
        return link

    def delete_link(self, link: Link) -> None:
        """With an interface go its peer, its routes, and the ports that it has as a bridge."""
        for each in filter(None, (link, link.peer)):
            self.links.pop((each.netns, each.name), None)
            self._without_paths(each)
        for other in self.links.values():
            other.master = None if other.master is link else other.master
            other.unsure = other.unsure or not other.kind  # what the notes did not make may be its other end

    def delete_address(self, link: Link, *addresses: str) -> None:
        """With the last of its addresses an interface loses its routes (fib_inetaddr_event in the kernel)."""
        link.addresses = [each for each in link.addresses if each not in addresses]
        if not link.addresses:
            self._without_paths(link)

    def move_link(self, link: Link, netns: str) -> None:
        """It goes down and loses its addresses and routes."""
        self._without_paths(link)
        self.links.pop((link.netns, link.name), None)
        link.netns, link.up, link.addresses, link.master = netns, None, [], None
        self.links[netns, link.name] = link

    def set_link(self, link: Link, up: bool) -> None:
        """With an interface that goes down go its routes, and its addresses of IPv6."""
        link.up = up
        if not up:
            self._without_paths(link)
            link.addresses = [address for address in link.addresses if ":" not in address]

    def add_path(self, netns: str, destination: str, gateway: str | None, interface: str | None) -> None:
        """A route."""
        link = self.links.get((netns, interface)) if interface else self._towards(netns, gateway or "")
        self.paths.setdefault((netns, destination), []).append(Path(gateway, interface, link))

    def delete_path(self, netns: str, destination: str, gateway: str | None, interface: str | None) -> None:
        """The first route that fits."""
        there = self.paths.get((netns, destination), [])
        for path in there:
            if path.fits(gateway, interface):
                there.remove(path)
                return

    def reaches(self, netns: str, gateway: str) -> bool:
        """Whether something can be handed to a gateway: it is on a wire of the netns, and not the netns itself."""
        own = [address.partition("/")[0] for link in self.links.values() if link.netns == netns
               for address in link.addresses]
        if gateway in own:
            return False
        return self._towards(netns, gateway) is not None or any(
            path.gateway is None and _contains(destination, gateway)
            for (where, destination), paths in self.paths.items() if where == netns for path in paths)

    def holds(self, check: Check) -> bool:
        """Whether a check of a kind that the importer makes is true by now, as far as can be told."""
        match check:
            case Netns(name=name, exists=exists):
                return (name in self.netns) == exists
            case Interface():
                return self._is_so(check)
            case Route(netns=netns, destination=destination, gateway=gateway, interface=interface, exists=exists):
                there = self.paths.get((netns, destination), [])
                return exists == any(path.fits(gateway, interface) for path in there)
            case Sysctl(netns=netns, name=name, value=value):
                return self.settings.get((netns, setting(name))) == value
            case Nat(netns=netns, source=source, not_out=not_out, exists=exists):
                return exists == ((netns, source, not_out) in self.translated)
            case Rule(netns=netns, exists=exists):
                return exists == ((netns, check.shown()) in self.rules)
            case ChainPolicy(netns=netns, hook=hook, policy=policy):
                return self.policies.get((netns, hook)) == policy
            case File(path=path, text=text):
                return self.files.get(path) == text
        return True

    def _is_so(self, check: Interface) -> bool:
        link = self.links.get((check.netns, check.name))
        if not check.exists or link is None or link.unsure:
            return not check.exists and link is None
        true = properties(link)
        asked = {name: value for name in true if (value := getattr(check, name)) is not None}
        return all(set(value) <= set(link.addresses) if isinstance(value, tuple) else value == true[name]
                   for name, value in asked.items())

    def _towards(self, netns: str, gateway: str) -> Link | None:
        """The interface that has an address in one subnet with a gateway."""
        return next((link for link in self.links.values() if link.netns == netns and any(
            _contains(address, gateway) for address in link.addresses)), None)

    def _without_paths(self, link: Link) -> None:
        self.paths = {place: [path for path in paths if path.link is not link] for place, paths in self.paths.items()}


def _contains(subnet: str, address: str) -> bool:
    """Whether an address is in a subnet, which may be written as an address with its prefix length."""
    if subnet == "default" or not address:
        return bool(address)
    return ipaddress.ip_address(address) in ipaddress.ip_interface(subnet).network


def properties(link: Link) -> dict[str, object]:
    """What the check `interface` can ask of it, in the order in which a lab says it; None for what is not known."""
    return {"kind": link.kind if link.kind in ("veth", "bridge") else None, "up": link.up,
            "address": list(link.addresses) or "none", "master": link.master.name if link.master else "none",
            "peer": link.peer.name if link.peer else None, "peer_netns": link.peer.netns if link.peer else None}


def setting(name: str) -> str:
    """A kernel setting by one name: net/ipv4/ip_forward is net.ipv4.ip_forward, unless a part has a dot (sysctl(8))."""
    return name.replace("/", ".") if "." not in name else name
