"""What an entry of a tar may be, and what it may be called."""

from __future__ import annotations

from typing import NamedTuple

from runtime.oci.tar.headers import Header, shown
from runtime.oci.tar.streams import Unfit

LONGEST_PATH = 4096  # bytes (PATH_MAX)
LONGEST_NAME = 255  # bytes (NAME_MAX)
_DEVICES = ("character device", "block device")


class Entry(NamedTuple):
    """A file, folder, symlink or fifo: what the inode is on a disk. Hard links are places with the very same Entry.

    start: of a file's data, in the file that holds all data.  size: in bytes.  The rest: see Header.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str = ""
    start: int = 0
    size: int = 0


def parts_of(path: str, what: str) -> list[str]:
    """The names in a path of a tar. Raises Unfit for one that leads out, or is none."""
    said = f"{what} {shown(path)}"
    try:
        data = path.encode()
    except UnicodeEncodeError:
        raise Unfit(f"{said} is not UTF-8") from None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/"):
        raise Unfit(f"{said} is an absolute path, and has to be one below the root: '/' is left out")
    if ".." in parts:
        raise Unfit(f"{said} leads out of its folder: it has '..'")
    if not path or b"\0" in data:
        raise Unfit(f"{said} is no name: it {'has a NUL' if path else 'is empty'}")
    if len(data) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise Unfit(f"{said} is too long: a name has at most {LONGEST_NAME} bytes, a path {LONGEST_PATH}")
    return parts


def entry_of(header: Header, start: int) -> Entry:
    """What a header makes. Raises Unfit for what a root file system must not have. start: see Entry."""
    if header.kind in _DEVICES:
        raise Unfit(f"the entry {shown(header.name)} is a {header.kind}, which only the real root may make",
                    "make the image without it: a container gets a /dev of its own")
    if header.kind not in ("file", "folder", "symlink", "fifo"):
        raise Unfit(f"the entry {shown(header.name)} is of the unknown {header.kind}")
    target = header.target if header.kind == "symlink" else ""
    return Entry(header.kind, header.mode, header.uid, header.gid, header.mtime, target, start, header.size)


def look_at_target(name: str, target: str, depth: int) -> None:
    """Raises Unfit for a symlink that leads out of the root, or nowhere. depth: of its folder, the root's is 0."""
    said = f"the entry {shown(name)} is a symlink to {shown(target)}"
    try:
        length = len(target.encode())
    except UnicodeEncodeError:
        raise Unfit(f"{said}, which is not UTF-8") from None
    if not 0 < length < LONGEST_PATH or "\0" in target:
        raise Unfit(f"{said}, which is no path")
    if target.startswith("/"):
        return  # the container's own root is meant
    for part in target.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            raise Unfit(f"{said}, which leads out of the root")
