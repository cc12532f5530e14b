"""What an image is, whatever it is in: its layers, and the digests that its config tells (image-spec/config.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from runtime.oci.image.blobs import File, verified
from runtime.oci.image.documents import member, members, read
from runtime.oci.tar.packing import unpacked
from runtime.oci.tar.streams import Chunks, Unfit

_MOST = 128  # docker has at most 127


class Layer(NamedTuple):
    """A tar, or a gzip file of one. open: finds it, and raises Unfit.  diff_id: the digest of the tar."""

    open: Callable[[], File]
    diff_id: str


class Image(NamedTuple):
    """identity: the digest of its config, and so of all that it has.  layers: lowest first.

    config, manifest: the documents as they are, the manifest b'' where there is none of OCI's.
    """

    identity: str
    layers: tuple[Layer, ...]
    config: bytes
    manifest: bytes = b""


def image(identity: str, file: File, opens: list[Callable[[], File]]) -> Image:
    """An image with the config in a file, and as many layers as that names. Raises Unfit."""
    config = read(file, "its config")
    diff_ids = members(member(config, "rootfs", dict, "its config"), "diff_ids", str, "its config")
    if len(diff_ids) != len(opens):
        raise Unfit(f"it has {len(opens)} layers, and its config names {len(diff_ids)}")
    if len(opens) > _MOST:
        raise Unfit(f"it has {len(opens)} layers, and {_MOST} are allowed")
    return Image(identity, tuple(map(Layer, opens, diff_ids)), b"".join(file.chunks))


def contents(image: Image) -> Iterator[Chunks]:
    """The tar of each layer, each of which raises Unfit at its end when it has another digest than it has to have."""
    for number, layer in enumerate(image.layers, 1):
        yield verified(unpacked(layer.open().chunks), layer.diff_id, f"layer {number} of {len(image.layers)}")
