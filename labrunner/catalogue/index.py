"""What a list shows of each lab, kept from one list to the next: to load two hundred labs takes seconds."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

from labrunner import __version__
from labrunner.cache_folder import Stamp, keep, recall, settled, stamp
from labrunner.language.about import About, id_of
from runtime.errors import Problem

_MAKERS = ("labrunner", "labrunner/language", "labrunner/actions", "checks", "checks/language", "runtime",
           "runtime/network")


class Listed(NamedTuple):
    """A lab in a list. features: what the kernel has to offer for it, see runtime.features.

    error: why it cannot be loaded, in one line; then no more is known of it than its id and its path.
    steps: their ids.
    """

    about: About
    features: tuple[str, ...]
    error: str = ""
    steps: tuple[str, ...] = ()


_Row = tuple[Stamp, tuple[Any, ...], tuple[str, ...], str, tuple[str, ...]]  # of a file, and what a Listed is made of


def listed(paths: Sequence[str]) -> list[Listed]:
    """The labs in these files, in this order."""
    name, key = f"index-{crc32(repr([os.environ.get('LABRUN_PATH'), sys.path]).encode()):08x}", _makers()
    kept: dict[str, _Row] = recall(name, key) or {}
    rows = {path: _row(path, kept.get(path)) for path in paths}
    settled_rows = {path: row for path, row in rows.items() if settled(row[0])}
    if settled_rows != kept:
        keep(name, key, settled_rows)
    return [Listed(About(*about), features, error, steps) for _, about, features, error, steps in rows.values()]


def _row(path: str, kept: _Row | None) -> _Row:
    """Of the lab in a file: what was `kept`, as long as the file is the same."""
    now = stamp(path)
    return kept if kept and kept[0] == now else (now, *_loaded(path))


def _loaded(path: str) -> tuple[tuple[Any, ...], tuple[str, ...], str, tuple[str, ...]]:
    from labrunner.errors import LabError
    from labrunner.language.lab import kernel_needs
    from labrunner.language.loading import load

    try:
        lab = load(path)
    except Problem as problem:
        first = problem.mistakes[0]._replace(mend="") if isinstance(problem, LabError) else problem
        return tuple(About(id_of(path), path, "", "", "", 0, ())), (), str(first), ()
    return tuple(lab.about), tuple(sorted(kernel_needs(lab))), "", tuple(step.id for step in lab.steps)


def _makers() -> tuple[str, int]:
    """Which labrun has made the index: its version, and the times of the files that have a say in it."""
    here = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    times = [(entry.path, entry.stat().st_mtime_ns) for folder in _MAKERS for entry in os.scandir(f"{here}/{folder}")
             if entry.name.endswith(".py")]
    return __version__, crc32(repr(sorted(times)).encode())
