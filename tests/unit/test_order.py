"""Which step needs which, and until when a check holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.errors import LabError
from labrunner.language.lab import Lab
from labrunner.language.loading import load

CIRCLE = "these steps need each other, so none of them can be the first"
OUT = "take one of them out of 'needs'; without that key, a step needs the one before it"
BEFORE = "a check of step 'b' cannot hold until 'a', which comes before it"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def lab(tmp_path: Path, *steps: str) -> Lab:
    """A lab of steps a, b, c ... Each is given as a line of its own, as 'needs: [a]'; 'until: x' is for its check."""
    lines = ["title: A lab", "steps:"]
    for name, own in zip("abcdef", steps, strict=False):
        lines += [f"  - id: {name}", f"    title: Step {name}"]
        lines += [f"    {line}" for line in own.split("\n") if line and not line.startswith("until")]
        lines += ["    check:", f"      - netns: {name}"]
        lines += [f"        {line}" for line in own.split("\n") if line.startswith("until")]
    (tmp_path / "lab.yaml").write_text("\n".join(lines) + "\n")
    return load(str(tmp_path / "lab.yaml"))


def told(tmp_path: Path, *steps: str) -> list[str]:
    with pytest.raises(LabError) as raised:
        lab(tmp_path, *steps)
    return [f"{mistake.says} | {mistake.mend}" for mistake in raised.value.mistakes]


def test_a_step_needs_the_one_before_it(tmp_path: Path) -> None:
    assert [step.needs for step in lab(tmp_path, "", "", "").steps] == [(), ("a",), ("b",)]


def test_a_step_can_need_others_or_none(tmp_path: Path) -> None:
    found = lab(tmp_path, "", "needs: []", "needs: [a, b]", "needs: [a]")
    assert [step.needs for step in found.steps] == [(), (), ("a", "b"), ("a",)]


@pytest.mark.parametrize(("steps", "says"), [
    (("", "needs: [aa]"), "there is no step 'aa' that could be needed | did you mean 'a'? known are a"),
    (("needs: [x]",),
     "there is no step 'x' that could be needed | it is the first step, and needs none: take 'needs' away"),
    (("", "needs: [b]"), "the step 'b' needs itself | name a step before it, or leave it out"),
    (("needs: [b]", "needs: []"), "the step 'a' needs 'b', which comes after it | put that step before this one"),
    (("needs: [b]", ""), f"{CIRCLE}: a -> b -> a | {OUT}"),
    (("needs: [c]", "", ""), f"{CIRCLE}: a -> c -> b -> a | {OUT}"),
])
def test_needs_that_cannot_be(tmp_path: Path, steps: tuple[str, ...], says: str) -> None:
    assert told(tmp_path, *steps) == [says]


def test_a_check_holds_to_the_end(tmp_path: Path) -> None:
    found = lab(tmp_path, "", "", "")
    assert [[each.since for each in found.kept(place)] for place in range(3)] == [[], ["a"], ["a", "b"]]


def test_a_check_holds_until_the_step_that_retires_it(tmp_path: Path) -> None:
    found = lab(tmp_path, "until: c", "", "", "")
    assert [[each.since for each in found.kept(place)] for place in range(4)] == [[], ["a"], ["b"], ["b", "c"]]


@pytest.mark.parametrize(("steps", "says"), [
    (("until: z", ""), "there is no step 'z' until which the check could hold | known are b"),
    (("until: a", ""), "a check of step 'a' cannot hold until 'a', which is this step itself | known are b"),
    (("", "until: a", ""), f"{BEFORE} | known are c"),
    (("", "until: a"), f"{BEFORE} | it is the last step: its checks hold to the end"),
])
def test_an_until_that_cannot_be(tmp_path: Path, steps: tuple[str, ...], says: str) -> None:
    assert told(tmp_path, *steps) == [says]


def test_where_two_steps_have_one_id_it_is_told_once_and_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text("title: A lab\nsteps:\n" + "  - {id: a, title: A, check: [netns: c1]}\n" * 2)
    with pytest.raises(LabError) as raised:
        load(str(tmp_path / "lab.yaml"))
    assert [(each.place.line, each.place.column) for each in raised.value.mistakes] == [(4, 10)]
