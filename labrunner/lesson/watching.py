"""Those who look at a lab while it changes: they are told as soon as the kernel has told us.

Whoever watches asks again and again, and says what they have seen last; the answer waits until there is something new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

from checks.language.check import Check
from labrunner.kept.keeper import Answer, tell
from labrunner.lesson.lesson import Lesson
from runtime.facts.containers import ROOTS
from runtime.facts.events import KernelEvents
from runtime.sandbox.channel import Channel, Closed

_QUIET = 0.03  # seconds without events after which packets are sent to see what they do
_FLOOD = 0.02  # seconds after a look before the next one; a person sees no difference
_SILENT = 1.0  # seconds between looks at what the kernel tells nobody of


class Watching:
    """frame: what is shown to somebody, as they have asked for it."""

    def __init__(self, lesson: Lesson, frame: Callable[[dict[str, Any]], str]) -> None:
        self._lesson, self._frame = lesson, frame
        self._watchers: dict[Channel, dict[str, Any] | None] = {}  # with their request, while it waits
        self._events: KernelEvents | None = None
        self._number = 1  # of what there is to see
        self._traffic_at: float | None = None
        self._silent_at: float | None = None
        self._due_at: float | None = None  # when what was heard is looked at
        self._looked_at = 0.0

    @property
    def events(self) -> KernelEvents | None:
        """What has to be waited for, while somebody watches."""
        return self._events

    def ask(self, client: Channel, request: dict[str, Any]) -> Answer | None:
        """Somebody has seen the frame number request['seen']. The answer's code is the number of the newer one."""
        new = client not in self._watchers
        self._watchers[client] = request
        if new and self._events is None:
            self._begin()
        if new or request.get("seen") != self._number:
            self._watchers[client] = None
            return Answer(self._frame(request), self._number)
        return None

    def forget(self, client: Channel) -> None:
        """They have gone."""
        if self._watchers.pop(client, self) is not self and not self._watchers and self._events:
            self._events.close()
            self._events = self._traffic_at = self._silent_at = self._due_at = None

    def heard(self) -> None:
        """The kernel has told of something. Of a flood of events a look is taken now and then."""
        if self._events:
            self._events.drain()
            if monotonic() - self._looked_at < _FLOOD:
                self._due_at = self._due_at or self._looked_at + _FLOOD
            else:
                self._look(traffic=False)

    def patience(self) -> float | None:
        """Seconds until `late` has something to do."""
        due = [each for each in (self._due_at, self._traffic_at, self._silent_at) if each is not None]
        return max(0.0, min(due) - monotonic()) if due else None

    def late(self) -> None:
        """It is time to look at what the kernel tells nobody of."""
        now = monotonic()
        if self._due_at is not None and now >= self._due_at:
            self._look(traffic=False)
        elif self._traffic_at is not None and now >= self._traffic_at:
            self._look(traffic=True)
        elif self._silent_at is not None and now >= self._silent_at:
            before = self._lesson.session.now
            if self._lesson.session.observe() != before:
                self._look(traffic=False)
            self._silent_at = monotonic() + _SILENT

    def show(self) -> None:
        """There is something new to see."""
        self._number += 1
        for client, request in self._watchers.items():
            if request is not None:
                self._watchers[client] = None
                with suppress(Closed):  # the keeper finds that out too
                    tell(client, Answer(self._frame(request), self._number))

    def _begin(self) -> None:
        session = self._lesson.session
        checks = [check for step in self._lesson.lab.steps for check in step.checks]
        self._events = KernelEvents(session.namespaces, session.sandbox.root, session.sandbox.proc,
                                    session.sandbox.pidfd, [*_files(checks), *ROOTS])
        if not all(check.is_told() for check in checks):
            self._silent_at = monotonic() + _SILENT
        self._look(traffic=True)

    def _look(self, traffic: bool) -> None:
        """First what can be seen at once; packets are sent when it is quiet again."""
        wanted = self._needs_traffic()
        self._lesson.look(traffic or not wanted)
        self._traffic_at = monotonic() + _QUIET if wanted and not traffic else None
        if self._events:
            self._events.follow(each.pid for each in self._lesson.session.now.containers if each.pid)
        self._looked_at, self._due_at = monotonic(), None
        self.show()

    def _needs_traffic(self) -> bool:
        step, place = self._lesson.step, self._lesson.place
        checks = [*step.checks, *(kept.holds.check for kept in self._lesson.lab.kept(place))] if step else []
        return any(check.needs_traffic() for check in checks)


def _files(checks: list[Check]) -> Iterator[str]:
    for check in checks:
        yield from check.files()
