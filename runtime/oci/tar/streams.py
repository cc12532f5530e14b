"""Bytes of a stranger, piece by piece: never more in memory than a piece, never more in all than is allowed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from runtime.errors import Refused

PIECE = 1 << 16  # bytes

Chunks = Iterator[bytes]


class Unfit(Exception):
    """What a stranger gave can't be taken.

    why: in plain words.  mend: what to do next, '' when nothing special; PATH in it is that of the image.
    """

    def __init__(self, why: str, mend: str = "") -> None:
        super().__init__(why)
        self.mend = mend


class Limits(NamedTuple):
    """How much one root file system may be.

    entries: of all layers, with folders that are only implied.  size: of all its files, holes included, in bytes.
    text: of all names and of what symlinks say, in bytes.
    """

    entries: int = 200_000
    size: int = 512 << 20
    text: int = 64 << 20

    @property
    def unpacked(self) -> int:
        """How long all tars may be, in bytes: each entry has a header and is filled up to the next block."""
        return self.size + 1024 * self.entries


LIMITS = Limits()


class Reader(Protocol):
    """What headers are read from. position: bytes from its start."""

    position: int

    def pieces(self, size: int) -> Chunks:
        """The next `size` bytes, piece by piece. Raises Unfit when it ends before."""

    def skip(self, size: int) -> None:
        """Leave out `size` bytes. Raises Unfit when it ends before."""


class StreamReader:
    """Reads pieces one after the other; what was left out is read as well."""

    def __init__(self, chunks: Chunks) -> None:
        self.position, self._chunks, self._chunk, self._at = 0, chunks, b"", 0

    def pieces(self, size: int) -> Chunks:
        """See Reader."""
        while size:
            while self._at == len(self._chunk):
                self._chunk, self._at = self._next(), 0
            piece = self._chunk[self._at:self._at + size]
            self._at += len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """See Reader."""
        for _ in self.pieces(size):
            pass

    def drain(self) -> None:
        """Read to the end."""
        for _ in self._chunks:
            pass

    def _next(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise Unfit(ends_early(self.position))


class FileReader:
    """Reads a part of a file, from `start` on, `size` bytes; what is left out is not read."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        self.position, self._fd, self._start, self._size = 0, fd, start, size

    def pieces(self, size: int) -> Chunks:
        """See Reader."""
        self._allow(size)
        while size:
            piece = os.pread(self._fd, min(size, PIECE), self._start + self.position)
            if not piece:
                raise Unfit(ends_early(self.position))
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """See Reader."""
        self._allow(size)
        self.position += size

    def _allow(self, size: int) -> None:
        if size > self._size - self.position:
            raise Unfit(ends_early(self._size))


def ends_early(position: int) -> str:
    """What is wrong with a tar that ends where it should not. position: bytes from its start."""
    return f"it ends after {position} bytes, in the middle: it is cut off or damaged"


def take(reader: Reader, size: int) -> bytes:
    """The next `size` bytes. Raises Unfit."""
    return b"".join(reader.pieces(size))


def chunks_of(fd: int, start: int, size: int) -> Chunks:
    """A part of a file. Raises Unfit when the file ends before."""
    return FileReader(fd, start, size).pieces(size)


def counted(chunks: Chunks, most: int, progress: Callable[[int], None]) -> Chunks:
    """The same bytes; progress is told how many there were. Raises Unfit after more than `most`."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise Unfit(f"it unpacks to more than {most >> 20} MiB", "take a smaller image")
        progress(total)
        yield chunk


def refused(what: str, error: Unfit | OSError, mend: str, path: str = "PATH") -> Refused:
    """The same for a person. what: the operation.  mend: what to do when the error does not know better."""
    if isinstance(error, Unfit):
        return Refused(what, why=str(error), mend=error.mend.replace("PATH", path) or mend)
    return Refused(what, error.errno or 0, mend=mend)
