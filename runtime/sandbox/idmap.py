"""Which ids of the machine the lab's root and users are (user_namespaces(7))."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple

from runtime.errors import Missing, Problem, Refused

NOT_PERMITTED = "Operation not permitted"  # as newuidmap(1) says it in the locale C
KINDS = ("auto", "single", "subuid", "rootmap")

_ROOTMAP_FIRST = 100_000
_ROOTMAP_COUNT = 65_536


class Extent(NamedTuple):
    """`length` ids from `inside` on are the machine's ids from `outside` on."""

    inside: int
    outside: int
    length: int


class IdMap(NamedTuple):
    """A chosen map. `helped`: newuidmap and newgidmap have to write it (subuid(5))."""

    kind: str
    uids: tuple[Extent, ...]
    gids: tuple[Extent, ...]
    helped: bool = False

    def inner(self) -> IdMap:
        """The map of a user namespace inside that has the same ids. One extent may not span two of the parent's."""
        return self._replace(uids=_identity(self.uids), gids=_identity(self.gids), helped=False)

    def write(self, pid: int) -> None:
        """Write the map of process `pid`, which has just made its user namespace. Raises Refused."""
        if self.helped:
            _run_helper("newuidmap", pid, self.uids)
            _run_helper("newgidmap", pid, self.gids)
        else:
            self.write_to(f"/proc/{pid}")

    def write_to(self, process: str) -> None:
        """Write the map below the folder `process` of a /proc. Raises Refused.

        With a single id setgroups(2) has to be denied first, or the kernel refuses gid_map (user_namespaces(7)).
        """
        files = [("uid_map", _lines(self.uids)), ("gid_map", _lines(self.gids))]
        if self.kind == "single":
            files.insert(0, ("setgroups", "deny"))
        for name, text in files:
            try:
                with open(f"{process}/{name}", "w", encoding="ascii") as file:
                    file.write(text)
            except OSError as error:
                raise Refused(f"write {name} of the sandbox", error.errno or 0) from error


def choose(kind: str = "auto") -> IdMap:
    """The id map of `kind` for whoever runs this. Raises Missing where the machine does not allow it."""
    uid, gid = os.geteuid(), os.getegid()
    if kind == "auto":
        kind = _best(uid)
    if kind == "rootmap":
        return _rootmap(uid)
    if kind == "subuid":
        return _subuid(uid, gid)
    if kind == "single":
        return _single(uid, gid)
    raise Problem(f"unknown id map '{kind}'", f"known are {', '.join(KINDS)}")


def _best(uid: int) -> str:
    if _is_real_root(uid):
        return "rootmap"
    return "subuid" if _helpers_present() and _ranges("/etc/subuid", uid) and _ranges("/etc/subgid", uid) else "single"


def _is_real_root(uid: int) -> bool:
    """Root of the machine, and not root of a container that is an ordinary user outside."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    return uid == 0 and any(
        inside <= _ROOTMAP_FIRST and inside + count >= _ROOTMAP_FIRST + _ROOTMAP_COUNT for inside, _, count in ranges
    )


def _rootmap(uid: int) -> IdMap:
    if not _is_real_root(uid):
        raise Missing("the id map 'rootmap' cannot be made", "it needs root, and root's full range of ids",
                      "leave out --id-map: labrun chooses what fits")
    extents = (Extent(0, _ROOTMAP_FIRST, _ROOTMAP_COUNT),)
    return IdMap("rootmap", extents, extents)


def _single(uid: int, gid: int) -> IdMap:
    if _is_real_root(uid):  # lab root must never be the machine's root: it would own the machine's files
        uid = gid = _ROOTMAP_FIRST
    return IdMap("single", (Extent(0, uid, 1),), (Extent(0, gid, 1),))


def _subuid(uid: int, gid: int) -> IdMap:
    uids, gids = _ranges("/etc/subuid", uid), _ranges("/etc/subgid", uid)
    user = _user_name(uid)
    if not (uids and gids):
        raise Missing(f"the id map 'subuid' cannot be made: {user} has no subordinate ids",
                      "/etc/subuid or /etc/subgid has no line for this user",
                      f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}")
    if _is_real_root(uid):
        return IdMap("subuid", (uids._replace(inside=0),), (gids._replace(inside=0),))
    if not _helpers_present():
        raise Missing("the id map 'subuid' cannot be made", "newuidmap and newgidmap are not installed",
                      "sudo apt install uidmap")
    return IdMap("subuid", (Extent(0, uid, 1), uids), (Extent(0, gid, 1), gids), helped=True)


def _helpers_present() -> bool:
    folders = os.environ.get("PATH", os.defpath).split(":")
    return all(any(os.access(f"{folder}/{tool}", os.X_OK) for folder in folders) for tool in ("newuidmap", "newgidmap"))


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _ranges(path: str, uid: int) -> Extent | None:
    """The largest range that `path` (subuid(5)) gives to the user."""
    owners = {_user_name(uid), str(uid)}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            rows = [line.strip().split(":") for line in file]
    except OSError:
        return None
    found = [
        Extent(1, int(row[1]), int(row[2]))
        for row in rows
        if len(row) == 3 and row[0] in owners and row[1].isdigit() and row[2].isdigit() and int(row[2]) > 0
    ]
    return max(found, key=lambda extent: extent.length, default=None)


def _identity(extents: tuple[Extent, ...]) -> tuple[Extent, ...]:
    return tuple(extent._replace(outside=extent.inside) for extent in extents)


def _lines(extents: tuple[Extent, ...]) -> str:
    return "".join(f"{e.inside} {e.outside} {e.length}\n" for e in extents)


def _run_helper(tool: str, pid: int, extents: tuple[Extent, ...]) -> None:
    import subprocess  # only here, and it takes 3 ms to load

    numbers = [str(number) for extent in extents for number in extent]
    done = subprocess.run([tool, str(pid), *numbers], capture_output=True, text=True, check=False,
                          env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"})
    if done.returncode:
        why = done.stderr.strip() or f"it ended with {done.returncode}"
        raise Refused(f"{tool} {pid} {' '.join(numbers)}", why=why, mend="labrun run LAB --id-map single")
