from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.container_values import FOLDER, IMAGE, INSIDE
from runtime.lab_host import LabHost
from runtime.oci.image import words
from runtime.oci.image.making import Settings
from runtime.values import TEXT, many


class WriteImage(Action):
    """Write an image with the layers of another, which runs something else: its config and manifest are new.

    What is not named stays as it is in the other image.
    """

    seen = False
    store = argument(FOLDER, "the folder of the image layout")
    image = argument(IMAGE, "the image whose layers it has; without it, it has none", default=None)
    name = argument(IMAGE, "what the new image is called; one that was called so loses the name")
    cmd = argument(many(TEXT), "the words of the command, or what is given to the entrypoint", default=None)
    entrypoint = argument(many(TEXT), "the words that stand before the command", default=None)
    env = argument(many(TEXT), "the environment, each as NAME=VALUE", default=None)
    workdir = argument(INSIDE, "the folder that the command begins in", default=None)
    created_by = argument(TEXT, "the instruction that made it, for the history")

    def validate(self) -> None:
        if wrong := [each for each in self.env or () if "=" not in each[1:]]:
            raise Mistake("env", f"{wrong[0]!r} is not NAME=VALUE")

    def command(self) -> str:
        return words.set_config(self.store, self.image or "", self.name, self._settings(), self.created_by)

    def apply(self, host: LabHost) -> None:
        host.images.write(self.store, self.image or "", self.name, self._settings(), self.created_by)

    def _settings(self) -> Settings:
        return Settings(self.env, self.entrypoint, self.cmd, self.workdir)
