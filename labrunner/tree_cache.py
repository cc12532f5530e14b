"""Trees of labs, kept in the user's cache folder from one run to the next.

A kept tree counts only for the very same text and the very same code that made it. It is written to a file without a
name first (O_TMPFILE, open(2)) and linked when it is whole: a run that is killed leaves nothing, and nobody reads half
a file.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any
from zlib import crc32

from labrunner import __version__
from labrunner.errors import Place
from labrunner.tree import Entry, Node

_MAKERS = ("composing.py", "document.py", "template.py", "tree_cache.py")


def recall(path: str, data: bytes) -> Node | None:
    """The tree that was kept for the file `path` with the content `data`, or None."""
    try:
        with open(_file(path), "rb") as file:
            kept = json.load(file)
        return _unpacked(kept["tree"], path) if kept["key"] == _key(path, data) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not there, or not what this labrun writes: as if it were not there


def keep(path: str, data: bytes, tree: Node) -> None:
    """Keep `tree`. Where the cache folder cannot be written nothing is kept, and nothing is said."""
    text = json.dumps({"key": _key(path, data), "tree": _packed(tree)}, separators=(",", ":")).encode()
    target = _file(path)
    with suppress(OSError):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        fd = os.open(os.path.dirname(target), os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            if os.write(fd, text) == len(text):  # else the disk is full
                _give_name(fd, target)
        finally:
            os.close(fd)


def _give_name(fd: int, target: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(target)
    # With a folder's descriptor, though unused, Python calls linkat(2), which alone follows the link in /proc.
    os.link(f"/proc/self/fd/{fd}", target, src_dir_fd=fd, follow_symlinks=True)


def _file(path: str) -> str:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "labrun", "labs", f"{crc32(os.fsencode(os.path.abspath(path))):08x}.json")


def _key(path: str, data: bytes) -> list[Any]:
    here = os.path.dirname(__file__)
    made_by = [os.stat(os.path.join(here, name)).st_mtime_ns for name in _MAKERS]
    return [__version__, made_by, os.path.abspath(path), len(data), crc32(data)]


def _packed(node: Node) -> list[Any]:
    value = node.value
    if isinstance(value, dict):
        value = {key: [entry.place.line, entry.place.column, _packed(entry.node)] for key, entry in value.items()}
    elif isinstance(value, list):
        value = [_packed(each) for each in value]
    return [node.place.line, node.place.column, value]


def _unpacked(packed: list[Any], path: str) -> Node:
    line, column, value = packed
    if isinstance(value, dict):
        value = {key: Entry(Place(path, at, by), _unpacked(node, path)) for key, (at, by, node) in value.items()}
    elif isinstance(value, list):
        value = [_unpacked(each, path) for each in value]
    return Node(value, Place(path, line, column))
