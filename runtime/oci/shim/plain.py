"""What a program prints, as text to look for something in: without what steers a terminal, each line ending in '\\n'.

A terminal ends a line with '\\r\\n', and '\\r' alone goes back to its beginning; what follows begins a line too.
"""

from __future__ import annotations

import codecs
import re

# ECMA-48, 5.3 to 5.6: control sequences; control strings, to their end; and two or three characters. What is longer
# than any real one is text: else a stray beginning would hold back all that follows.
_STEERING = re.compile(r"\x1b(?:\[[0-?]{0,99}[ -/]{0,9}[@-~]|[\]P^_X][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"
                       r"|[ -/]{1,9}[0-~]|[0-OQ-WYZ\\`-~])")
_OPEN = r"\x1b(?:\[[0-?]{0,99}[ -/]{0,9}|[\]P^_X][^\x07\x1b]{0,4096}\x1b?|[ -/]{0,9})"  # the same, not whole yet
_BEGUN = re.compile(rf"(?<!\r)\r++(?:{_OPEN})?\Z|{_OPEN}\Z")
_RETURNS = re.compile(r"\r+\n?")


class Plain:
    """Takes pieces, cut anywhere: in the middle of a character, of a sequence, of a line's end."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = ""

    def text(self, data: bytes) -> str:
        """What the next piece adds. What may be the beginning of a sequence is kept until the rest has come."""
        text = _STEERING.sub("", self._begun + self._decoder.decode(data))
        begun = _BEGUN.search(text)
        self._begun = begun[0] if begun else ""
        return _RETURNS.sub("\n", text[:begun.start()] if begun else text)


def echo_of(typed: str) -> str:
    """A regular expression for what a terminal shows of what was typed.

    A program that edits lines breaks it where the terminal's line is full; a control character shows as anything.
    """
    return r"\s*".join(re.escape(each) if each.isprintable() else ".*?" for each in typed if each != " ")
