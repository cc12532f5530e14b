"""Being told by the kernel that something in a lab may have changed, instead of looking again and again.

    links, addresses, routes, rules, forwarding    RTNETLINK multicast in each netns (rtnetlink(7))
    packet filters                                 nf_tables multicast in each netns (nft(8), monitor)
    names of netns, and other mounts               POLLPRI of mountinfo (proc_pid_mountinfo(5))
    ends of containers                             pidfds (pidfd_open(2))
    files that a runtime or a check is about       inotify(7)

Events only say that there is something to look at. One that the kernel had to drop (ENOBUFS, netlink(7)) says so too.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.kept import listed
from runtime.netlink.socket import NETFILTER, ROUTE
from runtime.network.netns import Namespaces, Netns

# <linux/rtnetlink.h>, enum rtnetlink_groups: what is told of neighbours comes with any traffic, and is left out.
_LINK, _IPV4_ADDRESS, _IPV4_ROUTE, _IPV4_RULE, _IPV6_ADDRESS, _IPV6_ROUTE, _IPV4_NETCONF = 1, 5, 7, 8, 9, 11, 24
_ROUTE_GROUPS = (_LINK, _IPV4_ADDRESS, _IPV4_ROUTE, _IPV4_RULE, _IPV6_ADDRESS, _IPV6_ROUTE, _IPV4_NETCONF)
_NFTABLES_GROUPS = (7,)  # NFNLGRP_NFTABLES, <linux/netfilter/nfnetlink.h>
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_CHANGES = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400  # <sys/inotify.h>: all that changes a file or a folder
_DATAGRAM = 1 << 16
_AT_ONCE = 1000


class KernelEvents:
    """namespaces: of the lab.  root, proc: as of Sandbox.

    pidfd: gives a descriptor of the process with a PID inside (Sandbox.pidfd).  paths: of files and folders.
    """

    def __init__(self, namespaces: Namespaces, root: int, proc: int, pidfd: Callable[[int], int],
                 paths: Iterable[str] = ()) -> None:
        self._namespaces, self._root, self._pidfd = namespaces, root, pidfd
        self._paths = tuple(dict.fromkeys(paths))
        self._poll = select.epoll()
        self._sockets: dict[int, list[socket.socket]] = {}  # by the inode of their netns
        self._processes: dict[int, int] = {}  # PID inside -> pidfd
        self._mounts = os.open("1/mountinfo", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
        self._poll.register(self._mounts, select.EPOLLPRI | select.EPOLLET)
        self._files = sys.inotify_init()
        self._poll.register(self._files, select.EPOLLIN)
        self.follow(())

    def fileno(self) -> int:
        """For select(2): readable when something may have changed."""
        return self._poll.fileno()

    def follow(self, processes: Iterable[int]) -> None:
        """Listen in all the netns that there are now. processes: PIDs inside of those whose end matters."""
        everywhere = {netns.inode: netns for netns in self._namespaces.all()}
        for inode in self._sockets.keys() - everywhere.keys():
            for each in self._sockets.pop(inode):
                each.close()
        for inode in everywhere.keys() - self._sockets.keys():
            self._sockets[inode] = [*_listening(everywhere[inode])]
            for each in self._sockets[inode]:
                self._poll.register(each, select.EPOLLIN)
        self._follow_processes({*processes})
        for path in self._paths:
            self._follow_file(path)
            for name in listed(self._root, path):  # the folders of containers
                self._watch(f"{path}/{name}")

    def drain(self) -> None:
        """Take what has come. To be called when it is readable, and then something may have changed.

        That a mount has changed is told once, and to select(2): here it cannot be seen again.
        """
        ready = {fd for fd, _ in self._poll.poll(0)}
        if self._files in ready:
            with suppress(BlockingIOError):
                os.read(self._files, _DATAGRAM)
        for sockets in self._sockets.values():
            for each in sockets:
                if each.fileno() in ready:
                    _empty(each)
        for pid in [pid for pid, pidfd in self._processes.items() if pidfd in ready]:
            os.close(self._processes.pop(pid))

    def close(self) -> None:
        """Listen no more."""
        for sockets in self._sockets.values():
            for each in sockets:
                each.close()
        for fd in (*self._processes.values(), self._mounts, self._files):
            os.close(fd)
        self._poll.close()

    def _follow_processes(self, wanted: set[int]) -> None:
        for pid in wanted - self._processes.keys():
            with suppress(Refused, OSError):
                self._processes[pid] = self._pidfd(pid)
                self._poll.register(self._processes[pid], select.EPOLLIN)
        for pid in self._processes.keys() - wanted:
            os.close(self._processes.pop(pid))

    def _follow_file(self, path: str) -> None:
        """It, and the nearest folder above it that is there: what is made in that may be on the way."""
        self._watch(path)
        folder = os.path.dirname(path)
        while not self._watch(folder) and folder not in ("", "/"):
            folder = os.path.dirname(folder)

    def _watch(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        with suppress(Refused):
            fd = sys.open_beneath(self._root, path, os.O_PATH)
            try:
                sys.inotify_add_watch(self._files, f"/proc/self/fd/{fd}", _CHANGES)
            finally:
                os.close(fd)
            return True
        return False


def _listening(netns: Netns) -> Iterable[socket.socket]:
    for protocol, groups in ((ROUTE, _ROUTE_GROUPS), (NETFILTER, _NFTABLES_GROUPS)):
        with suppress(OSError):  # a kernel without nf_tables has no such events
            yield _listen(netns, protocol, groups)


def _listen(netns: Netns, protocol: int, groups: Iterable[int]) -> socket.socket:
    with netns.entered():
        listening = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
                                  protocol)
        listening.bind((0, 0))
        for group in groups:
            listening.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        return listening


def _empty(listening: socket.socket) -> None:
    """Take what has come. A buffer that ran over (ENOBUFS) can be read again, and its news is that there are news.

    Of a flood only the first is taken: the descriptor stays readable, and others have their turn.
    """
    for _ in range(_AT_ONCE):
        try:
            listening.recv(_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            continue
