"""Folders with all that is in them, read from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from runtime.facts.trees import Tree, read_trees
from tests.conftest import Lab

InSandbox = Callable[..., Any]


def _read(lab: Lab, command: str, path: str = "/tmp/t") -> Tree | None:
    lab.shell(f"mkdir /tmp/t && cd /tmp/t && {command}")
    return next(iter(read_trees(lab.sandbox.root, [path])), None)


@pytest.mark.parametrize(("command", "files", "folders"), [
    ("true", (), ()),
    ("touch b a; mkdir d; touch d/x", ("/a", "/b", "/d/x"), ("/d",)),
    ("mkdir -p a/b/c", (), ("/a", "/a/b", "/a/b/c")),
    ("ln -s / root; ln -s . self; mkfifo f", ("/f", "/root", "/self"), ()),
    ("mkdir d; touch d/x; chmod 000 d", ("/d/x",), ("/d",)),
])
def test_what_is_in_it(in_sandbox: InSandbox, command: str, files: tuple[str, ...], folders: tuple[str, ...]) -> None:
    assert in_sandbox(_read, command) == Tree("/tmp/t", files, folders)


@pytest.mark.parametrize(("command", "path"), [
    ("true", "/tmp/none"), ("touch x", "/tmp/t/x"), ("mkfifo f", "/tmp/t/f"), ("ln -s l l", "/tmp/t/l")])
def test_where_there_is_no_folder(in_sandbox: InSandbox, command: str, path: str) -> None:
    assert in_sandbox(_read, command, path) is None


def test_a_link_to_the_folder_is_followed_inside_only(in_sandbox: InSandbox) -> None:
    found = in_sandbox(_read, "touch x; ln -s ../../../../tmp/t /tmp/l", "/tmp/l")
    assert found == Tree("/tmp/l", ("/x",), ())


def test_there_is_an_end_to_what_is_read(in_sandbox: InSandbox) -> None:
    found = in_sandbox(_read, "for d in 1 2 3; do mkdir $d; (cd $d; seq -f f%g 7000 | xargs touch); done")
    assert not found.whole
    assert len(found.files) + len(found.folders) == 20_001


def test_there_is_an_end_to_how_deep_is_read(in_sandbox: InSandbox) -> None:
    found = in_sandbox(_read, "i=0; while [ $i -lt 200 ]; do mkdir d; cd d; i=$((i+1)); done")
    assert not found.whole
    assert len(found.folders) == 64


def _many_times(lab: Lab) -> bool:
    import os

    lab.shell("mkdir -p /tmp/t/a/b/c; touch /tmp/t/x")
    read_trees(lab.sandbox.root, ["/tmp/t"])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read_trees(lab.sandbox.root, ["/tmp/t", "/tmp/none", "/tmp/t/x"])
    return len(os.listdir("/proc/self/fd")) == before


def test_nothing_is_left_open(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_many_times)
