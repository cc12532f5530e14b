"""docs/writing-labs.md: its lab is done, its examples are read, its words are those of the program."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

import pytest
import yaml
from jsonschema import Draft202012Validator

from labrunner.language.keys import LAB
from labrunner.language.loading import examine
from labrunner.language.reference import reference
from labrunner.language.schema import schema
from tests.golden.compare import assert_golden

ROOT = Path(__file__).resolve().parents[2]
LABRUN = str(ROOT / "labrun")
DOCUMENT = ROOT / "docs/writing-labs.md"
WORDS = "writes what follows -->\n"
INDENTED = re.findall(r"(?m)(?:^(?: {4}.*)?\n)+", DOCUMENT.read_text("utf-8"))
BLOCKS = [re.sub(r"(?m)^ {4}", "", block) for block in INDENTED]
LAB_TEXT = next(block.strip() + "\n" for block in BLOCKS if block.strip().startswith("# yaml-language-server"))
EXAMPLES = [block.strip("\n") + "\n" for block in BLOCKS if re.match(r"\n*[a-z]+:(\s)", block)]


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "my-lab/lab.yaml"
    path.parent.mkdir()
    path.write_text(LAB_TEXT)
    return path


def labrun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LABRUN, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def test_the_lab_has_nothing_to_mend(lab: Path) -> None:
    done = labrun("lint", lab)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_lab_passes(lab: Path) -> None:
    done = labrun("run", lab)
    assert done.returncode == 0, done.stdout + done.stderr
    assert labrun("run", lab, "--set", "net=10.7.0.0/16").returncode == 0


def test_the_lab_notices_every_mistake(lab: Path) -> None:
    done = labrun("test", lab)
    assert done.returncode == 0, done.stdout + done.stderr


def whole(example: str) -> str:
    """The lab around an example, which is keys of a lab or of a step."""
    key = example.partition(":")[0]
    steps = ["rooms", "wire", "this", "later"]
    lines = ["title: A lab", "steps:"]
    for name in steps:
        lines += [f"  - id: {name}", f"    title: {name}"]
        if name == "this" and (key not in LAB or "rooms" in example):
            lines.append(indent(example, "    "))
        if name != "this" or not re.search("(?m)^check:", example):
            lines += ["    check:", f"      - netns: {name}"]
    return "\n".join(lines) + "\n" + (example if key in LAB and "rooms" not in example else "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.partition("\n")[0])
def test_an_example(example: str, tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_text(whole(example))
    assert list(examine(str(tmp_path / "lab.yaml")).mistakes) == []
    assert [error.message for error in Draft202012Validator(schema()).iter_errors(yaml.safe_load(whole(example)))] == []


def test_there_are_examples_of_everything() -> None:
    assert {example.partition(":")[0] for example in EXAMPLES} == {"needs", "do", "check", "claims", "vars", "world"}
    assert len(EXAMPLES) >= 10


def test_the_words_are_those_of_the_program() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert_golden(DOCUMENT, text[: text.index(WORDS) + len(WORDS)] + "\n" + reference())
