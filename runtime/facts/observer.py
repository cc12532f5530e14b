"""The eye: takes Snapshots from outside the sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from struct import Struct
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeAlias

from runtime.errors import Missing, Refused
from runtime.facts.addresses import Address, read_addresses
from runtime.facts.containers import Container, has_stub, read_containers
from runtime.facts.counting import Counting
from runtime.facts.exits import read_exits
from runtime.facts.files import read_files
from runtime.facts.links import Link, RawLink, read_links
from runtime.facts.look import Look
from runtime.facts.neighbours import Neighbour, read_neighbours
from runtime.facts.processes import Process, read_processes
from runtime.facts.routes import read_routes
from runtime.facts.rules import Chain, Rule, read_generation, read_rules, with_names
from runtime.facts.screens import Screen, read_screens
from runtime.facts.shims import CONMON, shims
from runtime.facts.snapshot import NetnsFacts, Snapshot
from runtime.facts.storage import Storage, Wanted
from runtime.facts.streams import Stream, read_streams
from runtime.facts.sysctls import read_sysctls
from runtime.facts.trees import read_trees
from runtime.netlink.message import REQUEST, Message, attributes, u32
from runtime.network.link_events import wait_until
from runtime.network.netns import Namespaces, Netns
from runtime.oci.available import RUNTIMES

if TYPE_CHECKING:
    from runtime.facts.storage_reader import StorageReader
    from runtime.facts.witness import Witness

FORWARDING = "net.ipv4.ip_forward"

_GETNSID = 90  # RTM_GETNSID
_RTGENMSG = b"\0\0\0\0"
_NETNSA_NSID, _NETNSA_FD = 1, 3
_SIGNED = Struct("=i")
_DEPARTURE = 1.0  # seconds; it takes some 20 milliseconds
_SETTLING, _AGAIN = 1.0, 0.0005  # seconds; it takes one or two milliseconds

_Place: TypeAlias = tuple[int, int]  # inode of a netns, ifindex there


class Observer:
    """Looks at the kernel and changes nothing.

    namespaces: where to look.  proc: descriptor of the sandbox's /proc.  sysctls: names of the settings to read.
    files, trees: paths to look at; links are resolved below `root`, the descriptor of the sandbox's root directory.
    runtime: the OCI runtime that the lab is carried out with.
    streams: whether the descriptors of all processes are wanted.  screens: containers whose terminals are.
    storage: images, layers, overlays, and folders whose room is.
    """

    def __init__(self, namespaces: Namespaces, proc: int, sysctls: Iterable[str] = (), files: Iterable[str] = (),
                 root: int = -1, trees: Iterable[str] = (), runtime: str = RUNTIMES[0], *, streams: bool = False,
                 screens: Iterable[str] = (), storage: Wanted | None = None) -> None:
        self._namespaces, self._proc, self._root, self._runtime = namespaces, proc, root, runtime
        self._files, self._trees = tuple(dict.fromkeys(files)), tuple(dict.fromkeys(trees))
        self._streams, self._screens = streams, tuple(dict.fromkeys(screens))
        self._storage = _storage_reader(root, proc, storage) if storage and any(storage) else None
        self._sysctls = tuple(dict.fromkeys((FORWARDING, *sysctls)))
        self._counting = Counting()
        self._witness = _witness(root, proc) if self._screens else None
        self._everywhere: tuple[Netns, ...] = ()  # as it was last seen
        self._nsids: dict[tuple[Netns, int], Netns] = {}  # (netns, nsid there) -> the netns meant
        self._wired: dict[int, set[_Place]] = {}  # inode of a netns -> the other ends of the wires that lead there

    def add(self, sysctls: Iterable[str], files: Iterable[str]) -> None:
        """Look at these as well from now on."""
        self._sysctls = tuple(dict.fromkeys((*self._sysctls, *sysctls)))
        self._files = tuple(dict.fromkeys((*self._files, *files)))

    def observe(self) -> Snapshot:
        """Take a Snapshot. What cannot be examined in time, or at all, is named in it (Snapshot.unexamined)."""
        look = Look()
        return look.during(partial(self._observe, look))

    def _observe(self, look: Look) -> Snapshot:
        everywhere = look.at("netns", "", self._namespaces.all, self._everywhere)
        if self._namespaces.left_out:
            look.miss("netns", "", self._namespaces.left_out)
        if everywhere != self._everywhere:  # numbers and inodes are used again for other namespaces
            self._nsids.clear()
        processes, containers = self._processes(look)
        look.at("netns", "", partial(self._wait_for_departures, everywhere, processes), None)
        self._everywhere = everywhere
        facts = self._all_facts(everywhere, look)
        return Snapshot(facts, processes, read_files(self._root, self._files, look), containers,
                        read_trees(self._root, self._trees, look), self._runtime, read_exits(self._root, look),
                        self._read_streams(processes, look), self._read_screens(processes, containers, look),
                        self._storage.read(look) if self._storage else Storage(), look.unexamined)

    def _all_facts(self, everywhere: tuple[Netns, ...], look: Look) -> tuple[NetnsFacts, ...]:
        self._wired = {}
        self._counting.begin()
        none: list[RawLink] = []
        links = {netns.inode: look.at("netns", netns.name, partial(_links, netns), none) for netns in everywhere}
        return tuple(look.at("netns", netns.name, partial(self._facts, netns, everywhere, links),
                             NetnsFacts(netns.name, netns.inode)) for netns in everywhere)

    def _read_streams(self, processes: tuple[Process, ...], look: Look) -> tuple[Stream, ...]:
        none: tuple[Stream, ...] = ()
        return look.at("stream", "", partial(read_streams, self._proc, processes), none) if self._streams else none

    def _read_screens(self, processes: tuple[Process, ...], containers: tuple[Container, ...],
                      look: Look) -> tuple[Screen, ...]:
        if self._witness is None:
            return ()
        found = tuple(shims(processes, containers))
        return read_screens(self._root, self._proc, self._screens, containers, processes, found, self._witness, look)

    def _processes(self, look: Look) -> tuple[tuple[Process, ...], tuple[Container, ...]]:
        """Processes and containers. One that is being started has become its program by then, and a shim has ended.

        The kernel tells nobody of an execve(2) but a tracer, so one has to look again.
        """
        deadline = monotonic() + _SETTLING
        while True:
            none: tuple[Process, ...] = ()
            processes = look.at("process", "", partial(read_processes, self._proc), none)
            containers = read_containers(self._root, processes, look)
            if not (has_stub(containers, processes) or _last_words(containers, processes)) or monotonic() > deadline:
                if not containers:
                    return processes, ()
                from runtime.facts.confirming import confirm  # most labs have no containers

                unsure: tuple[Container, ...] = ()
                read = partial(confirm, self._root, self._proc, containers, processes)
                return processes, look.at("container", "", read, unsure)
            sleep(_AGAIN)

    def _wait_for_departures(self, everywhere: tuple[Netns, ...], processes: tuple[Process, ...]) -> None:
        """A netns that ends takes its wires with it, some milliseconds later (cleanup_net, net_namespace.c)."""
        kept = {netns.inode for netns in everywhere} | {process.namespace("net") for process in processes}
        lost = {place for inode, places in self._wired.items() if inode not in kept for place in places}
        if lost:
            wait_until(lambda: not lost & {(netns.inode, link.ifindex) for netns in everywhere
                                           for link in read_links(netns.route)}, everywhere, _DEPARTURE)

    def _facts(self, netns: Netns, everywhere: tuple[Netns, ...], links: dict[int, list[RawLink]]) -> NetnsFacts:
        with netns.unbroken():
            return self._read_facts(netns, everywhere, links)

    def _read_facts(self, netns: Netns, everywhere: tuple[Netns, ...],
                    links: dict[int, list[RawLink]]) -> NetnsFacts:
        raw = links[netns.inode]
        names = {link.ifindex: link.name for link in raw}
        chains, rules, generation = _rules(netns)
        with netns.entered():
            sysctls = read_sysctls(self._proc, self._sysctls)
        return NetnsFacts(
            netns.name,
            netns.inode,
            tuple(self._link(link, netns, everywhere, links) for link in raw),
            tuple(Address(names[index], text) for index, text in read_addresses(netns.route) if index in names),
            tuple(route._replace(interface=names.get(index, "")) for index, route in read_routes(netns.route)),
            tuple(Neighbour(names[i], text, ok) for i, text, ok in read_neighbours(netns.route) if i in names),
            chains,
            self._counting.counted(netns.inode, generation, [with_names(rule, names) for rule in rules]),
            sysctls,
        )

    def _link(self, raw: RawLink, netns: Netns, everywhere: tuple[Netns, ...], links: dict[int, list[RawLink]]) -> Link:
        here = links[netns.inode]
        peer_netns = self._peer_netns(raw, netns, everywhere)
        if peer_netns:
            self._wired.setdefault(peer_netns.inode, set()).add((netns.inode, raw.ifindex))
        there = links[peer_netns.inode] if peer_netns else []
        return Link(
            raw.name,
            raw.kind,
            raw.state,
            _name(here, raw.master),
            _name(there, raw.peer),
            peer_netns.name if peer_netns else "",
            raw.mtu,
        )

    def _peer_netns(self, raw: RawLink, netns: Netns, everywhere: tuple[Netns, ...]) -> Netns | None:
        if not raw.peer:
            return None
        if raw.peer_nsid is None:
            return netns
        key = (netns, raw.peer_nsid)
        if key not in self._nsids:
            self._nsids.update({(netns, nsid): each for each in everywhere if (nsid := _nsid(netns, each)) is not None})
        return self._nsids.get(key)


def _last_words(containers: tuple[Container, ...], processes: tuple[Process, ...]) -> bool:
    """Whether a shim is about to write down how what it looks after ended, after which it ends too."""
    parents = {process.parent for process in processes if not process.ended}
    return any(shim.program == CONMON and shim.process.pid not in parents for shim in shims(processes, containers))


def _rules(netns: Netns) -> tuple[tuple[Chain, ...], tuple[Rule, ...], int | None]:
    """Return chains, rules and their generation, None when there are no rules or they changed while they were read.

    A kernel without nf_tables has none; the rest can be seen all the same.
    """
    try:
        found = read_rules(netns.netfilter)
        if not found[1]:
            return *found, None
        generation = read_generation(netns.netfilter)
        found = read_rules(netns.netfilter)
        return *found, generation if read_generation(netns.netfilter) == generation else None
    except Missing:
        return (), (), None


def _nsid(netns: Netns, other: Netns) -> int | None:
    """The number under which `netns` knows `other` (ip-netns(8), set NAME NETNSID); None when it has none."""
    body = _RTGENMSG + u32(_NETNSA_FD, other.fd)
    try:
        answer = netns.route.request(Message(_GETNSID, REQUEST | 0x4, body, f"find the number of {other.name}"))
    except Refused:
        return None
    number = int(_SIGNED.unpack(attributes(answer[0], len(_RTGENMSG))[_NETNSA_NSID])[0])
    return number if number >= 0 else None


def _witness(root: int, proc: int) -> Witness:
    from runtime.facts.witness import Witness  # few labs have terminals

    return Witness(root, proc)


def _links(netns: Netns) -> list[RawLink]:
    with netns.unbroken():
        return read_links(netns.route)


def _name(links: list[RawLink], index: int) -> str:
    return next((link.name for link in links if link.ifindex == index), "") if index else ""


def _storage_reader(root: int, proc: int, wanted: Wanted) -> StorageReader:
    from runtime.facts.storage_reader import StorageReader  # most labs have no images, and need no digests

    return StorageReader(root, proc, wanted)
