"""Bundles for tests: of the machine's static busybox, made in the sandbox by the real runtime."""

from __future__ import annotations

from tests.conftest import Lab

BUNDLE = "/tmp/c1"
RUNTIMES = ("runc", "crun")


def make(lab: Lab, runtime: str = "runc", args: str = '"sleep", "1000"', bundle: str = BUNDLE, *,
         terminal: bool = False) -> None:
    """A bundle that runs with every id map. args: of its program, as JSON has them.  terminal: whether it has one."""
    lab.shell(f"mkdir -p {bundle}/rootfs/bin && cp /bin/busybox {bundle}/rootfs/bin/ && cd {bundle} && {runtime} spec "
              f"&& chroot rootfs /bin/busybox --install -s /bin && sed -i '/gid=5/d; s/\"mode=0620\",/\"mode=0620\"/; "
              f"s/\"terminal\": true/\"terminal\": {str(terminal).lower()}/' config.json")
    lab.shell(f"cd {bundle} && sed -i 's|\"sh\"|{args}|' config.json")


def create(lab: Lab, runtime: str = "runc", name: str = "c1", bundle: str = BUNDLE) -> None:
    lab.shell(f"{runtime} create --bundle {bundle} --pid-file /run/{name}.pid {name}")


def start(lab: Lab, runtime: str = "runc", name: str = "c1") -> None:
    lab.shell(f"{runtime} start {name}")


def look_after(lab: Lab, runtime: str = "runc", args: str = '"sh"', name: str = "c1", *, terminal: bool = True,
               script: str = "") -> None:
    """A running container with a shim, of a bundle of its own. script: for its shell, in place of `args`."""
    make(lab, runtime, '"sh", "/script"' if script else args, f"/tmp/{name}", terminal=terminal)
    lab.sandbox.write(f"/tmp/{name}/rootfs/script", script)
    lab.host.shims.create(runtime, name, f"/tmp/{name}", terminal)
    start(lab, runtime, name)
