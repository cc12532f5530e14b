"""Comparing what is said with what was found good: the golden files.

LABRUN_UPDATE_GOLDEN=1 in the environment writes them anew; read the difference before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

_UPDATE = "LABRUN_UPDATE_GOLDEN"


def assert_golden(file: Path, text: str) -> None:
    """`text` is what `file` holds."""
    if os.environ.get(_UPDATE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    assert file.exists(), f"{file} is missing; {_UPDATE}=1 writes it"
    assert text == file.read_text("utf-8")
