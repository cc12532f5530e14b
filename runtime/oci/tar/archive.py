"""A stranger's tars, looked through: one tar of the same root file system, of which nothing has to be feared.

    tars, lowest first --headers--> Tree of all that is in them --write--> one tar, in one order

Nothing is unpacked here. The data of files stand in an unnamed file until they are written; names lead nowhere before
the Tree has placed them. In the new tar each folder stands before what is in it, no path has '..' or leads through a
symlink, and a hard link stands behind what it is another name of. The same content gives the same bytes. Owners are
kept as numbers; extended attributes, and so capabilities of files, are not kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from runtime.oci.tar.cache import obtain, unnamed
from runtime.oci.tar.entries import Entry
from runtime.oci.tar.headers import BLOCK, Header, read_headers
from runtime.oci.tar.streams import LIMITS, Chunks, Limits, StreamReader, counted
from runtime.oci.tar.tree import Place, Tree

_RECORD = 20 * BLOCK  # as tar(1) writes
_BUFFER = 1 << 20  # bytes
_TYPES = {"file": b"0", "folder": b"5", "symlink": b"2", "fifo": b"6"}
_HARD_LINK = b"1"


def export(kind: str, identity: str, layers: Iterable[Chunks], progress: Callable[[int], None]) -> int:
    """A descriptor of the vetted tar of an image, at its start, to be read only; made if the cache has none.

    Raises Unfit, OSError.  kind, identity: see cache.obtain.  The rest: see vet.
    """
    def make(to: int) -> None:
        data = unnamed()
        try:
            write(vet(layers, data, progress=progress), data, to)
        finally:
            os.close(data)

    return obtain(kind, identity, make)


def vet(layers: Iterable[Chunks], data: int, limits: Limits = LIMITS,
        progress: Callable[[int], None] = lambda _: None) -> Tree:
    """The tree of some tars, lowest first. Raises Unfit, and OSError for a full disk.

    data: an empty file, which gets the data of all files.  progress: is told how many bytes were read so far.
    """
    tree, total = Tree(limits), _Total(progress)
    for tree.layer, layer in enumerate(layers, 1):
        reader = StreamReader(counted(layer, limits.unpacked - total.before, total))
        for header in read_headers(reader):
            tree.add(header, total.data)
            total.data = _take_data(header, reader, data, total.data)
        reader.drain()
        total.before += total.now
    return tree


def write(tree: Tree, data: int, to: int) -> None:
    """Write a tree as one tar. data: the file with the data.  to: an empty file. Raises OSError."""
    writer = _Writer(to)
    written: dict[int, str] = {}
    for path, entry in walk(tree.root):
        first = written.setdefault(id(entry), path)
        writer.header(path, entry, "" if first == path else first)
        if entry.size and first == path:
            writer.copy(data, entry.start, entry.size)
    writer.end()


def walk(place: Place, above: str = "") -> Iterator[tuple[str, Entry]]:
    """Every path below a place with what is there: sorted, folders before what is in them."""
    for name, child in sorted(place.children.items()):
        yield above + name, child.entry
        yield from walk(child, f"{above}{name}/")


class _Total:
    """before: bytes of the layers that were read.  now: of the one that is read.  data: of all their files."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self.before = self.now = self.data = 0
        self._progress = progress

    def __call__(self, now: int) -> None:
        self.now = now
        self._progress(self.before + now)


def _take_data(header: Header, reader: StreamReader, data: int, start: int) -> int:
    """Put the data of an entry into the file of all data, at `start`; the place behind them. Holes stay holes."""
    for offset, length in header.extents:
        at = start + offset
        for piece in reader.pieces(length):
            _write(data, piece, at)
            at += len(piece)
    if header.extents != ((0, header.size),):
        os.truncate(data, start + header.size)
    return start + header.size


def _write(fd: int, piece: bytes, at: int) -> None:
    while piece:
        done = os.pwrite(fd, piece, at)
        piece, at = piece[done:], at + done


class _Writer:
    """Writes a tar, some headers at a time."""

    def __init__(self, fd: int) -> None:
        self._fd, self._ahead, self._at = fd, bytearray(), 0

    def header(self, path: str, entry: Entry, first: str) -> None:
        """One entry. first: the path that it is a hard link to, '' for none."""
        self._ahead += _header(path, entry, first)
        if len(self._ahead) > _BUFFER:
            self._flush()

    def copy(self, fd: int, start: int, size: int) -> None:
        """The data of a file, from another file."""
        self._flush()
        end = start + size
        while start < end:
            done = os.sendfile(self._fd, fd, start, end - start)
            if not done:
                raise OSError(5, "the file of all data is cut off")
            start += done
        self._at += size
        self._ahead += bytes(-size % BLOCK)

    def end(self) -> None:
        """The end mark: two empty blocks, and more up to the end of a record."""
        self._ahead += bytes(2 * BLOCK)
        self._ahead += bytes(-(self._at + len(self._ahead)) % _RECORD)
        self._flush()

    def _flush(self) -> None:
        write_all(self._fd, bytes(self._ahead))
        self._at += len(self._ahead)
        self._ahead.clear()


def write_all(fd: int, data: bytes) -> None:
    """write(2), until all is written."""
    while data:
        data = data[os.write(fd, data):]


def _header(path: str, entry: Entry, first: str) -> bytes:
    import tarfile

    info = tarfile.TarInfo(path)
    info.type = _HARD_LINK if first else _TYPES[entry.kind]
    info.linkname = first or entry.target
    info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, entry.mtime
    info.size = 0 if first else entry.size
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
