"""Docker and podman for tests, with data of their own: real ones, that are started and ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime import syscalls
from tests.tarballs import Item, tar

DEADLINE = 20.0  # seconds
BUSYBOX = "/usr/bin/busybox"
LINKS = [f"bin/{name}" for name in ("sh", "ls", "cat", "ip", "true")]


class Engine(NamedTuple):
    """A program with images, and what has to be in the environment for it to find them. pid: of its daemon, or 0."""

    program: str
    environment: dict[str, str]
    pid: int = 0

    @property
    def form(self) -> str:
        return {"docker": "docker-daemon", "podman": "podman"}[self.program]

    def __call__(self, *words: str, stdin: bytes = b"") -> str:
        """Run it; it has to succeed."""
        done = subprocess.run([self.program, *words], input=stdin, capture_output=True, timeout=60,
                              env={**os.environ, **self.environment})
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def containers(self) -> set[str]:
        return set(self("ps", "--all", "--quiet").split())


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder with a short path, since that of a socket is in it, and which others may look into."""
    folder = Path(tempfile.mkdtemp(prefix="lr", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def docker(place: Path) -> Iterator[Engine]:
    """A docker daemon of its own."""
    if not shutil.which("dockerd"):
        pytest.skip("dockerd is not installed: apt install docker.io")
    words = ["dockerd", "--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "--pidfile", f"{place}/pid",
             "--host", f"unix://{place}/socket", "--storage-driver", "vfs", "--iptables=false", "--ip6tables=false",
             "--bridge=none"]
    with (place / "log").open("wb") as log:
        daemon = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True,
                                  preexec_fn=syscalls.die_with_parent)  # noqa: PLW1509 tests that are killed leave none
    engine = Engine("docker", {"DOCKER_HOST": f"unix://{place}/socket", "DOCKER_CONFIG": f"{place}/config"}, daemon.pid)
    try:
        eventually(lambda: daemon.poll() is not None or subprocess.run(
            ["docker", "version"], capture_output=True, env={**os.environ, **engine.environment}).returncode == 0)
        assert daemon.poll() is None, (place / "log").read_text()
        fill(engine)
        yield engine
    finally:
        daemon.terminate()
        daemon.wait(DEADLINE)


@pytest.fixture(scope="session")
def podman(place: Path) -> Engine:
    """podman with a storage of its own. It has no daemon."""
    if not shutil.which("podman"):
        pytest.skip("podman is not installed: apt install podman")
    (place / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{place}/images"\nrunroot = "{place}/run"\n')
    engine = Engine("podman", {"CONTAINERS_STORAGE_CONF": f"{place}/storage.conf"})
    fill(engine)
    return engine


def fill(engine: Engine) -> None:
    """An image of busybox, one that has a command, and a large one."""
    programs = tar(Item("bin", "folder"), Item("bin/busybox", data=Path(BUSYBOX).read_bytes(), fields={"mode": 0o755}),
                   *(Item(name, "hard link", target="bin/busybox", fields={"mode": 0o755}) for name in LINKS),
                   Item("home", "folder"), Item("home/away", "symlink", target="/tmp"))
    engine("import", "-", "box:1", stdin=programs)
    engine("import", "--change", 'CMD ["sh"]', "-", "command:1", stdin=programs)
    engine("import", "-", "big:1", stdin=tar(*(Item(f"big/{n}", data=bytes(1 << 20)) for n in range(64))))


def use(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds that nobody tells of."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
