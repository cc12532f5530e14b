"""Ids for steps, made of their titles."""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 30


class Names:
    """Gives each step an id that no other has."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def new(self, title: str) -> str:
        """'Create a bridge: br0' -> 'create-a-bridge-br0'."""
        plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
        name = "-".join(re.findall(r"[a-z0-9]+", plain))
        if len(name) > _LONGEST:
            name = name[: _LONGEST + 1].rpartition("-")[0] or name[:_LONGEST]
        if not re.search(r"[a-z]", name):
            name = "-".join(filter(None, ("step", name)))
        self._given[name] = count = self._given.get(name, 0) + 1
        return name if count == 1 else self.new(f"{name[: _LONGEST - 8]}-{count}")
