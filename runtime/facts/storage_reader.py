"""Reads what is wanted of images, layers, overlays and folders, from outside."""

from __future__ import annotations

from functools import partial

from runtime.facts.digests import Remembered
from runtime.facts.disk_use import read_disk_use
from runtime.facts.layers import Layers
from runtime.facts.layouts import Layouts
from runtime.facts.look import Look
from runtime.facts.overlays import read_overlays
from runtime.facts.storage import Overlay, Storage, Wanted


class StorageReader:
    """root, proc: descriptors of the sandbox's root directory and of its /proc."""

    def __init__(self, root: int, proc: int, wanted: Wanted) -> None:
        self._root, self._proc, self._wanted = root, proc, wanted
        remembered = Remembered(root)
        self._layouts = Layouts(root, remembered)
        self._layers = Layers(root, self._layouts, remembered)

    def read(self, look: Look | None = None) -> Storage:
        """All of it, now."""
        wanted, look = self._wanted, look or Look()
        layouts = [look.at("layout", path, partial(self._layouts.read, path), None) for path in wanted.layouts]
        layers = [look.at("layer", str(place), partial(self._layers.read, place), None) for place in wanted.layers]
        disk = [look.at("disk", folder, partial(read_disk_use, self._root, folder), None) for folder in wanted.disk]
        none: tuple[Overlay, ...] = ()
        overlays = look.at("overlay", "", partial(read_overlays, self._proc), none) if wanted.overlays else none
        return Storage(tuple(filter(None, layouts)), tuple(filter(None, layers)), overlays, tuple(filter(None, disk)))
