"""A lab being done: apply, observe, judge, step after step. What happens comes out as events."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from functools import reduce
from operator import or_
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from checks.language.check import Check, Evidence, Verdict
from labrunner import __version__, streams
from labrunner.action import Action
from labrunner.events import Acted, Checked, Event, Outcome, RunEnded, RunStarted, StepEnded, StepStarted, worst
from labrunner.language.lab import Lab, Step, kernel_needs
from labrunner.language.vocabulary import word
from runtime.errors import Missing, Problem, Refused
from runtime.facts.difference import Change, difference
from runtime.facts.observer import Observer
from runtime.facts.snapshot import Snapshot
from runtime.facts.storage import Wanted
from runtime.lab_host import LabHost
from runtime.network.netns import Namespaces
from runtime.network.world import furnish
from runtime.oci.available import FEATURE
from runtime.probes.asking import ask_all
from runtime.probes.ping import PATIENCE
from runtime.probes.settle import settle
from runtime.sandbox.handle import Completed, Sandbox

if TYPE_CHECKING:
    from runtime.sandbox.outside import Outside


class Judged(NamedTuple):
    """The verdict on a check. seconds: what gathering its evidence cost, together with the others'."""

    check: Check
    verdict: Verdict
    seconds: float


class Session:
    """One lab in one sandbox. Making it makes this process the sandbox's judge, for good (Sandbox.enter).

    sandbox: a fresh one, which the session ends.
    host: the hands in it.
    network: 'netlink', or 'iproute2' to carry out each action by its shell command.
    """

    def __init__(self, lab: Lab, sandbox: Sandbox, network: str = "netlink") -> None:
        self.lab, self._network_kind, self.sandbox = lab, network, sandbox
        self._outside = _outside(lab)
        try:
            self.sandbox.enter()
            self._namespaces = Namespaces.of_sandbox(self.sandbox.root)
            self.host = LabHost(self.sandbox, self._namespaces, self._outside)
            furnish(self.host.network, lab.world)
            checks = [check for step in lab.steps for check in step.checks]
            self._observer = Observer(self._namespaces, self.sandbox.proc,
                                      [name for check in checks for name in check.sysctls()],
                                      [path for check in checks for path in check.files()], self.sandbox.root,
                                      [path for check in checks for path in check.trees()], lab.runtime,
                                      streams=any(check.needs_streams() for check in checks),
                                      screens=[name for check in checks for name in check.screens()],
                                      storage=reduce(or_, (check.storage() for check in checks), Wanted()))
            self._shows = any(check.screens() for check in checks)
            self._earlier: dict[str, Snapshot] = {}
            self._now = self._observer.observe()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the sandbox and everything in it."""
        self.sandbox.stop()
        if self._outside:
            self._outside.close()

    @property
    def environment(self) -> dict[str, object]:
        """What the JSON contract calls `environment`."""
        runtime = self.lab.runtime if FEATURE in kernel_needs(self.lab) else None
        return {
            "id_map": self.sandbox.id_map.kind,
            "network": self._network_kind,
            "runtime": runtime,
            "kernel": os.uname().release,
            "versions": {"labrun": __version__, "python": ".".join(map(str, sys.version_info[:3]))},
        }

    def observe(self) -> Snapshot:
        """The lab as it is now; what is judged next is judged by it."""
        self._now = self._observer.observe()
        return self._now

    def look_for(self, checks: Sequence[Check]) -> Snapshot:
        """The lab as it is now, and from now on always with what these checks ask for of settings and files."""
        self._observer.add([name for check in checks for name in check.sysctls()],
                           [path for check in checks for path in check.files()])
        return self.observe()

    @property
    def now(self) -> Snapshot:
        """The lab as it was seen last."""
        return self._now

    @property
    def namespaces(self) -> Namespaces:
        """Those of the lab."""
        return self._namespaces

    def remember(self, step: Step) -> None:
        """The lab as it is now is what it was after `step`: checks of later steps may compare it with that."""
        self._earlier[step.id] = self._now

    def after(self, step: Step) -> Snapshot:
        """The lab as it was after a step that is over."""
        return self._earlier[step.id]

    def run(self, argv: Sequence[str]) -> Completed:
        """Run a command inside, as lab root on the lab host."""
        return self.sandbox.run(argv)

    def apply(self, action: Action) -> None:
        """Carry out an action. Raises Refused, Missing."""
        if self._network_kind == "iproute2":
            action.type_in(self.host)
        else:
            action.apply(self.host)
        if self._shows:  # what a shim writes counts from the first look at it on
            self.observe()

    def judge(self, checks: Sequence[Check], patience: float = PATIENCE) -> list[Judged]:
        """The verdict on each: all probes at once, then one look at the kernel: counters have counted them by then.

        patience: seconds for which an answer that has to come is waited for.
        """
        started = perf_counter()
        everywhere = {netns.name: netns for netns in self._namespaces.all()}
        probes = [probe for check in checks for probe in check.probes(self._now)]
        answers = {}
        if probes:
            settle(everywhere.values())
            answers = ask_all(probes, everywhere, patience)
            self.observe()
        evidence = Evidence(self._now, answers, self._earlier)
        return [Judged(check, check.verdict(evidence), perf_counter() - started) for check in checks]

    def play(self, until: str = "") -> Iterator[Event]:
        """Carry out the steps, the one called `until` last. Those that need a step that did not pass are skipped."""
        started = perf_counter()
        steps = self.lab.steps[: self.lab.place(until) + 1] if until else self.lab.steps
        yield RunStarted(self.lab, self.environment, len(steps))
        outcomes: dict[str, Outcome] = {}
        for number, step in enumerate(steps, 1):
            lacking = next((need for need in step.needs if outcomes[need] != "pass"), "")
            if lacking:
                outcomes[step.id] = "skip"
                yield StepEnded(step, "skip", 0.0, f"step '{lacking}' did not pass")
            else:
                outcomes[step.id] = yield from self._step(step, number, outcomes)
        # The first step that did not pass is what came of the run; that others were skipped only follows from it.
        whole: Outcome = next((each for each in outcomes.values() if each != "pass"), "pass")
        yield RunEnded(whole, perf_counter() - started, self._now)

    def _step(self, step: Step, number: int, outcomes: dict[str, Outcome]) -> Generator[Event, None, Outcome]:
        yield StepStarted(step, number)
        started = perf_counter()
        problem: Problem | None = None
        for action in step.actions:
            acted = self.act(action)
            yield acted
            problem = acted.problem
            if problem:
                break
        self.remember(step)
        verdicts: list[Outcome] = []
        kept = [each for each in self.lab.kept(number - 1) if outcomes[each.since] == "pass"]
        since = {each.holds.check: each.since for each in kept}
        for check, verdict, seconds in self.judge((*step.checks, *since)):
            verdicts.append(verdict.outcome)
            yield Checked(word(check), verdict, seconds, since.get(check, ""))
        outcome = _outcome(problem, verdicts)
        yield StepEnded(step, outcome, perf_counter() - started, str(problem) if outcome == "skip" else "")
        return outcome

    def act(self, action: Action) -> Acted:
        """Carry out an action, and look what it did."""
        started, before = perf_counter(), self._now
        problem: Problem | None = None
        try:
            self.apply(action)
        except (Missing, Refused) as found:
            problem = found
        changes = by_command(before, self.observe())
        return Acted(word(action), action.command(), changes, problem, perf_counter() - started)


def _outside(lab: Lab) -> Outside | None:
    """A process that stays outside of the sandbox, when the lab has root file systems of images."""
    if not any(action.outside() for step in lab.steps for action in step.actions):
        return None
    from runtime.oci.rootfs.sources import AS_IMAGE, open_
    from runtime.sandbox.outside import Outside

    def export(source: str) -> int:
        with streams.counted(f"getting {source.removeprefix(AS_IMAGE)}") as tell:
            return open_(source, tell)

    return Outside(export)


def by_command(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """What a command did. Neighbours come and go with the traffic, and processes with the command itself."""
    return tuple(change for change in difference(before, after) if change.kind not in ("neighbour", "process"))


def _outcome(problem: Problem | None, verdicts: list[Outcome]) -> Outcome:
    if isinstance(problem, Missing):
        return "skip"
    return "error" if problem else worst(verdicts)
