"""ping(8) and curl(1) of the notes as checks: labrun asks by itself, and what they show is true or not."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from checks.http import Http
from checks.language.check import Check
from checks.language.statement import Mistake
from checks.ping import Ping
from labrunner.importing.ip_words import executed
from labrunner.importing.verbs import words_of
from labrunner.importing.where import here
from runtime.network.netns import LAB_HOST

_WITH_VALUE = {"ping": frozenset(("-c", "-W", "-w", "-i", "-s", "-I", "-t")),
               "curl": frozenset(("-m", "--max-time", "--connect-timeout", "-o"))}
_HARMLESS = re.compile(r"-[sSvif]+|-[mo]|--max-time|--connect-timeout|--silent|--show-error|--fail|--verbose")
_URL = re.compile(r"(?:http://)?(\d+(?:\.\d+){3}|localhost)(?::(\d{1,5}))?(/[!-~]*)?")
_UNANSWERED = re.compile(r"100% packet loss|Host Unreachable|(?<!\d)0 received", re.IGNORECASE)
_UNSENT = re.compile(r"connect: Network is unreachable")
_CURL_FAILED = re.compile(r"curl: \((\d{1,2})\)")


class Asked(NamedTuple):
    """A ping or a curl of the notes. text: as it stands there.  status: what it ends with, by what the notes show."""

    check: Check
    text: str
    status: int

    @property
    def ends(self) -> bool:
        """Whether it ends by itself."""
        return not self.text.startswith("ping") or " -c" in self.text


def asked_of(text: str, output: str) -> Asked | None:
    """What a command asks, and by its `output` whether it is answered; None when no check asks the same."""
    words, netns = words_of(text), LAB_HOST
    while executed(words):
        netns, words = words[3], words[4:]
    where = here(netns, "from")
    try:
        match words[:1]:
            case ["ping"]:
                status = 2 if _UNSENT.search(output) else 1 if _UNANSWERED.search(output) else 0  # ping(8)
                to = _operand(words)
                return Asked(Ping(to=to, answers=not status, **where), text, status) if to else None
            case ["curl"] if all(_HARMLESS.fullmatch(word) for word in words if word.startswith("-")):
                failed = _CURL_FAILED.search(output)
                given = _url(_operand(words))
                status = int(failed[1]) if failed else 0
                return Asked(Http(**given, answers=not status, **where), text, status) if given else None
    except Mistake:
        pass
    return None


def _operand(words: list[str]) -> str:
    """The one operand of a command; '' when it has none or more."""
    takes = _WITH_VALUE[words[0]]
    found = [word for before, word in pairwise(words) if not word.startswith("-") and before not in takes]
    return found[0] if len(found) == 1 else ""


def _url(written: str) -> dict[str, object]:
    found = _URL.fullmatch(written)
    if not found:
        return {}
    port = {"port": int(found[2])} if found[2] and found[2] != "80" else {}
    path = {"path": found[3]} if found[3] and found[3] != "/" else {}
    return {"to": "127.0.0.1" if found[1] == "localhost" else found[1], **port, **path}
