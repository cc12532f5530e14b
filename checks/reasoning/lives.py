"""Find out whether a process that an earlier step saw still runs."""

from __future__ import annotations

from checks.language.check import Evidence
from runtime.facts.processes import Process


def still_alive(evidence: Evidence, container: str) -> Process | None:
    """Return the first process of a container as an earlier step saw it, if it still runs.

    The kernel uses a PID again after a while; a PID and a start time together identify a process.
    """
    seen = {(each.pid, each.started) for before in evidence.earlier.values() for each in before.containers
            if each.name == container and each.pid and not each.refuted}
    return next((each for each in evidence.snapshot.processes
                 if (each.pid, each.started) in seen and not each.ended), None)
