"""The words of runc(8), crun(1) and their like, as a person types them as lab root on the lab host."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join, quote

from runtime.oci.config import Edit, jq_program

CONFIG = "config.json"


def pid_file(container: str) -> str:
    """Where the PID of a container's first process is written, by `create --pid-file`."""
    return f"/run/{container}.pid"


def pid_of(container: str) -> str:
    """The same as a part of a command."""
    return f"$(cat {pid_file(container)})"


def config_of(bundle: str) -> str:
    """The path of a bundle's config.json."""
    return f"{bundle.rstrip('/')}/{CONFIG}"


def spec(runtime: str, bundle: str) -> str:
    """The command that makes a bundle's folder and writes its config.json."""
    return f"mkdir -p {quote(bundle)} && {runtime} spec --bundle {quote(bundle)}"


def edit_config(bundle: str, change: Edit) -> str:
    """The command that changes a bundle's config.json."""
    config = quote(config_of(bundle))
    return f"jq {quote(jq_program(change))} {config} > {config}.new && mv {config}.new {config}"


def create(runtime: str, name: str, bundle: str) -> str:
    """The command that prepares a container and does not start its program."""
    return f"{runtime} create --bundle {quote(bundle)} --pid-file {pid_file(name)} {name}"


def start(runtime: str, name: str) -> str:
    """The command that lets a created container's program run."""
    return f"{runtime} start {name}"


def exec_(runtime: str, name: str, words: Sequence[str], detach: bool = False) -> str:
    """The command that runs one more program in a running container."""
    return f"{runtime} exec {'--detach ' * detach}{name} {join(words)}"


def kill(runtime: str, name: str, signal: str) -> str:
    """The command that sends a signal to a container's first process."""
    return f"{runtime} kill {name} {signal}"


def delete(runtime: str, name: str, force: bool = False) -> str:
    """The command that deletes a stopped container; with force, one that runs too."""
    return f"{runtime} delete {'--force ' * force}{name}"


def state(runtime: str, name: str) -> str:
    """The command that shows what the runtime knows of a container."""
    return f"{runtime} state {name}"


def name_netns(name: str, container: str) -> str:
    """The command that gives the netns of a container a name (ip-netns(8))."""
    return f"ip netns attach {name} {pid_of(container)}"
