"""Fixtures for the tests of `labrun import`: a call of the command, and a cache folder of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from labrunner.cli import main


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where parsed labs are kept, and not in the home folder of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


class Called(NamedTuple):
    """What `labrun import` did."""

    code: int
    output: str
    errors: str


Call = Callable[..., Called]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """call('notes.md', '-o', 'lab') -> Called: `labrun import` with these arguments."""

    def called(*arguments: str | Path) -> Called:
        code = main(["import", *map(str, arguments)])
        return Called(code, *capsys.readouterr())

    return called
