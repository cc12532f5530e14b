"""Whatever a file holds: it is a lab, or labrun says what is wrong with it. No other exception, no long wait."""

from __future__ import annotations

import os
import random
import re
import resource
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labrunner.cli import main
from labrunner.errors import LabError
from labrunner.language.loading import examine
from tests.errors.documents import BROKEN, FRAGMENTS, REAL, ROOT, WORDS, documents

MAIN = "import sys; from labrunner.cli import main; sys.exit(main())"
BATCH, BATCHES = 200, 52
LONGEST_BATCH = 20  # s of this process; it takes less than one
MOST_MEMORY = 40_000  # KiB that the process may grow after the first batches
FINDING = re.compile(r"(.*?):(\d+):(\d+): (error|style): .+")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("any")
    return [folder / f"{number:03}.yaml" for number in range(BATCH)]


def lint(files: list[Path], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code of `labrun lint`, and what it prints."""
    code = main(["lint", *map(str, files)])
    printed = capsys.readouterr()
    if code not in (0, 1, 2):
        for file in files:  # which of them was it?
            assert main(["lint", str(file)]) in (0, 1, 2), f"{file.read_bytes()!r}\n{capsys.readouterr().err}"
    return code, printed.out


@pytest.mark.parametrize("seed", range(4))
def test_ten_thousand_documents(seed: int, files: list[Path], cache_folder: Path,
                                capsys: pytest.CaptureFixture[str]) -> None:
    before, kept = 0, sorted(cache_folder.rglob("*"))
    for number in range(BATCHES // 4):
        made = dict(zip(map(str, files), documents(1000 * seed + number, BATCH), strict=True))
        for file, data in made.items():
            Path(file).write_bytes(data)
        begun = process_time()
        code, printed = lint(files, capsys)
        assert process_time() - begun < LONGEST_BATCH
        assert code == (2 if ": error: " in printed else 1 if printed else 0)
        assert not CONTROL.search(printed), "it would reach the terminal"
        for line in printed.splitlines():
            assert line.startswith("    ") or FINDING.fullmatch(line), line
        for file, line, column, _ in FINDING.findall(printed):
            data = made[file]
            assert 1 <= int(line) <= data.count(b"\n") + data.count(b"\r") + 2, (line, data)
            assert 1 <= int(column) <= len(data) + 1
        if number == 2:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY
    assert sorted(cache_folder.rglob("*")) == kept, "lint keeps nothing"


def test_among_them_are_labs_without_a_mistake_and_all_sorts_with_one(files: list[Path],
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    """Else the test above would test little."""
    for file, data in zip(files, documents(7, BATCH), strict=True):
        file.write_bytes(data)
    _, printed = lint(files, capsys)
    wrong = {file for file, _, _, severity in FINDING.findall(printed) if severity == "error"}
    assert BATCH / 20 < BATCH - len(wrong) < BATCH / 2
    says = {re.sub(r"'.*'|\d+", "_", line.partition("error: ")[2]) for line in printed.splitlines()}
    assert len(says) > 40


WORST = {
    "laughs": b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
    "long-alias": b"title: &a " + b"x" * 500_000 + b"\nsteps:\n  - check:\n" + b"      - ping: {to: *a}\n" * 4000,
    "unknown-keys": b"title: A lab\n" + b"".join(b"k%d: x\n" % n for n in range(15_000)),
    "unknown-words": b"title: A\nsteps:\n  - title: A\n    check:\n" + b"      - pingg: {to: 1}\n" * 6000,
    "steps": b"title: A\nsteps:\n" + b"".join(b"  - {id: s%d, title: A, check: [netns: c]}\n" % n for n in range(3000)),
    "one-circle": b"title: A\nsteps:\n" + b"".join(
        b"  - {id: s%d, title: A, needs: [s%d], check: [netns: c]}\n" % (n, (n + 1) % 2500) for n in range(2500)),
    "gateways": b"title: A\nsteps:\n  - title: A\n    check: [netns: c]\n    do:\n" + b"".join(
        b"      - add_address: {address: 10.%d.%d.1/24, interface: a}\n" % (n // 250, n % 250) for n in range(2000)) + (
        b"      - add_route: {destination: default, gateway: 11.0.0.1}\n" * 2000),
    "until": b"title: A\nsteps:\n" + b"".join(b"  - {id: s%d, title: A, check: [{netns: c%d, until: s1999}]}\n" % (n, n)
                                              for n in range(2000)),
    "long-texts": b"title: &a " + b"x" * 65_000 + b"\nsteps:\n  - check:\n" + b"      - ping: {to: *a}\n" * 4000,
    "templates": b"title: A\nvars: {a: " + b"y" * 1000 + b"}\nsteps:\n  - title: A\n    check: [netns: c]\n    teach: '"
                 + b"{{ a }}" * 9_000 + b"'\n",
    "open-templates": b"title: '" + b"{{ a | host(" * 5_000 + b"'\n",
    "long-names": b"title: A\nvars:\n" + b"".join(b"  v%d" % n + b"x" * 60_000 + b": 1\n" for n in range(16))
                  + b"topics:\n" + b"  - '{{ y }}'\n" * 1000,
    "long-ids": b"title: A\nsteps:\n" + b"".join(
        b"  - {id: s%d" % n + b"x" * 30_000 + b", title: A, check: [netns: c]}\n" for n in range(30)) + (
        b"  - {title: A, needs: [" + b"y, " * 5000 + b"]}\n"),
    "brackets": b"title: " + b"[" * 900_000,
    "quotes": b"title: \"" + b"\\u0041" * 150_000 + b"\"\n",
    "comments": b"# x\n" * 250_000,
    "one-line": b"x" * (1 << 20),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_is_told_in_little_time_and_memory(name: str, tmp_path: Path) -> None:
    """In a process that gets 256 MiB of memory and 10 s."""
    (tmp_path / "lab.yaml").write_bytes(WORST[name][: 1 << 20])

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (10, 10))

    done = subprocess.run([sys.executable, "-c", MAIN, "lint", "lab.yaml"], cwd=tmp_path, preexec_fn=limit,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode in (1, 2), done.stderr[-2000:]
    assert re.match(r"lab\.yaml:\d+:\d+: (error|style): ", done.stdout)
    assert re.fullmatch(r"labrun: errors: \d+, style: \d+, in 1 lab\n", done.stderr)


# A few by hypothesis, which finds the smallest example of what goes wrong.

AT_MOST = settings(deadline=timedelta(seconds=3), max_examples=100,
                   suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
SOUP = st.lists(st.sampled_from(FRAGMENTS + WORDS) | st.text(max_size=4), max_size=30).map("".join)


def assert_told(file: Path, data: bytes) -> None:
    """It is a whole lab, or there are mistakes with places that are in the file."""
    file.write_bytes(data)
    try:
        lab, _, mistakes = examine(str(file))
    except LabError as error:
        mistakes = error.mistakes
        assert mistakes
    else:
        assert all(action.command() for step in lab.steps for action in step.actions)
        assert all(check.claim() for step in lab.steps for check in step.checks)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for mistake in mistakes:
        assert 1 <= mistake.place.line <= lines + 1
        assert mistake.place.column >= 1
        assert mistake.says
        assert not CONTROL.search(mistake.says + mistake.mend), "it would reach the terminal"


@AT_MOST
@given(at=st.integers(0, len(REAL[0])), length=st.integers(0, 20), text=SOUP)
def test_a_text_in_a_real_lab(files: list[Path], at: int, length: int, text: str) -> None:
    assert_told(files[0], (REAL[0][:at] + text + REAL[0][at + length:]).encode("utf-8", "surrogatepass"))


@AT_MOST
@given(text=SOUP)
def test_any_text(files: list[Path], text: str) -> None:
    assert_told(files[0], text.encode("utf-8", "surrogatepass"))


@AT_MOST
@given(data=st.binary(max_size=200), seed=st.integers(0, 1 << 32))
def test_any_bytes_in_a_wrong_lab(files: list[Path], data: bytes, seed: int) -> None:
    chosen = random.Random(seed)
    lab = chosen.choice(BROKEN)
    at = chosen.randint(0, len(lab))
    assert_told(files[0], lab[:at] + data + lab[at + chosen.randint(0, 20):])
