"""A shell of the lab that tells, before each prompt, what the command before it has changed, and `labrun` in the lab.

Both write into one named pipe (fifo(7)), in one piece and with a NUL at the end, and read what there is to tell from
another, which is their own:

    shell PID STATUS COLUMNS COLOUR FOLDER COMMAND    a command has ended
    labrun PID COLUMNS COLOUR WORD...                 somebody calls labrun; the answer itself is a file

They only ask: what is true is found out and kept outside. Whoever spoils the pipes hears nothing, and changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from labrunner.lesson.rc import RC_FILES, Shell, home_files
from labrunner.lesson.whereabouts import netns_of
from runtime import syscalls as sys
from runtime.errors import Refused
from runtime.sandbox.handle import Sandbox
from runtime.sandbox.mounts import BIN_DIR, home

FOLDER = "/run/labrun"
_ASKING = f"{FOLDER}/asking"
_LONGEST = 1 << 15  # bytes, fewer than a pipe holds (pipe(7))
_AT_ONCE = 8  # requests that are answered before something else has its turn
_UNTOLD = 4  # the exit code of a call whose answer could not be brought into the lab
_FIELD = "\x1f"  # between fields: ASCII's unit separator, which nobody types
_LABRUN = rf"""#!/bin/sh
# Ask whoever keeps the lab, outside of it.
folder={FOLDER}/call.$$
trap 'rm -rf $folder' EXIT
trap 'exit 130' INT TERM
{{ mkdir $folder && mkfifo $folder/done && exec 3<> $folder/done; }} 2> /dev/null &&
  [ -p {_ASKING} ] || {{ echo "labrun: nobody hears you in here any more" >&2
    echo "  next: in another terminal: labrun reset" >&2; exit 4; }}
colour=0 columns=80
if [ -t 1 ] && [ -z "$NO_COLOR" ]; then colour=1; fi
if [ -t 1 ]; then columns=$(stty size < /dev/tty 2> /dev/null | cut -d' ' -f2); fi
{{ printf 'labrun\037%s\037%s\037%s' $$ "${{columns:-80}}" $colour
  for word; do printf '\037%s' "$word"; done; printf '\0'; }} |
  dd of={_ASKING} bs=4096 iflag=fullblock conv=notrunc 2> /dev/null
read -r code <&3
[ ! -s $folder/out ] || cat $folder/out
[ ! -s $folder/err ] || cat $folder/err >&2
exit "${{code:-4}}"
"""


class Typed(NamedTuple):
    """A command that has ended in a shell. status: as $? has it.  command: '' when nothing new was typed.

    columns, colour: of the terminal.  netns: in which the shell is, '' for the lab host's.
    """

    pid: int
    status: int
    columns: int
    colour: bool
    folder: str
    command: str
    netns: str = ""

    def where(self, lab: str) -> str:
        """What the prompt says. lab: of the lab."""
        return f"{lab} in {self.netns}" if self.netns else lab


class Called(NamedTuple):
    """A call of labrun in the lab. columns: of the terminal.  colour: whether it has any."""

    pid: int
    columns: int
    colour: bool
    argv: tuple[str, ...]


class Prompt:
    """The pipes. tell: what there is to tell after a command: a short text for the prompt, and the news.

    call: answers a call of labrun: its exit code, and what goes to standard output and to standard error.
    To be made after Sandbox.enter. Raises Refused.
    """

    def __init__(self, sandbox: Sandbox, shell: Shell, tell: Callable[[Typed], tuple[str, str]],
                 call: Callable[[Called], tuple[int, str, str]]) -> None:
        self._sandbox, self._tell, self._call, self._kind = sandbox, tell, call, shell.kind
        files = {**RC_FILES, **{f"{home()}/{name}": text for name, text in shell.home}, **home_files(home()),
                 f"{FOLDER}/own.{shell.kind}": shell.rc, f"{FOLDER}/inputrc": shell.inputrc}
        folders = " ".join(sorted({os.path.dirname(path) for path in files}))
        sandbox.run(["/bin/sh", "-c", f"mkdir -p {folders} && mkfifo {_ASKING}"])
        for path, text in files.items():
            sandbox.write(path, text)
        sandbox.write(f"{BIN_DIR}/labrun", _LABRUN)
        sandbox.run(["chmod", "755", f"{BIN_DIR}/labrun"])
        # To read and write: so it has no end when a shell has closed it.
        self._asking = sys.open_beneath(sandbox.root, _ASKING, os.O_RDWR | os.O_NONBLOCK)
        self._begun = b""

    @property
    def shell(self) -> list[str]:
        """The command that starts such a shell."""
        if self._kind == "zsh":
            return ["/usr/bin/env", f"ZDOTDIR={FOLDER}/zsh", "zsh"]
        return ["/usr/bin/env", f"INPUTRC={FOLDER}/inputrc", "bash", "--rcfile", f"{FOLDER}/bashrc"]

    def fileno(self) -> int:
        """For select(2): readable when somebody asks."""
        return self._asking

    def answer(self) -> None:
        """Tell those who have asked."""
        # Of a shell the last request counts; a program that floods the pipe delays the others, no more.
        latest = {(type(asked), asked.pid): asked for asked in self._asked()}
        for asked in [*latest.values()][-_AT_ONCE:]:
            with suppress(Refused, OSError):
                if isinstance(asked, Typed):
                    where, news = self._tell(asked._replace(netns=netns_of(self._sandbox, asked.pid)))
                    self._send(f"{FOLDER}/{asked.pid}", f"{where}\n{news}".encode()[:_LONGEST] + b"\0")
                else:
                    self._answer(asked)

    def _answer(self, called: Called) -> None:
        code, out, err = self._call(called)
        folder = f"{FOLDER}/call.{called.pid}"
        for name, text in (("out", out), ("err", err)):
            try:
                if text:
                    self._sandbox.write(f"{folder}/{name}", text)
            except Refused:  # as where PID 1 is stopped: without its end the call would wait for ever
                code = _UNTOLD
        self._send(f"{folder}/done", f"{code}\n".encode())

    def _asked(self) -> Iterator[Typed | Called]:
        with suppress(BlockingIOError):
            self._begun += os.read(self._asking, _LONGEST)
        *whole, self._begun = self._begun.split(b"\0")
        self._begun = self._begun[-_LONGEST:]
        for each in whole:
            with suppress(ValueError):
                yield _read(each.decode(errors="replace").split(_FIELD))

    def _send(self, path: str, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
        fd = sys.open_beneath(self._sandbox.root, path, flags)
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, data)
        finally:
            os.close(fd)


def _read(fields: list[str]) -> Typed | Called:
    """Raises ValueError for what is no request."""
    match fields:
        case ["shell", pid, status, columns, colour, folder, command]:
            return Typed(_number(pid), _number(status), _width(columns), colour != "0", folder, command.strip())
        case ["labrun", pid, columns, colour, *argv]:
            return Called(_number(pid), _width(columns), colour != "0", tuple(argv))
    raise ValueError("no request")


def _width(text: str) -> int:
    return min(max(_number(text), 20), 500)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError("no number")
    return int(text)
