"""Trees of labs, kept in the user's cache folder from one run to the next.

A kept tree counts only for the very same text and the very same code that made it.
"""

from __future__ import annotations

import json
import os
from typing import Any
from zlib import crc32

from labrunner import __version__
from labrunner.cache_folder import place, write
from labrunner.errors import Place
from labrunner.language.tree import Entry, Node
from runtime.oci.available import RUNTIMES

_MAKERS = ("composing.py", "document.py", "expression.py", "template.py", "tree_cache.py", "variables.py")


def recall(path: str, data: bytes, runtime: str = RUNTIMES[0]) -> Node | None:
    """The tree that was kept for the file `path` with the content `data`, or None. runtime: what it is for."""
    try:
        with open(_file(path, runtime), "rb") as file:
            kept = json.load(file)
        return _unpacked(kept["tree"], path) if kept["key"] == _key(path, data) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # not there, or not what this labrun writes: as if it were not there


def keep(path: str, data: bytes, tree: Node, runtime: str = RUNTIMES[0]) -> None:
    """Keep `tree`. Where the cache folder cannot be written nothing is kept, and nothing is said."""
    kept = json.dumps({"key": _key(path, data), "tree": _packed(tree)}, separators=(",", ":"))
    write(_file(path, runtime), kept.encode())


def _file(path: str, runtime: str) -> str:
    return place(f"labs/{crc32(os.fsencode(os.path.abspath(path))):08x}-{runtime}.json")


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
    return [node.place.line, node.place.column, value, *([1] if node.filled else [])]


def _unpacked(packed: list[Any], path: str) -> Node:
    line, column, value, *filled = packed
    if isinstance(value, dict):
        value = {key: Entry(Place(path, at, by), _unpacked(node, path)) for key, (at, by, node) in value.items()}
    elif isinstance(value, list):
        value = [_unpacked(each, path) for each in value]
    return Node(value, Place(path, line, column), bool(filled))
