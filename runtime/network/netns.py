"""The network namespaces of a lab, reached from outside (network_namespaces(7), ip-netns(8))."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.netlink.socket import NETFILTER, ROUTE, Netlink
from runtime.sandbox.mounts import NETNS_DIR

LAB_HOST = "labhost"
_NS_GET_NSTYPE = 0xB703  # ioctl_ns(2)


class Netns:
    """An open network namespace. Its sockets are made when they are first asked for, and kept.

    name: what the lab calls it.  inode: its identity (namespaces(7)).  fd: descriptor of it.
    """

    def __init__(self, name: str, fd: int) -> None:
        self.name, self.fd = name, fd
        self.inode = os.fstat(fd).st_ino
        self._sockets: dict[int, Netlink] = {}

    @property
    def route(self) -> Netlink:
        """Links, addresses, routes, neighbours."""
        return self._netlink(ROUTE)

    @property
    def netfilter(self) -> Netlink:
        """Rules and chains."""
        return self._netlink(NETFILTER)

    def _netlink(self, protocol: int) -> Netlink:
        if protocol not in self._sockets:
            with self.entered():
                self._sockets[protocol] = Netlink(protocol)
        return self._sockets[protocol]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in this namespace meanwhile; sockets made there stay in it, /proc/sys/net follows."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            sys.setns(self.fd, sys.NEWNET, f"the network namespace {self.name}")
            yield
        finally:
            sys.setns(own, sys.NEWNET, "the network namespace it came from")
            os.close(own)

    def close(self) -> None:
        for netlink in self._sockets.values():
            netlink.close()
        os.close(self.fd)


class Namespaces:
    """All network namespaces of a lab: the lab host's, those of the starting world, those with a name in /run/netns.

    A namespace that is held here lives on after its name is gone; `forget` lets go.
    """

    def __init__(self, root: int, host: Netns) -> None:
        self._root = root
        self._fixed = {host.name: host}
        self._named: dict[str, Netns] = {}

    @classmethod
    def of_sandbox(cls, root: int) -> Namespaces:
        """To be called in the lab host's network namespace. root: see Sandbox.root."""
        return cls(root, Netns(LAB_HOST, os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)))

    @property
    def host(self) -> Netns:
        return self._fixed[LAB_HOST]

    def add_unnamed(self, name: str) -> Netns:
        """A new namespace that is not in /run/netns: only labrun knows it, and by this name."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            sys.unshare(sys.NEWNET, "net")
            netns = Netns(name, os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        finally:
            sys.setns(own, sys.NEWNET, "the network namespace it came from")
            os.close(own)
        self._fixed[name] = netns
        return netns

    @contextmanager
    def lent(self, name: str, fd: int) -> Iterator[None]:
        """A namespace without a name of its own is known as `name` meanwhile. fd: of it, closed in the end."""
        self._fixed[name] = Netns(name, fd)
        try:
            yield
        finally:
            self._fixed.pop(name).close()

    def __getitem__(self, name: str) -> Netns:
        """The namespace called `name`. Raises Refused when there is none."""
        known = self._fixed.get(name) or self._named.get(name)
        if known:
            return known
        try:
            return self._named.setdefault(name, Netns(name, self._open(name)))
        except Refused as refused:
            raise Refused(f"find the network namespace {name}", refused.errno, f"there is no {NETNS_DIR}/{name}",
                          f"ip netns add {name}") from refused

    def all(self) -> tuple[Netns, ...]:
        """Every namespace as it is now, the lab host first, named ones by their name."""
        present = {name: fd for name in self._names() if (fd := self._try_open(name)) is not None}
        for name in list(self._named):
            if name not in present or os.fstat(present[name]).st_ino != self._named[name].inode:
                self._named.pop(name).close()
        for name, fd in present.items():
            if name in self._named:
                os.close(fd)
            else:
                self._named[name] = Netns(name, fd)
        return (*self._fixed.values(), *(self._named[name] for name in sorted(self._named)))

    def forget(self) -> None:
        """Let go of all named namespaces, so that those whose name is gone can end."""
        for netns in self._named.values():
            netns.close()
        self._named.clear()

    def _names(self) -> list[str]:
        try:
            folder = sys.open_beneath(self._root, NETNS_DIR, os.O_RDONLY | os.O_DIRECTORY)
        except Refused:
            return []
        try:
            # A name that is not UTF-8 could not be told to anybody.
            return [name for name in os.listdir(folder) if name not in self._fixed and not _undecodable(name)]
        finally:
            os.close(folder)

    def _open(self, name: str) -> int:
        place = sys.open_beneath(self._root, f"{NETNS_DIR}/{name}", os.O_PATH)
        try:
            fd = _open_netns(place)
        finally:
            os.close(place)
        if fd is None:
            raise Refused(f"open {NETNS_DIR}/{name}", why="it is not a network namespace")
        return fd

    def _try_open(self, name: str) -> int | None:
        with suppress(Refused):
            return self._open(name)
        return None


def _open_netns(place: int) -> int | None:
    """The netns that `place` (O_PATH) stands for, opened; None when it is something else.

    Those inside may have put anything there: to open a fifo, a device or a leased file would block or do something.
    """
    if not stat.S_ISREG(os.fstat(place).st_mode):
        return None
    try:
        fd = os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with suppress(OSError):
        if fcntl.ioctl(fd, _NS_GET_NSTYPE) == sys.NEWNET:
            return fd
    os.close(fd)
    return None


def _undecodable(name: str) -> bool:
    """Whether os.listdir() had to use surrogate escapes for the name."""
    return any("\udc80" <= letter <= "\udcff" for letter in name)
