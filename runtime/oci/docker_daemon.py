"""A Docker daemon of the lab's own, inside the sandbox: what it builds is built in the lab's network.

dockerd --rootless is made for a user namespace. It wants three more things here: folders that can be written, a socket
that belongs to a group that there is, and containers without group 5 (see the options of /dev/pts that it proposes).
"""

from __future__ import annotations

from shlex import quote

from runtime.errors import Missing
from runtime.programs import how_to_install, is_there

_HOME = "/run/docker"
_PROGRAMS = ("dockerd", "docker", "runc")
_RUNTIME = """#!/bin/sh
# runc, after gid=5 was taken out of config.json
for word; do [ "$last" = --bundle ] && sed -i 's/,"gid=5"//' "$word/config.json"; last=$word; done
exec runc "$@"
"""
_OPTIONS = ("--rootless", "--group root", "--host unix:///run/docker.sock", f"--data-root {_HOME}/data",
            f"--exec-root {_HOME}/exec", f"--pidfile {_HOME}/pid", "--storage-driver vfs", "--userland-proxy=false",
            f"--add-runtime plain={_HOME}/runtime", "--default-runtime plain")
_SECONDS = 20


def need_docker() -> None:
    """Raises Missing without the daemon or its client."""
    for program in _PROGRAMS:
        if not is_there(program):
            raise Missing(f"{program} is not installed", "a Docker daemon is to be started inside the lab",
                          how_to_install(program))


def command() -> str:
    """The shell command that starts it and waits until it answers, as lab root on the lab host."""
    return "\n".join((
        f"mkdir -p {_HOME} && {{ [ ! -d /etc/docker ] || mount -t tmpfs tmpfs /etc/docker; }}",
        f"printf %s {quote(_RUNTIME)} > {_HOME}/runtime && chmod 755 {_HOME}/runtime",
        # In a session of its own: so it can be killed with all that it has started, when it does not answer.
        f"setsid dockerd {' '.join(_OPTIONS)} > {_HOME}/log 2>&1 &",
        # One that has died is there until this shell asks for it, as a zombie, which kill(1) would find.
        (f"timeout {_SECONDS} sh -c 'until docker version; do grep -q ^State:.[^Z] /proc/'$!'/status && sleep 0.1 || "
         f"exit; done' > /dev/null 2>&1 || {{ tail -n 3 {_HOME}/log >&2; kill -KILL -$! 2> /dev/null; exit 1; }}"),
    ))
