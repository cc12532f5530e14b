"""The OCI runtimes that labrun knows, and which of them this machine has."""

from __future__ import annotations

from runtime.errors import Missing
from runtime.programs import how_to_install, is_there

RUNTIMES = ("runc", "crun")
FEATURE = "runtime"  # what a lab with containers needs, see runtime.features


def preferred() -> str:
    """The name of the runtime that is taken when nobody asks for one: the first that this machine has."""
    return next(filter(is_there, RUNTIMES), RUNTIMES[0])


def need_runtime() -> None:
    """Raises Missing without any."""
    if not any(map(is_there, RUNTIMES)):
        raise Missing("there is no OCI runtime", f"neither {' nor '.join(RUNTIMES)} is installed",
                      how_to_install(RUNTIMES[0]))
