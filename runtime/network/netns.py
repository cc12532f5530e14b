"""The network namespaces of a lab, reached from outside (network_namespaces(7), ip-netns(8))."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.look import names_in
from runtime.netlink.socket import NETFILTER, ROUTE, Netlink
from runtime.sandbox.mounts import NETNS_DIR

LAB_HOST = "labhost"
# Each is held by up to five descriptors, of which a process has 1024 (RLIMIT_NOFILE); a lab has a handful of names.
_MOST, _MOST_FILES = 128, 10_000
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

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """Whatever ends the work meanwhile: a socket with half an answer in it is not used again."""
        try:
            yield
        except BaseException:
            self._close_sockets()
            raise

    def close(self) -> None:
        self._close_sockets()
        os.close(self.fd)

    def _close_sockets(self) -> None:
        for netlink in self._sockets.values():
            netlink.close()
        self._sockets.clear()


class Namespaces:
    """All network namespaces of a lab: the lab host's, those of the starting world, those with a name in /run/netns.

    A namespace that is held here lives on after its name is gone; `forget` lets go.

    left_out: why not all of them are in what `all` returned last, or ''.
    """

    def __init__(self, root: int, host: Netns) -> None:
        self._root, self.left_out = root, ""
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
            self._refresh(name)
            return self._named[name]
        except Refused as refused:
            raise Refused(f"find the network namespace {name}", refused.errno, f"there is no {NETNS_DIR}/{name}",
                          f"ip netns add {name}") from refused

    def all(self) -> tuple[Netns, ...]:
        """Every namespace as it is now, the lab host first, named ones by their name; of these at most 128."""
        # A limit of time can have ended the judge's work in another one (runtime/time_limit.py).
        sys.setns(self.host.fd, sys.NEWNET, "the network namespace of the lab host")
        present = set()
        for name in self._names():
            with suppress(Refused):
                self._refresh(name)
                present.add(name)
        for name in self._named.keys() - present:
            self._named.pop(name).close()
        return (*self._fixed.values(), *(self._named[name] for name in sorted(self._named)))

    def _refresh(self, name: str) -> None:
        """Hold the namespace that has the name now. Raises Refused when there is none.

        The one that is held already is known by its inode, which no other gets as long as it is held.
        """
        held, place = self._named.get(name), sys.open_beneath(self._root, f"{NETNS_DIR}/{name}", os.O_PATH)
        try:
            if held is None or not os.path.samestat(os.fstat(place), os.fstat(held.fd)):
                self._named[name] = Netns(name, _opened(name, place))
                if held is not None:
                    held.close()
        finally:
            os.close(place)

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
            names, whole = names_in(folder, _MOST_FILES)
        finally:
            os.close(folder)
        # A name that is not UTF-8, or that would steer a terminal, could not be told to anybody.
        named = [name for name in names if name not in self._fixed and name.isprintable()]
        self.left_out = "" if whole and len(named) <= _MOST else f"{NETNS_DIR} has more than {_MOST} entries"
        return named[:_MOST]


def _opened(name: str, place: int) -> int:
    """A descriptor of the netns that `place` (O_PATH) stands for. Raises Refused when it is something else.

    It does not lead through the mount in /run/netns, which would be busy as long as it is open (umount(2), EBUSY).
    """
    through = _open_netns(place)
    if through is None:
        raise Refused(f"open {NETNS_DIR}/{name}", why="it is not a network namespace")
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        sys.setns(through, sys.NEWNET, f"the network namespace {name}")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(through)
        sys.setns(own, sys.NEWNET, "the network namespace it came from")
        os.close(own)


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
