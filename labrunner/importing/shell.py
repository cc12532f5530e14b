"""Shell text as its single commands (sh(1)), each as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(r"""
      (?P<continued>\\\n)
    | \\. | '[^']*' | "(?:\\.|[^"\\])*" | `[^`]*`
    | (?P<unclosed>['"`])
    | (?P<comment>(?<![^\s;&|()])\#[^\n]*)
    | <<<
    | <<(?P<tabs>-?)[ \t]*(?P<quoted>['"\\]?)(?P<delimiter>\w+)['"]?
    | (?P<open>[$<>]?\() | (?P<close>\))
    | (?P<separator>&&|\|\||;;|;|\n|\|(?=[^|]))
    | [^\\'"`\#<()&|;\n$>]+ | .
    """, re.VERBOSE | re.DOTALL)
_OPENING = frozenset(("for", "while", "until", "if", "case", "select"))
_CLOSING = frozenset(("done", "fi", "esac", "}"))
_LEADING = frozenset(("do", "then", "else", "elif", "!", "time"))


class Command(NamedTuple):
    """One command. line: in the notes, from 1.  whole: whether its quotes and blocks are closed."""

    text: str
    line: int
    whole: bool = True


def commands(text: str, line: int) -> Iterator[Command]:
    """The commands of a text that begins at `line`.

    They end with their line, a ; or &&. What belongs together stays together: loops, pipes, here-documents, a || b.
    """
    chain: list[tuple[Command, str]] = []
    for command, separator in _Scanner(text, line).scan():
        chain.append((command, separator))
        if separator not in ("&&", "||"):
            yield from _unchained(chain)
            chain = []
    yield from _unchained(chain)


def _unchained(chain: list[tuple[Command, str]]) -> Iterator[Command]:
    whole = [each for each in chain if each[0].text]
    if any(separator == "||" for _, separator in whole[:-1]):
        text = "".join(f"{command.text} {separator} " for command, separator in whole[:-1]) + whole[-1][0].text
        yield Command(text, whole[0][0].line, all(command.whole for command, _ in whole))
    else:
        yield from (command for command, _ in whole)


class _Scanner:
    def __init__(self, text: str, line: int) -> None:
        self._text, self._line = text, line
        self._at = 0
        self._brackets = self._blocks = 0
        self._heredocs: list[tuple[str, bool]] = []
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._segment: list[str] = []
        self._begun = 0
        self._whole = True

    def scan(self) -> Iterator[tuple[Command, str]]:
        """Each command with the separator that ends it."""
        while self._at < len(self._text):
            token = _TOKEN.match(self._text, self._at)
            assert token
            self._at = token.end()
            separator = self._take(token)
            if separator:
                yield self._command(), separator
                self._begin()
        self._count_blocks()
        yield self._command(), ""

    def _take(self, token: re.Match[str]) -> str:
        """Take in a token. Returns the separator that it is, when a command ends with it."""
        written = token[0]
        if token["delimiter"]:
            self._heredocs.append((token["delimiter"], bool(token["tabs"])))
        self._whole = self._whole and not token["unclosed"]
        self._brackets = max(0, self._brackets + bool(token["open"]) - bool(token["close"]))
        ends = bool(token["separator"]) and not self._brackets and self._ends(written)
        if ends or token["comment"]:
            self._line += written.count("\n")
            return written if ends else ""
        self._append(" " if token["continued"] else written, to_segment=not token["separator"] or self._brackets > 0)
        self._line += bool(token["continued"])
        return ""

    def _append(self, written: str, to_segment: bool = True) -> None:
        if not self._begun and not written.isspace():
            self._begun = self._line
        self._pieces.append(written)
        if to_segment:
            self._segment.append(written)
        self._line += written.count("\n")

    def _ends(self, separator: str) -> bool:
        """Whether a command ends with this separator, and does not go on in a pipe or a loop."""
        self._count_blocks()
        self._segment = []
        if separator == "\n" and self._heredocs:
            self._take_heredocs()
        return not (self._blocks or self._heredocs) and separator not in ("|", ";;")

    def _count_blocks(self) -> None:
        """Loops, conditions and functions that the segment opens or closes."""
        words = "".join(self._segment).split()
        while words and words[0] in _LEADING:
            del words[0]
        if words:
            opens = (words[0] in _OPENING) + (words[0] == "{" or (len(words) > 1 and words[-1] == "{"))
            self._blocks = max(0, self._blocks + opens - (words[0] in _CLOSING))

    def _take_heredocs(self) -> None:
        for delimiter, tabs in self._heredocs:
            indented = "\t*" if tabs else ""
            end = re.compile(f"^{indented}{delimiter}$", re.MULTILINE).search(self._text, self._at)
            stop = end.end() if end else len(self._text)
            self._whole = self._whole and bool(end)
            self._append("\n" + self._text[self._at : stop])
            self._at = stop + 1
        self._heredocs = []

    def _command(self) -> Command:
        whole = self._whole and not (self._brackets or self._blocks or self._heredocs)
        return Command("".join(self._pieces).strip(), self._begun or self._line, whole)
