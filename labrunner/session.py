"""A lab being done: apply, observe, judge, step after step. What happens comes out as events."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator, Sequence
from time import perf_counter

from checks.language.check import Check, Evidence
from labrunner import __version__
from labrunner.action import Action
from labrunner.events import Acted, Checked, Event, Outcome, RunEnded, RunStarted, StepEnded, StepStarted, worst
from labrunner.lab import Lab, Step, word
from runtime.errors import Missing, Problem, Refused
from runtime.facts.difference import Change, difference
from runtime.facts.observer import Observer
from runtime.facts.snapshot import Snapshot
from runtime.lab_host import LabHost
from runtime.network.netns import Namespaces
from runtime.network.world import furnish
from runtime.probes.ping import ping_all
from runtime.probes.settle import settle
from runtime.sandbox.handle import Completed, Sandbox


class Session:
    """One lab in one sandbox. Making it makes this process the sandbox's judge, for good (Sandbox.enter).

    sandbox: a fresh one, which the session ends.
    network: 'netlink', or 'iproute2' to carry out each action by its shell command.
    """

    def __init__(self, lab: Lab, sandbox: Sandbox, network: str = "netlink") -> None:
        self.lab, self._network_kind, self._sandbox = lab, network, sandbox
        try:
            self._sandbox.enter()
            self._namespaces = Namespaces.of_sandbox(self._sandbox.root)
            self._host = LabHost(self._sandbox, self._namespaces)
            furnish(self._host.network, lab.world)
            wanted = (name for step in lab.steps for check in step.checks for name in check.sysctls())
            self._observer = Observer(self._namespaces, self._sandbox.proc, wanted)
            self._now = self._observer.observe()
        except BaseException:
            self._sandbox.stop()
            raise

    def close(self) -> None:
        """End the sandbox and everything in it."""
        self._sandbox.stop()

    @property
    def environment(self) -> dict[str, object]:
        """What the JSON contract calls `environment`."""
        return {
            "id_map": self._sandbox.id_map.kind,
            "network": self._network_kind,
            "runtime": None,
            "kernel": os.uname().release,
            "versions": {"labrun": __version__, "python": ".".join(map(str, sys.version_info[:3]))},
        }

    def observe(self) -> Snapshot:
        """The lab as it is now."""
        return self._observer.observe()

    def run(self, argv: Sequence[str]) -> Completed:
        """Run a command inside, as lab root on the lab host."""
        return self._sandbox.run(argv)

    def play(self, until: str = "") -> Iterator[Event]:
        """Carry out the steps, the one called `until` last. After a step that did not pass the rest is skipped."""
        started = perf_counter()
        steps = self._until(until)
        yield RunStarted(self.lab, self.environment, len(steps))
        outcomes: list[Outcome] = []
        stopped_by = ""
        for number, step in enumerate(steps, 1):
            if stopped_by:
                outcome: Outcome = "skip"
                yield StepEnded(step, outcome, 0.0, f"step '{stopped_by}' did not pass")
            else:
                outcome = yield from self._step(step, number)
                stopped_by = "" if outcome == "pass" else step.id
            outcomes.append(outcome)
        # The first step that did not pass stopped the run; that the rest was skipped only follows from it.
        whole: Outcome = next((each for each in outcomes if each != "pass"), "pass")
        yield RunEnded(whole, perf_counter() - started, self._now)

    def _until(self, until: str) -> tuple[Step, ...]:
        if not until:
            return self.lab.steps
        last = [step.id for step in self.lab.steps].index(until)
        return self.lab.steps[: last + 1]

    def _step(self, step: Step, number: int) -> Generator[Event, None, Outcome]:
        yield StepStarted(step, number)
        started = perf_counter()
        problem: Problem | None = None
        for action in step.actions:
            acted = self._act(action)
            yield acted
            problem = acted.problem
            if problem:
                break
        verdicts = []
        for checked in self._judge(step.checks):
            verdicts.append(checked.verdict.outcome)
            yield checked
        outcome = _outcome(problem, verdicts)
        yield StepEnded(step, outcome, perf_counter() - started, str(problem) if outcome == "skip" else "")
        return outcome

    def _act(self, action: Action) -> Acted:
        started, before = perf_counter(), self._now
        problem: Problem | None = None
        try:
            self._apply(action)
        except (Missing, Refused) as found:
            problem = found
        self._now = self._observer.observe()
        return Acted(word(action), action.command(), _by_command(before, self._now), problem, perf_counter() - started)

    def _apply(self, action: Action) -> None:
        if self._network_kind == "iproute2":
            self._host.shell(action.command())
        else:
            action.apply(self._host)

    def _judge(self, checks: tuple[Check, ...]) -> Iterator[Checked]:
        """All pings of the step at once, then one look at the kernel: counters have counted them by then."""
        started = perf_counter()
        everywhere = {netns.name: netns for netns in self._namespaces.all()}
        pings = [ping for check in checks for ping in check.probes(self._now)]
        answers = {}
        if pings:
            settle(everywhere.values())
            answers = ping_all(pings, everywhere)
            self._now = self._observer.observe()
        evidence = Evidence(self._now, answers)
        for check in checks:
            yield Checked(word(check), check.judge(evidence), perf_counter() - started)


def _by_command(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """What a command did. Neighbours come and go with the traffic, and processes with the command itself."""
    return tuple(change for change in difference(before, after) if change.kind not in ("neighbour", "process"))


def _outcome(problem: Problem | None, verdicts: list[Outcome]) -> Outcome:
    if isinstance(problem, Missing):
        return "skip"
    return "error" if problem else worst(verdicts)
