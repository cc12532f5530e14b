"""A lab ends when its launcher ends, whatever the lab does and however the launcher ends."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.system.sandbox.hostile import HOSTILE, take_over
from tests.system.sandbox.inside import started
from tests.system.sandbox.ward import in_a_ward, left_after

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.accounts import User

SECONDS = 2.0  # within which nothing may be left
SET_UP = 0.1  # seconds, within which nearly all hostile labs have done what they want to do
ENDS = {"kill -9": signal.SIGKILL, "terminate": signal.SIGTERM, "close": signal.SIGHUP, "Ctrl-C": signal.SIGINT,
        "stop": 0}


class Ended(NamedTuple):
    """What was done, and what was left."""

    hostile: str
    how: str
    left: list[str]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_lab_that_does_not_want_to_end(place: tuple[User, str], python: Path, hostile: str) -> None:
    """One of the ways to end for each: all of them come up in the other test."""
    how = list(ENDS)[(list(HOSTILE).index(hostile) + len(place[0].name) + len(place[1])) % len(ENDS)]
    assert in_a_ward(_end, place, python, hostile, how).left == []


def test_ends_at_random(place: tuple[User, str], python: Path) -> None:
    """2000 ends by hand, with LABRUN_TEST_KILLS=2000. LABRUN_TEST_SEED fixes what is chosen."""
    seed = int(os.environ.get("LABRUN_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    numbers = random.Random(f"{seed} {place}")
    number = round(int(os.environ.get("LABRUN_TEST_KILLS") or 60) / 5)
    ends = [in_a_ward(_end, place, python, numbers.choice(list(HOSTILE)), numbers.choice(list(ENDS)),
                      numbers.choice((1.0, numbers.random())))
            for _ in range(number)]
    print(f"LABRUN_TEST_SEED={seed}: {len(ends)} ends")
    assert [end for end in ends if end.left] == [], f"LABRUN_TEST_SEED={seed}"


def _end(place: tuple[User, str], python: Path, hostile: str, how: str, moment: float = 1.0) -> Ended:
    """moment: 1 for when the lab is as hostile as it wants to be, less for a part of SET_UP."""
    user, id_map = place
    with started(user, id_map, python) as lab:
        take_over(lab, hostile, wait=moment == 1.0)
        if moment < 1.0:
            time.sleep(moment * SET_UP)  # the moment is the point of the test; nothing is waited for
        if how == "stop":
            assert lab.driver.stdin
            lab.driver.stdin.close()
        else:
            lab.driver.send_signal(ENDS[how])
        lab.driver.wait(20)
        return Ended(hostile, how, left_after(SECONDS))
