"""The words of conmon(8) as a person types them as lab root on the lab host, and where its files are.

conmon makes itself a daemon, runs the OCI runtime to create the container, and tells by a pipe, _OCI_SYNCPIPE, which
PID it has, or what went wrong; that line is what the command prints.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from shlex import quote

from runtime.facts.exits import CONMON_HOME
from runtime.oci.command_line import pid_file

_LOG = 8 << 20  # bytes, after which it begins anew: a program that prints for ever would fill the disk
ENDPOINTS = f"{CONMON_HOME}/attach"


def shim_pid_file(name: str) -> str:
    """Where the PID of the shim itself is written."""
    return f"{CONMON_HOME}/{name}/pid"


def exit_file(name: str) -> str:
    """Where the exit status is written, when the container has ended."""
    return f"{CONMON_HOME}/{name}/exit"


def log_file(name: str) -> str:
    """Where all that the container prints is written."""
    return f"{CONMON_HOME}/{name}/log"


def attach_socket(name: str) -> str:
    """The socket of type SOCK_SEQPACKET on which the shim lets clients in."""
    return f"{ENDPOINTS}/{name}/attach"


def control_fifo(name: str) -> str:
    """The named pipe that takes orders: '1 ROWS COLUMNS' for the size of the terminal."""
    return f"{ENDPOINTS}/{name}/ctl"


def create(runtime: str, name: str, bundle: str, terminal: bool) -> str:
    """The command that starts a shim, which creates a container."""
    return _command(name, f"--cid {name}", f"--runtime $(command -v {runtime}) --bundle {quote(bundle)}", terminal)


def exec_(runtime: str, container: str, session: str, words: Sequence[str], terminal: bool) -> str:
    """The command that starts a shim for one more program in a running container (conmon(8), --exec)."""
    folder = f"{CONMON_HOME}/{session}"
    process = json.dumps({"args": list(words), "terminal": terminal, "cwd": "/", "user": {"uid": 0, "gid": 0},
                          "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]})
    return " &&\n".join((
        f"mkdir -p {folder} && printf '%s\\n' {quote(process)} > {folder}/process.json",
        _command(session, f"--cid {container} --exec --exec-process-spec {folder}/process.json",
                 f"--runtime $(command -v {runtime}) --bundle {folder}", terminal)))


def resize(name: str, rows: int, columns: int) -> str:
    """The command that gives the terminal another size."""
    return f"echo 1 {rows} {columns} > {control_fifo(name)}"


def attach(name: str) -> str:
    """The command that joins a container's streams. Each packet begins with a byte: 2 for stdout, 3 for stderr."""
    return f"socat STDIO UNIX-CONNECT:{attach_socket(name)},type=5"


def _command(name: str, what: str, how: str, terminal: bool) -> str:
    """With --leave-stdin-open: else the first client that leaves would take the container's stdin with it."""
    folder = f"{CONMON_HOME}/{name}"
    call = " \\\n  ".join((
        f"_OCI_SYNCPIPE=3 conmon --api-version 1 {what} --cuuid {name} --name {name}", how,
        f"--container-pidfile {pid_file(name)} --conmon-pidfile {shim_pid_file(name)}",
        f"--persist-dir {folder} --socket-dir-path {ENDPOINTS} --log-path k8s-file:{log_file(name)}",
        f"--log-size-max {_LOG}",
        f"--stdin --leave-stdin-open{' --terminal' * terminal} 3>&1 > /dev/null"))
    return f"mkdir -p {ENDPOINTS} {folder} && rm -f {exit_file(name)} &&\n{{ {call}; }} | head -n 1"
