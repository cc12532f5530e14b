"""A verb that an OCI runtime carries out: its shown command is the very one that is run."""

from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.container_values import RUNTIME
from runtime.lab_host import LabHost
from runtime.oci.available import RUNTIMES


class ContainerAction(Action):
    """A verb of runc(8), for the runtime that the lab is carried out with."""

    needs = ("runtime",)
    runtime = argument(RUNTIME, "the OCI runtime; without it, the one that --runtime names", default=None)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = [name for name in cls.arguments if name != "runtime"]
        cls.arguments = {name: cls.arguments[name] for name in (*own, "runtime")}
        cls.attributes = {name: cls.attributes[name] for name in (*own, "runtime")}

    @property
    def tool(self) -> str:
        """The name of the runtime's program."""
        return self.runtime or RUNTIMES[0]

    def type_in(self, host: LabHost) -> None:
        self.apply(host)
