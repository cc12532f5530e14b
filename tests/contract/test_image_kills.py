"""Whoever is killed while an image is stored leaves the store as it was before, or as it is afterwards."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from shlex import quote
from typing import Any

import pytest

from labrunner.action import Action
from labrunner.actions.commit_layer import CommitLayer
from labrunner.actions.import_image import ImportImage
from labrunner.actions.write_image import WriteImage
from runtime.errors import Refused
from runtime.facts.storage import StoredImage, Wanted
from runtime.facts.storage_reader import StorageReader
from runtime.network.shell import run_command
from runtime.oci.image import images
from tests.conftest import Lab

InSandbox = Callable[..., Any]
S = "/tmp/store"
KILLS = int(os.environ.get("LABRUN_TEST_KILLS") or 100)  # of each kind


@pytest.fixture
def seed() -> int:
    """Of the random numbers; LABRUN_TEST_SEED fixes it."""
    return int(os.environ.get("LABRUN_TEST_SEED") or random.SystemRandom().randrange(1 << 32))


class Mortal:
    """Runs commands each of which is killed after a while, with all that it has started (timeout(1)).

    The while is made longer and shorter so that, on any machine, about half of them come to their end.
    """

    def __init__(self, numbers: random.Random) -> None:
        self._numbers, self._longest = numbers, 0.05  # seconds

    def __call__(self, sandbox: Any, command: str, *rest: Any, **given: Any) -> Any:
        seconds = self._numbers.uniform(0.0005, self._longest)
        return run_command(sandbox, f"timeout --signal=KILL {seconds:.4f} sh -c {quote(command)}", *rest, **given)

    def learn(self, done: bool) -> None:
        """What became of it."""
        self._longest = max(0.001, self._longest * (0.8 if done else 1.25))


def _action(number: int) -> Action:
    made = f"step {number}"
    return (CommitLayer(upper="/tmp/up", store=S, image="base", name="app", created_by=made) if number % 2 else
            WriteImage(store=S, image="base", name="app", created_by=made))


def _stored(lab: Lab) -> dict[str, StoredImage]:
    """All images; a reader of its own remembers nothing."""
    [layout] = StorageReader(lab.sandbox.root, lab.sandbox.proc, Wanted(layouts=(S,))).read().layouts
    assert not layout.problem
    return {image.name: image for image in layout.images}


def _damaged(lab: Lab) -> str:
    return lab.shell(f"cd {S}/blobs/sha256 && sha256sum * | awk '$1 != $2'")


def _killed(lab: Lab, seed: int, typed: bool) -> tuple[int, int]:
    """How many did nothing, and how many did all of it."""
    numbers = random.Random(seed)
    ImportImage(to=S, name="base").apply(lab.host)
    WriteImage(store=S, image="base", name="app", created_by="begin").apply(lab.host)
    lab.shell("mkdir -p /tmp/up && touch /tmp/up/file")
    mortal = Mortal(numbers), Mortal(numbers)
    before, done = _stored(lab), 0
    for number in range(KILLS):
        lab.shell(f"echo {number} > /tmp/up/file")
        told = _told(lab, _action(number), typed, mortal[number % 2])
        after = _stored(lab)
        assert all(image.intact for image in after.values()), (number, told)
        assert after["base"] == before["base"]
        if after != before:
            assert after["app"].history[-1] == f"step {number}"
            done += 1
        mortal[number % 2].learn(after != before)
        assert told or after != before
        assert not _damaged(lab)
        before = after
    return KILLS - done, done


def _told(lab: Lab, action: Action, typed: bool, mortal: Mortal) -> str:
    try:
        if typed:
            mortal(lab.sandbox, action.command())
        else:
            vars(images)["run_command"] = mortal
            action.apply(lab.host)
    except Refused as refused:
        return str(refused)
    finally:
        vars(images)["run_command"] = run_command
    return ""


@pytest.mark.parametrize("typed", [False, True], ids=["called", "typed"])
def test_killed_at_any_moment(in_sandbox: InSandbox, seed: int, typed: bool) -> None:
    nothing, all_ = in_sandbox(_killed, seed, typed)
    print(f"LABRUN_TEST_SEED={seed}: {nothing} of {KILLS} left the store as it was, {all_} had done it")
    assert nothing > KILLS / 5, "most kills came too late to mean much"
    assert all_ > KILLS / 5, "most kills came too early to mean much"


def _goes_on(lab: Lab) -> list[str]:
    """What was begun and left is no obstacle to whoever comes next."""
    ImportImage(to=S, name="base").apply(lab.host)
    lab.shell(f"mkdir -p {S}/.new/blobs {S}/.new/layer && echo rubbish > {S}/.new/blobs/{'0' * 64} && "
              f"echo rubbish > {S}/.new/index.json && ln -s /etc/passwd {S}/.new/tar")
    WriteImage(store=S, image="base", name="app", created_by="step").apply(lab.host)
    assert not _damaged(lab)
    return [*_stored(lab), *lab.shell(f"ls -A {S}").split()]


def test_what_was_left_is_no_obstacle(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_goes_on) == ["base", "app", "blobs", "index.json", "oci-layout"]
