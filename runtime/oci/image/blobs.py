"""The files of an image, in a folder or in a tar of it, and their digests (image-spec/descriptor.md, "Digests")."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from posixpath import dirname, join, normpath
from typing import NamedTuple

from runtime.oci.tar.cache import unnamed
from runtime.oci.tar.headers import Header, read_headers, shown
from runtime.oci.tar.packing import is_packed, unpacked
from runtime.oci.tar.streams import LIMITS, Chunks, FileReader, Unfit, chunks_of, counted

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_MOST_FILES = 10_000  # in a tar of an image
_MOST_LINKS = 8


class File(NamedTuple):
    """A part of an open file. start, size: in bytes."""

    fd: int
    start: int
    size: int

    @property
    def chunks(self) -> Chunks:
        """All of it. Raises Unfit when the file became shorter."""
        return chunks_of(self.fd, self.start, self.size)


Find = Callable[[str], File | None]


@contextmanager
def opened(path: str, folder: bool) -> Iterator[Find]:
    """Find the files of an image by their names, as long as this lasts. Raises Unfit, OSError.

    path: a tar, a gzip file of one, or a folder. folder: whether it may be one; then names have to be ones that a
    stranger has not chosen, since '../x' would lead out of it.
    """
    with ExitStack() as stack:
        if folder and os.path.isdir(path):
            yield lambda name: _open(os.path.join(path, name), stack)
        else:
            file = _unpacked(_existing(path, stack), stack)
            places = _places(file)
            yield lambda name: _find(places, name)


def blob(find: Find, digest: str, size: int | None = None) -> File:
    """The file with a digest, which it was found to have, and a size if one is given. Raises Unfit."""
    file = find(f"blobs/sha256/{hexadecimal(digest)}")
    if not file:
        raise Unfit(f"the blob {digest} is not there, so the image is not whole")
    if file.size > LIMITS.unpacked:
        raise Unfit(f"the blob {digest} has {file.size} bytes, and labrun reads at most {LIMITS.unpacked}")
    if size is not None and size != file.size:
        raise Unfit(f"the blob {digest} has {file.size} bytes, and has to have {size}")
    for _ in verified(file.chunks, digest, "a blob"):
        pass
    return file


def digest_of(chunks: Chunks) -> str:
    """The digest of these bytes."""
    from hashlib import sha256

    found = sha256()
    for chunk in chunks:
        found.update(chunk)
    return f"sha256:{found.hexdigest()}"


def hexadecimal(digest: str) -> str:
    """What is behind 'sha256:'. Raises Unfit for what is no such digest, and so might be the name of any file."""
    match = _DIGEST.fullmatch(digest)
    if not match:
        raise Unfit(f"{shown(digest)} is no digest: that is 'sha256:' and 64 hexadecimal digits")
    return match[1]


def verified(chunks: Chunks, digest: str, what: str) -> Chunks:
    """The same bytes. Raises Unfit at their end when they have another digest. what: they are, for the message."""
    from hashlib import sha256

    found = sha256()
    for chunk in chunks:
        found.update(chunk)
        yield chunk
    if found.hexdigest() != hexadecimal(digest):
        raise Unfit(f"{what} has the digest sha256:{found.hexdigest()}, and has to have {digest}: it was changed or is "
                    f"damaged")


def _existing(path: str, stack: ExitStack) -> File:
    file = _open(path, stack, flags=0)
    if not file:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))  # raises the reason
        raise Unfit("it is a folder" if os.path.isdir(path) else "it is no file that could be read", f"ls -ld {path}")
    return file


def _open(path: str, stack: ExitStack, flags: int = os.O_NOFOLLOW) -> File | None:
    """A regular file, None when there is none. A fifo would block without O_NONBLOCK."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    except OSError:
        return None
    stack.callback(os.close, fd)
    found = os.fstat(fd)
    return File(fd, 0, found.st_size) if stat.S_ISREG(found.st_mode) else None


def _unpacked(file: File, stack: ExitStack) -> File:
    """The file, or what is in it when it is packed, which has no name."""
    if not is_packed(os.pread(file.fd, 8, 0)):
        return file
    fd = unnamed()
    stack.callback(os.close, fd)
    for piece in counted(unpacked(file.chunks), LIMITS.unpacked, lambda _: None):
        rest = piece
        while rest:
            rest = rest[os.write(fd, rest):]
    return File(fd, 0, os.fstat(fd).st_size)


def _places(file: File) -> dict[str, File | str]:
    """Where each file of a tar stands; of a link, the name of what it leads to."""
    reader, places = FileReader(*file), dict[str, File | str]()
    for header in read_headers(reader):
        name = normpath(header.name)
        if header.kind == "file":
            if header.extents != ((0, header.size),):
                raise Unfit(f"its file {shown(name)} is sparse", "write the archive without --sparse")
            places[name] = File(file.fd, file.start + reader.position, header.size)
        elif target := _target(header):
            places[name] = target
        if len(places) > _MOST_FILES:
            raise Unfit(f"it has more than {_MOST_FILES} files, and so is no image")
    return places


def _target(header: Header) -> str:
    """docker writes a layer that an image has twice once, and then a symlink to it."""
    if header.kind == "hard link":
        return normpath(header.target)
    return normpath(join(dirname(header.name), header.target)) if header.kind == "symlink" else ""


def _find(places: dict[str, File | str], name: str) -> File | None:
    found = places.get(normpath(name))
    for _ in range(_MOST_LINKS):
        if not isinstance(found, str):
            return found
        found = places.get(found)
    return None
