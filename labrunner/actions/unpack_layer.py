from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.container_values import FOLDER, IMAGE
from runtime.lab_host import LabHost
from runtime.oci.image import words
from runtime.values import whole_number


class UnpackLayer(Action):
    """Unpack a layer of an image to a folder of its own, which an overlay can then have below the others."""

    seen = False
    store = argument(FOLDER, "the folder of the image layout")
    image = argument(IMAGE, "the image")
    number = argument(whole_number(1, 128), "which layer; the lowest is 1", default=1)
    to = argument(FOLDER, "the folder, which must not be there yet")

    def command(self) -> str:
        return words.unpack_layer(self.store, self.image, self.number, self.to)

    def apply(self, host: LabHost) -> None:
        host.images.unpack_layer(self.store, self.image, self.number, self.to)
