"""Parsed labs in the cache folder: what is kept, what is not believed, and that a killed run leaves nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labrunner.language import source, tree_cache
from labrunner.language.document import parse
from labrunner.language.tree import Node

TEXT = b"title: A lab\nminutes: 10\nlist: [1.5, true, null, {a: b}]\nsteps: '\xe2\x86\x92'\n"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that labs are kept in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/labrun/labs"


@pytest.fixture
def lab(tmp_path: Path) -> str:
    file = tmp_path / "lab.yaml"
    file.write_bytes(TEXT)
    return str(file)


def made(path: str, data: bytes = TEXT) -> Node:
    return parse(path, data).tree


def test_what_was_kept_is_recalled_with_its_places(lab: str) -> None:
    assert tree_cache.recall(lab, TEXT) is None
    tree_cache.keep(lab, TEXT, made(lab))
    recalled = tree_cache.recall(lab, TEXT)
    assert recalled == made(lab)
    assert recalled is not None
    assert recalled.value["list"].node.value[3].value["a"].place == (lab, 3, 26)


def test_another_text_is_not_the_one_that_was_kept(lab: str) -> None:
    tree_cache.keep(lab, TEXT, made(lab))
    assert tree_cache.recall(lab, TEXT.replace(b"10", b"11")) is None
    assert tree_cache.recall(lab, TEXT + b"\n") is None


def test_another_file_is_not_the_one_that_was_kept(lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_cache, "crc32", lambda _data: 7)  # both in one file
    tree_cache.keep(lab, TEXT, made(lab))
    assert tree_cache.recall(str(tmp_path / "other.yaml"), TEXT) is None


@pytest.mark.parametrize("part", ["composing.py", "document.py", "template.py", "tree_cache.py"])
def test_what_other_code_made_is_not_believed(lab: str, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tree_cache.keep(lab, TEXT, made(lab))
    real = os.stat

    def newer(path: str) -> Any:
        found = list(real(path))
        return os.stat_result(found, {"st_mtime_ns": 1}) if path.endswith("/" + part) else real(path)

    monkeypatch.setattr(os, "stat", newer)
    assert tree_cache.recall(lab, TEXT) is None


def test_what_another_version_made_is_not_believed(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tree_cache.keep(lab, TEXT, made(lab))
    monkeypatch.setattr(tree_cache, "__version__", "0.0.1")
    assert tree_cache.recall(lab, TEXT) is None


@pytest.mark.parametrize("spoil", [
    lambda _: b"",
    lambda data: data[:-10],
    lambda data: b"\0" * len(data),
    lambda _: b"[]",
    lambda _: b"null",
    lambda _: b'"key"',
    lambda _: b"[" * 100_000,
    lambda data: json.dumps(json.loads(data) | {"tree": []}).encode(),
    lambda data: json.dumps(json.loads(data) | {"tree": [1, 1, {"title": []}]}).encode(),
    lambda data: json.dumps(json.loads(data) | {"tree": [1, 1, [[1, 1]]]}).encode(),
], ids=["empty", "cut", "zeros", "list", "null", "text", "deep", "no-tree", "bad-mapping", "bad-list"])
def test_a_spoiled_file_is_as_good_as_none(lab: str, cache: Path, spoil: Callable[[bytes], bytes]) -> None:
    tree_cache.keep(lab, TEXT, made(lab))
    (file,) = cache.iterdir()
    file.write_bytes(spoil(file.read_bytes()))
    assert tree_cache.recall(lab, TEXT) is None
    assert source.read_document(lab, {}).tree == made(lab)
    assert tree_cache.recall(lab, TEXT) == made(lab), "it was written anew"


def test_where_nothing_can_be_written_nothing_is_kept_and_nothing_said(lab: str, cache: Path,
                                                                       capfd: pytest.CaptureFixture[str]) -> None:
    cache.parent.parent.write_text("a file where a folder should be")
    assert source.read_document(lab, {}).tree == made(lab)
    assert capfd.readouterr() == ("", "")


def test_a_full_disk_leaves_no_half_file(lab: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda _, data: len(data) - 1)
    tree_cache.keep(lab, TEXT, made(lab))
    assert list(cache.iterdir()) == []


def test_xdg_cache_home_is_honoured(lab: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree_cache.keep(lab, TEXT, made(lab))
    assert [file.suffix for file in cache.iterdir()] == [".json"]
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    tree_cache.keep(lab, TEXT, made(lab))
    assert len(list((tmp_path / "home/.cache/labrun/labs").iterdir())) == 1


def test_only_its_owner_may_read_it(lab: str, cache: Path) -> None:
    tree_cache.keep(lab, TEXT, made(lab))
    assert [file.stat().st_mode & 0o777 for file in cache.iterdir()] == [0o600]


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    lab = os.path.join(str(tmp_path), os.fsdecode(b"\xff.yaml"))
    tree_cache.keep(lab, TEXT, made(lab))
    assert tree_cache.recall(lab, TEXT) == made(lab)


def test_nothing_is_kept_of_a_lab_with_mistakes_or_with_given_values(tmp_path: Path, cache: Path) -> None:
    wrong, good = tmp_path / "wrong.yaml", tmp_path / "good.yaml"
    wrong.write_text("a: yes\n")
    good.write_text("vars: {a: 1}\n")
    source.read_document(str(wrong), {})
    source.read_document(str(good), {"a": "2"})
    assert not cache.exists()


KEEPER = """
import sys
from labrunner.language import tree_cache
from labrunner.language.document import parse
path, times = sys.argv[1], int(sys.argv[2])
data = open(path, "rb").read()
tree = parse(path, data).tree
print("ready", flush=True)
for _ in range(times):
    tree_cache.keep(path, data, tree)
    recalled = tree_cache.recall(path, data)
    assert recalled in (None, tree), recalled  # None: the other has just taken it away to put its own in its place
"""


def keeper(lab: str, times: int) -> subprocess.Popen[str]:
    """A process that keeps and recalls the lab again and again."""
    process = subprocess.Popen([sys.executable, "-c", KEEPER, lab, str(times)], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_at_once(lab: str, cache: Path) -> None:
    both = [keeper(lab, 500), keeper(lab, 500)]
    for process in both:
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 0
    assert len(list(cache.iterdir())) == 1
    assert tree_cache.recall(lab, TEXT) == made(lab)


def test_a_process_that_is_killed_while_it_writes_leaves_nothing_else(lab: str, cache: Path) -> None:
    for _ in range(5):
        process = keeper(lab, 1_000_000)
        while not (cache.exists() and list(cache.iterdir())):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        left = [file.name for file in cache.iterdir()]
        assert len(left) <= 1
        assert tree_cache.recall(lab, TEXT) == (made(lab) if left else None)
