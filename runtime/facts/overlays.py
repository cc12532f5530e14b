"""Overlays that a lab has mounted, as the first process of the sandbox sees them (proc(5), /proc/PID/mountinfo).

Those that the lab's file tree is made of are not among them.
"""

from __future__ import annotations

import os
import re

from runtime.facts.storage import Overlay
from runtime.sandbox.file_tree import SOURCE

_OCTAL = re.compile(r"\\([0-7]{3})")


def read_overlays(proc: int) -> tuple[Overlay, ...]:
    """In the order in which they were mounted. proc: descriptor of the sandbox's /proc."""
    fd = os.open("1/mountinfo", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    with os.fdopen(fd, encoding="utf-8", errors="replace") as file:
        return tuple(overlay for line in file if (overlay := of_line(line)))


def of_line(line: str) -> Overlay | None:
    """The overlay that a line of mountinfo tells of, None for another file system."""
    before, _, behind = line.partition(" - ")
    kind, source, options = (*behind.rstrip("\n").split(" ", 2), "", "")[:3]  # a source can be empty (mount(2))
    if kind != "overlay" or source == SOURCE:
        return None
    said = dict(part.partition("=")[::2] for part in re.split(r"(?<!\\),", options.strip()))
    lower = re.split(r"(?<!\\):", _text(said.get("lowerdir", "")))
    return Overlay(_text(before.split()[4]), tuple(each.replace("\\:", ":") for each in lower),
                   _text(said.get("upperdir", "")), _text(said.get("workdir", "")))


def _text(value: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), value)
