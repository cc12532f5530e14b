"""Code of the notes as commands: prompts, outputs and blocks that are no shell text are told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from labrunner.importing import programs
from labrunner.importing.ip_words import IP_ACTIONS, is_object
from labrunner.importing.notes import Snippet
from labrunner.importing.shell import Command, commands

_SHELLS = frozenset(("", "sh", "bash", "shell", "zsh", "ash", "console", "terminal", "shell-session", "shellsession",
                     "session", "text", "txt", "plain", "none"))
_PROMPT = re.compile(r"\s*(?P<who>\(?\[?[\w.-]+@[\w.-]+[: ]?[^\s$#]*|(?:ba|z|da)?sh[\d.-]*|(?:[\w.-]+:)?[~/][\w./~-]*)?"
                     r"\s?(?P<sign>[$#%])\s+(?P<command>\S.*)")
_MORE = re.compile(r"\s*> ?")
# history(1): the number of each line, and the time when that is shown
_NUMBERED = re.compile(r"[ \t]*\d{1,6}(?:\*[ \t]|[ \t]{2}|\t)[ \t]*(?:\[?\d{4}-\d\d-\d\d[ T][\d:]+\]?[ \t]+)?(?=\S)")
_DOCKERFILE = re.compile(r"\s*(?:#.*\n\s*)*(?:ARG .*\n\s*)*FROM\s+\S+", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"\w+=\S*\s*")
_WORD = re.compile(r"\(|\{(?=\s)|[\w./:\[+-]+")
_IPTABLES_VERB = re.compile(r"\s-(?:[ADIRLSFZNXPEC]|-(?:append|delete|insert|list|flush|zero|new|policy|check))")
_LONGEST_SHOWN = 60
LEAVING = frozenset(("exit", "logout"))
UNKNOWN_PROGRAM = "no program that is known here"
OUTPUT = "what a command printed"


class Found(NamedTuple):
    """A command of the notes. output: what the notes show that it printed."""

    text: str
    line: int
    output: str = ""


class LeftOut(NamedTuple):
    """What does not come into the lab. text: its first line."""

    text: str
    line: int
    why: str


def read(snippet: Snippet) -> Iterator[Found | LeftOut]:
    """What a piece of code holds. Code in a sentence that is no command is passed over in silence."""
    if snippet.language is None:
        yield from _in_sentence(snippet)
    elif not snippet.text.strip():
        return
    elif snippet.language not in _SHELLS:
        yield _left_out(snippet, f"a block of {snippet.language}")
    elif _DOCKERFILE.match(snippet.text):
        yield _left_out(snippet, "a Dockerfile: its lines are not commands of a shell")
    else:
        yield from _in_block(snippet)


def one_line(left_out: LeftOut) -> str:
    """What was left out and why."""
    text = " ".join(left_out.text.split())
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN - 3]}..."
    return f"{shown} ({left_out.why})"


def program_of(text: str) -> str:
    """The program that a command runs, without the folder that it is in."""
    words = _ASSIGNMENT.sub("", without_sudo(text), count=1) if "=" in text[:40] else without_sudo(text)
    found = _WORD.match(words)
    return found[0].rpartition("/")[2] if found else ""


def without_sudo(text: str) -> str:
    """A command as root types it."""
    return re.sub(r"^(?:(?:sudo|doas)(?:\s+-[EHnSk]+)*\s+)+(?=[\w./])", "", text)


def is_command(text: str) -> bool:
    """Whether a text begins with a program or a word of the shell, and is not a sentence that begins so."""
    program = program_of(text)
    if program == "ip":
        words = without_sudo(text).split()
        return len(words) == 1 or words[1].startswith("-") or is_object(words[1])
    return program in programs.ALL or bool(re.match(r"\.?\.?/\S+|\w+=\S", text)) or bool(re.match(r"\w+\(\)", text))


def _left_out(snippet: Snippet, why: str) -> LeftOut:
    return LeftOut(snippet.text.strip().partition("\n")[0], snippet.line, why)


def _in_sentence(snippet: Snippet) -> Iterator[Found | LeftOut]:
    prompted = _PROMPT.fullmatch(snippet.text)
    text = prompted["command"] if prompted and prompted["sign"] == "$" else snippet.text.strip()
    if text in LEAVING:
        yield Found(text, snippet.line)
        return
    if not is_command(text) or not re.search(r"\s", without_sudo(text)):
        return
    if is_mention(without_sudo(text)):
        yield LeftOut(text, snippet.line, "it names a command and gives it no arguments")
    else:
        yield from _told(commands(text, snippet.line))


def is_mention(text: str) -> bool:
    """Whether a command in a sentence is only spoken of: `ip netns`, `runc create`."""
    program, *words = text.split()
    if program == "ip":
        words = words[2:] if words[0] in ("-n", "-netns") else words
        return len(words) < (3 if len(words) > 1 and IP_ACTIONS.match(words[1]) else 2)
    if program.startswith(("iptables", "ip6tables")) and "-" not in program:
        return not _IPTABLES_VERB.search(text)
    if program in programs.WITH_SUBCOMMANDS:
        return len(words) < 2
    return all(word.startswith("-") for word in words) and program in ("tar", "sysctl", "unshare", "nsenter", "mount")


def _in_block(snippet: Snippet) -> Iterator[Found | LeftOut]:
    lines = snippet.text.split("\n")
    if all(_NUMBERED.match(line) for line in lines if line.strip()):
        lines = [_NUMBERED.sub("", line, count=1) for line in lines]
        snippet = snippet._replace(text="\n".join(lines))
    if any(_prompted(line, bare=False) for line in lines):
        yield from _session(lines, snippet.line, bare=False)
    elif not any(is_command(line.strip()) for line in lines) and any(_prompted(line, bare=True) for line in lines):
        yield from _session(lines, snippet.line, bare=True)
    else:
        yield from _script(snippet)


def _prompted(line: str, bare: bool) -> str:
    """The command after a prompt, '' without one.

    bare: whether a # with nothing before it counts, which in a script begins a comment.
    """
    found = _PROMPT.fullmatch(line)
    if not found or not (found["who"] or found["sign"] == "$" or (bare and is_command(found["command"]))):
        return ""
    return found["command"]


def _session(lines: list[str], begin: int, bare: bool) -> Iterator[Found | LeftOut]:
    """Commands after prompts, and what they printed. begin: the line of the first."""
    at = 0
    while at < len(lines):
        start, first = at, _prompted(lines[at], bare)
        text, at = [first or lines[at]], at + 1
        while first and at < len(lines) and (text[-1].endswith("\\") or _MORE.match(lines[at])):
            text.append(_MORE.sub("", lines[at], count=1))
            at += 1
        stop = at
        while stop < len(lines) and not _prompted(lines[stop], bare):
            stop += 1
        printed = [line.strip() for line in lines[at if first else start : stop] if line.strip()]
        if first:
            yield from _told(commands("\n".join(text), begin + start), "\n".join(printed))
        if printed:
            yield LeftOut(printed[0], begin + (at if first else start), OUTPUT)
        at = stop


def _script(snippet: Snippet) -> Iterator[Found | LeftOut]:
    """Commands without prompts; what is none among them is left out."""
    for known, group in groupby(commands(snippet.text, snippet.line), key=lambda command: is_command(command.text)):
        found = list(group)
        if known:
            yield from _told(found)
        else:
            others = found[-1].line - found[0].line
            more = f", nor in {others} more line{'s' * (others > 1)}" if others else ""
            yield LeftOut(found[0].text.partition("\n")[0], found[0].line, UNKNOWN_PROGRAM + more)


def _told(found: Iterator[Command] | list[Command], output: str = "") -> Iterator[Found | LeftOut]:
    """output: what the last of them printed."""
    every = list(found)
    for command in every:
        if command.whole:
            yield Found(without_sudo(command.text), command.line, output if command is every[-1] else "")
        else:
            yield LeftOut(command.text.partition("\n")[0], command.line, "a quote or a block in it is not closed")
