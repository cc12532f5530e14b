"""The text of a lab: read, parsed, its variables filled in.

Parsing and filling in cost ten times what the rest of loading does (the packages for it have to be loaded too), so a
tree is kept in the user's cache folder, as Python keeps what it has compiled.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from labrunner.errors import LabError, LabMistake, Place, UsageError
from labrunner.input_file import LARGEST, read_input
from labrunner.language import tree_cache
from labrunner.language.tree import Document
from labrunner.language.variables import RUNTIME
from runtime.oci.available import RUNTIMES


def read_document(path: str, given: Mapping[str, str], fresh: bool = False) -> Document:
    """The file `path` with the variables `given`. Raises UsageError, LabError when nothing of it can be read.

    fresh: whether it is parsed anew, and not kept.
    """
    data, runtime = _read(path), given.get(RUNTIME, RUNTIMES[0])
    fresh = fresh or bool(given.keys() - {RUNTIME})  # there is no end to the values that can be given
    kept = None if fresh else tree_cache.recall(path, data, runtime)
    if kept:
        return Document(kept, runtime=runtime)
    made = _made(path, data, given)
    if not fresh and not made.mistakes and made.tree.known:
        tree_cache.keep(path, data, made.tree, runtime)
    return made._replace(runtime=runtime)


def _read(path: str) -> bytes:
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError(f"{path} cannot be read", "it is no ordinary file")  # of a pipe, one could wait for ever
    data = read_input(path)
    if len(data) > LARGEST:
        raise LabError([LabMistake(Place(path, 1, 1), "the file is larger than 1 MiB", "a lab is a few pages of text")])
    return data


def _made(path: str, data: bytes, given: Mapping[str, str]) -> Document:
    from labrunner.language.document import parse
    from labrunner.language.template import fill

    return fill(parse(path, data), given)
