"""Who answers the shell in which somebody records a lab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from checks.language.statement import Mistake
from labrunner.errors import UsageError
from labrunner.importing.drafting import Draft
from labrunner.kept.keeper import Answer, HasFileno
from labrunner.lesson.prompt import Called, Prompt, Typed
from labrunner.lesson.rc import Shell
from labrunner.lesson.room import Room
from labrunner.recording.recording import Recording, Taken
from labrunner.session import Session
from runtime.errors import Problem, Refused
from runtime.sandbox.channel import Channel


class Recorder:
    """write: writes the lab as it is by now, and returns why it could not, or ''."""

    def __init__(self, session: Session, name: str, world: str, shell: Shell, write: Callable[[Draft], str]) -> None:
        self._session, self._name, self._write = session, name, write
        self._prompt = Prompt(session.sandbox, shell, self._news, self._call)
        session.observe()
        self._recording = Recording(session, name, world)
        self._room = Room(session.sandbox.root)

    @property
    def shell(self) -> list[str]:
        return self._prompt.shell

    def answer(self, client: Channel, request: dict[str, Any]) -> Answer | None:  # noqa: ARG002 of Teacher
        """Raises Refused: there is nothing to ask for."""
        raise Refused(f"{request['ask']} the lab", why="it is being recorded", mend="exit ends that, in its shell")

    def forget(self, client: Channel) -> None:
        """Nobody waits for anything."""

    def stirred(self) -> None:
        """It does not end by itself."""

    def sources(self) -> Sequence[HasFileno]:
        return [self._prompt]

    def heard(self, source: HasFileno) -> None:  # noqa: ARG002 there is only one
        self._prompt.answer()

    def patience(self) -> float | None:
        return None

    def late(self) -> None:
        """Nothing is waited for."""

    def _news(self, typed: Typed) -> tuple[str, str]:
        """For the prompt, and what became of the command."""
        wrote = self._room.changed()
        try:
            taken = self._recording.take(typed.command, typed.status, wrote, typed.netns) if typed.command else None
        except (Problem, Mistake) as problem:  # somebody is just changing it, or the language has no words for it
            taken = Taken(0, 0, (f"left out: {typed.command}: {problem}",))
        said = _told(taken) if taken else ""
        if taken and taken.step:
            said += self._written()
        return typed.where(f"recording {self._name} {self._recording.steps}"), said

    def _written(self) -> str:
        try:
            why = self._write(self._recording.draft())
        except UsageError:
            return ""
        return f"  ! not written: {why}\n" if why else ""

    def _call(self, _called: Called) -> tuple[int, str, str]:
        return 2, "", "labrun: a lab is being recorded here\n  next: type what its steps are; exit ends it\n"


def _told(taken: Taken) -> str:
    lines = [f"  ● step {taken.step}, {taken.checks} check{'s' * (taken.checks != 1)}"] if taken.step else []
    lines += [f"  - {each}" for each in taken.left_out]
    return "".join(f"{line}\n" for line in lines)
