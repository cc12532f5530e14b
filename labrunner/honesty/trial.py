"""What a trial is: one question to a lab, asked in a sandbox or in several."""

from __future__ import annotations

from abc import ABC, abstractmethod

from labrunner.honesty.doing import Finding
from labrunner.language.lab import Lab
from labrunner.session import Session
from runtime.sandbox.handle import start


class Trial(ABC):
    """One question to a lab. line: where in its file.  mistake: whether it is one that somebody has to notice."""

    mistake = False

    def __init__(self, lab: Lab, line: int) -> None:
        self.lab, self.line = lab, line

    def prepare(self) -> None:  # noqa: B027 most have nothing to prepare
        """What has to be found out before `carry_out`, in another process than that."""

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def carry_out(self) -> Finding | None:
        """What is wrong, found out by this process, or None. Raises Missing where this machine lacks something."""


class OneSession(Trial):
    """A trial that is over after one session; the process that carries it out can do no other."""

    def carry_out(self) -> Finding | None:
        session = Session(self.lab, start(lab_file=self.lab.about.path))
        try:
            return self.ask(session)
        finally:
            session.close()

    @abstractmethod
    def ask(self, session: Session) -> Finding | None:
        """What is wrong, or None."""
