"""The cache folder: what is kept, what is not believed, and how a change is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import time_ns

import pytest

from labrunner import cache_folder
from labrunner.cache_folder import keep, recall, settled, stamp

VALUE = {"a": (1, ["x", "\udcff"], None), "b": ""}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "labrun/thing"


def test_what_was_kept_is_recalled_for_the_same_key(cache: Path) -> None:
    assert recall("thing", ("key", 1)) is None
    keep("thing", ("key", 1), VALUE)
    assert recall("thing", ("key", 1)) == VALUE
    assert recall("thing", ("key", 2)) is None
    assert recall("other", ("key", 1)) is None
    assert cache.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("spoil", [
    lambda _: b"", lambda data: data[:3], lambda data: data[:-1], lambda data: b"\0" * len(data),
    lambda data: data + b"x", lambda data: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:],
    lambda data: data[:4] + b"[" + data[5:],
], ids=["empty", "no-checksum", "cut", "zeros", "longer", "a-bit", "the-first-byte"])
def test_a_spoiled_file_is_as_good_as_none(cache: Path, spoil: Callable[[bytes], bytes]) -> None:
    keep("thing", ("key",), VALUE)
    cache.write_bytes(spoil(cache.read_bytes()))
    assert recall("thing", ("key",)) is None
    keep("thing", ("key",), VALUE)
    assert recall("thing", ("key",)) == VALUE


@pytest.mark.parametrize("data", [b"", b"[", b"\xe9\x00", b"(", b"i\x01\x00\x00\x00", b"N"])
def test_what_another_wrote_is_as_good_as_none(cache: Path, data: bytes) -> None:
    cache.parent.mkdir()
    cache.write_bytes(cache_folder._checksum(data) + data)
    assert recall("thing", ("key",)) is None


def test_where_nothing_can_be_written_nothing_is_said(cache: Path) -> None:
    cache.parent.write_text("a file where a folder should be")
    keep("thing", ("key",), VALUE)
    assert recall("thing", ("key",)) is None


def test_a_full_disk_leaves_what_was_there(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("thing", ("key",), "old")
    monkeypatch.setattr(os, "write", lambda _, data: len(data) - 1)
    keep("thing", ("key",), "new")
    assert recall("thing", ("key",)) == "old"
    assert [file.name for file in cache.parent.iterdir()] == ["thing"]


def test_the_stamp_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert stamp(str(file)) == (0, 0, 0)
    file.write_text("a")
    times = file.stat()
    seen = {stamp(str(file))}
    while len(seen) < 2:  # until the clock of the file system has ticked
        file.write_text("b")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        seen.add(stamp(str(file)))
    (tmp_path / "new").write_text("b")
    (tmp_path / "new").replace(file)
    assert stamp(str(file)) not in seen


@pytest.mark.parametrize(("ago", "is_settled"), [(0, False), (50_000_000, False), (200_000_000, True), (-10**12, True)])
def test_what_changed_just_now_may_change_again_unseen(ago: int, is_settled: bool) -> None:
    assert settled((time_ns() - ago, 1, 1)) is is_settled
