from __future__ import annotations

from os.path import dirname
from shlex import quote
from typing import Any

from checks.file import MODE
from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.values import TEXT, Kind

_WRITABLE = ("/run", "/tmp", "/dev/shm", "/root")


def _path(value: Any) -> str:
    path = str(TEXT.parse(value))
    if not path.startswith("/") or path.endswith("/") or "\0" in path or ".." in path.split("/"):
        raise ValueError(f"'{path}' is not the path of a file: it has to begin with /, and to go straight there")
    return path


def _wrong_content(value: str) -> list[str]:
    return ["" if value == "wrong\n" else "wrong\n"]


PATH: Kind[str] = Kind("path", "the path of a file, as /tmp/index.html", _path,
                       {"type": "string", "pattern": "^/.*[^/]$"}, lambda value: [f"{value}.wrong"])
CONTENT: Kind[str] = Kind("content", "a text", TEXT.parse, wrong=_wrong_content)


class Write(Action):
    """Write a text to a file of the lab host; folders that are missing are made."""

    seen = False
    path = argument(PATH, "where: below /tmp, /run or root's home folder")
    text = argument(CONTENT, "what the file then holds")
    mode = argument(MODE, "its mode (chmod(1)), in quotes", default=None)

    def command(self) -> str:
        folder, path = quote(dirname(self.path)), quote(self.path)
        make = "" if dirname(self.path) in _WRITABLE else f"mkdir -p {folder} && "
        return f"{make}{self._printed()} > {path}" + (f" && chmod {self.mode} {path}" if self.mode else "")

    def _printed(self) -> str:
        """What prints the text: echo for one line, printf(1) else."""
        line = self.text.removesuffix("\n")
        if self.text.endswith("\n") and "\n" not in line and "\\" not in line and not line.startswith("-"):
            return f"echo {quote(line)}"
        return f"printf %s {quote(self.text)}"

    def apply(self, host: LabHost) -> None:
        host.shell(self.command())
