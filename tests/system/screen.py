"""What somebody sees on their terminal."""

from __future__ import annotations

import re
import time

import pexpect
import pyte

from tests.system.desk import Person

_PATIENCE = 10.0  # seconds


class Screen:
    """That of a person."""

    def __init__(self, person: Person, rows: int = 24, columns: int = 80) -> None:
        self.person = person
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)

    @property
    def text(self) -> str:
        """All that is seen now."""
        while True:
            try:
                self._stream.feed(self.person.read_nonblocking(1 << 16, 0.02))
            except (pexpect.TIMEOUT, pexpect.EOF):
                return "\n".join(line.rstrip() for line in self._screen.display)

    def shows(self, pattern: str) -> str:
        """Wait until something is seen."""
        deadline = time.monotonic() + _PATIENCE
        while not re.search(pattern, text := self.text, re.MULTILINE):
            assert time.monotonic() < deadline, f"'{pattern}' is not seen in\n{text}"
        return text

    def resize(self, rows: int, columns: int) -> None:
        self._screen.resize(rows, columns)
        self.person.setwinsize(rows, columns)
