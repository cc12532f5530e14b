"""What an action works with: the lab's network, its containers, and a shell on the lab host."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING

from runtime.errors import Refused
from runtime.network.netns import Namespaces
from runtime.network.shell import run_command
from runtime.network.verbs import Network
from runtime.oci.rootfs.sources import AS_IMAGE
from runtime.oci.tar import UNPACKING
from runtime.sandbox.handle import Sandbox

if TYPE_CHECKING:
    from runtime.oci.config import Edit
    from runtime.oci.containers import Containers
    from runtime.oci.image.images import Images
    from runtime.oci.shim.line import Line
    from runtime.oci.shim.shims import Shims
    from runtime.sandbox.outside import Outside

_UNPACKING = 120.0  # seconds for the largest image


class LabHost:
    """The hands in one sandbox. To be made after Sandbox.enter.

    network: the verbs of ip(8), iptables(8) and sysctl(8), without these tools.
    containers: those of runc(8), by runc or another OCI runtime.
    """

    def __init__(self, sandbox: Sandbox, namespaces: Namespaces, outside: Outside | None = None) -> None:
        """outside: who streams root file systems of images into the sandbox, where a lab has some."""
        self._sandbox, self._namespaces, self._outside = sandbox, namespaces, outside
        self.network = Network(sandbox, namespaces)

    @cached_property
    def containers(self) -> Containers:
        from runtime.oci.containers import Containers  # most labs have none

        return Containers(self._sandbox)

    @cached_property
    def images(self) -> Images:
        from runtime.oci.image.images import Images

        return Images(self._sandbox)

    @cached_property
    def shims(self) -> Shims:
        from runtime.oci.shim.shims import Shims  # and fewer have shims

        return Shims(self._sandbox)

    def converse(self, lines: Sequence[Line], status: int | None, within: float, *, container: str = "",
                 argv: Sequence[str] = ()) -> None:
        """Talk with a container by its shim, or with a program that is started on a terminal on the lab host.

        status: the exit status that it then has to end with; None to detach from the container, or to hang up.
        within: seconds for that end. Raises Refused, Missing.
        """
        from runtime.oci.shim.conversation import attach_and_talk, run_and_talk

        if container:
            attach_and_talk(self.shims, container, lines, status, within)
        else:
            self._namespaces.forget()
            run_and_talk(self._sandbox, argv, lines, status, within)

    def argv_in(self, where: str, argv: Sequence[str], terminal: bool) -> list[str]:
        """The command that runs another one in a container or a network namespace, '' for the lab host.

        argv: the other one; a shell, when it is empty.  terminal: whether it is on one. Raises Refused.
        """
        if not where:
            return list(argv) or [self._sandbox.environment()["SHELL"]]
        if any(each.name == where for each in self._namespaces.all()) and not self.containers.is_there(where):
            return ["ip", "netns", "exec", where, *(argv or [self._sandbox.environment()["SHELL"]])]
        return self.containers.argv_in(where, argv or ["sh"], terminal)

    def edit_config(self, bundle: str, change: Edit) -> None:
        """Change the config.json of the bundle in that folder. Raises Refused."""
        from runtime.oci.bundles import edit_config

        edit_config(self._sandbox, bundle, change)

    @contextmanager
    def container_netns(self, container: str) -> Iterator[str]:
        """The network namespace of a container, which has no name, is known by the one that this gives, meanwhile.

        Raises Refused when there is no such container, or its process has ended.
        """
        name, pid = f"container {container}", self.containers.find(container).pid
        try:
            fd = os.open(f"{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._sandbox.proc)
        except OSError as error:
            raise Refused(f"open the network namespace of the {name}", error.errno or 0) from error
        with self._namespaces.lent(name, fd):
            yield name

    def name_netns(self, name: str, container: str) -> None:
        """Give the network namespace of a container a name (ip-netns(8), attach). Raises Refused."""
        with self.container_netns(container) as netns:
            self._sandbox.name_netns(name, self._namespaces[netns].fd)

    def unpack(self, source: str, to: str) -> None:
        """Unpack the root file system of an image into a folder. source: see runtime.oci.rootfs.sources.

        Raises Refused, Missing.
        """
        with self._streamed(source) as tar:
            run_command(self._sandbox, f"mkdir -p {quote(to)} && tar {UNPACKING} -xC {quote(to)}", stdin=tar,
                        timeout=_UNPACKING)

    def import_image(self, source: str, store: str, name: str) -> None:
        """Store an image from outside in an image layout. source: see runtime.oci.rootfs.sources.

        Raises Refused, Missing.
        """
        with self._streamed(f"{AS_IMAGE}{source}") as tar:
            self.images.import_archive(store, name, tar)

    @contextmanager
    def _streamed(self, name: str) -> Iterator[int]:
        if self._outside is None:
            raise Refused(f"get {name}", why="nobody is outside of the sandbox to get it")
        tar = self._outside.stream(name)
        try:
            yield tar
        finally:
            os.close(tar)

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
