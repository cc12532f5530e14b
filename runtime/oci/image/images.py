"""Images of the lab: what is done with the image layouts that are its stores.

Tars are made and unpacked by the commands that a person types (words.py). The documents are read, checked and written
here: jq(1) takes 30 ms for each of them, and would believe whatever a blob says that was changed.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shlex import quote
from typing import Any, BinaryIO, NamedTuple

from runtime.errors import Refused
from runtime.facts.files import read_files
from runtime.facts.storage import LayerPlace, Wanted
from runtime.facts.storage_reader import StorageReader
from runtime.network.shell import run_command
from runtime.oci.command_line import config_of
from runtime.oci.config import read_config, write_config
from runtime.oci.image import making, words
from runtime.oci.image.blobs import Find
from runtime.oci.image.documents import expect, members, read
from runtime.oci.image.inside import opened
from runtime.oci.image.layers import Image, contents
from runtime.oci.image.making import Document, NewLayer, Settings
from runtime.oci.image.oci_layout import find_image
from runtime.oci.tar.streams import LIMITS, Unfit, counted, refused
from runtime.sandbox.handle import Completed, Sandbox

MOST = LIMITS.unpacked  # bytes of a layer, unpacked
_SECONDS = 120.0  # for the largest image


class _Base(NamedTuple):
    """What an image begins with: `named`, the index of its store, and the documents of the image that is built upon."""

    named: Document
    manifest: Document
    config: Document


class Images:
    """What is done with images in one sandbox. store: the path of a layout."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def import_machine(self, store: str, name: str, created_by: str) -> None:
        """An image of one layer, this machine's own programs. Raises Refused."""
        self._add(f"make an image of this machine's programs in {store}", store, "", name, created_by,
                  words.made_of_machine())

    def import_tar(self, store: str, name: str, path: str, created_by: str) -> None:
        """An image of one layer, a tar as it is. Raises Refused."""
        self._add(f"make an image of {path} in {store}", store, "", name, created_by, words.made_of_tar(path))

    def commit_layer(self, store: str, image: str, name: str, upper: str, created_by: str) -> None:
        """A new image: the layers of another, '' for none, and the upper folder of an overlay. Raises Refused."""
        place = LayerPlace(folder=upper)
        found = StorageReader(self._sandbox.root, self._sandbox.proc, Wanted(layers=(place,))).read().layer(place)
        self._add(f"commit {upper} to {store}", store, image, name, created_by,
                  words.made_of_upper(upper, found.opaque if found else ()))

    def import_archive(self, store: str, name: str, tar: int) -> None:
        """Store an image that comes as an image layout in a tar. tar: its descriptor. Raises Refused."""
        what = f"store the image {name} in {store}"
        index = self._base(what, store, "").named
        self._run(words.take_in(store), tar)
        with self._refusing(what, store), opened(self._sandbox.root, f"{store}/.new") as find:
            [manifest] = expect(read(find("index.json"), "index.json"), dict, "index.json")["manifests"]
            entry = {key: manifest[key] for key in ("mediaType", "digest", "size")}
        self._run(words.receive(store), _index(index, entry, name))

    def write(self, store: str, image: str, name: str, settings: Settings, created_by: str) -> None:
        """A new image with the layers of another, '' for none, that runs something else. Raises Refused."""
        base = self._base(f"write the image {name} in {store}", store, image)
        config = making.with_settings(base.config, settings, created_by)
        self._run(words.take_in(store), _documents(base, config, base.manifest, name))
        self._run(words.keep(store))

    def unpack_layer(self, store: str, image: str, number: int, to: str) -> None:
        """The layer of an image, counted from 1, as a folder that an overlay can have below. Raises Refused."""
        what = f"unpack layer {number} of {image} to {to}"
        blob = self._whole_layers(what, store, image)
        if number > len(blob):
            raise Refused(what, why=f"it has {len(blob)}", mend=f"skopeo inspect oci:{store}:{image}")
        self._unpack(what, blob[number - 1], to)

    def to_bundle(self, store: str, image: str, bundle: str, runtime: str) -> None:
        """Make the bundle of a container of an image. runtime: 'runc', 'crun'. Raises Refused, Missing."""
        what = f"make a bundle of {image} in {bundle}"
        blobs = self._whole_layers(what, store, image)
        for number, blob in enumerate(blobs, 1):
            self._unpack(what, blob, words.layer_of(bundle, number))
        self._run(words.mount_layers(len(blobs), bundle) + f" && {runtime} spec --bundle {quote(bundle)}")
        config = self._base(what, store, image).config
        path = config_of(bundle)
        [file] = read_files(self._sandbox.root, [path])
        self._sandbox.write(path, write_config(_in_runtime_words(read_config(file.text or ""), config)))

    def layers(self, store: str, image: str) -> int:
        """How many layers an image has. Raises Refused."""
        return len(self._base(f"read {image} in {store}", store, image).manifest["layers"])

    def _add(self, what: str, store: str, image: str, name: str, created_by: str, layer: list[str]) -> None:
        base = self._base(what, store, image)
        made = self._run(" &&\n".join((words.begin(store), *layer, *words.measured()))).output.split()
        config, manifest = making.with_layer(base.config, base.manifest, NewLayer(made[0], int(made[1]), made[2]),
                                             created_by)
        self._run(words.receive(store), _documents(base, config, manifest, name))

    def _unpack(self, what: str, blob: str, to: str) -> None:
        """Into a new folder, which is not there when that fails."""
        if read_files(self._sandbox.root, [to]):
            raise Refused(what, why=f"{to} is there already", mend=f"rm -rf {quote(to)}")
        try:
            self._run(words.unpack_blob(blob, to))
        except Refused:
            with suppress(Refused):
                self._run(f"rm -rf {quote(to)}")
            raise

    def _whole_layers(self, what: str, store: str, image: str) -> list[str]:
        """The paths of an image's layers, each of which was found to be what its names say. Raises Refused."""
        with self._image(what, store, image) as (_, found):
            for chunks in contents(found):
                for _ in counted(chunks, MOST, lambda _: None):
                    pass
            layers = making.parsed(found.manifest)["layers"]
            return [f"{store}/blobs/{layer['digest'].replace(':', '/')}" for layer in layers]

    def _base(self, what: str, store: str, image: str) -> _Base:
        """Raises Refused when the store has no such image, or it is not whole."""
        with self._refusing(what, store), opened(self._sandbox.root, store) as find:
            file = find("index.json")
            index = expect(read(file, "index.json"), dict, "index.json") if file else making.empty_index()
            members(index, "manifests", dict, "its index or manifest")
        if not image:
            return _Base(index, making.empty_manifest(), making.empty_config())
        with self._image(what, store, image) as (_, found):
            return _Base(index, making.parsed(found.manifest), making.parsed(found.config))

    @contextmanager
    def _image(self, what: str, store: str, image: str) -> Iterator[tuple[Find, Image]]:
        with self._refusing(what, store), opened(self._sandbox.root, store) as find:
            yield find, find_image(find, image)

    @contextmanager
    def _refusing(self, what: str, store: str) -> Iterator[None]:
        try:
            yield
        except (Unfit, OSError) as error:
            raise refused(what, error, f"ls -lR {quote(store)}; jq . {quote(store)}/index.json", store) from None

    def _run(self, command: str, given: int | dict[str, Any] | None = None) -> Completed:
        """given: a descriptor for its standard input, or documents that are to come there as a tar."""
        if not isinstance(given, dict):
            return run_command(self._sandbox, command, stdin=given, timeout=_SECONDS)
        with _tar_of(given) as tar:
            return run_command(self._sandbox, command, stdin=tar.fileno(), timeout=_SECONDS)


def _documents(base: _Base, config: Document, manifest: Document, name: str) -> dict[str, Any]:
    """What is new in a store, by its path there."""
    data = making.to_bytes(config)
    manifest = {**manifest, "config": making.descriptor(making.CONFIG_TYPE, data)}
    described = making.descriptor(making.MANIFEST_TYPE, making.to_bytes(manifest))
    return {f"blobs/{making.digest_of(data).removeprefix('sha256:')}": config,
            f"blobs/{described['digest'].removeprefix('sha256:')}": manifest,
            **_index(base.named, described, name)}


def _index(named: Document, manifest: Document, name: str) -> dict[str, Any]:
    """What names one image more. manifest: its descriptor."""
    return {"oci-layout": making.LAYOUT, "index.json": making.with_image(named, manifest, name)}


def _in_runtime_words(config: Document, image: Document) -> Document:
    """What an image says, in a bundle's config.json: the same as words.TO_RUNTIME has jq(1) do."""
    said = image.get("config") or {}
    env = [*(said.get("Env") or []), "TERM=xterm"]
    if not any(each.startswith("PATH=") for each in env):
        env.insert(0, f"PATH={making.PATH}")
    process = {**config["process"], "terminal": False, "env": env, "cwd": said.get("WorkingDir") or "/",
               "args": [*(said.get("Entrypoint") or []), *(said.get("Cmd") or [])] or ["sh"]}
    mounts = [{**mount, "options": [each for each in mount["options"] if each != "gid=5"]}
              if mount["destination"] == "/dev/pts" else mount for mount in config["mounts"]]
    return {**config, "process": process, "root": {"path": "rootfs", "readonly": False}, "mounts": mounts}


@contextmanager
def _tar_of(documents: dict[str, Any]) -> Iterator[BinaryIO]:
    """A tar of files in memory."""
    with os.fdopen(os.memfd_create("documents"), "w+b") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for path, document in documents.items():
                data = making.to_bytes(document) if isinstance(document, dict) else f"{document}\n".encode()
                info = tarfile.TarInfo(path)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        file.seek(0)
        yield file
