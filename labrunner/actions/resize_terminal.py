from __future__ import annotations

from checks.language.statement import argument
from checks.screen import SIZE
from labrunner.action import Action
from runtime.container_values import CONTAINER
from runtime.lab_host import LabHost
from runtime.oci.shim.conmon import resize


class ResizeTerminal(Action):
    """Give the terminal of a container another size, by way of its shim (conmon(8); tty_ioctl(4), TIOCSWINSZ)."""

    of = argument(CONTAINER, "the container, or the session of exec")
    size = argument(SIZE, "rows and columns, as 24x80")

    def command(self) -> str:
        return resize(self.of, *self._size)

    def apply(self, host: LabHost) -> None:
        host.shims.resize(self.of, *self._size)

    @property
    def _size(self) -> tuple[int, int]:
        rows, columns = self.size.split("x")
        return int(rows), int(columns)
