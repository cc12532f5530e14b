"""Images in what `docker save` writes, which is also the form of `podman save`.

    manifest.json -> of each image: its names, its config, its layers

What is in the tar of docker since version 25 is an OCI image layout as well; manifest.json is the same.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from runtime.oci.image.blobs import File, Find, blob, digest_of
from runtime.oci.image.documents import expect, member, members, read
from runtime.oci.image.layers import Image, image
from runtime.oci.tar.headers import shown
from runtime.oci.tar.streams import Unfit

_MANIFEST = "manifest.json"
_BY_DIGEST = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_CONFIG_BY_DIGEST = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")


def find_image(find: Find, reference: str) -> Image:
    """The image with a name; without one, the only image. Raises Unfit, which names those that there are."""
    manifest = find(_MANIFEST)
    if not manifest:
        layout = find("oci-layout") is not None
        raise Unfit(f"it is not what `docker save` writes: it has no file {_MANIFEST}",
                    "it is an OCI image layout: ask for oci:PATH" if layout else "")
    chosen = _choose(expect(read(manifest, _MANIFEST), list, _MANIFEST), reference)
    config = member(chosen, "Config", str, _MANIFEST)
    identity, file = _config(find, config)
    layers = members(chosen, "Layers", str, _MANIFEST) if chosen.get("Layers") is not None else []
    return image(identity, file, [partial(_layer, find, layer) for layer in layers])


def _choose(found: list[Any], reference: str) -> dict[str, Any]:
    images = [expect(each, dict, f"each image in {_MANIFEST}") for each in found]
    names = ", ".join(sorted({shown(name) for each in images for name in _names(each)})[:20]) or "no names"
    asked = [each for each in images if not reference or {reference, f"{reference}:latest"} & {*_names(each)}]
    if not asked:
        raise Unfit(f"it has no image {shown(reference)}" if reference else "it has no image", f"it has {names}")
    if len(asked) > 1:
        raise Unfit(f"it has several images: {names}", "ask for one of them: docker-archive:PATH:NAME")
    return asked[0]


def _names(image: dict[str, Any]) -> list[str]:
    """Those that it was saved by; without any, that of its config."""
    tags = members(image, "RepoTags", str, _MANIFEST) if image.get("RepoTags") is not None else []
    return tags or [member(image, "Config", str, _MANIFEST)]


def _config(find: Find, name: str) -> tuple[str, File]:
    """A config and its digest, which most often is its name as well."""
    file = find(name)
    if not file:
        raise Unfit(f"it has no file {shown(name)}")
    read(file, shown(name))  # or it might be larger than the memory
    identity = digest_of(file.chunks)
    match = _CONFIG_BY_DIGEST.fullmatch(name)
    if match and identity != f"sha256:{match[1]}":
        raise Unfit(f"its config has the digest {identity}, and has to have sha256:{match[1]}: it was changed or is "
                    f"damaged")
    return identity, file


def _layer(find: Find, name: str) -> File:
    match = _BY_DIGEST.fullmatch(name)
    if match:
        return blob(find, f"sha256:{match[1]}")
    file = find(name)
    if not file:
        raise Unfit(f"its layer {shown(name)} is not there, so the image is not whole")
    return file
