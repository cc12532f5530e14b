"""A lab.yaml that labrun writes itself: whole or not at all, and with a line that tells editors the language."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress

import labs
from labrunner.errors import UsageError
from runtime.errors import describe


def schema_line() -> str:
    """The first line of a lab, for editors that know YAML: where the schema of the language is."""
    return f"# yaml-language-server: $schema={os.path.join(next(iter(labs.__path__)), 'lab.schema.json')}\n"


def write_lab(path: str, text: str) -> None:
    """Write the file, and make its folder when there is none. Raises UsageError, and then nothing has changed."""
    folder = os.path.dirname(path) or "."
    made, new = not os.path.lexists(folder), os.path.join(folder, f".{os.path.basename(path)}.{os.getpid()}")
    try:
        if made:
            os.mkdir(folder)
        with open(new, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(new, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(new)
        if made:
            with suppress(OSError):
                os.rmdir(folder)
        raise UsageError(f"{path} cannot be written", describe(error.errno or 0), _mend(folder)) from error


def _mend(folder: str) -> str:
    above = os.path.dirname(folder) or "."
    return "name a folder that can be written" if os.path.lexists(above) else f"mkdir -p {shlex.quote(above)}"
