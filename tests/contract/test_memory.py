"""A lab that takes much memory where no cgroup limits it: what takes most is killed, or the lab ends."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator

import pytest

from runtime.errors import Refused
from runtime.sandbox import memory
from runtime.sandbox.handle import Sandbox, start
from runtime.sandbox.printed import MOST_OUTPUT

LIMIT = 400 << 20
KILLED = f"{128 + signal.SIGKILL}\n"
HOLD = "import os, time; held = b'x' * (%d << 20); %s; print('done', flush=True)"
FILL = "mkdir -p /m && mount -t tmpfs -o size=100% tmpfs /m && head -c 200M /dev/zero > /m/1 && {}"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """One that has no cgroup, whoever runs the tests."""
    monkeypatch.setattr("runtime.sandbox.cgroup.find_place", lambda: None)
    monkeypatch.setattr("runtime.sandbox.user_scope.join_scope", lambda _pid, _limit: "")
    monkeypatch.setattr("runtime.sandbox.cgroup.MOST_MEMORY", LIMIT)
    sandbox = start()
    assert sandbox.memory is None
    yield sandbox
    sandbox.stop()


def ended(sandbox: Sandbox) -> bool:
    """Whether PID 1 has ended, or does so within some seconds."""
    return bool(select.select([os.pidfd_open(sandbox.pid)], [], [], 5)[0])


def test_a_process_that_takes_more_is_killed(sandbox: Sandbox) -> None:
    assert sandbox.run(["sh", "-c", "head -c 2G /dev/zero | tail > /dev/null; echo $?"]).output == KILLED
    assert sandbox.run(["echo", "alive"]).output == "alive\n"


def test_what_processes_share_counts_once(sandbox: Sandbox) -> None:
    shared = HOLD % (100, "[os.fork() or (time.sleep(3), os._exit(0)) for _ in range(8)]; time.sleep(2.5)")
    done = sandbox.run(["python3", "-c", shared])
    assert (done.status, done.output) == (0, "done\n")


def test_files_in_memory_of_any_size(sandbox: Sandbox) -> None:
    assert sandbox.run(["sh", "-c", FILL.format("echo $?")]).output == "0\n", "less than the limit"
    with pytest.raises(Refused, match="it was ended: it takes more than 400 MiB of memory"):
        sandbox.run(["sh", "-c", FILL.format("head -c 400M /dev/zero > /m/2; sleep 9")])
    assert ended(sandbox)


def test_files_in_a_mount_namespace_of_their_own(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="it was ended"):
        sandbox.run(["unshare", "-m", "sh", "-c", FILL.format("head -c 400M /dev/zero > /m/2; sleep 9")])


@pytest.mark.parametrize("hidden", [
    "files = [open(os.memfd_create('x'), 'wb') for _ in range(4)]",
    "files = [open(f'/m/{n}', 'wb') for n in range(4)]; os.system('umount -l /m')"])
def test_what_cannot_be_seen_ends_before_the_machines_memory(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    monkeypatch.setattr("runtime.sandbox.cgroup.find_place", lambda: None)
    monkeypatch.setattr("runtime.sandbox.user_scope.join_scope", lambda _pid, _limit: "")
    monkeypatch.setattr(memory, "_reserve_of_machine", lambda: memory.available() - (300 << 20))
    write = "[file.write(b'x' * (1 << 20)) for _ in range(400) for file in files]"
    sandbox = start()
    try:
        sandbox.run(["sh", "-c", "mkdir /m && mount -t tmpfs tmpfs /m"])
        with pytest.raises(Refused, match="it was ended: the machine has only"):
            sandbox.run(["python3", "-c", f"import os, time; {hidden}; {write}; time.sleep(9)"])
        assert ended(sandbox)
    finally:
        sandbox.stop()


def test_output_without_end(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="it printed more than 16 MiB and was killed"):
        sandbox.run(["yes"])
    done = sandbox.run(["head", "-c", str(MOST_OUTPUT + 1), "/dev/zero"])
    assert len(done.output) == MOST_OUTPUT
