from __future__ import annotations

from checks.language.statement import argument
from labrunner.container_action import ContainerAction
from runtime.container_values import FOLDER, IMAGE
from runtime.lab_host import LabHost
from runtime.oci.image import words


class ImageToBundle(ContainerAction):
    """Make a bundle of an image: what a manager does before it calls the runtime (image-spec, conversion.md).

    Each layer is unpacked, an overlay of them becomes the rootfs, and config.json gets what the image says.
    """

    main = "bundle"
    seen = False
    bundle = argument(FOLDER, "the folder of the bundle")
    store = argument(FOLDER, "the folder of the image layout")
    image = argument(IMAGE, "the image")

    def command(self) -> str:
        return words.bundle(self.store, self.image, self.bundle, self.tool)

    def apply(self, host: LabHost) -> None:
        host.images.to_bundle(self.store, self.image, self.bundle, self.tool)

    def type_in(self, host: LabHost) -> None:
        host.shell(self.command())
