"""Labs that do not want to end: programs for attempts.PRELUDE, run as lab root, that go on for ever."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import syscalls
from tests.system.sandbox.attempts import argv

if TYPE_CHECKING:
    from tests.system.sandbox.inside import Inside

_IN_CREATE = 0x100
# It begins when the FIFO /run/go has had a writer, and says that all is set up by a file /run/ready.
_BEGIN = """
import signal, time
ATTACH, SEIZE, INTERRUPT, SETOPTIONS, CONT, LISTEN, SYSCALL = 16, 0x4206, 0x4207, 0x4200, 7, 0x4208, 24
def ready():
    open('/run/ready', 'w').close()
    while True:
        signal.pause()
def child(life):
    pid = os.fork()
    if pid == 0:
        life()
        os._exit(0)
    return pid
def sleep():
    while True:
        signal.pause()
def stop(pid, options=0):
    try:
        call('ptrace', SEIZE, pid, 0, options)
    except OSError:  # a lab is refused PTRACE_O_TRACEEXIT
        call('ptrace', SEIZE, pid, 0, 0)
    call('ptrace', INTERRUPT, pid, 0, 0)
    os.waitpid(pid, 0x40000000)
os.setsid()
open('/run/go').read()
"""
HOSTILE = {
    "nothing special": "ready()",
    "PID 1 is attached to": "call('ptrace', ATTACH, 1, 0, 0); os.waitpid(1, 0x40000000); ready()",
    "PID 1 is seized and interrupted": "stop(1); ready()",
    "PID 1 stops again at its exit": "stop(1, 0x40); call('ptrace', CONT, 1, 0, 0); ready()",  # PTRACE_O_TRACEEXIT
    "PID 1 stops at each system call": "stop(1, 1); call('ptrace', SYSCALL, 1, 0, 0); ready()",
    "PID 1 is traced by a process that is traced and stopped": """
tracer = child(lambda: (stop(1), open('/run/stopped', 'w'), sleep()))
while not os.path.exists('/run/stopped'):
    time.sleep(0.001)
stop(tracer, 0x40)
ready()
""",
    "two trace one another and stop at their exit": """
def trace(other):
    stop(other, 0x40)
    call('ptrace', CONT, other, 0, 0)
    sleep()
first = os.getpid()
second = child(lambda: trace(first))
while not os.path.exists('/run/stopped'):
    for line in open('/proc/self/status'):
        if line.startswith('TracerPid') and line.split()[1] != '0':
            open('/run/stopped', 'w').close()
open('/run/ready', 'w').close()  # what second does from now on stops this one, which cannot stop it any more then
stop(second, 0x40)
sleep()
""",
    "everything is stopped": "[child(sleep) for _ in range(20)]; os.kill(1, 19); os.kill(-1, 19); ready()",
    "all signals are ignored": """
def deaf():
    for number in signal.valid_signals() - {9, 19, 32, 33}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(1000)
[child(deaf) for _ in range(20)]
ready()
""",
    "a deep tree": """
def deeper(depth):
    if depth:
        child(lambda: deeper(depth - 1))
    else:
        ready()
    sleep()
deeper(60)
""",
    "namespaces in namespaces": """
def deeper(depth):
    unshare(NEWUSER)
    unshare(NEWPID)
    child(lambda: deeper(depth - 1) if depth else ready())
    sleep()
deeper(8)
""",
    "a stopped PID 1 in a namespace": """
unshare(NEWPID)
inner = child(sleep)
child(sleep)
stop(inner, 0x40)
ready()
""",
    "a fork bomb": """
def bomb():
    while True:
        try:
            child(bomb)
        except OSError:
            open('/run/ready', 'w').close()
            sleep()
bomb()
""",
    "waiting for a child that shares its memory": """
os.mkfifo('/tmp/fifo')
child(lambda: os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, '/tmp/fifo', 0, 0)]))
ready()
""",
    "no signal at the death of a parent": """
def loose():
    for option, value in ((1, 0), (4, 0), (36, 1)):
        libc.prctl(option, value, 0, 0, 0)
    os.setsid()
    sleep()
for _ in range(30):
    child(loose)
ready()
""",
    "siblings trace each other": """
pids = [child(sleep) for _ in range(20)]
for pid in pids:
    stop(pid, 0x40)
ready()
""",
    "PID 1's descriptors are held by another": """
pidfd = call('pidfd_open', 1, 0)
for fd in os.listdir('/proc/1/fd'):
    try:
        call('pidfd_getfd', pidfd, int(fd), 0)
    except OSError:
        pass
ready()
""",
    "PID 1 gets every signal": """
for number in signal.valid_signals() - {9, 19, 32, 33}:
    os.kill(1, number)
ready()
""",
    "it is busy": """
def spin():
    while True:
        pass
for _ in range(3):
    child(spin)
ready()
""",
}


def take_over(lab: Inside, name: str, wait: bool = True) -> None:
    """Start a hostile program in a lab, and wait until it has done what it wants to do."""
    run = Path(f"/proc/{lab.pid}/root/run")
    done = lab.run("/bin/sh", "-c", 'mkfifo /run/go; "$@" > /run/said 2>&1 &', "sh", *argv(_BEGIN + HOSTILE[name]))
    assert done.status == 0, done
    events = syscalls.inotify_init()
    try:
        syscalls.inotify_add_watch(events, str(run), _IN_CREATE)
        (run / "go").write_text("go")
        while wait and not (run / "ready").exists():
            assert select.select([events], [], [], 20)[0], f"{name}: {(run / 'said').read_text()}"
            os.read(events, 4096)
    finally:
        os.close(events)
