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

from runtime.errors import Missing, Refused
from runtime.facts.files import read_files
from runtime.facts.storage import LayerPlace, Wanted
from runtime.facts.storage_reader import StorageReader
from runtime.network.shell import run_command
from runtime.oci.command_line import config_of
from runtime.oci.config import read_config, write_config
from runtime.oci.image import making, words
from runtime.oci.image.documents import expect, members, optional, read
from runtime.oci.image.inside import opened
from runtime.oci.image.layers import Image, contents
from runtime.oci.image.making import Document, NewLayer, Settings
from runtime.oci.image.oci_layout import find_image
from runtime.oci.tar.streams import LIMITS, Unfit, counted, refused
from runtime.programs import how_to_install, is_there
from runtime.sandbox.handle import Completed, Sandbox

MOST = LIMITS.unpacked  # bytes of a layer, unpacked
_SETFATTR = "setfattr"  # for opaque folders; find(1), which runs it, has an exit status of its own
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
        self._add(f"make a layer of {upper} in {store}", store, image, name, created_by,
                  words.made_of_upper(upper, found.opaque if found else ()))

    def import_archive(self, store: str, name: str, tar: int) -> None:
        """Store an image that comes as an image layout in a tar. tar: its descriptor. Raises Refused."""
        what = f"store the image {name} in {store}"
        named = self._base(what, store, "").named
        self._run(what, words.take_in(store), tar)
        with self._refusing(what, store), opened(self._sandbox.root, f"{store}/.new") as find:
            [manifest] = members(read(find("index.json"), "index.json"), "manifests", dict, "index.json")
        entry = {key: manifest[key] for key in ("mediaType", "digest", "size")}
        self._run(what, words.receive(store), _index(named, entry, name))

    def write(self, store: str, image: str, name: str, settings: Settings, created_by: str) -> None:
        """A new image with the layers of another, '' for none, that runs something else. Raises Refused."""
        what = f"write the image {name} in {store}"
        base = self._base(what, store, image)
        config = making.with_settings(base.config, settings, created_by)
        self._run(what, words.take_in(store), _documents(base, config, base.manifest, name))
        self._run(what, words.keep(store))

    def unpack_layer(self, store: str, image: str, number: int, to: str) -> None:
        """The layer of an image, counted from 1, as a folder that an overlay can have below. Raises Refused."""
        what = f"unpack layer {number} of {image} to {to}"
        blobs = self._whole_layers(what, store, image)
        if number > len(blobs):
            raise Refused(what, why=f"it has {len(blobs)}", mend=f"jq . {store}/index.json")
        self._unpack(what, blobs[number - 1], to)

    def to_bundle(self, store: str, image: str, bundle: str, runtime: str) -> None:
        """Make the bundle of a container of an image. runtime: 'runc', 'crun'. Raises Refused, Missing."""
        what = f"make a bundle of {image} in {bundle}"
        blobs, config = self._whole_layers(what, store, image), self._base(what, store, image).config
        for number, blob in enumerate(blobs, 1):
            self._unpack(what, blob, words.layer_of(bundle, number))
        self._run(what, f"{words.mount_layers(len(blobs), bundle)} && {runtime} spec --bundle {quote(bundle)}")
        path = config_of(bundle)
        [file] = read_files(self._sandbox.root, [path])
        self._sandbox.write(path, write_config(_in_runtime_words(read_config(file.text or ""), config)))

    def _add(self, what: str, store: str, image: str, name: str, created_by: str, layer: list[str]) -> None:
        base = self._base(what, store, image)
        made = self._run(what, " &&\n".join((words.begin(store), *layer, *words.measured()))).output.split()
        config, manifest = making.with_layer(base.config, base.manifest, NewLayer(made[0], int(made[1]), made[2]),
                                             created_by)
        self._run(what, words.receive(store), _documents(base, config, manifest, name))

    def _unpack(self, what: str, blob: str, to: str) -> None:
        """Into a new folder, which is not there when that fails."""
        if read_files(self._sandbox.root, [to]):
            raise Refused(what, why=f"{to} is there already", mend=f"rm -rf {quote(to)}")
        try:
            self._run(what, words.unpack_blob(blob, to))
        except Refused:
            with suppress(Refused):
                self._run(what, f"rm -rf {quote(to)}")
            raise

    def _whole_layers(self, what: str, store: str, image: str) -> list[str]:
        """The paths of an image's layers, each of which was found to be what its names say. Raises Refused."""
        with self._image(what, store, image) as found:
            for chunks in contents(found):
                for _ in counted(chunks, MOST, lambda _: None):
                    pass
            layers = making.parsed(found.manifest)["layers"]
            return [f"{store}/blobs/{layer['digest'].replace(':', '/')}" for layer in layers]

    def _base(self, what: str, store: str, image: str) -> _Base:
        """Raises Refused when the store has no such image, or its documents are not whole."""
        with self._refusing(what, store), opened(self._sandbox.root, store) as find:
            file = find("index.json")
            named = expect(read(file, "index.json"), dict, "index.json") if file else making.empty_index()
            members(named, "manifests", dict, "its index or manifest")
        if not image:
            return _Base(named, making.empty_manifest(), making.empty_config())
        with self._image(what, store, image) as found:
            return _Base(named, making.parsed(found.manifest), making.parsed(found.config))

    @contextmanager
    def _image(self, what: str, store: str, image: str) -> Iterator[Image]:
        with self._refusing(what, store), opened(self._sandbox.root, store) as find:
            yield find_image(find, image)

    @contextmanager
    def _refusing(self, what: str, store: str) -> Iterator[None]:
        try:
            yield
        except (Unfit, OSError) as error:
            raise refused(what, error, f"ls -lR {quote(store)}; jq . {quote(store)}/index.json", store) from None

    def _run(self, what: str, command: str, given: int | dict[str, Any] | None = None) -> Completed:
        """given: a descriptor for its standard input, or documents that are to come there as a tar. Raises Refused."""
        try:
            if not isinstance(given, dict):
                return run_command(self._sandbox, command, stdin=given, timeout=_SECONDS)
            with _tar_of(given) as tar:
                return run_command(self._sandbox, command, stdin=tar.fileno(), timeout=_SECONDS)
        except Refused as failed:
            if _SETFATTR in failed.why and not is_there(_SETFATTR):
                raise Missing(f"{_SETFATTR} is not installed", f"{what} needs it", how_to_install(_SETFATTR)) from None
            # The command has twenty lines, and what it was for is told better in one.
            raise Refused(what, failed.errno, failed.why, failed.mend or "df -h /tmp; ls -ld /tmp/*") from failed


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
    said = optional(image, "config", dict, {})
    env, entrypoint, cmd = ([each for each in optional(said, key, list, []) if isinstance(each, str)]
                            for key in ("Env", "Entrypoint", "Cmd"))
    env.append("TERM=xterm")
    if not any(each.startswith("PATH=") for each in env):
        env.insert(0, f"PATH={making.PATH}")
    process = {**config["process"], "terminal": False, "env": env, "args": [*entrypoint, *cmd] or ["sh"],
               "cwd": optional(said, "WorkingDir", str, "") or "/"}
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
