"""The tree of a root file system, as entries of tars are laid into it: layer upon layer, and never beside it.

A path of a tar means a place in this tree alone. Where a part of it is a symlink, what that says is walked in the tree,
as the kernel would do it for a process whose root it is (path_resolution(7)).
"""

from __future__ import annotations

from runtime.oci.tar.entries import LONGEST_NAME, LONGEST_PATH, Entry, entry_of, look_at_target, parts_of
from runtime.oci.tar.headers import Header, shown
from runtime.oci.tar.streams import Limits, Unfit

_WHITEOUT = ".wh."  # image-spec/layer.md, "Whiteouts"
_OPAQUE = ".wh..wh..opq"
_OF_AUFS = ".wh..wh."  # what else begins so is of the file system that whiteouts come from, and no file
_DEEPEST = 100  # folders
_MOST_LINKS = 40  # in one path, as in the kernel
_MOST_STEPS = 1000  # in one path, with those of its links


class Place:
    """Where an entry is in the tree.

    layer: the last one that changed it, or something below it.  cleared: the last one that left nothing here of those
    below it.
    """

    __slots__ = ("children", "cleared", "entry", "layer")

    def __init__(self, entry: Entry, layer: int) -> None:
        self.entry, self.layer, self.cleared = entry, layer, layer
        self.children: dict[str, Place] = {}

    def clear(self, layer: int) -> None:
        """Take away what layers below `layer` have put here. What that one has put here stays."""
        if self.cleared == layer:
            return
        self.cleared = layer
        self.children = {name: child for name, child in self.children.items() if child.layer == layer}
        for child in self.children.values():
            child.clear(layer)


_Trail = list[tuple[str, Place]]


class Tree:
    """A tree that grows by add(). layer: the number of the one whose entries are added, the lowest is 1."""

    def __init__(self, limits: Limits) -> None:
        self.root = Place(Entry("folder", 0o755, 0, 0, 0), 0)
        self.layer = 0
        self._limits, self._entries, self._size, self._text = limits, 0, 0, 0

    def add(self, header: Header, start: int) -> None:
        """Lay one entry into the tree. start: where the data of a file will be. Raises Unfit."""
        self._count(header)
        *above, name = parts_of(header.name, "the entry") or [""]
        if not name:
            _expect_folder(header)  # the root, whose permissions are those of the folder that all is unpacked in
        elif any(part.startswith(_WHITEOUT) for part in above):
            raise Unfit(f"the entry {shown(header.name)} is in a whiteout, which is no folder")
        elif name.startswith(_WHITEOUT):
            self._white_out(above, name)
        else:
            self._place(header, above, name, start)

    def _place(self, header: Header, above: list[str], name: str, start: int) -> None:
        trail = self._walk(above, header.name, make=True)
        if len(trail) > _DEEPEST or _length(trail, name) > LONGEST_PATH:
            raise Unfit(f"the entry {shown(header.name)} is more than {_DEEPEST} folders deep, or its path longer than "
                        f"{LONGEST_PATH} bytes")
        entry = self._linked(header) if header.kind == "hard link" else entry_of(header, start)
        if entry.kind == "symlink":
            look_at_target(header.name, entry.target, len(trail) - 1)
        self._put(trail, name, entry)

    def _count(self, header: Header) -> None:
        self._entries += 1
        self._size += header.size
        self._text += len(header.name) + len(header.target)
        if self._entries > self._limits.entries:
            raise Unfit(f"it has more than {self._limits.entries} entries", "take a smaller image")
        if self._size > self._limits.size:
            raise Unfit(f"with {shown(header.name)} its files have more than {self._limits.size >> 20} MiB",
                        "take a smaller image")
        if self._text > self._limits.text:
            raise Unfit(f"its names have more than {self._limits.text >> 20} MiB", "take a smaller image")

    def _put(self, trail: _Trail, name: str, entry: Entry) -> None:
        for _, place in trail:
            place.layer = self.layer
        siblings = trail[-1][1].children
        there = siblings.get(name)
        if there and entry.kind == there.entry.kind == "folder":
            there.entry, there.layer = entry, self.layer
        else:
            siblings[name] = Place(entry, self.layer)

    def _white_out(self, above: list[str], name: str) -> None:
        """Take away what layers below have put at a place. There need not be anything."""
        hidden = name.removeprefix(_WHITEOUT)
        if hidden in ("", ".", ".."):
            raise Unfit(f"the whiteout {shown('/'.join((*above, name)))} names nothing that could be taken away")
        trail = self._walk(above, "/".join((*above, name)), make=False)
        if not trail or (name.startswith(_OF_AUFS) and name != _OPAQUE):
            return
        folder = trail[-1][1]
        if name == _OPAQUE:
            folder.clear(self.layer)
        elif (place := folder.children.get(hidden)) and place.layer < self.layer:
            del folder.children[hidden]
        elif place:
            place.clear(self.layer)

    def _linked(self, header: Header) -> Entry:
        """The entry that a hard link is another name of (link(2))."""
        *above, name = parts_of(header.target, f"{shown(header.name)} is a hard link to") or [""]
        trail = self._walk(above, header.target, make=False)
        place = trail[-1][1].children.get(name) if trail else None
        if not place:
            raise Unfit(f"the entry {shown(header.name)} is a hard link to {shown(header.target)}, which is not in the "
                        f"archive before it")
        if place.entry.kind == "folder":
            raise Unfit(f"the entry {shown(header.name)} is a hard link to the folder {shown(header.target)}")
        return place.entry

    def _walk(self, parts: list[str], path: str, make: bool) -> _Trail:
        """The folders on the way along `parts`, from the root on; [] when one is not there and not to be made.

        Raises Unfit. path: the whole, for messages.
        """
        trail, ahead, links, steps = [("", self.root)], parts[::-1], 0, 0
        while ahead and links <= _MOST_LINKS and steps <= _MOST_STEPS:
            part, steps = ahead.pop(), steps + 1
            if part == "..":
                del trail[max(1, len(trail) - 1):]  # above the root is the root
            elif not (place := self._enter(trail, part, path, make)):
                return []
            elif place.entry.kind == "symlink":
                links += 1
                ahead += [each for each in place.entry.target.split("/")[::-1] if each not in ("", ".")]
                del trail[1 if place.entry.target.startswith("/") else len(trail):]
        if ahead:
            raise Unfit(f"the way to {shown(path)} leads through too many symlinks: they go round in a circle")
        return trail

    def _enter(self, trail: _Trail, part: str, path: str, make: bool) -> Place | None:
        """What is there; a folder becomes the end of the trail. None when there is nothing. Raises Unfit for a file."""
        place = trail[-1][1].children.get(part) or (self._make(trail, part, path) if make else None)
        if place and place.entry.kind == "folder":
            trail.append((part, place))
        elif place and place.entry.kind != "symlink":
            raise Unfit(f"the way to {shown(path)} leads through {shown(part)}, which is a {place.entry.kind}")
        return place

    def _make(self, trail: _Trail, part: str, path: str) -> Place:
        """A folder that no entry tells of, but a path, or a symlink in it."""
        self._count(Header(part, "folder"))
        if len(trail) > _DEEPEST or len(part.encode()) > LONGEST_NAME:
            raise Unfit(f"the way to {shown(path)} is more than {_DEEPEST} folders deep, or a name in it longer than "
                        f"{LONGEST_NAME} bytes")
        place = Place(Entry("folder", 0o755, 0, 0, 0), self.layer)
        trail[-1][1].children[part] = place
        return place


def _length(trail: _Trail, name: str) -> int:
    """Of the path of what is called so in a folder, in bytes."""
    return len("/".join((*(part for part, _ in trail[1:]), name)).encode())


def _expect_folder(header: Header) -> None:
    if header.kind != "folder":
        raise Unfit(f"the entry {shown(header.name)} is the root, and a {header.kind}, which has to be a folder")
