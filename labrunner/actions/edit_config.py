from __future__ import annotations

from checks.language.statement import Mistake, argument
from labrunner.action import Action
from runtime.container_values import CONFIG_PATH, FOLDER, JSON, thaw
from runtime.lab_host import LabHost
from runtime.oci.command_line import edit_config
from runtime.oci.config import Edit, parse_path
from runtime.values import BOOLEAN

_WAYS = ("set", "add", "remove", "delete")


class EditConfig(Action):
    """Change one thing in the config.json of a bundle (jq(1); any editor does it as well)."""

    seen = False
    bundle = argument(FOLDER, "the folder of the bundle")
    at = argument(CONFIG_PATH, "where in it")
    set = argument(JSON, "the value that it gets", default=None)
    add = argument(JSON, "an element that the list there gets", default=None)
    remove = argument(JSON, "an element that the list there loses", default=None)
    delete = argument(BOOLEAN, "whether it is taken away, with all that is in it", default=False)

    def validate(self) -> None:
        if sum(bool(self.delete) if way == "delete" else getattr(self, way) is not None for way in _WAYS) != 1:
            raise Mistake("", f"it needs one of {', '.join(_WAYS)}, and no two of them")

    @property
    def change(self) -> Edit:
        """What is changed."""
        way = next(way for way in _WAYS if way == "delete" or getattr(self, way) is not None)
        return Edit(parse_path(self.at), way, None if way == "delete" else thaw(getattr(self, way)))

    def command(self) -> str:
        return edit_config(self.bundle, self.change)

    def apply(self, host: LabHost) -> None:
        host.edit_config(self.bundle, self.change)
