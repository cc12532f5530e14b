"""A containerd of the lab's own, inside the sandbox: the manager whose shims stay with the containers when it is gone.

All its files are below /run/containerd, so that it touches none of the machine's. Left out are the plugins that a lab
has no use for: the CRI, and the snapshotters, which want devices or file systems of the machine.
"""

from __future__ import annotations

from shlex import quote

from runtime.errors import Missing
from runtime.facts.containerd import HOME
from runtime.programs import how_to_install, is_there

PID_FILE, LOG = f"{HOME}/pid", f"{HOME}/log"
_PROGRAMS = ("containerd", "ctr", "containerd-shim-runc-v2")
_LEFT_OUT = ("grpc.v1.cri", "snapshotter.v1.aufs", "snapshotter.v1.btrfs", "snapshotter.v1.devmapper",
             "snapshotter.v1.zfs", "internal.v1.opt")
_CONFIG = f"""\
version = 2
root = "{HOME}/data"
state = "{HOME}"
disabled_plugins = [{", ".join(f'"io.containerd.{plugin}"' for plugin in _LEFT_OUT)}]
[grpc]
  address = "{HOME}/containerd.sock"
"""
_SECONDS = 10  # it takes 0.1


def need_containerd() -> None:
    """Raises Missing without the daemon, its client or its shim."""
    for program in _PROGRAMS:
        if not is_there(program):
            raise Missing(f"{program} is not installed", "containerd is to be started inside the lab",
                          how_to_install(program))


def command() -> str:
    """The shell command that starts it and waits until it answers, as lab root on the lab host.

    It may be given again when containerd has ended or was killed. While one runs, it is refused: a second one would
    wait for ever for the lock on the first one's data, and whoever asks would be answered by the first.
    """
    # In a session of its own, as a daemon: so it can be killed with all that it has started, when it does not answer.
    return "\n".join((
        f"mkdir -p {HOME} && printf %s {quote(_CONFIG)} > {HOME}/config.toml",
        (f"! ctr --connect-timeout 1s version > /dev/null 2>&1 || "
         f"{{ echo containerd runs already: PID $(cat {PID_FILE}) >&2; exit 1; }}"),
        f"setsid containerd --config {HOME}/config.toml > {LOG} 2>&1 &",
        f"echo $! > {PID_FILE}",
        # One that has died is there until this shell asks for it, as a zombie, which kill(1) would find.
        (f"timeout {_SECONDS} sh -c 'until ctr --connect-timeout 100ms version; do grep -q ^State:.[^Z] "
         f"/proc/'$!'/status && sleep 0.02 || exit; done' > /dev/null 2>&1 "
         f"|| {{ tail -n 3 {LOG} >&2; kill -KILL -$! 2> /dev/null; exit 1; }}"),
    ))
