"""What layers change: the upper folders of overlays, and the blobs of images (image-spec/layer.md, overlayfs.rst)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from posixpath import normpath
from typing import NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.digests import Remembered
from runtime.facts.layouts import Layouts
from runtime.facts.look import Unexaminable
from runtime.facts.storage import Layer, LayerPlace
from runtime.oci.image.blobs import File, hexadecimal
from runtime.oci.tar.headers import read_headers
from runtime.oci.tar.packing import unpacked
from runtime.oci.tar.streams import LIMITS, StreamReader, Unfit, counted

_MOST = 20_000  # entries
_DEEPEST = 64  # folders, each of which is open meanwhile
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_MARKS = ("user.overlay.opaque", "trusted.overlay.opaque")


class _Found(NamedTuple):
    """One entry. kind: the name of a field of Layer."""

    kind: str
    path: str


class Layers:
    """Reads layers. root: descriptor of the sandbox's root directory."""

    def __init__(self, root: int, layouts: Layouts, remembered: Remembered) -> None:
        self._root, self._layouts, self._remembered = root, layouts, remembered

    def read(self, place: LayerPlace) -> Layer | None:
        """The layer at a place, None when there is none."""
        return self._of_folder(place) if place.folder else self._of_blob(place)

    def _of_folder(self, place: LayerPlace) -> Layer | None:
        try:
            top = sys.open_beneath(self._root, place.folder, os.O_RDONLY | os.O_DIRECTORY)
        except Refused:
            return None
        return _layer(place, _walk(top, "", 1))

    def _of_blob(self, place: LayerPlace) -> Layer | None:
        layout = self._layouts.read(place.store)
        image = layout.image(place.image) if layout else None
        if image is None or place.number > len(image.layers):
            return None
        path = f"{place.store}/blobs/sha256/{hexadecimal(image.layers[place.number - 1].blob.digest)}"
        found = self._remembered.of(path, "layer", _of_tar)
        return found._replace(place=place) if found else None


def _of_tar(file: File) -> Layer:
    try:
        reader = StreamReader(counted(unpacked(file.chunks), LIMITS.unpacked, lambda _: None))
        return _layer(LayerPlace(), (_of_entry(normpath(f"/{each.name}"), each.kind) for each in read_headers(reader)))
    except Unfit as unfit:
        return Layer(LayerPlace(), problem=str(unfit))


def _of_entry(path: str, kind: str) -> _Found:
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        return _Found("opaque", folder or "/")
    if name.startswith(_WHITEOUT):
        return _Found("whiteouts", f"{folder}/{name.removeprefix(_WHITEOUT)}")
    return _Found("folders" if kind == "folder" else "files", path)


def _layer(place: LayerPlace, entries: Iterator[_Found]) -> Layer:
    found = list(islice((each for each in entries if each.path != "/" or each.kind == "opaque"), _MOST + 1))
    kinds = {kind: tuple(sorted({each.path for each in found if each.kind == kind})) for kind in (
        "files", "folders", "whiteouts", "opaque")}
    return Layer(place, **kinds, problem=f"it has more than {_MOST} entries" if len(found) > _MOST else "")


def _walk(folder: int, above: str, depth: int) -> Iterator[_Found]:
    """All that is in a folder, which is closed in the end."""
    try:
        if _is_opaque(folder):
            yield _Found("opaque", above or "/")
        with os.scandir(folder) as entries:
            found = [(each.name, each.stat(follow_symlinks=False)) for each in islice(entries, _MOST + 1)]
        for name, status in found:
            path = f"{above}/{name}"
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                yield _Found("whiteouts", path)
            elif not stat.S_ISDIR(status.st_mode):
                yield _Found("files", path)
            else:
                yield _Found("folders", path)
                yield from _below(folder, name, path, depth)
    finally:
        os.close(folder)


def _below(folder: int, name: str, path: str, depth: int) -> Iterator[_Found]:
    if depth == _DEEPEST:
        raise Unexaminable(f"it has folders in more than {_DEEPEST} others")
    with suppress(OSError):
        there = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        yield from _walk(there, path, depth + 1)


def _is_opaque(folder: int) -> bool:
    for mark in _MARKS:
        with suppress(OSError):
            return os.getxattr(folder, mark) == b"y"
    return False
