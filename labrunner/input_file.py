"""Files that a person names: read, or said why not."""

from __future__ import annotations

from labrunner.errors import UsageError
from runtime.errors import describe

LARGEST = 1 << 20


def read_input(path: str) -> bytes:
    """What is in a file; of one that is larger than LARGEST bytes, one byte more than that. Raises UsageError."""
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read", describe(error.errno or 0)) from error
