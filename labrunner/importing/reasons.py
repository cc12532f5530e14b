"""Why a command of the notes does not come into the lab."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from labrunner.importing import programs
from labrunner.importing.notes import UNSHOWABLE

_PLACEHOLDER = re.compile(r"<[A-Za-z](?:[\w .:/-]*\w)?>|\.\.\.|…|\[[A-Z][A-Z_-]+\]|\{[A-Z][A-Z_-]+\}|"
                          r"(?<![\w${/=-])(?:NAME|PID|CONTAINER|CONTAINER_ID|NETNS|NS|IP|ADDRESS|IFACE|INTERFACE|DEV|"
                          r"DEVICE|SUBNET|GATEWAY|PORT|IMAGE|DEST|DIR|PATH|FILE|ID|XX+)(?![\w/=-])")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|(?s:<<-?\s*['\"]?\w+['\"]?[^\n]*\n.*)")
_TEMPLATE = re.compile(r"\{[{%]")
_RUN = re.compile(r"(?:^|[|;&(`{\n]|\$\(|\b(?:do|then|else|exec\s+(?!-)\S+)\s)[ \t]*"
                  r"(?:(?:sudo|doas|time|nohup|timeout\s+\S+|\w+=\S*)\s+(?:-\S+\s+)*)*([\w./+-]+)(?=([^|;&()`\n]*))")
_WORD = re.compile(r"[^\s'\"]+")
_EVERYTHING = re.compile(r"/(?:\*|bin|boot|dev|etc|home|lib|usr|var|sbin)?/?")
_HOST = re.compile(r"(?:https?://)?([\w.-]+|\[[0-9a-f:]+\])(?::\d+)?(?:/.*)?$")
_FORK_BOMB = re.compile(r":\s*\(\)\s*\{")
_BECOMING_ROOT = re.compile(r"(?:sudo|doas)\s+-[is]+|(?:sudo\s+)?su(?:\s+-l?)?(?:\s+root)?")
_DEVICE = re.compile(r"(?:of=|>\s*)/dev/(?!null|zero|tty|std|fd|shm|pts)\w+")
_CONTAINER_SHELL = re.compile(r"(?:^|/)(?:ba|z|da|a)?sh$")


def why_not(text: str) -> str:
    """Why a command cannot be a part of a lab, in words for the writer of the notes; '' when it can."""
    if UNSHOWABLE in text:
        return "there is a control character in it"
    if _TEMPLATE.search(text):
        return "{{ and {% begin a template in a lab"
    placeholder = _PLACEHOLDER.search(_QUOTED.sub("", text))
    if placeholder:
        return f"{placeholder[0]} stands for something that the notes do not say"
    if _BECOMING_ROOT.fullmatch(text):
        return "in a lab one is root from the start"
    if _FORK_BOMB.search(text) or _DEVICE.search(text):
        return "it would destroy something"
    return next(filter(None, (_why_not_run(program, rest, text) for program, rest in _runs(text))), "")


def programs_of(text: str) -> set[str]:
    """The programs that a command runs."""
    return {program for program, _ in _runs(text)}


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Every program that a command runs, each with what follows it."""
    for found in _RUN.finditer(text):
        yield found[1].rpartition("/")[2], found[2]


def _why_not_run(program: str, rest: str, text: str) -> str:
    words = _WORD.findall(rest)
    if program in programs.DAEMONS:
        return f"{program} needs a daemon or images from a registry, and a lab has neither"
    if program in programs.DOWNLOADERS:
        return f"{program} needs the network, and a lab has none but its own"
    if program in programs.STOPPING or program.startswith("mkfs.") or (program == "rm" and _erases(words)):
        return "it would destroy something"
    if program == "kill" and words and words[-1] in ("1", "-1"):
        return "it would end the lab"
    if program in programs.ASKING_HOSTS:
        return _why_not_asked(program, words, text)
    if program in programs.INTERACTIVE or _waits_for_a_person(program, words):
        return f"{program} waits for a person at the keyboard"
    return "it does not end by itself" if _is_endless(program, words) and not _is_ended(text) else ""


def _why_not_asked(program: str, words: list[str], text: str) -> str:
    for word in words:
        found = _HOST.match(word)
        if found and not word.startswith("-") and _is_far(found[1].strip("[]")):
            return f"{found[1]} is a host of the real internet, and a lab cannot reach it"
    if program in ("nc", "ncat", "netcat") and any(word.startswith("-") and "l" in word for word in words):
        return "" if _is_ended(text) else "it does not end by itself"
    return ""


def _is_far(host: str) -> bool:
    """Whether a host is one of the real internet: a name with a dot, or an address that is for everybody."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return bool(re.fullmatch(r"(?:[a-zA-Z][\w-]*|[\w-]*[a-zA-Z])(?:\.[\w-]+)*\.[a-zA-Z]{2,}", host))


def _erases(words: list[str]) -> bool:
    """Whether rm(1) with these words takes away the machine."""
    recursive = any(re.fullmatch(r"-\w*[rR]\w*|--recursive", word) for word in words)
    return recursive and any(_EVERYTHING.fullmatch(word) for word in words)


def _waits_for_a_person(program: str, words: list[str]) -> bool:
    """A shell without a command, or what would start one."""
    if program in programs.SHELLS:
        return not words or words == ["-i"]
    if program in ("runc", "crun"):
        if words[:1] == ["run"]:
            return not {"-d", "--detach"} & set(words)
        return words[:1] == ["exec"] and bool(_CONTAINER_SHELL.search(words[-1]) or {"-t", "--tty"} & set(words))
    if program in ("unshare", "nsenter", "chroot"):
        operands = [word for word in words if not word.startswith("-")]
        alone = program == "unshare" and not operands
        return alone or bool(words and _CONTAINER_SHELL.search(words[-1]))
    return False


def _is_endless(program: str, words: list[str]) -> bool:
    if program == "tcpdump":
        return not any(word.startswith("-c") for word in words)
    if program in ("tail", "journalctl", "dmesg"):
        return any(re.fullmatch(r"-\w*[fFw]\w*|--follow", word) for word in words)
    if program in ("python3", "python"):
        return "http.server" in words
    if program in ("ip", "bridge", "nft"):
        return "monitor" in words[:3]
    if program in ("iperf", "iperf3"):
        return "-s" in words
    return program in ("watch", "tshark") or (program == "sleep" and words[:1] in (["infinity"], ["inf"]))


def _is_ended(text: str) -> bool:
    """Whether something ends it, or it runs in the background."""
    return bool(re.search(r"&\s*(?:$|[^&>])", text)) or "timeout " in text
