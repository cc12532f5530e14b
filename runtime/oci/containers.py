"""An OCI runtime of the lab, by its command line: runc(8) or crun(1)."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.errors import Missing, Refused
from runtime.facts.containers import Container, read_containers
from runtime.facts.processes import read_processes
from runtime.oci import command_line
from runtime.oci.available import RUNTIMES
from runtime.oci.refusals import mend_of, words_of
from runtime.programs import how_to_install, is_there
from runtime.sandbox.handle import Completed, Sandbox

_PATIENCE = 10.0  # seconds for one command of a runtime; the slowest takes a tenth
_ENDING = 5.0  # seconds for a process that was killed


class Runtime:
    """One runtime in one sandbox. name: 'runc' or 'crun'."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        self._sandbox, self.name = sandbox, name

    def spec(self, bundle: str) -> None:
        """Write the default config.json of a bundle, whose folder is made. Raises Refused, Missing."""
        self._carry_out(command_line.spec(self.name, bundle), bundle=bundle)

    def create(self, name: str, bundle: str) -> None:
        """Prepare a container. Raises Refused, Missing."""
        command = command_line.create(self.name, name, bundle)
        self._carry_out(command, name, bundle)
        if self._find(name) is None:
            raise Refused(command, why="exit status 0, and yet there is no such container", mend=self._doubt())

    def start(self, name: str) -> None:
        """Let a created container's program run. Raises Refused, Missing."""
        self._carry_out(command_line.start(self.name, name), name)

    def exec(self, name: str, words: Sequence[str], detach: bool, status: int) -> None:
        """One more program in a running container. status: what it has to end with. Raises Refused, Missing."""
        self._carry_out(command_line.exec_(self.name, name, words, detach), name, status=status)

    def kill(self, name: str, signal: str) -> None:
        """Send a signal to a container's first process. One that KILL ends has ended when this returns."""
        before = self._find(name)
        self._carry_out(command_line.kill(self.name, name, signal), name)
        if before and before.pid and signal == "KILL" and not self._sandbox.wait_for_end(before.pid, _ENDING):
            raise Refused(command_line.kill(self.name, name, signal),
                          why=f"the process {before.pid} still lives after {_ENDING:g} s",
                          mend=command_line.state(self.name, name))

    def delete(self, name: str, force: bool) -> None:
        """Delete a container. Raises Refused, Missing."""
        self._carry_out(command_line.delete(self.name, name, force), name)

    def _find(self, name: str) -> Container | None:
        found = read_containers(self._sandbox.root, read_processes(self._sandbox.proc))
        return next((each for each in found if each.name == name), None)

    def _carry_out(self, command: str, name: str = "", bundle: str = "", status: int = 0) -> None:
        if not is_there(self.name):
            raise Missing(f"{self.name} is not installed", f"'{command}' needs it", how_to_install(self.name))
        done = self._run(command)
        if done.status == status:
            return
        said = words_of(done.errors) or words_of(done.output) or "it said nothing"
        raise Refused(command, why=f"exit status {done.status}: {said}",
                      mend=mend_of(said, self.name, name, bundle) or self._look(name))

    def _run(self, command: str) -> Completed:
        try:
            return self._sandbox.run(["/bin/sh", "-c", command], timeout=_PATIENCE)
        except Refused as refused:
            raise Refused(command, refused.errno, refused.why, self._doubt()) from refused

    def _doubt(self) -> str:
        return f"see whether {self.name} is what it should be: command -v {self.name} && {self.name} --version"

    def _look(self, name: str) -> str:
        return command_line.state(self.name, name) if name else f"{self.name} --help"


class Containers:
    """What is done with containers in one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def of(self, runtime: str) -> Runtime:
        """The runtime with that name."""
        return Runtime(self._sandbox, runtime)

    def is_there(self, name: str) -> bool:
        """Whether there is a container called `name`."""
        return any(each.name == name for each in self._all())

    def argv_in(self, name: str, argv: Sequence[str], terminal: bool) -> list[str]:
        """The command that runs another one in a container. terminal: whether it is on one. Raises Refused."""
        found = self.find(name)
        return [*found.call.split(), "exec", *(["--tty"] if terminal else []), found.id or found.name, *argv]

    def _all(self) -> tuple[Container, ...]:
        return read_containers(self._sandbox.root, read_processes(self._sandbox.proc))

    def find(self, name: str) -> Container:
        """The container called `name`, whose runtime it may be. Raises Refused when there is none, or it has ended."""
        found = self._all()
        container = next((each for each in found if each.name == name), None)
        if container is None:
            known = ", ".join(each.name for each in found) or "none at all"
            raise Refused(f"find the container {name}", why=f"there is none with that name, but {known}",
                          mend=command_line.create(RUNTIMES[0], name, "BUNDLE"))
        if not container.pid:
            raise Refused(f"find the process of the container {name}", why="it has ended",
                          mend=command_line.delete(container.call, name))
        return container
