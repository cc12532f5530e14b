"""The text of a lab: read, parsed, its variables filled in.

Parsing and filling in cost ten times what the rest of loading does (the packages for it have to be loaded too), so a tree
is kept in the user's cache folder, as Python keeps what it has compiled.
"""

from __future__ import annotations

from collections.abc import Mapping

from labrunner import tree_cache
from labrunner.errors import UsageError
from labrunner.tree import Node
from runtime.errors import describe


def read_tree(path: str, given: Mapping[str, str]) -> Node:
    """The tree of the file `path` with the variables `given`. Raises UsageError, LabError."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{path} cannot be read", describe(error.errno or 0)) from error
    if given:  # not kept: there is no end to their values
        return _made(path, data, given)
    kept = tree_cache.recall(path, data)
    if kept is None:
        kept = _made(path, data, given)
        tree_cache.keep(path, data, kept)
    return kept


def _made(path: str, data: bytes, given: Mapping[str, str]) -> Node:
    from labrunner.document import parse
    from labrunner.template import fill

    return fill(parse(path, data), given)
