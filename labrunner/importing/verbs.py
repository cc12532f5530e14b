"""A command of the notes as actions: verbs of the lab language where they do exactly the same, else `run`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from checks.language.statement import Mistake
from labrunner.action import Action
from labrunner.actions.run import Run
from labrunner.actions.serve import Serve
from labrunner.actions.set_sysctl import SetSysctl
from labrunner.actions.write import Write
from labrunner.importing.blocks import without_sudo
from labrunner.importing.ip_words import executed, ip_actions
from labrunner.importing.iptables_words import iptables_actions
from labrunner.importing.model import setting
from labrunner.importing.runc_words import runc_actions
from labrunner.importing.where import here
from runtime.network.netns import LAB_HOST

_SPECIAL = re.compile(r"[|&;<>()$`*?~\n]")
_PRINTED = re.compile(r"echo\s+(-n\s+)?([^|&;<>()$`\\\n]*?)\s*>\s*([\w./-]+)$")
_PIPED = re.compile(r"echo\s+([^|&;<>()$`\\\n]*?)\s*\|\s*(?:sudo\s+)?tee\s+(/proc/sys/[\w./-]+)(?:\s*>\s*/dev/null)?$")
_DOCUMENT = re.compile(r"(?:cat\s*>\s*([\w./-]+)\s*<<(-?)\s*(['\"]?)(\w+)['\"]?|"
                       r"cat\s*<<(-?)\s*(['\"]?)(\w+)['\"]?\s*>\s*([\w./-]+))[ \t]*\n(.*\n)?\t*(?:\4|\7)$", re.DOTALL)
_SERVED = re.compile(r"python3? -m http\.server(?: (\d{1,5}))? (?:-d|--directory)[ =]([\w./'-]+)"
                     r"(?: *&?> */dev/null(?: 2>&1)?)? *&")
_EXECUTED = re.compile(r"ip netns exec ([\w.@+-]+) (python3? .*&)")
_PROC_SYS = "/proc/sys/"
_DEEPEST = 5


def actions_of(text: str, netns: str = LAB_HOST, depth: int = 0) -> tuple[Action, ...]:
    """What a command does, when it is run in `netns`. Raises Mistake when there can be no such netns."""
    try:
        found = _verbs(text, netns)
    except Mistake:
        found = ()
    if found:
        return found
    words = words_of(text)
    inner = _inner(text, words) if depth < _DEEPEST else None
    try:
        if inner:
            return actions_of(inner[0], inner[1] or netns, depth + 1)
    except Mistake:
        pass
    return (Run(command=text, **here(netns)),)


def words_of(text: str) -> list[str]:
    """The words of a command; none when only a shell can tell what they are."""
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    return [] if _SPECIAL.search(re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "", text)) else words


def _verbs(text: str, netns: str) -> tuple[Action, ...]:
    words = words_of(text)
    match words[:1]:
        case ["ip"]:
            return ip_actions(words[1:], netns)
        case ["sysctl"]:
            return _sysctls(words[1:], netns)
        case ["iptables"]:
            return iptables_actions(words[1:], netns)
        case ["runc" | "crun"] if netns == LAB_HOST:
            return runc_actions(words)
    return _served(text, netns) or _printed(text, netns)


def _served(text: str, netns: str) -> tuple[Action, ...]:
    """Python's web server in the background; without a number it takes port 8000."""
    found = _SERVED.fullmatch(text)
    if not found:
        return ()
    port = int(found[1] or 8000)
    return (Serve(folder=shlex.split(found[2])[0], **({} if port == 80 else {"port": port}), **here(netns)),)


def _inner(text: str, words: Sequence[str]) -> tuple[str, str] | None:
    """The command that a command runs, and the netns where, or ''; None when it runs none."""
    if executed(words):
        return without_sudo(_after(text, 4)), words[3]
    serving = _EXECUTED.fullmatch(text)
    if serving and _SERVED.fullmatch(serving[2]):
        return serving[2], serving[1]
    if len(words) == 3 and words[0] == "sh" and words[1] == "-c":
        return words[2], ""
    return None


def _after(text: str, words: int) -> str:
    """A command without its first words, as it was written."""
    return text.split(maxsplit=words)[words]


def _sysctls(words: Sequence[str], netns: str) -> tuple[Action, ...]:
    settings = [word.partition("=") for word in words if word not in ("-w", "-q", "--write")]
    if not all(equals and name and not name.startswith("-") for name, equals, _ in settings):
        return ()
    return tuple(_sysctl(name, value, netns) for name, _, value in settings)


def _sysctl(name: str, value: str, netns: str) -> Action:
    return SetSysctl(name=name, value=int(value) if value.isdecimal() and len(value) < 10 else value, **here(netns))


def _printed(text: str, netns: str) -> tuple[Action, ...]:
    """What is printed into a file: a setting of the kernel, or a file of the lab host."""
    found = _PIPED.fullmatch(text)
    if found:
        return (_sysctl_at(found[2], _echoed(found[1]), netns),)
    found = _PRINTED.fullmatch(text)
    if found and found[3].startswith(_PROC_SYS):
        return (_sysctl_at(found[3], _echoed(found[2]), netns),)
    if netns != LAB_HOST:
        return ()
    if found:
        return (Write(path=found[3], text=_echoed(found[2]) + ("" if found[1] else "\n")),)
    return _document(text)


def _document(text: str) -> tuple[Action, ...]:
    """cat > FILE <<'END', when the shell changes nothing in it."""
    found = _DOCUMENT.fullmatch(text)
    if not found:
        return ()
    body, quoted = found[9] or "", found[3] or found[6]
    if (found[2] or found[5]) or (not quoted and re.search(r"[$`\\]", body)):
        return ()
    return (Write(path=found[1] or found[8], text=body),)


def _sysctl_at(path: str, value: str, netns: str) -> Action:
    """path: of a file in /proc/sys."""
    return _sysctl(setting(path.removeprefix(_PROC_SYS)), value, netns)


def _echoed(written: str) -> str:
    """What echo prints. Raises Mistake where the shell would have a say in it."""
    if written.startswith("-") or re.search(r"[*?~\[#]", re.sub(r"'[^']*'|\"[^\"]*\"", "", written)):
        raise Mistake("text", "the shell changes it")
    try:
        return " ".join(shlex.split(written))
    except ValueError as error:
        raise Mistake("text", str(error)) from error
