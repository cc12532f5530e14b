"""Whatever notes hold, they become a lab that loads and says what was meant, or it is told why there is none."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labrunner.errors import UsageError
from labrunner.importing.blocks import LeftOut
from labrunner.importing.drafting import draft
from labrunner.importing.notes import read_notes
from labrunner.importing.report import report
from labrunner.importing.writing import lab_text
from labrunner.language.loading import load
from tests.importing.test_verbs import TYPED

NOTES = [path.read_text("utf-8") for path in sorted((Path(__file__).parent / "notes").glob("*.md"))]
COMMANDS = [command for command, _ in TYPED]
FRAGMENTS = (
    "# ", "## ", "- ", "1. ", "\t", "    ", "> ", "```", "````", "~~~", "```sh\n", "```console\n", "`", "``", "\n",
    "\n\n", "---\n", "===\n", "$ ", "# ip a\n", "root@host:~# ", "sudo ", "&& ", "; ", "| ", "|| ", "\\\n", "<<E\n",
    "E\n", "$(", ")", "(", "'", '"', "{", "}", "{{", "}}", "{%", "{#", "$X", "${X}", "X=1\n", "cd /tmp\n", "if ", "fi",
    "for x in a b; do ", "done", "{ ", "<!-- ", " -->", "<div>", "[a](b)", "![", "**", "_", ": ", " #", "on", "no",
    "1.0", "null", "~", "\x00", "\x1b[31m", "\x85", "\u2028", "\ufeff", "\r", "\r\n", "é", "🐧", "\u202e", "ip ",
    "FROM scratch\n", "ip netns exec ", "ping 10.0.0.1", "- : -", "'''", "%YAML", "&a", "*a", "!x", "|\n", ">\n", "@",
    "docker ps")

PIECES = st.sampled_from(FRAGMENTS) | st.sampled_from(COMMANDS) | st.text(max_size=6)
SOUP = st.lists(PIECES, max_size=40).map("".join)
BLOCKS = st.lists(st.tuples(st.sampled_from(("# {}\n", "- {}: ", "1. {}\n   ", "{}\n\n", "")), st.text(max_size=20),
                            st.sampled_from(("`{}`\n", "```sh\n{}\n```\n", "\n    {}\n", "```\n$ {}\n1: out\n```\n")),
                            st.sampled_from(COMMANDS) | PIECES), max_size=8)
AT_MOST = settings(deadline=timedelta(seconds=3),
                   suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


def assert_imported(folder: Path, data: bytes) -> None:
    """The lab that was written down is the one that was meant; or it is told why there is none."""
    notes, lab = folder / "notes.md", folder / "lab.yaml"
    notes.write_bytes(data)
    try:
        made = draft(read_notes(str(notes)))
    except UsageError:
        return
    lab.write_text(lab_text(made), "utf-8")
    loaded = load(str(lab))
    assert loaded.about.title == made.title
    assert [step.title for step in loaded.steps] == [step.title for step in made.steps]
    assert [step.actions for step in loaded.steps] == [
        tuple(entry for entry in step.entries if not isinstance(entry, LeftOut)) for step in made.steps]
    assert [[(each.check, each.until) for each in step.holds] for step in loaded.steps] == [
        [*map(tuple, step.checks)] for step in made.steps]
    assert [step.teach.split() for step in loaded.steps] == [step.teach.split() for step in made.steps]
    assert report(made).isprintable() or "\n" in report(made)


@settings(AT_MOST, max_examples=200)
@given(text=SOUP)
def test_soup(folder: Path, text: str) -> None:
    assert_imported(folder, text.encode("utf-8", "surrogatepass"))


@settings(AT_MOST, max_examples=200)
@given(blocks=BLOCKS)
def test_notes_of_many_shapes(folder: Path, blocks: list[tuple[str, str, str, str]]) -> None:
    text = "".join(before.replace("{}", title) + code.replace("{}", command) for before, title, code, command in blocks)
    assert_imported(folder, text.encode("utf-8", "surrogatepass"))


@settings(AT_MOST, max_examples=100)
@given(data=st.binary(max_size=60), seed=st.integers(0, 1 << 32))
def test_spoiled_notes(folder: Path, data: bytes, seed: int) -> None:
    chosen = random.Random(seed)
    lines = chosen.choice(NOTES).splitlines(keepends=True)
    for _ in range(chosen.randint(1, 5)):
        at, other = chosen.randrange(len(lines)), chosen.randrange(len(lines))
        lines[at : at + chosen.randint(0, 2)] = [lines[other]]
    whole = "".join(lines).encode()
    at = chosen.randint(0, len(whole))
    assert_imported(folder, whole[:at] + data + whole[at + chosen.randint(0, 20):])


MIB, LINES = 1 << 20, 19_000
HUGE = {
    "words": "word " * (MIB // 5), "spaces": " " * MIB, "dashes": "-" * MIB, "ticks": "`" * MIB, "quotes": ">" * MIB,
    "brackets": "[" * MIB, "stars": "*a " * (MIB // 3), "open code": "`a " * (MIB // 3),
    "mentions": "`ip netns` " * (MIB // 11), "placeholders": "`ip netns add <a>` " * (MIB // 19),
    "commands": "`ip netns add a` " * (MIB // 17), "line breaks": "\n" * LINES, "headings": "# a\n" * LINES,
    "items": "- a\n" * LINES, "fences": "```\n" * LINES, "front matter": "---\n" * LINES,
    "nested items": "".join("  " * depth + "- a\n" for depth in range(1000)),
    "one line": "```\nip a " + "a" * (MIB - 20) + "\n```", "one block": "```\n" + "ip netns add a\n" * LINES + "```",
    "open quotes": "```\n" + "'\"" * (MIB // 2 - 4), "open brackets": "```\n" + "$(" * (MIB // 2 - 4),
    "open documents": "```\n" + "ip <<E\n" * LINES, "chain": "```\n" + "a && " * (MIB // 5 - 1),
    "prompts": "```\n" + "$ ip a\n" * LINES, "outputs": "```\n$ ip a\n" + "out\n" * LINES,
    "continued": "```\n$ ip a \\\n" + "> \\\n" * LINES, "variables": "```\n" + "ip $a$b${c} \n" * LINES,
    "doubling": "```\na=x\n" + "a=$a$a\n" * 900 + "ip netns add $a\n", "folders": "```\n" + "cd a\n" * LINES + "ip a\n",
    "long variable": f"```\na={'x' * 900}\nip a {'$a' * 4000}\n```",
    "shells": "```\nip netns add a\n" + "ip netns exec a sh\n" * LINES, "braces": "```\n" + f"ip {'{,' * 1900}\n" * 250,
    "open tabs": "a\n\n" + "    ~~~a\n" * LINES, "tabs": "a\n\n" + "    ~~~\n" * LINES,
    "many steps": "".join(f"## {number}\n`ip netns add n{number}`\n" for number in range(900)),
    "many links": "".join(
        f"## {number}\n`ip link add b{number} type bridge && ip a add 10.{number // 250}.{number % 250}.1/24 "
        f"dev b{number}`\n" for number in range(450)),
    "many routes": "`ip link add b type bridge && ip a add 10.0.0.1/24 dev b`\n" + "".join(
        f"## {number}\n`ip r add 10.{1 + number // 250}.{number % 250}.0/24 via 10.0.0.2`\n" for number in range(900)),
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_huge_notes_take_little_time(folder: Path, text: str) -> None:
    begun = process_time()
    assert_imported(folder, text.encode())
    assert process_time() - begun < 5


@pytest.mark.parametrize(("text", "says"), [
    ("`ip netns add a` " * 10_000, "more than 1000 commands"),
    ("\n" * 30_000, "more than 20000 lines"),
    ("a" * (MIB + 1), "larger than 1 MiB"),
])
def test_too_much_is_told(folder: Path, text: str, says: str) -> None:
    (folder / "notes.md").write_text(text)
    with pytest.raises(UsageError, match=says):
        draft(read_notes(str(folder / "notes.md")))
