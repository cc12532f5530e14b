from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.container_values import FOLDER
from runtime.lab_host import LabHost
from runtime.oci.image.words import mount_overlay
from runtime.values import many

_SPECIAL = ":,\\"  # in the options of the mount


class OverlayMount(Action):
    """Lay folders over each other: one shows what all have, and what is written there goes into the upper one."""

    main = "at"
    at = argument(FOLDER, "where all is seen")
    lower = argument(many(FOLDER), "what is below and never changes, the uppermost first")
    upper = argument(FOLDER, "what takes all changes; without it nothing can be written", default=None)
    work = argument(FOLDER, "an empty folder that overlayfs needs beside the upper one", default=None)

    def validate(self) -> None:
        if bool(self.upper) != bool(self.work):
            raise Mistake("", "'upper' and 'work' go together")
        for folder in (*self.lower, self.upper or "", self.work or ""):
            if any(letter in folder for letter in _SPECIAL):
                raise Mistake("", f"{folder!r} has a letter that separates the options of the mount: : , or \\")

    def command(self) -> str:
        return mount_overlay(self.at, self.lower, self.upper or "", self.work or "")

    def apply(self, host: LabHost) -> None:
        host.shell(self.command())
