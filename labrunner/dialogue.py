"""Conversations as a lab gives them: what is typed, and what is waited for."""

from __future__ import annotations

import re
from shlex import quote
from typing import Any

from labrunner.shell_command import COMMAND
from runtime.oci.shim.line import Line
from runtime.values import Kind, in_words

_NUMBER = re.compile(r"(?<![\w.-])\d+(?![\w.-])")
_KEYS = ("type", "ctrl", "enter", "expect", "within")
_CTRL = r"^[a-ik-ln-zA-IK-LN-Z\[\]\\^_]$"  # ascii(7), C0; Ctrl-J and Ctrl-M are Enter
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPES = {"\n": "\\n", "\t": "\\t"}  # of printf(1)
_MASK = 0x1F  # what Ctrl leaves of a letter
_LONGEST = 600  # seconds


def _dialogue(value: Any) -> tuple[Line, ...]:
    if not isinstance(value, list | tuple) or isinstance(value, Line):
        raise ValueError(f"{in_words(value)} is no list of lines, as [echo hello, {{type: exit 7, expect: bye}}]")
    if not value:
        raise ValueError("the list is empty")
    return tuple(each if isinstance(each, Line) else _numbered(number, each) for number, each in enumerate(value, 1))


def _numbered(number: int, value: Any) -> Line:
    try:
        return _line(value)
    except ValueError as error:
        raise ValueError(f"line {number} of the list: {error}") from error


def _line(value: Any) -> Line:
    if isinstance(value, str):
        return _checked(Line(value))
    if not isinstance(value, dict):
        raise ValueError(f"{in_words(value)} is no text, and what is typed is one: put it in quotes")
    unknown = [key for key in value if key not in _KEYS]
    if unknown:
        raise ValueError(f"a line has no key {in_words(unknown[0])}; it has {', '.join(_KEYS)}")
    typed = _keys(value)
    enter, within = value.get("enter", "type" in value), value.get("within", Line().within)
    if not isinstance(enter, bool):
        raise ValueError(f"'enter' is true or false, and not {in_words(enter)}")
    if isinstance(within, bool) or not isinstance(within, int | float) or not 0 < within <= _LONGEST:
        raise ValueError(f"'within' is a number of seconds, up to {_LONGEST}, and not {in_words(within)}")
    return _checked(Line(typed, enter, value.get("expect", ""), float(within)))


def _keys(value: dict[str, Any]) -> str:
    for key in ("type", "expect"):
        if not isinstance(value.get(key, ""), str):
            raise ValueError(f"'{key}' is a text, and {in_words(value[key])} is none: put it in quotes")
    if "ctrl" not in value:
        return str(value.get("type", ""))
    ctrl = value["ctrl"]
    if not isinstance(ctrl, str) or not re.search(_CTRL, ctrl) or len(ctrl) > 1:
        raise ValueError(f"'ctrl' is a key, as c for Ctrl-C, and not {in_words(ctrl)}; Enter alone is {{enter: true}}")
    if "type" in value:
        raise ValueError("'type' and 'ctrl' are two lines")
    return chr(ord(ctrl.upper()) & _MASK)


def _checked(line: Line) -> Line:
    if not line.typed and not line.enter and not line.expect:
        raise ValueError("it types nothing and expects nothing")
    if "\n" in line.typed or "\r" in line.typed:
        raise ValueError(f"{in_words(line.typed)} is more than one line: each stands for itself in the list")
    try:
        found = line.expect and re.search(line.expect, "", re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"'{line.expect}' is no regular expression: {error}") from error
    if found:
        raise ValueError(f"'{line.expect}' fits nothing at all too, so nothing would be waited for")
    return line


def _wrong(lines: tuple[Line, ...]) -> list[Any]:
    """Each that is typed left out, and each spoiled as a command is, or with another number."""
    found: list[Any] = [lines[:i] + lines[i + 1:] for i, line in enumerate(lines) if line.typed and len(lines) > 1]
    return found + [(*lines[:i], line._replace(typed=other), *lines[i + 1:]) for i, line in enumerate(lines)
                    for other in _others(line.typed)]


def _others(typed: str) -> list[str]:
    numbers = [typed[:match.start()] + str(int(match[0]) + 1) + typed[match.end():]
               for match in _NUMBER.finditer(typed)]
    return [*dict.fromkeys((*COMMAND.wrong(typed), *numbers))]


DIALOGUE: Kind[tuple[Line, ...]] = Kind(
    "dialogue", "a list of lines, each a text that is typed, or a mapping of type, ctrl, enter, expect and within",
    _dialogue, {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, {
        "type": "object", "additionalProperties": False, "minProperties": 1, "not": {"required": ["type", "ctrl"]},
        "properties": {
            "type": {"description": "what is typed", "type": "string"},
            "ctrl": {"description": "a key that is typed together with Ctrl, as c", "type": "string",
                     "pattern": _CTRL},
            "enter": {"description": "whether Enter follows; true without it", "type": "boolean"},
            "expect": {"description": "a regular expression that has to come then", "type": "string"},
            "within": {"description": "seconds for it; 5 without it", "type": "number",
                       "exclusiveMinimum": 0, "maximum": _LONGEST}}}]}}, _wrong)


def typed(lines: tuple[Line, ...], into: str) -> str:
    """The command that types all of it into another one: a here-document (sh(1)), with control characters a pipe."""
    text = "".join(line.typed + "\n" * line.enter for line in lines)
    if _CONTROL.search(text.replace("\n", "")):
        shown = _CONTROL.sub(lambda found: _ESCAPES.get(found[0]) or f"\\{ord(found[0]):03o}",
                             text.replace("\\", "\\\\").replace("%", "%%"))
        return f"printf {quote(shown)} | {into}"
    end = "END"
    while end in text.splitlines():
        end += "_"
    return f"{into} <<'{end}'\n{text}{'' if text.endswith(chr(10)) else chr(10)}{end}"
