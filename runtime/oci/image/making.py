"""The JSON documents of images that labrun makes (image-spec: config.md, manifest.md, image-index.md).

The same image has the same bytes, whoever makes it and whenever: no time of day is in them, and keys keep their order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from runtime.oci.image.documents import optional
from runtime.oci.image.oci_layout import ARCHITECTURES, NAME

Document = dict[str, Any]

LAYOUT = '{"imageLayoutVersion":"1.0.0"}'
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where an image names none
CREATED = "1970-01-01T00:00:00Z"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


class Settings(NamedTuple):
    """What a container of an image runs (image-spec/config.md, "config"). None: as it was.

    env: each NAME=VALUE.  entrypoint, cmd: words of the command.  workdir: its folder.
    """

    env: Sequence[str] | None = None
    entrypoint: Sequence[str] | None = None
    cmd: Sequence[str] | None = None
    workdir: str | None = None


class NewLayer(NamedTuple):
    """digest, size: of the blob, the size in bytes.  diff_id: the digest of the tar in it."""

    digest: str
    size: int
    diff_id: str
    packed: bool = True


def to_bytes(document: Document) -> bytes:
    """As `jq -c` writes it."""
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def digest_of(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def empty_config() -> Document:
    """The config of an image that has nothing: FROM scratch."""
    machine = os.uname().machine
    return {"created": CREATED, "architecture": ARCHITECTURES.get(machine, machine), "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": []}, "history": []}


def empty_manifest() -> Document:
    """A manifest without layers; its config is put in last."""
    return {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {}, "layers": []}


def descriptor(media_type: str, data: bytes) -> Document:
    """What points to a blob (image-spec/descriptor.md)."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def with_layer(config: Document, manifest: Document, layer: NewLayer, created_by: str) -> tuple[Document, Document]:
    """Config and manifest of an image with one layer more."""
    rootfs = {**config["rootfs"], "diff_ids": [*config["rootfs"]["diff_ids"], layer.diff_id]}
    found = {"mediaType": LAYER_TYPE + "+gzip" * layer.packed, "digest": layer.digest, "size": layer.size}
    return (with_history({**config, "rootfs": rootfs}, created_by, empty=False),
            {**manifest, "layers": [*manifest["layers"], found]})


def with_settings(config: Document, settings: Settings, created_by: str) -> Document:
    """The config of an image that runs something else; it has no layer more."""
    return with_history({**config, "config": {**optional(config, "config", dict, {}), **fields(settings)}}, created_by,
                        empty=True)


def with_history(config: Document, created_by: str, empty: bool) -> Document:
    """What was done, told in the history of a config. empty: whether it made no layer."""
    entry = {"created": CREATED, "created_by": created_by, **({"empty_layer": True} if empty else {})}
    return {**config, "history": [*optional(config, "history", list, []), entry]}


def fields(settings: Settings) -> Document:
    """What an image config has of them, by its own names."""
    lists = {"Env": settings.env, "Entrypoint": settings.entrypoint, "Cmd": settings.cmd}
    found = {key: list(words) for key, words in lists.items() if words is not None}
    return found if settings.workdir is None else {**found, "WorkingDir": settings.workdir}


def with_image(index: Document, manifest: Document, name: str) -> Document:
    """An index that names one more image, or another one by the same name. manifest: its descriptor."""
    others = [each for each in index["manifests"] if optional(each, "annotations", dict, {}).get(NAME) != name]
    return {**index, "manifests": [*others, {**manifest, "annotations": {NAME: name}}]}


def empty_index() -> Document:
    return {"schemaVersion": 2, "manifests": []}


def parsed(data: bytes) -> Document:
    """A document that was looked at before (oci_layout.find_image)."""
    return dict(json.loads(data))
