"""An image of a stranger as an image layout in a tar, looked through: names fit contents, and nothing has to be feared.

Blobs keep their bytes, and so their digests: what is stored in a lab is the very image that it was outside.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from typing import Any, NamedTuple

from runtime.oci.image import making
from runtime.oci.image.blobs import File, digest_of
from runtime.oci.image.layers import Image, contents
from runtime.oci.image.making import NewLayer
from runtime.oci.tar.archive import vet
from runtime.oci.tar.cache import obtain, unnamed
from runtime.oci.tar.packing import is_packed


class _Blob(NamedTuple):
    digest: str
    file: File


def export(kind: str, image: Image, progress: Callable[[int], None]) -> int:
    """A descriptor of the layout of an image, at its start, to be read only; made if the cache has none.

    Raises Unfit, OSError.  kind: see runtime.oci.tar.cache.obtain.
    """
    def make(to: int) -> None:
        data = unnamed()
        try:
            vet(contents(image), data, progress=progress)
        finally:
            os.close(data)
        _write(image, to)

    return obtain(f"{kind} layout", f"{making.digest_of(image.manifest)} {image.identity}", make)


def _write(image: Image, to: int) -> None:
    layers = [_Blob(digest_of(file.chunks), file) for file in (layer.open() for layer in image.layers)]
    manifest = image.manifest or making.to_bytes(_manifest(image, layers))
    described = making.descriptor(making.parsed(manifest).get("mediaType", making.MANIFEST_TYPE), manifest)
    index = {**making.empty_index(), "manifests": [described]}
    with os.fdopen(os.dup(to), "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        _add(tar, "index.json", making.to_bytes(index))
        for document in (manifest, image.config):
            _add(tar, _path(making.digest_of(document)), document)
        for digest, blob in dict(layers).items():
            info = tarfile.TarInfo(_path(digest))
            info.size = blob.size
            tar.addfile(info, _Reading(blob))


def _manifest(image: Image, layers: list[_Blob]) -> dict[str, Any]:
    """What docker keeps no manifest of gets one."""
    config, manifest = making.empty_config(), making.empty_manifest()
    for layer, blob in zip(image.layers, layers, strict=True):
        packed = is_packed(os.pread(blob.file.fd, 8, blob.file.start))
        config, manifest = making.with_layer(
            config, manifest, NewLayer(blob.digest, blob.file.size, layer.diff_id, packed), "")
    return {**manifest, "config": making.descriptor(making.CONFIG_TYPE, image.config)}


def _path(digest: str) -> str:
    return f"blobs/{digest.removeprefix('sha256:')}"


def _add(tar: tarfile.TarFile, path: str, data: bytes) -> None:
    info = tarfile.TarInfo(path)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


class _Reading(io.RawIOBase):
    """A part of a file, as tarfile reads it."""

    def __init__(self, file: File) -> None:
        self._file, self._at = file, 0

    def read(self, size: int = -1) -> bytes:
        """See io.RawIOBase."""
        left = self._file.size - self._at
        piece = os.pread(self._file.fd, left if size < 0 else min(size, left), self._file.start + self._at)
        self._at += len(piece)
        return piece
