from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.container_values import FOLDER, SOURCE
from runtime.lab_host import LabHost
from runtime.oci.rootfs.sources import MACHINE, parse
from runtime.oci.tar import UNPACKING


class ExportRootfs(Action):
    """Fill a folder with a root file system (docker-export(1))."""

    main = "to"
    seen = False
    to = argument(FOLDER, "the folder")
    from_ = argument(SOURCE, "where it comes from; machine is busybox, or this machine's shell and tools",
                     default=MACHINE)

    def command(self) -> str:
        return parse(self.from_).command(self.to, UNPACKING)

    def outside(self) -> str:
        return "" if self.from_ == MACHINE else self.from_

    def apply(self, host: LabHost) -> None:
        if self.outside():
            host.unpack(self.from_, self.to)
        else:
            host.shell(self.command())

    def type_in(self, host: LabHost) -> None:
        self.apply(host)
