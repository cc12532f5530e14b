"""Starting conmon(8): what it does not look after itself, the word that it gives, and the end of one that hangs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from runtime.errors import Missing, Refused
from runtime.facts.containers import Container, read_containers
from runtime.facts.files import read_files
from runtime.facts.processes import read_processes
from runtime.facts.shims import CONMON, Shim, shims
from runtime.oci.command_line import config_of, edit_config, spec
from runtime.oci.config import Edit, Unreadable, parse_path, read_config, values
from runtime.oci.refusals import mend_of, words_of
from runtime.oci.shim import conmon
from runtime.programs import how_to_install, is_there
from runtime.sandbox.handle import Sandbox

_TERMINAL = parse_path("process.terminal")
_PATIENCE = 10.0  # seconds for conmon, which waits for the runtime


class Start:
    """One start of a shim. name: of what it will look after.  terminal: whether it shows one."""

    def __init__(self, sandbox: Sandbox, runtime: str, name: str, terminal: bool) -> None:
        self._sandbox, self._runtime, self._name, self._terminal = sandbox, runtime, name, terminal
        self._what = f"start a shim for {name}"

    def create(self, bundle: str) -> None:
        """Have the runtime create a container. Raises Refused, Missing."""
        self._need_programs()
        self._need_free_name()
        self._need_agreement(bundle)
        self._run(conmon.create(self._runtime, self._name, bundle, self._terminal), self._name, bundle)
        if _container(self._sandbox, self._name) is None:
            raise Refused(self._what, why="it says that it has done it, and yet there is no such container",
                          mend=self._doubt())

    def exec(self, container: str, words: Sequence[str]) -> None:
        """Have the runtime start one more program in a container. Raises Refused, Missing."""
        self._need_programs()
        self._need_free_name()
        self._run(conmon.exec_(self._runtime, container, self._name, words, self._terminal), container)

    def _need_programs(self) -> None:
        for program, why in ((CONMON, "it is the shim that the lab starts"), (self._runtime, "the shim runs it")):
            if not is_there(program):
                raise Missing(f"{program} is not installed", why, how_to_install(program))

    def _need_free_name(self) -> None:
        """conmon would take the other's socket away, before the runtime refuses."""
        container, shim = _container(self._sandbox, self._name), shim_of(self._sandbox, self._name)
        if container:
            raise Refused(self._what, why="there is a container with that name already",
                          mend=f"take another name, or delete that one: {container.call} delete --force {self._name}")
        if shim:
            raise Refused(self._what, why="there is a session of exec with that name already",
                          mend=f"take another name, or end that one: kill {shim.process.pid}")

    def _need_agreement(self, bundle: str) -> None:
        """runc refuses when shim and config.json differ; crun does not, and conmon waits for its terminal for ever."""
        config, asked = config_of(bundle), self._terminal
        found = read_files(self._sandbox.root, [config])
        if not found:
            raise Refused(self._what, why=f"there is no {config}", mend=spec(self._runtime, bundle))
        with suppress(Unreadable):  # of that the runtime tells
            says = values(read_config(found[0].text or ""), _TERMINAL) == [True]
            if says != asked:
                raise Refused(self._what, why=f"{'a' if asked else 'no'} terminal is asked for, and process.terminal "
                              f"in {config} is {str(says).lower()}",
                              mend=f"let both say the same: {edit_config(bundle, Edit(_TERMINAL, 'set', asked))}")

    def _run(self, command: str, container: str, bundle: str = "") -> None:
        """container: whose name the runtime knows.  bundle: '' when the container is there already."""
        try:
            done = self._sandbox.run(["/bin/sh", "-c", command], timeout=_PATIENCE)
        except Refused as refused:
            self._end()
            raise Refused(self._what, refused.errno, refused.why, self._doubt()) from refused
        said = _message(done.output)
        if said is None:  # what it had to say went to syslog(3)
            words = words_of(done.errors) or words_of(done.output) or f"{CONMON} ended without a word"
            raise Refused(self._what, why=words, mend=self._mend(words, container, bundle) or self._doubt())
        if said:
            raise Refused(self._what, why=said, mend=self._mend(said, container, bundle) or f"{self._runtime} list")

    def _end(self) -> None:
        """Kill a shim, and all that it started: it has made itself a daemon, in a process group of its own."""
        processes, shim = read_processes(self._sandbox.proc), shim_of(self._sandbox, self._name)
        family = {shim.process.pid} if shim else set()
        while more := {each.pid for each in processes if each.parent in family} - family:
            family |= more
        for pid in family:
            self._sandbox.kill(pid)

    def _mend(self, said: str, container: str, bundle: str) -> str:
        return mend_of(said, self._runtime, container, bundle)

    def _doubt(self) -> str:
        return f"see whether {CONMON} and {self._runtime} are what they should be: command -v {CONMON} {self._runtime}"


def shim_of(sandbox: Sandbox, name: str) -> Shim | None:
    """The conmon of the container, or of the session of exec, called `name`."""
    processes = read_processes(sandbox.proc)
    found = shims(processes, read_containers(sandbox.root, processes))
    return next((each for each in found if each.name == name and each.program == CONMON), None)


def _container(sandbox: Sandbox, name: str) -> Container | None:
    found = read_containers(sandbox.root, read_processes(sandbox.proc))
    return next((each for each in found if each.name == name), None)


def _message(line: str) -> str | None:
    """What went wrong, by the line that conmon tells: '' when nothing did, None when it told nothing."""
    with suppress(ValueError, KeyError, TypeError, OverflowError, RecursionError):
        told = json.loads(line)
        return "" if int(told["data"]) > 0 else words_of(str(told.get("message") or f"status {told['data']}"))
    return None
