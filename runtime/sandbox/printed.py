"""What a command in the sandbox prints: files in memory, of which no more is read than a person or a check can use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

MOST_OUTPUT = 16 << 20  # bytes


def memory_file() -> BinaryIO:
    """A file that is in memory alone. A pipe would not do: what a command leaves running holds it open for ever."""
    return os.fdopen(os.memfd_create("output"), "w+b")


def text_of(file: BinaryIO) -> str:
    """Its first MOST_OUTPUT bytes, as text."""
    return os.pread(file.fileno(), MOST_OUTPUT, 0).decode(errors="replace")


def excess(files: Sequence[BinaryIO]) -> str:
    """What is wrong with files that a command writes to, or ''. Their size says nothing, as they may have holes."""
    too_large = any(os.fstat(file.fileno()).st_blocks * 512 > MOST_OUTPUT for file in files)
    return f"it printed more than {MOST_OUTPUT >> 20} MiB" if too_large else ""
