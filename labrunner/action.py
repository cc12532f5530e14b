"""What an action is: one verb with two equal forms, the command that a person types and the call that labrun makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from checks.language.statement import Statement
from runtime.errors import Missing
from runtime.lab_host import LabHost


class Action(Statement, ABC):
    """A verb. Its subclass in labrunner/actions/VERB.py is found by that name.

    needs: what the kernel has to offer for it, see runtime.features.
    seen: whether a Snapshot shows all that it can do.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    seen: ClassVar[bool] = True

    @abstractmethod
    def command(self) -> str:
        """The shell command that does the same, as lab root on the lab host."""

    def outside(self) -> str:
        """What has to be got from outside of the sandbox for it: a source as in runtime.oci.rootfs.sources, or ''."""
        return ""

    def type_in(self, host: LabHost) -> None:
        """Do it as a person does, by the command. Raises Refused, Missing."""
        try:
            host.shell(self.command())
        except Missing as missing:
            mend = f"{missing.mend}; or leave out --network iproute2: netlink needs no tools"
            raise Missing(missing.what, missing.why, mend) from missing

    @abstractmethod
    def apply(self, host: LabHost) -> None:
        """Do it. Raises Refused."""
