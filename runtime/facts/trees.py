"""Folders of the sandbox with all that is in them, as root file systems are: read from outside, links not followed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import NamedTuple

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.facts.look import Look

_MOST = 20_000  # entries of a tree that are looked at; an image of a distribution has some 5,000
_DEEPEST = 64  # folders, each of which is open meanwhile


class Tree(NamedTuple):
    """A folder and what is below it.

    files, folders: paths below it, each beginning with '/', sorted; links and devices count as files.
    whole: False when there are more than 20,000, or folders in more than 64 others, and the rest was not looked at.
    """

    path: str
    files: tuple[str, ...]
    folders: tuple[str, ...]
    whole: bool = True


def read_trees(root: int, paths: Iterable[str], look: Look | None = None) -> tuple[Tree, ...]:
    """Those of `paths` at which there is a folder. root: descriptor of the sandbox's root directory."""
    look = look or Look()
    return tuple(tree for path in paths if (tree := look.at("tree", path, partial(_read, root, path), None)))


def _read(root: int, path: str) -> Tree | None:
    """None where there is no folder."""
    try:
        top = sys.open_beneath(root, path, os.O_RDONLY | os.O_DIRECTORY)
    except Refused:
        return None
    found = dict(islice(_walk(top, "", 1), _MOST + 1))
    whole = len(found) <= _MOST and not any(below.count("/") == _DEEPEST and folder for below, folder in found.items())
    files, folders = (tuple(sorted(below for below, folder in found.items() if folder is wanted))
                      for wanted in (False, True))
    return Tree(path, files, folders, whole)


def _walk(folder: int, above: str, depth: int) -> Iterator[tuple[str, bool]]:
    """(path, whether it is a folder) of everything in `folder`, which is closed in the end."""
    try:
        with os.scandir(folder) as entries:
            found = [(each.name, each.is_dir(follow_symlinks=False)) for each in islice(entries, _MOST + 1)]
        for name, is_folder in found:
            yield f"{above}/{name}", is_folder
            if is_folder and depth < _DEEPEST:
                with suppress(OSError):
                    there = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                    yield from _walk(there, f"{above}/{name}", depth + 1)
    finally:
        os.close(folder)
