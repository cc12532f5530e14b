"""The kinds of values that containers are spoken of in, see runtime/values.py."""

from __future__ import annotations

import re
from typing import Any

from runtime.facts.processes import NAMESPACES
from runtime.oci.available import RUNTIMES
from runtime.oci.config import Path, parse_path, show_path
from runtime.oci.rootfs import sources
from runtime.values import TEXT, Kind, choice, in_words, many

_ID = re.compile(r"[A-Za-z0-9][\w.+-]*")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@+-]{0,127}")
_PATH = {"type": "string", "pattern": "^/.*[^/]$"}
_SIGNALS = ("TERM", "KILL", "INT", "HUP", "QUIT", "STOP", "CONT", "USR1", "USR2")


def _container(value: Any) -> str:
    """libcontainer, validateID: letters, digits and _ + - . are; and the name of a netns cannot be longer."""
    name = str(TEXT.parse(value))
    kind, _, alone = name.partition(" ")
    if kind in ("container", "shim") and _ID.fullmatch(alone):
        raise ValueError(f"{name!r} is more than a name; did you mean '{alone}'?")
    if not _ID.fullmatch(name) or not name.isascii() or len(name) > 64:
        raise ValueError(f"{name!r} is no name for a container: at most 64 letters, digits and _ + - . are")
    return name


def _image(value: Any) -> str:
    """image-spec/annotations.md, org.opencontainers.image.ref.name."""
    name = str(TEXT.parse(value))
    if not _REFERENCE.fullmatch(name):
        raise ValueError(f"{name!r} is no name for an image: at most 128 letters, digits and _ . : / @ + - are")
    return name


def _path(value: Any) -> str:
    path = str(TEXT.parse(value))
    if not path.startswith("/") or path.endswith("/") or not path.isprintable() or ".." in path.split("/"):
        raise ValueError(f"{path!r} is not the path of a folder: it has to begin with /, to go straight there, and to "
                         "end without a /")
    return path


def _inside(value: Any) -> str:
    try:
        return _path(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no path as a container sees it: it has to begin with /, to go straight there, "
                         "and to end without a /") from error


def _config_path(value: Any) -> str:
    return show_path(parse_path(str(TEXT.parse(value))))


def _wrong_config_path(value: str) -> list[str]:
    """The same key, one level too high."""
    parts: Path = parse_path(value)
    return [show_path(parts[-1:])] if len(parts) > 1 and isinstance(parts[-1].key, str) and not parts[-1].value else []


def _json(value: Any) -> Any:
    """YAML lists become tuples, and mappings tuples of pairs: a statement is compared and hashed."""
    if value is None:
        raise ValueError("it has no value")
    return freeze(value)


def freeze(value: Any) -> Any:
    """What JSON has, unchangeable."""
    if isinstance(value, dict):
        return Object((key, freeze(each)) for key, each in value.items())
    return tuple(map(freeze, value)) if isinstance(value, list | tuple) and not isinstance(value, Object) else value


def thaw(value: Any) -> Any:
    """The same as json.loads gives it."""
    if isinstance(value, Object):
        return {key: thaw(each) for key, each in value}
    return [thaw(each) for each in value] if isinstance(value, tuple) else value


class Object(tuple[tuple[str, Any], ...]):
    """A JSON object, unchangeable: its keys and values in their order."""

    __slots__ = ()


def _wrong_json(value: Any) -> list[Any]:
    """Of a list each element left out and each spoiled; of an object each value spoiled; a text with a letter more."""
    plain = thaw(value)
    if isinstance(plain, bool):
        return [not plain]
    if isinstance(plain, int | float):
        return [plain + 1]
    if isinstance(plain, str):
        return [f"{plain}x"]
    if isinstance(plain, dict):
        return [{**plain, key: wrong} for key, each in plain.items() for wrong in _wrong_json(freeze(each))]
    left_out = [[*plain[:i], *plain[i + 1:]] for i in range(len(plain))]
    return left_out + [[*plain[:i], wrong, *plain[i + 1:]] for i, each in enumerate(plain)
                       for wrong in _wrong_json(freeze(each))]


def _source(value: Any) -> str:
    text = str(TEXT.parse(value))
    sources.parse(text)
    return text


def _kinds(value: Any) -> tuple[str, ...]:
    found: tuple[str, ...] = many(choice(*NAMESPACES)).parse(value)
    if len({*found}) < len(found):
        raise ValueError(f"{in_words(value)} names one of them twice")
    return found


CONTAINER: Kind[str] = Kind("container", "the name of a container", _container,
                            {"type": "string", "pattern": r"^[A-Za-z0-9][\w.+-]*$", "maxLength": 64},
                            lambda _value: ["nobody"])
FOLDER: Kind[str] = Kind("folder", "the path of a folder, as /tmp/c1", _path, _PATH, lambda value: [f"{value}.wrong"])
INSIDE: Kind[str] = Kind("path inside", "a path as a container sees it, as /bin/sh", _inside, _PATH,
                         lambda value: [f"{value}.wrong"])
CONFIG_PATH: Kind[str] = Kind("config path", "a path into config.json, as process.args[0] or "
                              "mounts[destination=/dev/pts].options", _config_path,
                              {"type": "string", "pattern": r"^\w"}, _wrong_config_path)
IMAGE: Kind[str] = Kind("image", "the name of an image in an image layout", _image,
                        {"type": "string", "pattern": f"^{_REFERENCE.pattern}$"}, lambda value: [f"{value}.wrong"])
JSON: Kind[Any] = Kind("JSON", "anything that JSON has: a text, a number, true, false, a list or an object", _json,
                       {"not": {"type": "null"}}, _wrong_json)
RUNTIME: Kind[str] = Kind("runtime", f"one of {', '.join(RUNTIMES)}", choice(*RUNTIMES).parse,
                          {"enum": list(RUNTIMES)})
SIGNAL = choice(*_SIGNALS)
SOURCE: Kind[str] = Kind("source", f"where a root file system comes from: {sources.FORMS}", _source)
STEP: Kind[str] = Kind("step", "the id of a step", TEXT.parse)
NAMESPACE_KINDS: Kind[tuple[str, ...]] = Kind(
    "kinds of namespaces", f"a list of kinds of namespaces: {', '.join(NAMESPACES)}", _kinds,
    many(choice(*NAMESPACES)).schema)
