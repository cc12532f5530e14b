from __future__ import annotations

from typing import Any

from checks.language.statement import argument
from labrunner.action import Action
from labrunner.actions.write import PATH
from runtime.container_values import FOLDER, IMAGE, SOURCE
from runtime.lab_host import LabHost
from runtime.oci.image import words
from runtime.oci.rootfs.sources import AS_IMAGE, MACHINE, parse
from runtime.values import TEXT, Kind

_TAR = "tar:"


def _origin(value: Any) -> str:
    text = str(TEXT.parse(value))
    return f"{_TAR}{PATH.parse(text.removeprefix(_TAR))}" if text.startswith(_TAR) else str(SOURCE.parse(value))


ORIGIN: Kind[str] = Kind("origin", f"{_TAR}PATH of the lab, or {SOURCE.says}", _origin)


class ImportImage(Action):
    """Store an image in an image layout (skopeo-copy(1), docker-import(1)); the layout is made when there is none.

    From machine, or from a tar of the lab, it is an image of one layer. From elsewhere it keeps its layers and digests.
    """

    main = "to"
    seen = False
    to = argument(FOLDER, "the folder of the layout, the store")
    name = argument(IMAGE, "what the image is called there")
    from_ = argument(ORIGIN, "where it comes from; machine is busybox, or this machine's shell and tools",
                     default=MACHINE)

    def command(self) -> str:
        if self.from_ == MACHINE:
            return words.add_layer(self.to, "", self.name, self._created_by(), words.made_of_machine())
        if self.from_.startswith(_TAR):
            return words.add_layer(self.to, "", self.name, self._created_by(), words.made_of_tar(self._path()))
        return words.import_archive(parse(self.from_).copy(), self.to, self.name)

    def outside(self) -> str:
        return "" if self.from_ == MACHINE or self.from_.startswith(_TAR) else f"{AS_IMAGE}{self.from_}"

    def apply(self, host: LabHost) -> None:
        if self.from_ == MACHINE:
            host.images.import_machine(self.to, self.name, self._created_by())
        elif self.from_.startswith(_TAR):
            host.images.import_tar(self.to, self.name, self._path(), self._created_by())
        else:
            host.import_image(self.from_, self.to, self.name)

    def type_in(self, host: LabHost) -> None:
        if self.outside():  # nobody inside could get it
            self.apply(host)
        else:
            super().type_in(host)

    def _path(self) -> str:
        return self.from_.removeprefix(_TAR)

    def _created_by(self) -> str:
        """As `docker history` shows it of an archive that was added to nothing."""
        return "the programs of this machine" if self.from_ == MACHINE else f"ADD {self._path().rpartition('/')[2]} /"
