"""Tars that are kept: what is believed, what is made anew, what has to go, and several runs at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.oci.tar import cache
from runtime.oci.tar.cache import Bounds, obtain

DATA = bytes(range(256)) * 400


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "labrun/rootfs"


class Making:
    """Writes data, and counts how often."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data, self.times = data, 0

    def __call__(self, fd: int) -> None:
        self.times += 1
        assert os.write(fd, self.data) == len(self.data)


def read(fd: int) -> bytes:
    """All that is in an open file, which is at its start, read-only, and not for programs that are started."""
    assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    assert not os.get_inheritable(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(fd, b"x")
    with os.fdopen(fd, "rb") as file:
        return file.read()


def test_what_was_made_is_kept_for_the_same_image(folder: Path) -> None:
    make = Making()
    for _ in range(3):
        assert read(obtain("docker", "sha256:1", make)) == DATA
    assert make.times == 1
    for kind, identity in (("podman", "sha256:1"), ("docker", "sha256:2")):
        assert read(obtain(kind, identity, Making(b"other"))) == b"other"
    assert len(list(folder.iterdir())) == 3
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_another_format_is_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(obtain("docker", "sha256:1", Making(b"old"))) == b"old"
    monkeypatch.setattr(cache, "_FORMAT", 999)
    assert read(obtain("docker", "sha256:1", Making(b"new"))) == b"new"


def _replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(DATA)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".x"))
    path.symlink_to(path.with_suffix(".x"))


def _flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xfe")


def _hide(path: Path, at: int) -> None:
    """As a bad disk does it: the times stay."""
    times = path.stat()
    _flip(path, at)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _truncate(path: Path, size: int) -> None:
    times = path.stat()
    os.truncate(path, size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


SPOILED: dict[str, Callable[[Path], None]] = {
    "shorter": lambda path: _truncate(path, len(DATA) - 1), "empty": lambda path: _truncate(path, 0),
    "longer": lambda path: _truncate(path, len(DATA) + 1),
    "a-byte-in-the-middle": lambda path: _flip(path, len(DATA) // 2),
    "the-head-of-a-bad-disk": lambda path: _hide(path, 0), "the-tail": lambda path: _hide(path, len(DATA) - 1),
    "another-file": _replace, "gone": Path.unlink,
    "a-fifo": _fifo, "a-link": _link,
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_is_damaged_is_made_anew(kind: str, folder: Path) -> None:
    make = Making()
    os.close(obtain("docker", "sha256:1", make))
    [path] = folder.iterdir()
    SPOILED[kind](path)
    for _ in range(2):
        assert read(obtain("docker", "sha256:1", make)) == DATA
    assert make.times == 2


def test_a_folder_where_a_file_should_be_is_no_error(folder: Path) -> None:
    os.close(obtain("docker", "sha256:1", Making()))
    [path] = folder.iterdir()
    path.unlink()
    path.mkdir()
    make = Making()
    for _ in range(2):
        assert read(obtain("docker", "sha256:1", make)) == DATA
    assert make.times == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_of_another_user_is_not_believed(folder: Path) -> None:
    os.close(obtain("docker", "sha256:1", Making(b"evil")))
    [path] = folder.iterdir()
    os.chown(path, 12345, 12345)
    assert read(obtain("docker", "sha256:1", Making())) == DATA


def test_the_least_recently_used_go(folder: Path) -> None:
    makes = {name: Making(name.encode() * 1000) for name in "abcd"}
    for name in "abcabd":  # c is the one that was longest ago
        os.close(obtain("docker", name, makes[name], Bounds(files=3)))
    assert len(list(folder.iterdir())) == 3
    for name in "abdc":
        assert read(obtain("docker", name, makes[name], Bounds(files=9))) == name.encode() * 1000
    assert {name: make.times for name, make in makes.items()} == {"a": 1, "b": 1, "c": 2, "d": 1}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_they_go_too_where_reading_leaves_no_time(folder: Path) -> None:
    """mount(8), noatime."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,noatime", folder], check=True)
        test_the_least_recently_used_go(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_all_files_have_a_size_at_most(folder: Path) -> None:
    for name in "abcde":
        assert read(obtain("docker", name, Making(), Bounds(size=3 * len(DATA) + 5))) == DATA
    assert len(list(folder.iterdir())) == 3
    assert read(obtain("docker", "f", Making(DATA * 4), Bounds(size=3 * len(DATA) + 5))) == DATA * 4
    assert sum(path.stat().st_size for path in folder.iterdir()) == 3 * len(DATA)


def test_a_file_that_another_run_deletes_stays_open(folder: Path) -> None:
    os.close(obtain("docker", "a", Making()))
    fd = obtain("docker", "a", Making())
    os.close(obtain("docker", "b", Making(), Bounds(files=1)))
    assert len(list(folder.iterdir())) == 1
    assert read(fd) == DATA


def test_other_files_in_the_folder_are_let_be(folder: Path) -> None:
    os.close(obtain("docker", "a", Making()))
    (folder / "notes").write_text("mine")
    os.close(obtain("docker", "b", Making(), Bounds(files=1)))
    assert (folder / "notes").read_text() == "mine"


def test_what_cannot_be_made_is_not_kept(folder: Path) -> None:
    def fail(fd: int) -> None:
        os.write(fd, b"half")
        raise KeyboardInterrupt

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt):
        obtain("docker", "a", fail)
    assert list(folder.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_two_runs_at_once_both_have_it(folder: Path) -> None:
    """Both have begun before either ends."""
    together, got = threading.Barrier(8, timeout=20), list[bytes]()

    def make(fd: int) -> None:
        together.wait()
        os.write(fd, DATA)

    runs = [threading.Thread(target=lambda: got.append(read(obtain("docker", "a", make)))) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(20)
    assert got == [DATA] * 8
    assert len(list(folder.iterdir())) == 1
    later = Making()
    assert read(obtain("docker", "a", later)) == DATA
    assert later.times == 0


def test_a_run_that_is_killed_half_way_leaves_nothing(folder: Path) -> None:
    code = ("import os, signal\nfrom runtime.oci.tar.cache import obtain\n"
            "def make(fd):\n os.write(fd, b'half' * 9999)\n os.kill(os.getpid(), signal.SIGKILL)\n"
            "obtain('docker', 'a', make)")
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.returncode == -signal.SIGKILL
    assert list(folder.iterdir()) == []


def _a_file(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where a folder should be")


def _a_way_through_a_file(folder: Path) -> None:
    folder.parent.write_text("a file")


def _on_proc(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to("/proc/self")


@pytest.mark.parametrize("spoil", [_a_file, _a_way_through_a_file, _on_proc])
def test_where_nothing_can_be_kept_nothing_is_said(spoil: Callable[[Path], None], folder: Path) -> None:
    """/proc has no O_TMPFILE; nor has it room for a file."""
    spoil(folder)
    make = Making()
    for _ in range(2):
        assert read(obtain("docker", "a", make)) == DATA
    assert make.times == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_read_only_cache_is_used_and_no_error(folder: Path) -> None:
    make = Making()
    os.close(obtain("docker", "a", make))
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        for name in "aabb":
            assert read(obtain("docker", name, make)) == DATA
    finally:
        subprocess.run(["umount", folder], check=True)
    assert make.times == 3
