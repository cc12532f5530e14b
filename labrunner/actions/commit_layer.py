from __future__ import annotations

from checks.language.statement import argument
from labrunner.action import Action
from runtime.container_values import FOLDER, IMAGE
from runtime.lab_host import LabHost
from runtime.oci.image import words
from runtime.values import TEXT


class CommitLayer(Action):
    """Make a layer of the upper folder of an overlay, and an image that has it on top of another's layers.

    What was deleted becomes a whiteout. Layer, config and manifest are stored by their digests (docker-commit(1)).
    """

    main = "upper"
    seen = False
    upper = argument(FOLDER, "the upper folder of the overlay")
    store = argument(FOLDER, "the folder of the image layout")
    image = argument(IMAGE, "the image whose layers are below; without it, none", default=None)
    name = argument(IMAGE, "what the new image is called; one that was called so loses the name")
    created_by = argument(TEXT, "the instruction that made it, for the history")

    def command(self) -> str:
        return words.add_layer(self.store, self.image or "", self.name, self.created_by,
                               words.made_of_upper(self.upper))

    def apply(self, host: LabHost) -> None:
        host.images.commit_layer(self.store, self.image or "", self.name, self.upper, self.created_by)
