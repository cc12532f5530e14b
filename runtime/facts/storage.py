"""What images are made of, as it is on the disk: image layouts, layers, overlays, and how much room a folder takes."""

from __future__ import annotations

from typing import NamedTuple


class Blob(NamedTuple):
    """What a descriptor promises, and what is there (image-spec/descriptor.md).

    digest: that of its name.  size: in bytes, as the descriptor has it.
    found: the digest that its content has, '' when there is no such file, or when it could not be read, and `problem`
    says why.  found_size: in bytes.
    """

    digest: str
    size: int
    found: str = ""
    found_size: int = 0
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether its content is what its name says."""
        return (self.found, self.found_size) == (self.digest, self.size)


class StoredLayer(NamedTuple):
    """diff_id: the digest of the layer unpacked, as the config has it.  unpacked: the digest that it has.

    Both are '' where they cannot be told. problem: why it could not be unpacked, or ''.
    """

    blob: Blob
    diff_id: str = ""
    unpacked: str = ""
    problem: str = ""

    @property
    def intact(self) -> bool:
        return self.blob.intact and self.unpacked == self.diff_id != ""


class StoredImage(NamedTuple):
    """An image that the index of a layout names. layers: lowest first.

    settings: 'config' of its config, as JSON, which says what a container of it runs (image-spec/config.md).
    history: what each step was created by, the first one first.  problem: why it could not be read further, or ''.
    """

    name: str
    manifest: Blob
    config: Blob | None = None
    layers: tuple[StoredLayer, ...] = ()
    settings: str = "{}"
    history: tuple[str, ...] = ()
    problem: str = ""

    @property
    def intact(self) -> bool:
        """Whether all of it is there, and each part what its name says."""
        return not self.problem and self.manifest.intact and bool(self.config and self.config.intact) and all(
            layer.intact for layer in self.layers)


class Layout(NamedTuple):
    """An image layout (image-spec/image-layout.md). path: its folder.  blobs: how many files are in blobs/sha256.

    problem: why it is none, or ''.
    """

    path: str
    images: tuple[StoredImage, ...] = ()
    blobs: int = 0
    problem: str = ""

    def image(self, name: str) -> StoredImage | None:
        return next((image for image in self.images if image.name == name), None)


class LayerPlace(NamedTuple):
    """Where a layer is: a folder, as the upper one of an overlay, or the blob of an image's layer, counted from 1."""

    folder: str = ""
    store: str = ""
    image: str = ""
    number: int = 0

    def __str__(self) -> str:
        return self.folder or f"{self.number} of {self.image} in {self.store}"


class Layer(NamedTuple):
    """What a layer changes. All paths begin with '/', and are sorted; links and devices count as files.

    whiteouts: what it takes away.  opaque: folders of which it hides all that is below (image-spec/layer.md).
    problem: why it could not be read, or ''.
    """

    place: LayerPlace
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    whiteouts: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    problem: str = ""


class Overlay(NamedTuple):
    """A mounted overlay (overlayfs.rst of the kernel). lower: the uppermost first, as lowerdir has them."""

    at: str
    lower: tuple[str, ...]
    upper: str = ""
    work: str = ""


class DiskUse(NamedTuple):
    """The room that a folder takes. size: bytes of blocks; a file with several names counts once (du(1))."""

    folder: str
    size: int
    files: int


class Wanted(NamedTuple):
    """What of it is to be read. layouts, disk: folders."""

    layouts: tuple[str, ...] = ()
    layers: tuple[LayerPlace, ...] = ()
    overlays: bool = False
    disk: tuple[str, ...] = ()

    def __or__(self, other: Wanted) -> Wanted:
        """Both."""
        return Wanted(_both(self.layouts, other.layouts), tuple(dict.fromkeys((*self.layers, *other.layers))),
                      self.overlays or other.overlays, _both(self.disk, other.disk))


class Storage(NamedTuple):
    """What was wanted and is there."""

    layouts: tuple[Layout, ...] = ()
    layers: tuple[Layer, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    disk: tuple[DiskUse, ...] = ()

    def layout(self, path: str) -> Layout | None:
        return next((layout for layout in self.layouts if layout.path == path), None)

    def image(self, store: str, name: str) -> StoredImage | None:
        """The image of that name in the layout at that path."""
        layout = self.layout(store)
        return layout.image(name) if layout else None

    def layer(self, place: LayerPlace) -> Layer | None:
        return next((layer for layer in self.layers if layer.place == place), None)

    def overlay(self, at: str) -> Overlay | None:
        """The one that was mounted last at a path, as a later one hides an earlier one."""
        return next((overlay for overlay in reversed(self.overlays) if overlay.at == at), None)

    def disk_use(self, folder: str) -> DiskUse | None:
        return next((each for each in self.disk if each.folder == folder), None)


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
