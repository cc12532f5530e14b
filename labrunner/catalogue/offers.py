"""Labs of installed packages: a package offers a folder of labs by an entry point in the group `labrun.labs`.

    [project.entry-points."labrun.labs"]
    our-course = "our_course.labs"     # a package or a module: labs are LAB/lab.yaml in its folder
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple
from zlib import crc32

from labrunner.cache_folder import keep, recall, settled, stamp

_GROUP = "labrun.labs"


class Offer(NamedTuple):
    """What a package offers. folder: of its labs, '' when there is no such module."""

    package: str
    module: str
    folder: str


def offers() -> list[Offer]:
    """Every offer. importlib.metadata, 25 ms, is asked only when something was installed or taken away."""
    stamps = tuple(map(stamp, sys.path))
    name, key = f"offers-{crc32(repr(sys.path).encode()):08x}", (*sys.path, *stamps)
    kept = recall(name, key)
    if kept is None:
        kept = [tuple(each) for each in _look()]
        if all(map(settled, stamps)):
            keep(name, key, kept)
    return [Offer(*each) for each in kept]


def _look() -> list[Offer]:
    from importlib.metadata import entry_points

    if sys.flags.no_site:  # so labrun is started; the packages that pip installs as editable are in .pth files
        _read_pth_files()
    found = []
    for each in entry_points(group=_GROUP):
        module = each.value.partition(":")[0].strip()
        found.append(Offer(each.dist.name if each.dist else each.name, module, _folder_of(module)))
    return found


def _read_pth_files() -> None:
    """What Python does with them when it is started without -S (site(3))."""
    from site import addsitedir

    before = [*sys.path]
    for folder in before:
        if os.path.basename(folder) == "site-packages":
            addsitedir(folder)


def _folder_of(module: str) -> str:
    """Where a module is. Python is asked for its first part alone: to find the rest it would run the package's code."""
    from importlib.util import find_spec

    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return ""
    for folder in spec.submodule_search_locations or ([os.path.dirname(spec.origin)] if spec.origin else []):
        path = os.path.join(folder, *rest)
        if os.path.isdir(path):
            return path
        if os.path.isfile(f"{path}.py"):
            return os.path.dirname(path)
    return ""
