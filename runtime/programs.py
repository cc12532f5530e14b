"""The programs of this machine, as a lab finds them: the sandbox shows the machine's /usr."""

from __future__ import annotations

import os

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # inside; a learner's own folders are not there

# program -> the Debian package that has it, where that has another name
_PACKAGES = {
    "containerd-shim-runc-v2": "containerd", "ctr": "containerd", "docker": "docker.io", "dockerd": "docker.io",
    "getfattr": "attr", "ldd": "libc-bin", "setfattr": "attr", "script": "bsdutils",
    "arping": "iputils-arping", "brctl": "bridge-utils", "bridge": "iproute2", "busybox": "busybox-static",
    "dig": "bind9-dnsutils", "ip": "iproute2", "iptables-restore": "iptables", "iptables-save": "iptables",
    "nc": "netcat-openbsd", "newuidmap": "uidmap", "nft": "nftables", "nsenter": "util-linux", "ping": "iputils-ping",
    "ps": "procps", "ss": "iproute2", "sysctl": "procps", "tc": "iproute2", "unshare": "util-linux",
}


def is_there(program: str) -> bool:
    """Whether a lab can run it."""
    return any(os.access(f"{folder}/{program}", os.X_OK) for folder in PATH.split(":"))


def how_to_install(program: str) -> str:
    """The command that brings it."""
    return f"sudo apt install {_PACKAGES.get(program, program)}"
