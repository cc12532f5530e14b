"""Reads what is wanted of images, layers, overlays and folders, from outside."""

from __future__ import annotations

from runtime.facts.digests import Remembered
from runtime.facts.disk_use import read_disk_use
from runtime.facts.layers import Layers
from runtime.facts.layouts import Layouts
from runtime.facts.overlays import read_overlays
from runtime.facts.storage import Storage, Wanted


class StorageReader:
    """root, proc: descriptors of the sandbox's root directory and of its /proc."""

    def __init__(self, root: int, proc: int, wanted: Wanted) -> None:
        self._root, self._proc, self._wanted = root, proc, wanted
        remembered = Remembered(root)
        self._layouts = Layouts(root, remembered)
        self._layers = Layers(root, self._layouts, remembered)

    def read(self) -> Storage:
        """All of it, now."""
        wanted = self._wanted
        return Storage(tuple(filter(None, map(self._layouts.read, wanted.layouts))),
                       tuple(filter(None, map(self._layers.read, wanted.layers))),
                       read_overlays(self._proc) if wanted.overlays else (),
                       tuple(filter(None, (read_disk_use(self._root, folder) for folder in wanted.disk))))
