"""The shims of containers: processes that stay with a container when the runtime has gone (conmon(8), containerd)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from runtime.facts.containers import Container
from runtime.facts.processes import Process

CONMON, CONTAINERD_SHIM = "conmon", "containerd-shim"
_ORDERS = ("start", "delete")  # what containerd calls it for, for a moment (containerd, runtime/v2/README.md)
_EXEC, _TERMINAL = {"-e", "--exec"}, {"-t", "--terminal"}


class Shim(NamedTuple):
    """A shim. name: of what it looks after: a container, or a further program in one (a session of `exec`).

    program: 'conmon' or 'containerd-shim'.  container: the name of the container.
    terminal: whether it shows a terminal; of conmon alone.
    """

    name: str
    program: str
    container: str
    process: Process
    terminal: bool = False


def shims(processes: Iterable[Process], containers: Iterable[Container]) -> Iterator[Shim]:
    """Every shim, by the program that it executes; what it looks after, by its command line."""
    names = {each.id: each.name for each in containers if each.id}
    for process in processes:
        words, program = process.command.split(), process.program
        if process.ended:
            continue
        if program == CONMON:
            container = _option(words, "-c", "--cid")
            session = _option(words, "-u", "--cuuid") if _EXEC & {*words} else container
            yield Shim(session, CONMON, container, process, bool(_TERMINAL & {*words}))
        elif program.startswith(CONTAINERD_SHIM) and words[-1] not in _ORDERS:
            container = _option(words, "-id", "--id")
            yield Shim(names.get(container, container), CONTAINERD_SHIM, names.get(container, container), process)


def _option(words: list[str], *names: str) -> str:
    """The value of an option: '-c c1', '--cid c1' or '--cid=c1'; '' without it."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in names:
            return following
        if word.partition("=")[0] in names:
            return word.partition("=")[2]
    return ""
