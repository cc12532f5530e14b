"""Where labs are found."""

from __future__ import annotations

import os

import labs
from labrunner.errors import UsageError, nearest

_FILE = "lab.yaml"


def bundled() -> dict[str, str]:
    """The labs that come with labrun: id -> path of lab.yaml, by id."""
    folder = next(iter(labs.__path__))
    ids = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    return {each: path for each in ids if os.path.isfile(path := os.path.join(folder, each, _FILE))}


def find(lab: str) -> str:
    """The path of the lab.yaml that `lab` means: an id of the catalogue, a folder, or the file itself.

    Raises UsageError, which names the nearest id.
    """
    known = bundled()
    if lab in known:
        return known[lab]
    if os.path.isdir(lab) and os.path.isfile(os.path.join(lab, _FILE)):
        return os.path.join(lab, _FILE)
    if os.path.isfile(lab):
        return lab
    if os.path.isdir(lab):
        raise UsageError(f"the folder {lab} has no {_FILE}", f"a lab is a {_FILE}, or the folder that it is in")
    if "/" in lab or lab.endswith(".yaml"):
        raise UsageError(f"there is no file {lab}", f"a lab is a {_FILE}, or the folder that it is in", "labrun list")
    raise UsageError(f"there is no lab '{lab}'", nearest(lab, list(known)), "labrun list")
