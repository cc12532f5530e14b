"""Fixtures for tests of one sandbox, from inside it.

    place   a user and an id map, each in turn
    lab     a running sandbox (tests/system/sandbox/inside.py), of that user with that id map
    python  an interpreter that every user may run, with the installed runtime
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.accounts import PLAIN, WITH_RANGES, User, myself
from tests.system.sandbox.inside import Inside, inside

_PLACES = (("root", "rootmap"), ("root", "single"), (WITH_RANGES, "subuid"), (WITH_RANGES, "single"), (PLAIN, "single"))


@pytest.fixture(scope="session")
def python(installed: Path) -> Path:
    """The interpreter of the clean installation."""
    return installed.parent / "python"


@pytest.fixture(scope="module", params=_PLACES, ids=" ".join)
def place(request: pytest.FixtureRequest) -> tuple[User, str]:
    """Each kind of user with each of their id maps."""
    name, id_map = request.param
    return _user(name, request), id_map


@pytest.fixture(scope="module")
def lab(place: tuple[User, str], python: Path) -> Iterator[Inside]:
    """One sandbox for the tests of a module."""
    user, id_map = place
    groups = {"extra_groups": [0]} if user.uid == 0 else {}  # as root has them from a log-in
    with inside(user, id_map, python, env={"SECRET": "of the learner"}, **groups) as running:
        yield running


def _user(name: str, request: pytest.FixtureRequest) -> User:
    """Without root: whoever runs the tests, as the user without ranges."""
    if os.getuid() == 0 and name == "root":
        return myself()
    if os.getuid() != 0 and name == PLAIN:
        return myself()
    users: dict[str, User] = request.getfixturevalue("users")
    return users[name]
