"""Fixtures for the tests of messages: parsed labs are kept in a folder of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where parsed labs are kept, and not in the home folder of whoever runs the tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture
def in_time() -> Iterator[None]:
    """A test that takes 5 s of this process fails."""
    begun = process_time()
    yield
    assert process_time() - begun < 5
