"""The shells that notes enter, as with `ip netns exec red bash`: what is typed after it is done elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from labrunner.importing.blocks import LEAVING, Found, LeftOut, program_of
from labrunner.importing.ip_words import executed
from labrunner.importing.reasons import why_not
from labrunner.importing.verbs import words_of

_SHELL = r"(?:(?:sudo|env)\s+)?(?:/\S*/)?(?:ba|z|da|a)?sh(?:\s+-[il]+|\s+--\w+)*"
_NSENTER = re.compile(rf"nsenter\s+--net=/(?:var/)?run/netns/([\w.@+-]+)(?:\s+{_SHELL})?")
_ROOT = re.compile(rf"(?:sudo|doas)\s+-[is]+|(?:sudo\s+)?su(?:\s+-l?)?(?:\s+root)?|{_SHELL}")
_CONTAINER = re.compile(r"(?:docker|podman|nerdctl|kubectl)\s+(?:run|exec)\s(?:.*\s)?-(?:it|ti|i\s+-t)\s.*?"
                        rf"(?:{_SHELL}|(?:alpine|busybox|debian|ubuntu|fedora)(?::\S+)?)|ssh\s+[\w.@-]+")
_PERHAPS = re.compile(r"sh\b|(?:sudo|doas|su|nsenter|unshare|chroot|runc|crun|docker|podman|nerdctl|kubectl)\b")
_WITH_A_SHELL = frozenset(("unshare", "nsenter", "chroot", "runc", "crun"))
_LONGEST, _MOST = 300, 100
_SAME = "."  # the shell of another user, in the same place


class Entered(NamedTuple):
    """A shell, in which the lines after `begin` are typed, to `end`. netns: where it is, '' where no lab can follow."""

    netns: str
    begin: int
    end: int


class EnteredShells:
    """Those of one heading. Each lasts until it is left, or else to the end of the block of code that it begins in."""

    def __init__(self, blocks: Sequence[Sequence[Found | LeftOut]]) -> None:
        self._shells: list[Entered] = []
        opened: list[Entered] = []
        for block in blocks:
            for each in (each for each in block if isinstance(each, Found)):
                if each.text in LEAVING and opened:
                    self._shells.append(opened.pop()._replace(end=each.line))
                netns = _entered(each.text)
                if netns is not None and len(opened) + len(self._shells) < _MOST:
                    opened.append(Entered(netns, each.line, block[-1].line))
        self._shells = [shell for shell in self._shells + opened if shell.netns != _SAME]

    def at(self, line: int) -> Entered | None:
        """The shell in which what stands in this line is typed; None for the one that the notes begin in."""
        return max((shell for shell in self._shells if shell.begin < line <= shell.end), default=None,
                   key=lambda shell: shell.begin)

    def begun(self, line: int) -> Entered | None:
        """The shell that the command in this line starts."""
        return next((shell for shell in self._shells if shell.begin == line), None)


def _entered(text: str) -> str | None:
    """The netns of the shell that a command starts, '' for one elsewhere; None when it starts none."""
    if len(text) > _LONGEST or not _PERHAPS.search(text):
        return None
    words = words_of(text)
    if executed(words) and re.fullmatch(_SHELL, " ".join(words[4:])):
        return words[3]
    in_netns = _NSENTER.fullmatch(text)
    if in_netns:
        return in_netns[1]
    if _ROOT.fullmatch(text):
        return _SAME
    waits = program_of(text) in _WITH_A_SHELL and why_not(text).endswith("at the keyboard")
    return "" if waits or _CONTAINER.fullmatch(text) else None
