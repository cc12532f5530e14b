"""See run-build-image: one RUN step against a bare `runc run`, in turns, in one sandbox."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from labrunner.action import Action
from labrunner.actions.commit_layer import CommitLayer
from labrunner.actions.image_to_bundle import ImageToBundle
from labrunner.actions.import_image import ImportImage
from labrunner.actions.overlay_mount import OverlayMount
from labrunner.actions.run import Run
from labrunner.actions.unpack_layer import UnpackLayer
from labrunner.actions.write_image import WriteImage
from runtime.lab_host import LabHost
from runtime.network.netns import Namespaces
from runtime.sandbox.handle import start

_LIMIT, _RUNS, _STORE = 3.0, 30, "/tmp/store"
_COMMAND = "mkdir /app && echo hello > /app/greeting"


def main() -> int:
    sandbox = start()
    try:
        sandbox.enter()
        host = LabHost(sandbox, Namespaces.of_sandbox(sandbox.root))
        prepare(host)
        bare, step, parts = [], [], dict[str, list[float]]()
        for number in range(_RUNS):
            bare.append(milliseconds(host, Run(command="runc run --bundle /tmp/bare bare")))
            host.shell("rm -r /tmp/bare/rootfs/app")
            took = [(type(action).__name__, milliseconds(host, action)) for action in run_step(number)]
            step.append(sum(each for _, each in took))
            for name, each in took:
                parts.setdefault(name, []).append(each)
            host.shell(f"umount /tmp/{number}/merged && rm -r /tmp/{number}")
    finally:
        sandbox.stop()
    _tell(step, "mount, runc run, commit: " + ", ".join(f"{name} {median(each):.1f}" for name, each in parts.items()))
    _tell(bare, "bare runc run")
    print(f"{median(step) / median(bare):8.2f} ratio, promised at most {_LIMIT:g}")
    return 0 if median(step) <= _LIMIT * median(bare) else 1


def prepare(host: LabHost) -> None:
    """An image, its layer unpacked, and a bundle whose container runs the command."""
    for action in (ImportImage(to=_STORE, name="base"), UnpackLayer(store=_STORE, image="base", to="/tmp/l1"),
                   WriteImage(store=_STORE, image="base", name="run", cmd=["sh", "-c", _COMMAND], created_by="CMD"),
                   ImageToBundle(bundle="/tmp/bare", store=_STORE, image="run")):
        action.apply(host)
    # A root file system without an overlay: that is what is measured against.
    host.shell("umount /tmp/bare/rootfs && cp -a /tmp/l1/. /tmp/bare/rootfs/")


def run_step(number: int) -> list[Action]:
    """What `RUN` means, with a bundle that is there already, as for the bare run."""
    place = f"/tmp/{number}"
    return [OverlayMount(at=f"{place}/merged", lower=["/tmp/l1"], upper=f"{place}/upper", work=f"{place}/work"),
            Run(command=f"sed 's|\"rootfs\"|\"merged\"|' /tmp/bare/config.json > {place}/config.json && "
                        f"runc run --bundle {place} step"),
            CommitLayer(upper=f"{place}/upper", store=_STORE, image="base", name="app", created_by=f"RUN {_COMMAND}")]


def milliseconds(host: LabHost, action: Action) -> float:
    started = perf_counter()
    action.apply(host)
    return (perf_counter() - started) * 1000


def _tell(times: list[float], what: str) -> None:
    print(f"{median(times):8.1f} ms median  {min(times):8.1f} min  {max(times):8.1f} max   {what}")


if __name__ == "__main__":
    sys.exit(main())
