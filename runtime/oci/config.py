"""config.json of a bundle (OCI runtime spec, config.md), and paths into it.

    process.args                                a key of a key
    process.args[0]                             an element of a list, from 0
    mounts[destination=/dev/pts].options        of a list, the elements that have this value under this key
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_PART = re.compile(r"\.(?P<key>\w+)|\[(?P<number>\d{1,6})\]|\[(?P<by>\w+)=(?P<value>[^\]]+)\]")


class Unreadable(Exception):
    """A config.json that is none. Its text says why."""


class Part(NamedTuple):
    """One part of a path: a key, the number of an element, or, with `value`, the key by which elements are chosen."""

    key: str | int
    value: str | None = None


Path = tuple[Part, ...]


class Place(NamedTuple):
    """Where in a config a path leads: what is there is holder[key], if it is there at all."""

    holder: Any
    key: Any

    @property
    def exists(self) -> bool:
        return (isinstance(self.holder, dict) and self.key in self.holder) or (
            isinstance(self.holder, list) and self.key < len(self.holder))

    @property
    def value(self) -> Any:
        return self.holder[self.key]


def parse_path(text: str) -> Path:
    """The parts of a path. Raises ValueError with the reason."""
    found: list[Part] = []
    end = 0
    dotted = f".{text}"
    while match := _PART.match(dotted, end):
        end = match.end()
        if match["key"]:
            found.append(Part(match["key"]))
        elif match["number"]:
            found.append(Part(int(match["number"])))
        else:
            found.append(Part(match["by"], match["value"]))
    if not found or end != len(dotted) or not isinstance(found[0].key, str) or found[0].value is not None:
        raise ValueError(f"{text!r} is no path into config.json; one is 'process.args[0]', "
                         "or 'mounts[destination=/dev/pts].options'")
    return tuple(found)


def show_path(path: Path) -> str:
    """The path as `parse_path` reads it."""
    text = "".join(f"[{part.key}={part.value}]" if part.value is not None
                   else f"[{part.key}]" if isinstance(part.key, int) else f".{part.key}" for part in path)
    return text.removeprefix(".")


def read_config(text: str) -> dict[str, Any]:
    """A config.json. Raises Unreadable."""
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise Unreadable("it is nested too deep") from error
    except ValueError as error:  # int(3) takes 4300 digits
        raise Unreadable("it has a number that is too long") from error
    if not isinstance(config, dict):
        raise Unreadable("it is not a JSON object")
    return config


def write_config(config: dict[str, Any]) -> str:
    """The same as a text, as jq(1) writes it."""
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def places(config: dict[str, Any], path: Path) -> tuple[Place, ...]:
    """Everywhere a path leads. The last key need not be there; what is before it has to."""
    found = [Place({"": config}, "")]
    for part in path:
        found = [place for each in found if each.exists for place in _below(each.value, part)]
    return tuple(found)


def values(config: dict[str, Any], path: Path) -> list[Any]:
    """What is there, where the path leads."""
    return [place.value for place in places(config, path) if place.exists]


def _below(value: Any, part: Part) -> Iterator[Place]:
    if part.value is not None:
        if isinstance(value, list):
            yield from (Place(value, number) for number, each in enumerate(value)
                        if isinstance(each, dict) and str(each.get(part.key)) == part.value)
    elif isinstance(value, list if isinstance(part.key, int) else dict):
        yield Place(value, part.key)


class Edit(NamedTuple):
    """One change to a config.json. kind: 'set', 'add' to a list, 'remove' from a list, or 'delete' with all below."""

    path: Path
    kind: str
    value: Any = None


def edit(config: dict[str, Any], change: Edit) -> None:
    """Change `config`. Raises ValueError with the reason when there is nothing that could be changed so."""
    shown = show_path(change.path)
    found = places(config, change.path)
    if not found or (change.kind != "set" and not any(place.exists for place in found)):
        raise ValueError(f"there is no {shown} in it")
    # From the end: what is deleted from a list moves those after it.
    for place in reversed(found):
        if change.kind == "set":
            _set(place, change.value, shown)
        elif change.kind == "delete":
            del place.holder[place.key]
        elif not isinstance(place.value, list):
            raise ValueError(f"{shown} is not a list")
        elif change.kind == "add":
            place.value.append(change.value)
        else:
            place.holder[place.key] = [each for each in place.value if each != change.value]


def jq_program(change: Edit) -> str:
    """The change in the words of jq(1)."""
    path, value = jq_path(change.path), json.dumps(change.value, ensure_ascii=False)
    return {"set": f"{path} = {value}", "add": f"{path} += [{value}]", "remove": f"{path} -= [{value}]",
            "delete": f"del{path}" if path.startswith("(") else f"del({path})"}[change.kind]


def _set(place: Place, value: Any, shown: str) -> None:
    if isinstance(place.holder, list) and place.key >= len(place.holder):
        raise ValueError(f"there is no {shown} in it")
    place.holder[place.key] = value


def jq_path(path: Path) -> str:
    """The path in the words of jq(1)."""
    pieces, text = [], ""
    for part in path:
        if part.value is not None:
            pieces.append(f"{text or '.'}[]")
            pieces.append(f"select(.{part.key} == {json.dumps(part.value)})")
            text = ""
        else:
            text += f"[{part.key}]" if isinstance(part.key, int) else f".{part.key}"
    pieces += [text] if text else []
    return pieces[0] if len(pieces) == 1 else f"({' | '.join(pieces)})"
