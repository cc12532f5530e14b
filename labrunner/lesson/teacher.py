"""Who answers in a lab that somebody does: its shells, calls of labrun in it and outside of it, and those who watch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from labrunner.errors import UsageError
from labrunner.events import Event
from labrunner.kept.journal import Deed
from labrunner.kept.keeper import Answer, HasFileno
from labrunner.lesson.idle import Idle
from labrunner.lesson.lesson import Lesson, place_of
from labrunner.lesson.prompt import Called, Prompt, Typed
from labrunner.lesson.rc import Shell
from labrunner.lesson.replaying import replay
from labrunner.lesson.room import Room
from labrunner.lesson.watching import Watching
from runtime.errors import Problem, Refused
from runtime.sandbox.channel import Channel

Report: TypeAlias = Callable[[Iterable[Event], dict[str, Any]], Answer]
"""Tells events to whoever asked, as their request says: 'json', 'width', 'colour'."""


class Words(NamedTuple):
    """What is said to people, and understood of them. report: tells events.

    understand: the request that a call of labrun in the lab makes, or the answer where it makes none.
    failed: the words and the exit code of a problem.
    """

    report: Report
    understand: Callable[[Sequence[str]], dict[str, Any] | tuple[int, str, str]]
    failed: Callable[[Problem], tuple[str, int]]


class Again(Exception):
    """The lab is to be made anew, up to the step at a place. own: by what was typed, where that suffices."""

    def __init__(self, place: int, own: bool = True) -> None:
        super().__init__(place)
        self.place, self.own = place, own


class Stopped(Exception):
    """Somebody wants the lab to end."""


class LessonTeacher:
    """remember: is told what was done; returns what kept that from being written down."""

    def __init__(self, lesson: Lesson, words: Words, shell: Shell, ends_after: float | None,
                 remember: Callable[[Deed], Problem | None]) -> None:
        session = lesson.session
        self._lesson, self._words, self._remember = lesson, words, remember
        self._idle = Idle(ends_after, session.sandbox.root)
        self._prompt = Prompt(session.sandbox, shell, self._news, self._call)
        self._watching = Watching(lesson, lambda request: words.report([lesson.watched()], request).text)
        self._room = Room(session.sandbox.root)

    @property
    def shell(self) -> list[str]:
        return self._prompt.shell

    def stirred(self) -> None:
        self._idle.stirred()

    def sources(self) -> Sequence[HasFileno]:
        return [self._prompt, *([self._watching.events] if self._watching.events else [])]

    def heard(self, source: HasFileno) -> None:
        if source is self._prompt:
            self._idle.stirred()
            self._prompt.answer()
        else:
            self._watching.heard()

    def patience(self) -> float | None:
        found = (self._idle.patience(), self._watching.patience())
        return min((each for each in found if each is not None), default=None)

    def late(self) -> None:
        self._idle.late()
        self._watching.late()

    def forget(self, client: Channel) -> None:
        self._watching.forget(client)

    def answer(self, client: Channel, request: dict[str, Any]) -> Answer | None:
        """Raises Problem, Again when the lab has to be made anew, and Stopped when it has to end."""
        if request["ask"] == "watch":
            return self._watching.ask(client, request)
        return self._told(request)

    def _told(self, request: dict[str, Any]) -> Answer:
        before = self._lesson.place
        answer = self._words.report(self._events(request), request)
        if self._watching.events and (before != self._lesson.place or request["ask"] in ("check", "hint", "solve")):
            self._watching.show()
        return answer

    def _events(self, request: dict[str, Any]) -> Iterable[Event]:
        lesson = self._lesson
        match request["ask"]:
            case "teach":
                return lesson.teach()
            case "check":
                return lesson.check()
            case "hint":
                return lesson.hint()
            case "solve":
                return lesson.solve()
            case "status":
                return [lesson.stands()]
            case "goto":
                return self._goto(str(request["step"]))
            case "stop":
                raise Stopped
            case "diff":
                return lesson.diff(*(place_of(lesson.lab, str(step)) for step in request["steps"]))
        raise Refused(f"answer '{request['ask']}'", why="the lab was begun by another labrun", mend="labrun stop")

    def _goto(self, wanted: str) -> Iterable[Event]:
        lesson = self._lesson
        if not wanted:
            lesson.expect_step("begin the step anew")
        place = place_of(lesson.lab, wanted) if wanted else lesson.place
        if place <= lesson.place and place < len(lesson.lab.steps):
            self._remember(Deed("went", lesson.lab.steps[place].id))
            raise Again(place)
        here = lesson.step
        skipped = [Deed("skipped", step.id) for step in lesson.lab.steps[lesson.place:place]]
        try:
            replay(lesson, place, skipped, own=False)
        except Refused:  # they have done some of it already
            self._remember(Deed("went", here.id if here else ""))
            self._remember_all(skipped)
            raise Again(place) from None
        self._remember_all(skipped)
        return lesson.teach()

    def _remember_all(self, deeds: Sequence[Deed]) -> None:
        for deed in deeds:
            self._remember(deed)

    def _news(self, typed: Typed) -> tuple[str, str]:
        """For the prompt of a shell: where one is, and what there is to tell."""
        try:
            events = [*self._typed(typed), *self._lesson.news()]
        except Refused:  # what is looked at is just being changed: the next prompt tells of it
            events = []
        if events and self._watching.events:
            self._watching.show()
        terminal = {"width": typed.columns, "colour": typed.colour}
        return typed.where(self._lesson.where()), self._words.report(events, terminal).text.replace("\0", "")

    def _typed(self, typed: Typed) -> Iterable[Event]:
        """Remember a command that has changed something; those of labrun itself are remembered as what they do."""
        wrote = self._room.changed()
        own = typed.command.partition(" ")[0] == "labrun"
        if typed.command and not own and (wrote or self._lesson.changes()):
            yield from self._lesson.typed(typed.command, typed.folder, typed.netns)

    def _call(self, called: Called) -> tuple[int, str, str]:
        """Its exit code, standard output and standard error."""
        request = self._words.understand(called.argv)
        if isinstance(request, tuple):
            return request
        try:
            answer = self._told({**request, "width": called.columns, "colour": called.colour})
        except (Problem, UsageError) as problem:
            text, code = self._words.failed(problem)
            return code, "", text
        return answer.code, answer.text, ""

