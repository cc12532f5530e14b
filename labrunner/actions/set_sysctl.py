from __future__ import annotations

from shlex import quote

from checks.language.statement import argument
from labrunner.action import Action
from runtime.lab_host import LabHost
from runtime.network.command_line import within
from runtime.network.netns import LAB_HOST
from runtime.values import NETNS, SETTING, SYSCTL


class SetSysctl(Action):
    """Write a kernel setting (sysctl(8))."""

    seen = False
    name = argument(SYSCTL, "the setting")
    value = argument(SETTING, "its new value")
    netns = argument(NETNS, "the netns to do it in", default=LAB_HOST)

    def command(self) -> str:
        return within(self.netns, f"sysctl -w {quote(f'{self.name}={self.value}')}")

    def apply(self, host: LabHost) -> None:
        host.network.set_sysctl(self.name, self.value, self.netns)
