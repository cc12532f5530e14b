"""Commands of runc(8) and crun(1) as verbs, where a verb does exactly the same."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from labrunner.action import Action
from labrunner.actions.create_container import CreateContainer
from labrunner.actions.delete_container import DeleteContainer
from labrunner.actions.exec_in_container import ExecInContainer
from labrunner.actions.kill_container import KillContainer
from labrunner.actions.start_container import StartContainer
from runtime.oci.available import RUNTIMES
from runtime.oci.command_line import pid_file


def runc_actions(words: Sequence[str]) -> tuple[Action, ...]:
    """The verb that a command is; nothing where there is none. Raises Mistake for a name that cannot be one."""
    runtime, *rest = words
    which = {} if runtime == RUNTIMES[0] else {"runtime": runtime}
    match rest:
        case ["create", ("--bundle" | "-b"), bundle, "--pid-file", file, name] if file == pid_file(name):
            return (CreateContainer(name=name, bundle=bundle, **which),)
        case ["create", ("--bundle" | "-b"), bundle, name]:
            return (CreateContainer(name=name, bundle=bundle, **which),)
        case ["start", name]:
            return (StartContainer(name=name, **which),)
        case ["exec", ("--detach" | "-d"), name, *command] if command:
            return (ExecInContainer(name=name, command=_command(command), detach=True, **which),)
        case ["exec", name, *command] if command and not name.startswith("-"):
            return (ExecInContainer(name=name, command=_command(command), **which),)
        case ["kill", name]:
            return (KillContainer(name=name, signal="TERM", **which),)
        case ["kill", name, signal]:
            return (KillContainer(name=name, signal=signal.removeprefix("SIG"), **which),)
        case ["delete", name]:
            return (DeleteContainer(name=name, **which),)
        case ["delete", ("--force" | "-f"), name]:
            return (DeleteContainer(name=name, force=True, **which),)
    return ()


def _command(words: Sequence[str]) -> str:
    """The command as exec_in_container takes it, which puts a shell around it where it needs one."""
    return words[2] if list(words[:2]) == ["sh", "-c"] and len(words) == 3 else shlex.join(words)
