"""The verbs as a person types them: ip, iptables, sysctl, run inside the sandbox."""

from __future__ import annotations

from runtime.errors import Missing, Refused
from runtime.sandbox.handle import Sandbox

_NOT_FOUND = 127
# tool -> the Debian package that has it
PACKAGES = {"ip": "iproute2", "iptables": "iptables", "sysctl": "procps", "nft": "nftables"}


def run_command(sandbox: Sandbox, command: str) -> None:
    """Run a shell command as lab root on the lab host. Raises Refused with its words, Missing without the tool."""
    done = sandbox.run(["/bin/sh", "-c", command])
    if done.status == _NOT_FOUND:
        tool = done.errors.rpartition(": not found")[0].rpartition(": ")[2] or command.partition(" ")[0]
        package = PACKAGES.get(tool, tool)
        raise Missing(f"{tool} is not installed", f"'{command}' needs it",
                      f"sudo apt install {package}; or leave out --network iproute2: netlink needs no tools")
    if done.status:
        raise Refused(command, why=done.errors.strip() or f"it ended with {done.status}")
