"""Who keeps what the kernel does not, and the commands that show it: conmon in files, Docker behind its own command."""

from __future__ import annotations

from runtime.facts import docker
from runtime.facts.snapshot import Snapshot
from runtime.oci.shim.conmon import exit_file, log_file


def see_exit(snapshot: Snapshot, name: str) -> str:
    """The command that shows the exit status of a container, or of a session of exec."""
    if _is_dockers(snapshot, name):
        return f"docker inspect -f '{{{{.State.ExitCode}}}}' {name}"
    return f"cat {exit_file(name)}"


def see_output(snapshot: Snapshot, name: str) -> str:
    """The command that shows all that it has printed."""
    return f"docker logs {name}" if _is_dockers(snapshot, name) else f"cat {log_file(name)}"


def _is_dockers(snapshot: Snapshot, name: str) -> bool:
    container = snapshot.container(name)
    return container is not None and container.root == docker.RUNTIME_ROOT
