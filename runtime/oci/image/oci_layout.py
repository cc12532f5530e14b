"""Images in an OCI image layout (image-spec: image-layout.md, image-index.md, manifest.md).

    oci-layout, index.json -> (index with a manifest for each architecture ->) manifest -> config, layers
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any, NamedTuple

from runtime.oci.image.blobs import Find, blob
from runtime.oci.image.documents import expect, member, members, optional, read
from runtime.oci.image.layers import Image, image
from runtime.oci.tar.headers import shown
from runtime.oci.tar.streams import Unfit

NAME = "org.opencontainers.image.ref.name"
_ATTESTATION = "vnd.docker.reference.type"  # what buildkit says of an image, and no image
_DEEPEST = 4  # indexes in indexes
_PACKED_OTHERWISE = ("+zstd", "+encrypted")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}  # GOARCH


class Descriptor(NamedTuple):
    """What points to a blob. size: in bytes.  name: of an image, '' without one.  platform: 'linux/amd64', or ''."""

    digest: str
    size: int
    media_type: str
    name: str
    platform: str
    is_image: bool


def find_image(find: Find, reference: str) -> Image:
    """The image with a name; without one, the only image. Raises Unfit, which names those that there are."""
    _expect_layout(find)
    descriptor = _choose(_descriptors(read(find("index.json"), "index.json"), "manifests"), reference)
    for _ in range(_DEEPEST):
        file = blob(find, descriptor.digest, descriptor.size)
        manifest = expect(read(file, "its manifest"), dict, "its manifest")
        if "manifests" not in manifest:
            return _image(find, manifest)._replace(manifest=b"".join(file.chunks))
        descriptor = _for_this_machine(_descriptors(manifest, "manifests"))
    raise Unfit(f"its indexes point to more than {_DEEPEST} indexes one behind the other")


def _expect_layout(find: Find) -> None:
    layout = find("oci-layout")
    if not layout:
        archive = find("manifest.json") is not None
        raise Unfit("it is no OCI image layout: it has no file oci-layout",
                    "it is what `docker save` writes: ask for docker-archive:PATH" if archive else "")
    version = member(read(layout, "oci-layout"), "imageLayoutVersion", str, "oci-layout")
    if not version.startswith("1."):
        raise Unfit(f"it is an OCI image layout of the version {shown(version)}, and labrun knows 1.0.0")


def _image(find: Find, manifest: Any) -> Image:
    [config] = _descriptors({"config": [member(manifest, "config", dict, "its manifest")]}, "config")
    layers = _descriptors(manifest, "layers")
    for layer in layers:
        if layer.media_type.endswith(_PACKED_OTHERWISE):
            raise Unfit(f"its layer {layer.digest} is a {shown(layer.media_type)}, and labrun unpacks gzip only",
                        "unpack its layers: skopeo copy oci:PATH docker-archive:/tmp/image.tar")
    return image(config.digest, blob(find, config.digest, config.size),
                 [partial(blob, find, layer.digest, layer.size) for layer in layers])


def _descriptors(of: Any, key: str) -> list[Descriptor]:
    """Raises Unfit where there are none."""
    return [_descriptor(each, key) for each in members(of, key, dict, "its index or manifest")]


def _descriptor(found: dict[str, Any], key: str) -> Descriptor:
    where = f"each of '{key}' in its index or manifest"
    annotations, platform = (optional(found, each, dict, {}) for each in ("annotations", "platform"))
    names = [optional(platform, each, str, "") for each in ("os", "architecture")]
    return Descriptor(member(found, "digest", str, where), member(found, "size", int, where),
                      optional(found, "mediaType", str, ""), optional(annotations, NAME, str, ""),
                      "/".join(names) if all(names) else "", _ATTESTATION not in annotations)


def _choose(found: list[Descriptor], reference: str) -> Descriptor:
    images = [each for each in found if each.is_image]
    asked = [each for each in images if reference in ("", each.name, each.digest)]
    names = ", ".join(sorted({shown(each.name or each.digest) for each in images})[:20]) or "none at all"
    if not asked:
        raise Unfit(f"it has no image {shown(reference)}" if reference else "it has no image", f"it has {names}")
    if len(asked) > 1 and (len({each.name for each in asked}) > 1 or not all(each.platform for each in asked)):
        raise Unfit(f"it has several images: {names}", "ask for one of them: oci:PATH:NAME")
    return asked[0] if len(asked) == 1 else _for_this_machine(asked)


def _for_this_machine(found: list[Descriptor]) -> Descriptor:
    images = [each for each in found if each.is_image]
    machine = os.uname().machine
    wanted = f"linux/{ARCHITECTURES.get(machine, machine)}"
    fits = [each for each in images if each.platform == wanted] or [each for each in images if not each.platform]
    if not fits:
        others = ", ".join(sorted({shown(each.platform) for each in images})[:20]) or "nothing"
        raise Unfit(f"it is an image for {others}, and this machine is {wanted}", f"take an image for {wanted}")
    return fits[0]
