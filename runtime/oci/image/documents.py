"""JSON of a stranger: what is asked of it is there and has the type that it has to have, or it is Unfit."""

from __future__ import annotations

from typing import Any, TypeVar

from runtime.oci.image.blobs import File
from runtime.oci.tar.streams import Unfit

_LARGEST = 1 << 20  # bytes
_KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text", int: "a number"}
_T = TypeVar("_T")


def read(file: File | None, name: str) -> Any:
    """What a file says. name: its name, for messages. Raises Unfit."""
    import json

    if not file:
        raise Unfit(f"it has no file {name}")
    if file.size > _LARGEST:
        raise Unfit(f"its file {name} has {file.size} bytes, and {_LARGEST} are allowed")
    try:
        return json.loads(b"".join(file.chunks))
    except (ValueError, RecursionError) as error:
        raise Unfit(f"its file {name} is no JSON that could be read: {str(error)[:200]}") from None


def member(of: Any, key: str, kind: type[_T], where: str) -> _T:
    """The value of a key of an object. where: the name of the file. Raises Unfit."""
    value = expect(of, dict, where).get(key)
    if value is None:
        raise Unfit(f"{where} has no '{key}'")
    return expect(value, kind, f"'{key}' in {where}")


def members(of: Any, key: str, kind: type[_T], where: str) -> list[_T]:
    """The items of a list that a key of an object has, all of one type. Raises Unfit."""
    return [expect(item, kind, f"each of '{key}' in {where}") for item in member(of, key, list, where)]


def optional(of: Any, key: str, kind: type[_T], else_: _T) -> _T:
    """The value of a key of an object, `else_` when there is none of that type."""
    value = of.get(key) if isinstance(of, dict) else None
    return value if isinstance(value, kind) else else_


def expect(value: Any, kind: type[_T], what: str) -> _T:
    """The same value. Raises Unfit when it is of another type; true and false are no numbers."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unfit(f"{what} has to be {_KINDS[kind]}")
    return value
