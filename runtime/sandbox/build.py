"""How a sandbox comes to be: three processes and their handshake.

    launcher                     outer (userns A)                    PID 1 (userns B inside A)
    fork ----------------------> unshare user+mount
    write the id map of A <----- "unshared"
    "mapped" ------------------> unshare pid, fork ----------------> build the file tree (mounts of A)
    limit its memory <---------- "pid"
    "limited" -----------------> (both are there) <----------------- "built"
                                 "limited" ------------------------> unshare user+net+uts+ipc+cgroup
                                 write the id map of B <------------ "unshared"
                                 sysfs, cgroup2 (mounts of A)
                                 "mapped" -------------------------> unshare mount, host name, refuse system calls
    "ready" <------------------- watch over the lab                  serve requests

To move a process into a cgroup takes the kernel some milliseconds, so it goes on beside the file tree; the cgroup
namespace has to come after it. A launcher that dies at any point leaves nothing: each process asks the kernel to be
killed with its parent and waits for messages that a dead parent can't send, and in the end the outer process waits for
the launcher's end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from runtime import syscalls as sys
from runtime.errors import Problem, Refused
from runtime.sandbox import init, mounts
from runtime.sandbox.channel import Channel, Closed, pack
from runtime.sandbox.file_tree import Shown, open_shown
from runtime.sandbox.forgetting import forget_start
from runtime.sandbox.idmap import IdMap
from runtime.sandbox.seccomp import confine_lab
from runtime.sandbox.watchman import watch
from runtime.system_call_numbers import architecture

_OUTER = sys.NEWUSER | sys.NEWNS
_INNER = sys.NEWUSER | sys.NEWNET | sys.NEWUTS | sys.NEWIPC | sys.NEWCGROUP
_MOST_PROCESSES = 1024  # and threads; a lab with a Docker daemon has some hundred
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def fork(life: Callable[[], None], channel: Channel) -> int:
    """Fork a process that leads `life` and never returns; a Problem of its goes out by `channel`. Returns its PID."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    for each in _ENDING:  # a Ctrl-C must not raise KeyboardInterrupt: this process would go on as a second launcher
        signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # whatever the launcher was started with
    try:
        life()
    except Problem as problem:
        channel.send({"problem": pack(problem)})
    except OSError as error:
        channel.send({"problem": pack(Refused("set up the sandbox", error.errno or 0, str(error)))})
    except Closed:
        pass
    finally:
        os._exit(0)


def outer(launcher: Channel, launcher_ended: int, control: Channel, id_map: IdMap, lab_file: str) -> None:
    """The process that owns userns A and watches over the lab. launcher_ended: a pidfd of the launcher."""
    sys.die_with_parent()
    os.setsid()  # away from the terminal: Ctrl-C is the launcher's to handle
    _leave_groups()
    sys.leave_session_keyring(architecture().numbers["keyctl"])
    sys.unshare(_OUTER, "user, mount")
    mounts.detach_from_machine()
    shown = open_shown(lab_file)
    launcher.send({"unshared": True})
    launcher.expect("mapped")
    _become_root()
    sys.unshare(sys.NEWPID, "pid")
    here, there = Channel.pair()
    pid = fork(lambda: first(control, there, here, shown), control)
    there.close()
    control.close()
    launcher.send({"pid": pid})
    here.expect("built")
    limited = bool(launcher.expect("limited"))
    here.send({"limited": limited})
    here.expect("unshared")
    id_map.inner().write_to("/proc/1")  # PID 1 has mounted its /proc by now
    first_ended = os.pidfd_open(pid)
    _mount_views_of(first_ended)
    here.send({"mapped": True})
    _keep_only(launcher.fileno(), launcher_ended, first_ended)
    why = watch(launcher_ended, first_ended, limited)
    if why:
        with suppress(Closed):  # it has just ended too
            launcher.send({"ended": why})
    signal.pidfd_send_signal(first_ended, signal.SIGKILL)  # not waited for yet, so it is still there
    os.waitpid(pid, 0)


def first(control: Channel, outer_side: Channel, not_mine: Channel, shown: Sequence[Shown]) -> None:
    """PID 1. Never returns. An end that it kept of `not_mine` would hide the death of the outer process."""
    not_mine.close()
    sys.die_with_parent()
    mounts.build_tree(shown)
    sys.limit_processes(_MOST_PROCESSES)
    outer_side.send({"built": True})
    outer_side.expect("limited")
    sys.unshare(_INNER, "user, net, uts, ipc, cgroup")
    outer_side.send({"unshared": True})
    outer_side.expect("mapped")
    sys.die_with_parent()
    sys.stay_readable()
    sys.unshare(sys.NEWNS, "mount")  # last: every mount so far is locked for the lab
    mounts.furnish()
    sys.set_hostname(mounts.HOSTNAME)
    os.chdir(mounts.home())
    os.umask(0o022)
    _keep_only(control.fileno())
    forget_start()
    confine_lab()
    control.send({"ready": True})
    init.run_first(control)


def _leave_groups() -> None:
    """Lab root is in none of the launcher's groups: root's own would open what belongs to the machine's root group.

    An ordinary user with a single id may not leave them (user_namespaces(7), setgroups).
    """
    with suppress(PermissionError):
        os.setgroups([])


def _mount_views_of(pidfd: int) -> None:
    """Mount what shows the network and cgroup namespace of PID 1, from here: so these mounts are locked too."""
    sys.setns(pidfd, sys.NEWNET | sys.NEWCGROUP, "the network and cgroup namespace of PID 1")
    mounts.mount_views()


def _become_root() -> None:
    _leave_groups()
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    sys.die_with_parent()  # the change of ids has cleared it
    sys.stay_readable()


def _keep_only(*fds: int) -> None:
    """Close every descriptor but `fds`; standard input, output and error become /dev/null."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    last = 2
    for fd in sorted(fds):
        os.closerange(last + 1, fd)
        last = fd
    os.closerange(last + 1, os.sysconf("SC_OPEN_MAX"))
