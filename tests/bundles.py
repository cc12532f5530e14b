"""Bundles for tests: of the machine's static busybox, made in the sandbox by the real runtime."""

from __future__ import annotations

from tests.conftest import Lab

BUNDLE = "/tmp/c1"
RUNTIMES = ("runc", "crun")


def make(lab: Lab, runtime: str = "runc", args: str = '"sleep", "1000"', bundle: str = BUNDLE) -> None:
    """A bundle that runs with every id map. args: of its program, as JSON has them."""
    lab.shell(f"mkdir -p {bundle}/rootfs/bin && cp /bin/busybox {bundle}/rootfs/bin/ && cd {bundle} && {runtime} spec "
              f"&& chroot rootfs /bin/busybox --install -s /bin && sed -i '/gid=5/d; s/\"mode=0620\",/\"mode=0620\"/; "
              f"s/\"terminal\": true/\"terminal\": false/' config.json")
    lab.shell(f"cd {bundle} && sed -i 's|\"sh\"|{args}|' config.json")


def create(lab: Lab, runtime: str = "runc", name: str = "c1", bundle: str = BUNDLE) -> None:
    lab.shell(f"{runtime} create --bundle {bundle} --pid-file /run/{name}.pid {name}")


def start(lab: Lab, runtime: str = "runc", name: str = "c1") -> None:
    lab.shell(f"{runtime} start {name}")
