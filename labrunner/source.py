"""The text of a lab: read, parsed, its variables filled in."""

from __future__ import annotations

from collections.abc import Mapping

from labrunner.document import Node, parse
from labrunner.errors import UsageError
from labrunner.template import fill
from runtime.errors import describe


def read_tree(path: str, given: Mapping[str, str]) -> Node:
    """The tree of the file `path` with the variables `given`. Raises UsageError, LabError."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read", describe(error.errno or 0)) from error
    return fill(parse(path, data), given)
