from __future__ import annotations

from shlex import quote

from checks.language.statement import argument
from labrunner.action import Action
from labrunner.actions.write import PATH
from runtime.lab_host import LabHost
from runtime.network.command_line import within
from runtime.network.netns import LAB_HOST
from runtime.values import NETNS, PORT


class Serve(Action):
    """Start a web server in the background that shows the files of a folder, index.html first."""

    main = "folder"
    seen = False
    folder = argument(PATH, "the folder, as /tmp/web")
    port = argument(PORT, "the port to listen on", default=80)
    netns = argument(NETNS, "the netns that it runs in", default=LAB_HOST)

    def command(self) -> str:
        serve = f"python3 -m http.server {self.port} --directory {quote(self.folder)}"
        return f"{within(self.netns, serve)} > /dev/null 2>&1 &"

    def apply(self, host: LabHost) -> None:
        host.serve(self.folder, self.port, self.netns)
