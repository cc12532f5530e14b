"""A shell of the lab that tells, before each prompt, what the command before it has changed.

The shell writes its PID into one named pipe (fifo(7)), and reads what there is to tell from another, which is its own.
It only asks: what is true is found out and kept outside. Whoever spoils the pipes hears nothing, and changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress

from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.sandbox.handle import Sandbox

_FOLDER = "/run/labrun"
_ASKING = f"{_FOLDER}/asking"
_RC = f"{_FOLDER}/bashrc"
_LONGEST = 1 << 15  # bytes, fewer than a pipe holds (pipe(7))
# After a NUL the shell reads no further. \\[ and \\] stand around what takes no room (bash(1), PROMPTING).
_BASHRC = rf"""
[ ! -r ~/.bashrc ] || . ~/.bashrc
mkfifo {_FOLDER}/$$ 2> /dev/null
{{ exec {{labrun_news}}<> {_FOLDER}/$$; }} 2> /dev/null
labrun_prompt() {{
    local said=
    {{ echo $$ >> {_ASKING} && IFS= read -r -d "" -t 5 -u "$labrun_news" said; }} 2> /dev/null
    PS1='\[\e[1m\]labhost\[\e[0m\] '"${{said%%$'\n'*}}"' \w \$ '
    [ "$said" = "${{said#*$'\n'}}" ] || printf %s "${{said#*$'\n'}}"
}}
PROMPT_COMMAND=labrun_prompt
"""


class Prompt:
    """The pipes. tell: what there is to tell: a short text for the prompt, and the news.

    To be made after Sandbox.enter. Raises Refused.
    """

    def __init__(self, sandbox: Sandbox, tell: Callable[[], tuple[str, str]]) -> None:
        self._root, self._tell = sandbox.root, tell
        sandbox.run(["/bin/sh", "-c", f"mkdir -p {_FOLDER} && mkfifo {_ASKING}"])
        sandbox.write(_RC, _BASHRC)
        # To read and write: so it has no end when a shell has closed it.
        self._asking = sys.open_beneath(sandbox.root, _ASKING, os.O_RDWR | os.O_NONBLOCK)

    @property
    def shell(self) -> list[str]:
        """The command that starts such a shell."""
        return ["/bin/bash", "--rcfile", _RC]

    def fileno(self) -> int:
        """For select(2): readable when a shell asks."""
        return self._asking

    def answer(self) -> None:
        """Tell those who have asked."""
        asked = os.read(self._asking, _LONGEST).decode(errors="replace").split()
        where, news = self._tell()
        for pid in dict.fromkeys(each for each in asked if each.isdecimal() and len(each) < 10):
            with suppress(Refused, OSError):
                self._send(f"{_FOLDER}/{pid}", f"{where}\n{news}".encode()[:_LONGEST])
                news = ""

    def _send(self, path: str, data: bytes) -> None:
        fd = sys.open_beneath(self._root, path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, data + b"\0")
        finally:
            os.close(fd)
