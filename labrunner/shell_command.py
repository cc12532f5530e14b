"""Commands of a shell as a lab gives them: what is one, and how it stands behind another program."""

from __future__ import annotations

import re
from shlex import quote, split
from typing import Any

from runtime.values import TEXT, Kind, in_words

_SHELL = re.compile(r"[|&;<>()$`\\\"'*?\[#~\n]|^\w+=")  # what only a shell understands: sh(1)
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?(?![\w.])")
_PORT = re.compile(r"(?<=port )\d+")
_SETTING = re.compile(r"(?<=\w=)\d+(?!\S)")
_CONFUSED = {one: other for pair in (("tcp", "udp"), ("up", "down"), ("ACCEPT", "DROP"), ("accept", "drop"))
             for one, other in (pair, pair[::-1])}
_CONFUSED_WORD = re.compile(rf"(?<![\w.-])(?:{'|'.join(_CONFUSED)})(?![\w.-])")


def alone(command: str) -> str:
    """The command as words for another program; with a shell around it where it needs one."""
    return f"sh -c {quote(command)}" if _SHELL.search(command) else command


def words(command: str) -> list[str]:
    """The same as a list."""
    return ["sh", "-c", command] if _SHELL.search(command) else split(command)


def _command(value: Any) -> str:
    text = str(TEXT.parse(value)).strip()
    if not text:
        raise ValueError("the command is empty")
    return text


def _wrong(command: str) -> list[str]:
    """Each address, port, setting in it another one, and each word that has an opposite its opposite."""
    others = [(match.span(), _another(*match[0].partition("/"))) for match in _ADDRESS.finditer(command)]
    others += [(match.span(), str(int(match[0]) + 1)) for match in _PORT.finditer(command)]
    others += [(match.span(), "1" if match[0] == "0" else "0") for match in _SETTING.finditer(command)]
    others += [(match.span(), _CONFUSED[match[0]]) for match in _CONFUSED_WORD.finditer(command)]
    return [command[:start] + other + command[end:] for (start, end), other in others]


def _another(address: str, slash: str, length: str) -> str:
    return ("10.9.9.9" if address != "10.9.9.9" else "10.9.9.8") + slash + length


def _status(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ValueError(f"{in_words(value)} is not an exit status, which is a number from 0 to 255")
    return value


COMMAND: Kind[str] = Kind("command", "a shell command", _command, wrong=_wrong)
STATUS: Kind[int] = Kind("exit status", "an exit status, from 0 to 255", _status,
                         {"type": "integer", "minimum": 0, "maximum": 255})
