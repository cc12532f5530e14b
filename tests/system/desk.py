"""Where somebody sits who uses labrun in several terminals."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pexpect

from tests.system.accounts import environment, run_as, start_as

if TYPE_CHECKING:
    from tests.system.accounts import User

Person: TypeAlias = "pexpect.spawn[str]"


class Desk:
    """Where a user sits: a home folder, a folder for sockets, and terminals. lab: the text of one of their own."""

    def __init__(self, labrun: Path, user: User, folder: Path, lab: str = "") -> None:
        self.labrun, self.user, self.lab, self.runtime_dir = labrun, user, folder / "kept", folder / user.name
        self.lab.mkdir(exist_ok=True)
        (self.lab / "lab.yaml").write_text(lab)
        self.runtime_dir.mkdir(mode=0o700)
        os.chown(self.runtime_dir, user.uid, user.gid)
        self.environment = {"XDG_RUNTIME_DIR": str(self.runtime_dir), "XDG_STATE_HOME": f"{self.runtime_dir}/state",
                            "TERM": "xterm"}

    def person(self, *argv: str | Path, program: str | Path = "", rows: int = 24, columns: int = 80) -> Person:
        """Somebody who starts a program, labrun without another, on a terminal."""
        def become() -> None:
            if self.user.uid != os.getuid():
                os.setgroups([])
                os.setgid(self.user.gid)
                os.setuid(self.user.uid)

        return pexpect.spawn(str(program or self.labrun), list(map(str, argv)), encoding="utf-8", timeout=30, cwd="/",
                             env=environment(self.user, self.environment), preexec_fn=become,
                             dimensions=(rows, columns))

    def script(self, *argv: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """labrun without any terminal."""
        return run_as(self.user, [self.labrun, *argv], env=self.environment, cwd="/", **options)

    def start(self, *argv: str | Path, **options: Any) -> subprocess.Popen[str]:
        """The same, and not waited for."""
        return start_as(self.user, [self.labrun, *argv], env=self.environment, cwd="/", **options)

    def sockets(self) -> list[str]:
        folder = self.runtime_dir / "labrun"
        return os.listdir(folder) if folder.exists() else []


def ended(person: Person) -> int:
    """The exit code."""
    person.expect(pexpect.EOF)
    person.close()
    return person.exitstatus if person.exitstatus is not None else -int(person.signalstatus or 0)
