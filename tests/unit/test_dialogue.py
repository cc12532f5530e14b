"""Conversations as labs give them: what is one, what may be wrong in one, how one is shown as a command."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labrunner.dialogue import DIALOGUE, typed
from runtime.oci.shim.line import Line
from runtime.values import Kind


def parse(*lines: Any) -> tuple[Line, ...]:
    return DIALOGUE.parse([*lines])  # type: ignore[no-any-return]


@pytest.mark.parametrize(("given", "line"), [
    ("ls", Line("ls", True, "", 5.0)),
    ("", Line("", True)),
    ({"type": "ls"}, Line("ls", True)),
    ({"type": "ls", "enter": False}, Line("ls", False)),
    ({"type": "ls", "expect": "bin", "within": 2}, Line("ls", True, "bin", 2.0)),
    ({"type": "", "expect": "bin"}, Line("", True, "bin")),
    ({"expect": "bin"}, Line("", False, "bin")),
    ({"enter": True}, Line("", True)),
    ({"expect": "bin", "enter": True}, Line("", True, "bin")),
    ({"type": "ls", "within": 0.25}, Line("ls", True, "", 0.25)),
    ({"type": "ls", "within": 600}, Line("ls", True, "", 600.0)),
    ({"ctrl": "c"}, Line("\x03", False)),
    ({"ctrl": "C", "expect": "done"}, Line("\x03", False, "done")),
    ({"ctrl": "]"}, Line("\x1d", False)),
    ({"ctrl": "["}, Line("\x1b", False)),
    ({"ctrl": "p", "enter": True}, Line("\x10", True)),
    ({"type": "ls", "expect": "^a.*b$"}, Line("ls", True, "^a.*b$")),
    ({"type": "größer 🐧"}, Line("größer 🐧", True)),
], ids=str)
def test_a_line(given: Any, line: Line) -> None:
    assert parse("first", given) == (Line("first"), line)
    assert parse(line) == (line,), "what was parsed is taken again, as the honesty test gives it"


@pytest.mark.parametrize(("given", "says"), [
    ("ls", "'ls' is no list of lines"),
    (None, "nothing is no list of lines"),
    ({"type": "ls"}, "a mapping is no list of lines"),
    (Line("ls"), "is no list of lines"),
    ([], "the list is empty"),
    (["ls", 7], "line 2 of the list: 7 is no text"),
    (["ls", None], "line 2 of the list: nothing is no text"),
    ([["ls"]], "line 1 of the list: a list is no text"),
    ([True], "line 1 of the list: true is no text"),
    ([{}], "line 1 of the list: it types nothing and expects nothing"),
    ([{"type": "", "enter": False}], "it types nothing and expects nothing"),
    ([{"within": 3}], "it types nothing and expects nothing"),
    ([{"typ": "ls"}], "a line has no key 'typ'; it has type, ctrl, enter, expect, within"),
    ([{"type": "ls", 7: "x"}], "a line has no key 7"),
    ([{"type": 7}], "'type' is a text, and 7 is none"),
    ([{"type": None}], "'type' is a text, and nothing is none"),
    ([{"type": "ls", "expect": ["a"]}], "'expect' is a text, and a list is none"),
    ([{"type": "ls", "enter": "no"}], "'enter' is true or false, and not 'no'"),
    ([{"type": "ls", "enter": 1}], "'enter' is true or false, and not 1"),
    ([{"type": "ls", "within": 0}], "'within' is a number of seconds, up to 600, and not 0"),
    ([{"type": "ls", "within": -1}], "and not -1"),
    ([{"type": "ls", "within": 601}], "and not 601"),
    ([{"type": "ls", "within": float("nan")}], "and not nan"),
    ([{"type": "ls", "within": float("inf")}], "and not inf"),
    ([{"type": "ls", "within": True}], "and not true"),
    ([{"type": "ls", "within": "5"}], "and not '5'"),
    ([{"type": "a\nb"}], r"'a\\nb' is more than one line"),
    (["a\r"], r"'a\\r' is more than one line"),
    ([{"expect": "(a"}], r"'\(a' is no regular expression: missing \)"),
    ([{"expect": "a{99999999999}"}], "is no regular expression"),
    ([{"expect": "(" * 5000 + ")" * 5000}], "is no regular expression"),
    ([{"expect": "x*"}], r"'x\*' fits nothing at all too"),
    ([{"expect": "^"}], "fits nothing at all too"),
    ([{"expect": "a|"}], "fits nothing at all too"),
    ([{"ctrl": "cc"}], "'ctrl' is a key, as c for Ctrl-C, and not 'cc'"),
    ([{"ctrl": ""}], "'ctrl' is a key"),
    ([{"ctrl": "c\n"}], "'ctrl' is a key"),
    ([{"ctrl": "1"}], "'ctrl' is a key"),
    ([{"ctrl": "ä"}], "'ctrl' is a key"),
    ([{"ctrl": "m"}], r"Enter alone is \{enter: true\}"),
    ([{"ctrl": "J"}], r"Enter alone is \{enter: true\}"),
    ([{"ctrl": None}], "'ctrl' is a key, as c for Ctrl-C, and not nothing"),
    ([{"ctrl": "c", "type": "x"}], "'type' and 'ctrl' are two lines"),
], ids=lambda given: str(given)[:60])
def test_what_is_no_conversation(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        DIALOGUE.parse(given)


# What a learner could do wrong


@pytest.mark.parametrize(("lines", "wrong"), [
    (["ls"], []),
    (["exit 7"], [["exit 8"]]),
    (["ls", "exit 7"], [["exit 7"], ["ls"], ["ls", "exit 8"]]),
    ([{"expect": "#"}, "exit 0"], [[{"expect": "#"}], [{"expect": "#"}, "exit 1"]]),
    (["ls", {"enter": True}], [[{"enter": True}]]),
    ([{"type": "a 1 2", "expect": "x", "within": 3}],
     [[{"type": "a 2 2", "expect": "x", "within": 3}], [{"type": "a 1 3", "expect": "x", "within": 3}]]),
    (["ls", {"ctrl": "c"}], [[{"ctrl": "c"}], ["ls"]]),
    (["ip link set x up"], [["ip link set x down"]]),
    (["ping 10.0.0.1"], [["ping 10.9.9.9"]]),
    (["nc port 80"], [["nc port 81"]]),
    (["a=1 x"], [["a=0 x"], ["a=2 x"]]),
    (["ls c1 v-2 x.5"], []),
], ids=str)
def test_what_is_wrong_where_that_is_right(lines: list[Any], wrong: list[list[Any]]) -> None:
    assert DIALOGUE.wrong(parse(*lines)) == [parse(*each) for each in wrong]


def test_what_is_wrong_is_a_conversation_and_another_one() -> None:
    right = parse("a 1 2 up 10.0.0.1", {"ctrl": "d"}, {"type": "port 3", "enter": False, "expect": "x"})
    wrong = DIALOGUE.wrong(right)
    assert len({*wrong}) == len(wrong)
    assert right not in wrong
    assert [DIALOGUE.parse(each) for each in wrong] == wrong


# How one is shown


def _input_of(lines: tuple[Line, ...]) -> bytes:
    """What the command gives to its program, by the shell that a lab has."""
    return subprocess.run(["/bin/sh", "-c", typed(lines, "cat")], capture_output=True, check=True).stdout


@pytest.mark.parametrize(("lines", "shown"), [
    (["ls"], "cat <<'END'\nls\nEND"),
    (["ls", "exit 7"], "cat <<'END'\nls\nexit 7\nEND"),
    ([{"expect": "x"}, "ls"], "cat <<'END'\nls\nEND"),
    ([{"type": "a", "enter": False}, "b"], "cat <<'END'\nab\nEND"),
    ([{"type": "a", "enter": False}], "cat <<'END'\na\nEND"),
    (["$HOME `ls` \\n 'x'"], "cat <<'END'\n$HOME `ls` \\n 'x'\nEND"),
    (["END", "exit"], "cat <<'END_'\nEND\nexit\nEND_"),
    (["END", "END_"], "cat <<'END__'\nEND\nEND_\nEND__"),
    ([{"ctrl": "d"}], "printf '\\004' | cat"),
    (["ls", {"ctrl": "c"}], "printf 'ls\\n\\003' | cat"),
    (["a'b\\n%s\tc", {"ctrl": "["}], """printf 'a'"'"'b\\\\n%%s\\tc\\n\\033' | cat"""),
], ids=str)
def test_the_command_types_it(lines: list[Any], shown: str) -> None:
    parsed = parse(*lines)
    assert typed(parsed, "cat") == shown
    wanted = "".join(line.typed + "\n" * line.enter for line in parsed).encode()
    assert _input_of(parsed).removesuffix(b"\n") == wanted.removesuffix(b"\n")
    assert all(letter == "\n" or letter.isprintable() for letter in shown), "nothing in it steers a terminal"


# What an editor knows

GOOD = (["ls"], [{"type": "ls", "enter": False, "expect": "x", "within": 0.5}], [{"ctrl": "c"}], [{"enter": True}])
BAD: tuple[Any, ...] = (
    "ls", [], [7], [{}], [{"typ": "ls"}], [{"type": "ls", "within": 0}], [{"type": "ls", "within": 601}],
    [{"type": "ls", "enter": "y"}], [{"ctrl": "cc"}], [{"ctrl": "m"}], [{"ctrl": "c", "type": "x"}])


def test_the_schema_knows_it_too() -> None:
    kind: Kind[Any] = DIALOGUE
    validator = Draft202012Validator(dict(kind.schema))
    assert [each for each in GOOD if not validator.is_valid(each)] == []
    assert [each for each in BAD if validator.is_valid(each)] == []
