"""What the documents say is so: the commands run, the tables agree with the code, the files are there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner import cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINES = list(dict.fromkeys(re.findall(r"(?:^ {4}|`)(\./labrun [^`\n]*)", README, re.MULTILINE)))
NOT_RUN = {
    "./labrun run bridge-network --pause": "it waits for Enter at a terminal: test_cli.py types it",
    "./labrun run netns-veth --pause": "the same",
    "./labrun run runc-lifecycle --pause": "the same",
    "./labrun run attach-vs-exec --until attach --keep": "it waits for others: test_kept.py is these",
    "./labrun shell": "the same",
    "./labrun attach c1": "the same",
    "./labrun start bridge-network": "it goes on by itself: test_lesson.py is whoever does it",
    **{f"./labrun {word}": "the same" for word in ("check", "hint", "solve", "goto bridge", "reset", "diff", "status")},
    "./labrun stop": "the same",
    "./labrun start bridge-network --resume": "it needs one that has died: test_coming_back.py",
    "./labrun watch": "it waits for others: test_watch.py is these",
    "./labrun record my-lab": "somebody has to type it: test_record.py does",
    "./labrun new my-lab": "it writes into the checkout: test_new.py does it elsewhere",
    "./labrun import notes.md -o my-lab": "it writes into the checkout: tests/importing does it elsewhere",
}
# A file or a folder of the checkout: `runtime/values.py`, `labrunner/actions`, scripts/test, `template.py` for short.
PATHS = re.compile(r"(?<![\w/~.-])((?:[a-z_]+/)+[\w.-]*\w|[a-z_]+\.(?:py|md|toml|yaml))(?![\w/*])")
ROOMS = ("labrunner", "checks", "runtime", "labs", "tests", "scripts", "docs", "bench")


@pytest.fixture(scope="module", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("COLUMNS", "92")
        yield


def run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(shlex.split(command), cwd=ROOT, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def test_the_readme_has_commands() -> None:
    assert "./labrun run bridge-network" in LINES
    assert set(NOT_RUN) <= set(LINES)


@pytest.mark.parametrize("command", [line for line in LINES if line not in NOT_RUN])
def test_a_command_of_the_readme(command: str) -> None:
    done = run(command)
    assert (done.returncode, done.stderr) == (0, "")
    assert bool(done.stdout) == (" lint " not in command), "lint has nothing to say of a good lab, the others have"


def test_every_command_is_in_the_readme() -> None:
    assert {shlex.split(line)[1] for line in LINES} == set(cli.COMMANDS)


def test_every_option_of_the_readme_is_in_the_help() -> None:
    helps = {command: run(f"./labrun {command} --help").stdout for command in cli.COMMANDS}
    for line in LINES:
        _, command, *words = shlex.split(line)
        for option in (word for word in words if word.startswith("--")):
            assert option in helps[command], line
    loose = set(re.findall(r"`(--[a-z-]+)`", README)) - {"--help"}
    assert all(any(option in text for text in helps.values()) for option in loose), loose


def test_the_exit_codes_of_the_readme_are_those_of_the_code() -> None:
    (sentence,) = re.findall(r"The exit code tells what came of it: (.*?)\.\n", README, re.DOTALL)
    said = {int(code): words for code, words in re.findall(r"(\d+) ([^,]+)", sentence.replace("\n", " "))}
    assert set(said) == {value for name, value in vars(cli).items() if name.startswith("EXIT_")}
    helps = run("./labrun --help").stdout
    for code, words in said.items():
        assert re.search(rf"^ +{code}  {re.escape(words)}", helps, re.MULTILINE), words


def test_what_the_readme_shows_is_what_one_sees() -> None:
    seen = {plain(line) for line in run("./labrun run bridge-network").stdout.splitlines()}
    shown = [line for block in blocks(README) for line in block if re.match(r"\s*[$~✓✗├│└+]|\s+- ", line)]
    assert len(shown) >= 8
    assert [line for line in shown if plain(line) not in seen] == []


def plain(line: str) -> str:
    """A line as far as the README has to agree: it may leave out lines, the last branch of a tree among them."""
    return line.strip().replace("└", "├")


def blocks(text: str) -> list[list[str]]:
    """The indented blocks of a Markdown document."""
    return [[line[4:] for line in block.splitlines()]
            for block in re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE) if block.strip()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not link.startswith("http"):
            assert (document.parent / link).exists(), link
    prose = re.sub(r"\]\([^)]*\)", "]", text)
    for path in PATHS.findall(prose):
        if path.partition("/")[0] in ROOMS or path.endswith(".py"):
            assert (ROOT / path).exists() or list(ROOT.glob(f"*/{path}")), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_is_longer_than_a_screen(document: Path) -> None:
    assert [line for line in document.read_text("utf-8").splitlines() if len(line) > 140] == []


@pytest.mark.parametrize("script", ["labrun", "scripts/test", "scripts/lint", "scripts/bench", "scripts/find-python"])
def test_a_script_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    assert (ROOT / script).read_text("utf-8").startswith("#!")
