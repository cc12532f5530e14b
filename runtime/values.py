"""The kinds of values that labs speak of: what a valid one is, and a word on what is wrong with another.

A Kind turns what a YAML leaf holds into a Python value, or raises ValueError with the reason in plain words.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")

_IFNAMSIZ = 16  # with the terminating zero: <linux/if.h>
_SYSCTL_EXTRA = frozenset("._-/*")
_UNQUOTED = r"^(?!-)[\w.@+-]+$"
_PREFIXED = MappingProxyType({"type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]+$"})


def _none_wrong(_value: Any) -> list[Any]:
    return []


class _KindFields(NamedTuple):
    name: str
    says: str
    parse: Callable[[Any], Any]
    schema: Mapping[str, Any] = MappingProxyType({"type": "string"})
    wrong: Callable[[Any], list[Any]] = _none_wrong


class Kind(_KindFields, Generic[T]):
    """A kind of value.

    name: the word for it.  says: what a valid one is, for errors and documentation.
    parse: any -> T; raises ValueError.
    schema: what an editor may know of it, as JSON Schema (draft 2020-12); it allows all that `parse` takes.
    wrong: T -> values of the kind that are wrong where that one is right: the mistakes that people make with it.
    """


def in_words(value: Any) -> str:
    """A value as a person who wrote it in YAML knows it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value)  # of a text, so that no line break in it breaks the message


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{in_words(value)} is not a text")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{in_words(value)} is neither true nor false")
    return value


def _unquoted(name: str, what: str) -> str:
    """The kernel would take more, but a name in a lab stands in shell commands, and should need no quotes there."""
    if name.startswith("-") or not all(letter.isalnum() or letter in "._-@+" for letter in name):
        raise ValueError(f"'{name}' is no name for {what} in a lab: letters, digits and . _ - @ + are")
    return name


def _interface(value: Any) -> str:
    """dev_valid_name(), net/core/dev.c."""
    name = _text(value)
    if not name or name in (".", ".."):
        raise ValueError(f"'{name}' cannot be the name of an interface")
    if len(name.encode()) >= _IFNAMSIZ:
        raise ValueError(f"'{name}' has {len(name.encode())} characters; the name of an interface has at most 15")
    return _unquoted(name, "an interface")


def _netns(value: Any) -> str:
    name = _text(value)
    if not name or name in (".", "..") or "/" in name or "\0" in name or len(name.encode()) > 255:
        raise ValueError(f"'{name}' cannot be the name of a network namespace: it has to be a file name")
    return _unquoted(name, "a network namespace")


def _unscoped(value: Any) -> str:
    """'fe80::1%eth0' is an address to Python, and what stands after the % could be anything in a shell command."""
    written = _text(value)
    if "%" in written:
        raise ValueError(f"'{written}' has a scope (%...), and a lab has none")
    return written


def _address(value: Any) -> str:
    """An address without a prefix length."""
    try:
        return str(ipaddress.ip_address(_unscoped(value)))
    except ValueError as error:
        raise ValueError(f"{in_words(value)} is not an IP address") from error


def _interface_address(value: Any) -> str:
    """An address with a prefix length."""
    written = _text(value)
    if "/" not in written:
        raise ValueError(f"'{written}' has no prefix length; did you mean '{written}/24'?")
    try:
        parsed = ipaddress.ip_interface(_unscoped(written))
    except ValueError as error:
        raise ValueError(f"'{written}' is not an address with a prefix length") from error
    return parsed.with_prefixlen


def _subnet(value: Any) -> str:
    written = _unscoped(value)
    try:
        return str(ipaddress.ip_network(written))
    except ValueError as error:
        try:
            meant = ipaddress.ip_network(written, strict=False)
        except ValueError:
            raise ValueError(f"'{written}' is not a subnet") from error
        raise ValueError(f"'{written}' is an address inside a subnet; did you mean '{meant}'?") from error


def _destination(value: Any) -> str:
    return "default" if value == "default" else _subnet(value)


def _sysctl(value: Any) -> str:
    name = _text(value)
    if not name or ".." in name or not all(c.isalnum() or c in _SYSCTL_EXTRA for c in name):
        raise ValueError(f"'{name}' is not the name of a kernel setting")
    return name


def _setting(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{in_words(value)} is neither a number nor a text")
    return str(value)


def _word(value: Any) -> str:
    word = _text(value)
    if not word or not all(letter.isalnum() or letter in "-_" for letter in word):
        raise ValueError(f"'{word}' is not one word of letters, digits, '-' and '_'")
    return word


def _options(value: Any) -> tuple[tuple[str, str | int], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"{in_words(value)} is not a mapping of options to values")
    for name, setting in value.items():
        _word(name)
        if isinstance(setting, bool) or not isinstance(setting, str | int):
            raise ValueError(f"the option '{name}' has to be a number or a text")
        if isinstance(setting, str):
            _word(setting.replace(".", "").replace(":", ""))  # it becomes part of a shell command
    return tuple(value.items())


def _wrong_interface_address(value: str) -> list[str]:
    """Another host, a host of another subnet, and every kind of wrong mask."""
    address = ipaddress.ip_interface(value)
    if address.version == 6:
        return [f"{address.ip + 40}/{address.network.prefixlen}", f"{address.ip}/128"]
    length = address.network.prefixlen
    others = (f"{address.ip + 40}/{length}", f"10.9.9.9/{length}", f"{address.ip}/32",
              f"{address.ip}/{length + 1 if length < 31 else 24}", f"{address.ip}/16")
    return [other for other in others if other != value]


def _wrong_address(value: str) -> list[str]:
    """Nobody, the next two hosts, and one out of reach."""
    address = ipaddress.ip_address(value)
    return [*(str(address + further) for further in (40, 1, 2)), "10.9.9.9" if address.version == 4 else "fd99::9"]


def _wrong_subnet(value: str) -> list[str]:
    """Wider, narrower, and another."""
    subnet = ipaddress.ip_network(value)
    wider = [str(subnet.supernet())] if subnet.prefixlen else []
    narrower = [str(next(subnet.subnets()))] if subnet.prefixlen < subnet.max_prefixlen else []
    return [*wider, *narrower, "10.9.8.0/24" if subnet.version == 4 else "fd99::/64"]


def _wrong_destination(value: str) -> list[str]:
    return ["198.51.100.0/24", "10.9.8.0/24"] if value == "default" else ["default", *_wrong_subnet(value)]


def _wrong_setting(value: str) -> list[str]:
    return ["0" if value != "0" else "1"]


_NUMBER_OR_TEXT = MappingProxyType({"type": ["string", "integer"]})

TEXT: Kind[str] = Kind("text", "a text", _text)
BOOLEAN: Kind[bool] = Kind("boolean", "true or false", _boolean, {"type": "boolean"}, lambda value: [not value])
INTERFACE: Kind[str] = Kind("interface", "the name of an interface, at most 15 characters", _interface,
                            {"type": "string", "pattern": _UNQUOTED, "maxLength": _IFNAMSIZ - 1},
                            lambda _value: ["wrong0"])
NETNS: Kind[str] = Kind("netns", "the name of a network namespace", _netns, {"type": "string", "pattern": _UNQUOTED},
                        lambda _value: ["nowhere"])
ADDRESS: Kind[str] = Kind("address", "an IP address, as 192.168.0.2", _address,
                          {"type": "string", "pattern": "^[0-9a-fA-F.:]+$"}, _wrong_address)
INTERFACE_ADDRESS: Kind[str] = Kind("interface address", "an address with its prefix length, as 192.168.0.2/24",
                                    _interface_address, _PREFIXED, _wrong_interface_address)
SUBNET: Kind[str] = Kind("subnet", "a subnet, as 192.168.0.0/24", _subnet,
                         {"type": "string", "pattern": "^[0-9a-fA-F.:]+(/[0-9]+)?$"}, _wrong_subnet)
DESTINATION: Kind[str] = Kind("destination", "a subnet, or default", _destination,
                              {"type": "string", "pattern": "^(default|[0-9a-fA-F.:]+(/[0-9]+)?)$"}, _wrong_destination)
SYSCTL: Kind[str] = Kind("setting", "the name of a kernel setting, as net.ipv4.ip_forward", _sysctl,
                         {"type": "string", "pattern": r"^[\w./*-]+$"},
                         lambda _value: ["net.ipv4.none", "net.ipv4.tcp_syncookies"])
SETTING: Kind[str] = Kind("value", "a number or a text", _setting, _NUMBER_OR_TEXT, _wrong_setting)
WORD: Kind[str] = Kind("word", "one word", _word, {"type": "string", "pattern": r"^[\w-]+$"})
OPTIONS: Kind[tuple[tuple[str, str | int], ...]] = Kind(
    "options", "a mapping of options to values", _options,
    {"type": "object", "additionalProperties": _NUMBER_OR_TEXT})


def choice(*words: str) -> Kind[str]:
    """One of a few words."""
    says = f"one of {', '.join(words)}"

    def parse(value: Any) -> str:
        if value not in words:
            raise ValueError(f"{in_words(value)} is not {says}")
        return str(value)

    return Kind("choice", says, parse, {"enum": list(words)},
                lambda value: [word for word in words if word != value])


def many(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list, not empty; a single value stands for a list of one."""

    def parse(value: Any) -> tuple[T, ...]:
        if value == []:
            raise ValueError("the list is empty")
        return tuple(kind.parse(each) for each in (value if isinstance(value, list) else [value]))

    def wrong(value: tuple[T, ...]) -> list[Any]:
        """Each left out, each spoiled."""
        found: list[Any] = [[*value[:i], *value[i + 1 :]] for i in range(len(value)) if len(value) > 1]
        return found + [[*value[:i], other, *value[i + 1 :]]
                        for i, each in enumerate(value) for other in kind.wrong(each)]

    schema = {"anyOf": [kind.schema, {"type": "array", "items": kind.schema, "minItems": 1}]}
    return Kind(f"list of {kind.name}", f"a list, each {kind.says}", parse, schema, wrong)


def either(one: Kind[Any], other: Kind[Any]) -> Kind[Any]:
    """What the one kind accepts, or else the other."""

    def parse(value: Any) -> Any:
        try:
            return one.parse(value)
        except ValueError:
            return other.parse(value)

    def wrong(value: Any) -> list[Any]:
        try:
            return one.wrong(one.parse(value))
        except ValueError:
            return other.wrong(value)

    return Kind(f"{one.name} or {other.name}", f"{one.says}, or {other.says}", parse,
                {"anyOf": [one.schema, other.schema]}, wrong)


def whole_number(low: int, high: int) -> Kind[int]:
    """A whole number from `low` to `high`."""
    says = f"a whole number from {low} to {high}"

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{in_words(value)} is not {says}")
        return value

    return Kind("number", says, parse, {"type": "integer", "minimum": low, "maximum": high},
                lambda value: [other for other in (value + 1, value - 1) if low <= other <= high])


PORT = whole_number(1, 65535)
