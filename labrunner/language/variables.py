"""Variables of a lab: what is declared under `vars`, and what a person gives instead on the command line.

    subnet: 192.168.0.0/24                                  short: a text or a number
    port: {type: int, default: 8080, min: 1, max: 65535}    long: with a type, which values given have to fit
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from labrunner.errors import UsageError, nearest
from labrunner.language.key import Key
from labrunner.language.reading import Reader
from labrunner.language.tree import UNKNOWN, Entry, Node
from runtime.values import ADDRESS, NETNS, SUBNET

TYPES = ("text", "int", "address", "subnet", "name", "choice")
_TEXT = {"type": "string"}
VARIABLE: Mapping[str, Key] = {
    "type": Key(f"what the value is: one of {', '.join(TYPES)}; {TYPES[0]} without it",
                {"enum": list(TYPES)}),
    "default": Key("the value that it has unless another one is given", {"type": ["string", "number"]}, required=True),
    "says": Key("what it is for", {"type": "string", "minLength": 1}),
    "choices": Key("all that it can be; for the type choice", {"type": "array", "items": _TEXT, "minItems": 1}),
    "min": Key("the smallest number that it can be; for the type int", {"type": "integer"}),
    "max": Key("the largest number that it can be; for the type int", {"type": "integer"}),
    "within": Key("the subnet, or the variable of a subnet, that it has to be in; for the type address", _TEXT),
}
_ONLY = {"choices": "choice", "min": "int", "max": "int", "within": "address"}  # key -> the type that has it
RUNTIME = "runtime"  # the variable that every lab has by itself: the name of the OCI runtime (--runtime)
# Between {{ and }} these are no names.
_WORDS_OF_TEMPLATES = ("true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else")


class Variable(NamedTuple):
    """A variable and its value. says: what it is for.  choices: all that it can be, for the type 'choice'."""

    name: str
    value: str | int
    type: str = "text"
    says: str = ""
    choices: tuple[str, ...] = ()


def variables(pairs: Sequence[str]) -> dict[str, str]:
    """'NAME=VALUE' texts as a mapping. Raises UsageError."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"'--set {pair}' is not of the form VAR=VALUE", mend="as in --set subnet=10.1.0.0/24")
        if name == RUNTIME:
            raise UsageError(f"'--set {pair}' cannot be: the OCI runtime has an option of its own",
                             mend=f"--runtime {value or 'crun'}")
        found[name] = value
    return found


def default_of(declared: Node) -> Node | None:
    """The node with the default value of a variable; None when it has none."""
    if not isinstance(declared.value, dict):
        return declared
    return declared.value["default"].node if "default" in declared.value else None


def with_value(declared: Node, value: Any) -> Node:
    """The declaration with another default value."""
    default = default_of(declared)
    if default is None or default is declared:
        return declared._replace(value=declared.value if default is None else value)
    filled = declared.value["default"]._replace(node=default._replace(value=value))
    return declared._replace(value={**declared.value, "default": filled})


def typed(declared: Node, value: Any, known: Mapping[str, Any]) -> Any:
    """The value in the type that is declared. known: the variables before it. Raises ValueError with the reason."""
    if not isinstance(declared.value, dict):
        number = isinstance(declared.value, int) and not isinstance(declared.value, bool)
        return _integer({}, value, known) if number else value
    said = declared.plain()
    kind = said.get("type", "text")
    return _TYPED[kind](said, value, known) if kind in TYPES else value


def _text(_said: Mapping[str, Any], value: Any, _known: Mapping[str, Any]) -> str:
    return str(value)


def _integer(said: Mapping[str, Any], value: Any, _known: Mapping[str, Any]) -> int:
    digits = str(value).removeprefix("-")
    if isinstance(value, bool) or not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise ValueError(f"'{value}' is not a whole number")
    for bound, beyond in (("min", "less"), ("max", "more")):
        limit = said.get(bound)
        if isinstance(limit, int) and (int(value) < limit if bound == "min" else int(value) > limit):
            raise ValueError(f"{value} is {beyond} than {limit}")
    return int(value)


def _address(said: Mapping[str, Any], value: Any, known: Mapping[str, Any]) -> str:
    address = ADDRESS.parse(value)
    within = str(said.get("within"))
    subnet = known.get(within, within)
    if _is_subnet(subnet) and ipaddress.ip_address(address) not in ipaddress.ip_network(subnet):
        raise ValueError(f"{address} is outside of {subnet}")
    return str(address)


def _choice(said: Mapping[str, Any], value: Any, _known: Mapping[str, Any]) -> str:
    choices = said.get("choices")
    if isinstance(choices, list) and choices and str(value) not in map(str, choices):
        raise ValueError(f"'{value}' is not one of {', '.join(map(str, choices))}")
    return str(value)


_TYPED: dict[str, Callable[[Mapping[str, Any], Any, Mapping[str, Any]], Any]] = {
    "text": _text, "int": _integer, "address": _address, "choice": _choice,
    "subnet": lambda _said, value, _known: SUBNET.parse(value),
    "name": lambda _said, value, _known: NETNS.parse(str(value)),
}


def read_variables(reader: Reader, top: Mapping[str, Entry]) -> dict[str, Variable]:
    """The variables under `vars`, filled in; what is wrong with their declarations is noted."""
    declared: Mapping[str, Entry] = reader.typed(top, "vars", dict, "a mapping of names to values") or {}
    for name, entry in declared.items():
        if name == RUNTIME:
            reader.mistake_at(entry, f"every lab has a variable '{name}' by itself: the OCI runtime (--runtime)",
                              "choose another name")
        elif not name.isidentifier() or name in _WORDS_OF_TEMPLATES:
            reader.mistake_at(entry, f"'{name}' cannot be the name of a variable",
                              "" if name.isidentifier() else "letters, digits and _ can")
    return {name: _read(reader, name, entry.node, declared) for name, entry in declared.items()}


def _read(reader: Reader, name: str, node: Node, declared: Mapping[str, Entry]) -> Variable:
    if not isinstance(node.value, dict):
        if isinstance(node.value, bool | list | None):
            reader.mistake(node, f"the variable '{name}' has to be a text or a number",
                           f"or a mapping of {', '.join(VARIABLE)}")
        number = isinstance(node.value, int) and not isinstance(node.value, bool)
        return Variable(name, node.value, "int" if number else "text")
    top = reader.mapping(node, VARIABLE, f"the variable '{name}'")
    kind = reader.word(top, "type", TYPES, TYPES[0])
    _check_keys(reader, top, kind)
    _check_within(reader, top, name, declared)
    default = default_of(node)
    if default and isinstance(default.value, bool | dict | list | None):
        reader.mistake(default, f"the default of '{name}' has to be a text or a number")
    choices = reader.texts(top, "choices")
    if kind == "choice" and not choices:
        reader.mistake(node, f"the variable '{name}' is a choice, and has no choices", "add 'choices: [..., ...]'")
    return Variable(name, default.value if default else "", kind, reader.text(top, "says"), choices)


def _check_keys(reader: Reader, top: Mapping[str, Entry], kind: str) -> None:
    for key, only in _ONLY.items():
        if key in top and kind != only:
            reader.mistake_at(top[key], f"'{key}' is for the type {only}, and this one is of the type {kind}",
                              f"write 'type: {only}', or take '{key}' away")
    least, most = (reader.typed(top, key, int, "a whole number") for key in ("min", "max"))
    if least is not None and most is not None and least > most:
        reader.mistake(top["min"].node, f"no number is at least {least} and at most {most}", "exchange the two")


def _check_within(reader: Reader, top: Mapping[str, Entry], name: str, declared: Mapping[str, Entry]) -> None:
    within = reader.text(top, "within")
    if not within or _is_subnet(within):
        return
    if within not in declared:
        reader.mistake(top["within"].node, f"'{within}' is neither a variable nor a subnet",
                       nearest(within, [each for each in declared if each != name]))
    elif [*declared].index(within) >= [*declared].index(name):
        reader.mistake(top["within"].node, f"'{within}' is not set yet", f"move '{name}' below it")
    else:
        default = default_of(declared[within].node)
        if default and default.value is not UNKNOWN and not _is_subnet(default.value):
            reader.mistake(top["within"].node, f"the variable '{within}' is no subnet, but '{default.value}'")


def _is_subnet(text: Any) -> bool:
    try:
        SUBNET.parse(text)
    except ValueError:
        return False
    return True
