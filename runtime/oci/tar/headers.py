"""The headers of a tar, with those that stand before one and belong to it: GNU's and POSIX's (tar(5)).

Of tarfile only that is used which reads a block. Its TarFile takes a damaged header for the end of the tar, and
what stands before a header into memory, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from runtime.oci.tar import sparse
from runtime.oci.tar.streams import Reader, Unfit, take

if TYPE_CHECKING:
    from tarfile import TarInfo

BLOCK = 512  # bytes
_LARGEST = 1 << 20  # bytes before a header; docker, too, takes no more (Go's archive/tar)
_DIGITS = 20
_LATEST = 8**11 - 1  # seconds since 1970: what a header has room for
_NOBODY = 2**32 - 1  # this uid means none (chown(2))
_KINDS = {b"0": "file", b"\0": "file", b"7": "file", b"S": "file", b"5": "folder", b"2": "symlink", b"1": "hard link",
          b"6": "fifo", b"3": "character device", b"4": "block device"}
_GNU_BEFORE = {b"L": "path", b"K": "linkpath"}
_POSIX_BEFORE = (b"x", b"X")
_KEYS = (b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime")
_FOR_ALL = b"g"  # what git-archive(1) and their like say of all entries is no matter of a root file system

Said = dict[str, str]


class Header(NamedTuple):
    """One entry of a tar.

    kind: 'file', 'folder', 'symlink', 'hard link', 'fifo', 'character device', 'block device', or 'type "V"'.
    mode: its permissions.  mtime: seconds since 1970.  size: in bytes, holes included.
    target: what a symlink says, or the entry that a hard link is another name of.
    extents: (where in the file, how many bytes) of the data that follow.
    """

    name: str
    kind: str
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    target: str = ""
    extents: sparse.Extents = ()


def read_headers(reader: Reader) -> Iterator[Header]:
    """Every entry up to the end mark. After each, the reader stands at its data, read or not. Raises Unfit."""
    said: Said = {}
    while any(block := take(reader, BLOCK)):
        info = _parse(block, reader.position - BLOCK)
        if (before := _before(info, reader)) is not None:
            said |= before
            continue
        header, end = _header(info, block, said, reader)
        yield header
        reader.skip(end - reader.position)
        said = {}
    if said:
        raise Unfit(f"it is damaged: the header before {reader.position} belongs to nothing")


def shown(name: str) -> str:
    """A name as a message shows it: nothing in it moves a terminal's cursor, and it is not endless."""
    return repr(name if len(name) <= 120 else f"{name[:120]}...")


def _parse(block: bytes, position: int) -> TarInfo:
    import tarfile

    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise Unfit(f"it is damaged, or no tar: {error} at {position}") from None


def _before(info: TarInfo, reader: Reader) -> Said | None:
    """What a header says of the next one; None when it is an entry itself."""
    if info.type not in (*_GNU_BEFORE, *_POSIX_BEFORE, _FOR_ALL):
        return None
    if not 0 <= info.size <= _LARGEST:
        raise Unfit(f"what stands before an entry is {info.size} bytes long, and {_LARGEST} are allowed")
    data = take(reader, info.size)
    reader.skip(_padded(info.size) - info.size)
    if info.type in _GNU_BEFORE:
        return {_GNU_BEFORE[info.type]: _text(data.split(b"\0")[0])}
    return _records(data) if info.type in _POSIX_BEFORE else {}


def _records(data: bytes) -> Said:
    """Records of pax(1): 'LENGTH KEY=VALUE', each with a newline. Extended attributes are not kept."""
    said, at = {}, 0
    while at < len(data):
        digits = data[at:at + _DIGITS].partition(b" ")[0]
        end = at + int(digits) if digits.isdigit() else at
        key, equals, value = data[at + len(digits) + 1:end - 1].partition(b"=")
        if not equals or data[end - 1:end] != b"\n":
            raise Unfit("it is damaged: what stands before an entry are no records of pax(1)")
        if value and (key in _KEYS or key.startswith(b"GNU.sparse.")):
            said[_text(key)] = _text(value)
        at = end
    return said


def _header(info: TarInfo, block: bytes, said: Said, reader: Reader) -> tuple[Header, int]:
    """An entry, and where the next one begins."""
    name = said.get("GNU.sparse.name") or said.get("path") or info.name
    kind = _KINDS.get(info.type) or f"type {info.type.decode('latin-1')!r}"
    stored = _number(said, "size", info.size, name) if kind == "file" else 0  # others have no data, whatever they say
    extents, size, end = _extents(info, block, said, reader, stored)
    if sum(length for _, length in extents) != stored - (reader.position - end + _padded(stored)):
        raise Unfit(f"the sparse file {shown(name)} is damaged: its pieces are not as long as its data")
    mtime = _time(said.get("mtime", "")) or max(0, min(int(info.mtime), _LATEST))
    return Header(name, kind, info.mode & 0o7777, _id(said, "uid", info.uid, name), _id(said, "gid", info.gid, name),
                  mtime, size, said.get("linkpath") or info.linkname, extents), end


def _extents(info: TarInfo, block: bytes, said: Said, reader: Reader, stored: int) -> tuple[sparse.Extents, int, int]:
    """Where the data of an entry go, how large that is with its holes, and where the next entry begins."""
    if info.type == b"S":
        extents, size = sparse.of_gnu(block, reader)
        return extents, size, reader.position + _padded(stored)
    end = reader.position + _padded(stored)
    if stored and sparse.is_posix(said):
        return *sparse.of_posix(said, reader), end
    return ((0, stored),), stored, end


def _number(said: Said, key: str, else_: int, name: str) -> int:
    text = said.get(key, str(else_))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Unfit(f"the entry {shown(name)} has the {key} {text[:_DIGITS]!r}")
    return int(text)


def _id(said: Said, key: str, else_: int, name: str) -> int:
    number = _number(said, key, else_, name)
    if number >= _NOBODY:
        raise Unfit(f"the entry {shown(name)} has the {key} {number}, and there is none")
    return number


def _time(text: str) -> int:
    """Whole seconds of '1700000000.25'."""
    digits = text.partition(".")[0]
    return min(int(digits), _LATEST) if digits.isdigit() and digits.isascii() and len(digits) <= _DIGITS else 0


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
