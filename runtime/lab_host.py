"""What an action works with: the lab's network, and a shell on the lab host."""

from __future__ import annotations

from runtime.errors import Refused
from runtime.network.netns import Namespaces
from runtime.network.shell import run_command
from runtime.network.verbs import Network
from runtime.sandbox.handle import Sandbox


class LabHost:
    """The hands in one sandbox. To be made after Sandbox.enter.

    network: the verbs of ip(8), iptables(8) and sysctl(8), without these tools.
    """

    def __init__(self, sandbox: Sandbox, namespaces: Namespaces) -> None:
        self._sandbox, self._namespaces = sandbox, namespaces
        self.network = Network(sandbox, namespaces)

    def shell(self, command: str, status: int = 0) -> None:
        """Run a shell command as lab root on the lab host. status: what it has to end with.

        Raises Refused with its words when it ends otherwise or does not end in 30 s, Missing without the tool.
        """
        self._namespaces.forget()  # the command may delete a netns, and one that is held here would live on
        run_command(self._sandbox, command, status)

    def serve(self, folder: str, port: int, netns: str) -> None:
        """A web server in the background, in a netns; it listens when this returns. Raises Refused."""
        try:
            self._sandbox.serve(self._namespaces[netns].fd, port, folder)
        except Refused as refused:
            raise Refused(f"serve {folder} on port {port} in {netns}", refused.errno, refused.why) from refused
