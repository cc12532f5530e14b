"""Image layouts of the sandbox, and whether all that they promise is there (image-spec/image-layout.md)."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.digests import Digests, Remembered, digests_of
from runtime.facts.look import names_in
from runtime.facts.storage import Blob, Layout, StoredImage, StoredLayer
from runtime.oci.image.blobs import File, hexadecimal
from runtime.oci.image.documents import expect, member, members, optional, read
from runtime.oci.image.oci_layout import NAME
from runtime.oci.tar.streams import Unfit

_MOST = 128  # images, and layers of one
_MOST_BLOBS = 10_000


class _Read(NamedTuple):
    """What a JSON document says, or why it could not be read."""

    document: Any = None
    problem: str = ""


class Layouts:
    """Reads layouts. root: descriptor of the sandbox's root directory."""

    def __init__(self, root: int, remembered: Remembered) -> None:
        self._root, self._remembered = root, remembered

    def read(self, path: str) -> Layout | None:
        """The layout in a folder, None when there is no such folder."""
        try:
            os.close(sys.open_beneath(self._root, path, os.O_PATH | os.O_DIRECTORY))
        except Refused:
            return None
        try:
            index = self._document(f"{path}/index.json", "index.json")
            found = members(expect(index, dict, "index.json"), "manifests", dict, "index.json")[:_MOST]
            return Layout(path, tuple(self._image(path, each) for each in found), self._count(path))
        except Unfit as unfit:
            return Layout(path, (), self._count(path), str(unfit))

    def _image(self, store: str, entry: dict[str, Any]) -> StoredImage:
        manifest, name = Blob("", 0), optional(optional(entry, "annotations", dict, {}), NAME, str, "")
        try:
            manifest = self._blob(store, entry)
            return self._whole(store, StoredImage(name or manifest.digest, manifest))
        except Unfit as unfit:
            return StoredImage(name or manifest.digest, manifest, problem=str(unfit))

    def _whole(self, store: str, image: StoredImage) -> StoredImage:
        manifest = expect(self._document(_path(store, image.manifest.digest), "its manifest"), dict, "its manifest")
        if "manifests" in manifest:
            raise Unfit("it is an index of other images")
        image = image._replace(config=self._blob(store, member(manifest, "config", dict, "its manifest")),
                               layers=tuple(self._layer(store, each)
                                            for each in members(manifest, "layers", dict, "its manifest")[:_MOST]))
        try:
            return self._configured(store, image)
        except Unfit as unfit:
            return image._replace(problem=str(unfit))

    def _configured(self, store: str, image: StoredImage) -> StoredImage:
        import json

        assert image.config
        config = expect(self._document(_path(store, image.config.digest), "its config"), dict, "its config")
        diff_ids = members(optional(config, "rootfs", dict, {"diff_ids": []}), "diff_ids", str, "its config")
        steps = [step for step in optional(config, "history", list, []) if isinstance(step, dict)]
        image = image._replace(settings=json.dumps(optional(config, "config", dict, {}), ensure_ascii=False),
                               history=tuple(optional(step, "created_by", str, "") for step in steps))
        if len(diff_ids) != len(image.layers):
            raise Unfit(f"it has {len(image.layers)} layers, and its config names {len(diff_ids)}")
        return image._replace(layers=tuple(layer._replace(diff_id=diff_id) for layer, diff_id in zip(
            image.layers, diff_ids, strict=True)))

    def _blob(self, store: str, descriptor: dict[str, Any]) -> Blob:
        digest = member(descriptor, "digest", str, "a descriptor")
        found = self._digests(store, digest)
        size = member(descriptor, "size", int, "a descriptor")
        if found is None:
            return Blob(digest, size)
        return Blob(digest, size, found.digest, found.size, "" if found.digest else found.problem)

    def _layer(self, store: str, descriptor: dict[str, Any]) -> StoredLayer:
        blob = self._blob(store, descriptor)
        found = self._digests(store, blob.digest)
        return StoredLayer(blob, "", found.unpacked, found.problem) if found else StoredLayer(blob)

    def _digests(self, store: str, digest: str) -> Digests | None:
        return self._remembered.of(_path(store, digest), "digests", digests_of)

    def _document(self, path: str, name: str) -> Any:
        def find(file: File) -> _Read:
            try:
                return _Read(read(file, name))
            except Unfit as unfit:
                return _Read(problem=str(unfit))

        found = self._remembered.of(path, "document", find)
        if found is None or found.problem:
            raise Unfit(found.problem if found else f"it has no file {name}" if "." in name else f"{name} is missing")
        return found.document

    def _count(self, store: str) -> int:
        try:
            folder = sys.open_beneath(self._root, f"{store}/blobs/sha256", os.O_RDONLY | os.O_DIRECTORY)
        except Refused:
            return 0
        try:
            return len(names_in(folder, _MOST_BLOBS)[0])
        finally:
            os.close(folder)


def _path(store: str, digest: str) -> str:
    """Raises Unfit for what is no digest, and so might be the name of any file."""
    return f"{store}/blobs/sha256/{hexadecimal(digest)}"
