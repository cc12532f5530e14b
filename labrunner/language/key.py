"""What a key of a lab file is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Key(NamedTuple):
    """A key of a mapping. says: what it is for.  schema: what may stand behind it, as JSON Schema."""

    says: str
    schema: Mapping[str, Any]
    required: bool = False
