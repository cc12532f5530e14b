"""Shell text is taken apart into its commands, each as it was written and with its line."""

from __future__ import annotations

import pytest

from labrunner.importing.shell import commands

TEXTS = [
    ("ip a", ["1 ip a"]),
    ("a\n\n  b  \nc", ["1 a", "3 b", "4 c"]),
    ("a && b; c", ["1 a", "1 b", "1 c"]),
    ("a || b && c; d", ["1 a || b && c", "1 d"]),
    ("a | b", ["1 a | b"]),
    ("a & b", ["1 a & b"]),
    ("a \\\n  b\nc", ["1 a    b", "3 c"]),
    ("a # b; c\n# d\ne#f", ["1 a", "3 e#f"]),
    ("echo 'a; b' \"c && d\" e\\;f `g; h`", ["1 echo 'a; b' \"c && d\" e\\;f `g; h`"]),
    ("echo $(a; b && c) ${x#y} $#; d", ["1 echo $(a; b && c) ${x#y} $#", "1 d"]),
    ("(a; b)\nc", ["1 (a; b)", "2 c"]),
    ("for x in 1 2; do\n  a $x\ndone\nb", ["1 for x in 1 2; do\n  a $x\ndone", "4 b"]),
    ("if a; then b; else c; fi; d", ["1 if a; then b; else c; fi", "1 d"]),
    ("while a; do for b in c; do d; done; done && e", ["1 while a; do for b in c; do d; done; done", "1 e"]),
    ("a | while read b; do c; done\nd", ["1 a | while read b; do c; done", "2 d"]),
    ("f() {\n  a\n  b\n}\nf", ["1 f() {\n  a\n  b\n}", "5 f"]),
    ("case a in\n  b) c ;;\nesac\nd", ["1 case a in\n  b) c ;;\nesac", "4 d"]),
    ("cat > x <<END\na; b\nEND\nc", ["1 cat > x <<END\na; b\nEND", "4 c"]),
    ("cat <<-END\n\ta\n\tEND\nc", ["1 cat <<-END\n\ta\n\tEND", "4 c"]),
    ("cat <<'A' <<\"B\" && c\n1\nA\n2\nB\nd", ["1 cat <<'A' <<\"B\" && c\n1\nA\n2\nB", "6 d"]),
    ("a <<< b\nc", ["1 a <<< b", "2 c"]),
    ("", []),
    ("# nothing", []),
]
NOT_CLOSED = ["echo 'a\nb", 'echo "a', "echo `a", "for x in a; do b", "if a; then b", "f() {\na", "(a; b", "echo $(a",
              "cat <<END\na"]


@pytest.mark.parametrize(("text", "found"), TEXTS, ids=[text for text, _ in TEXTS])
def test_commands(text: str, found: list[str]) -> None:
    made = list(commands(text, 1))
    assert [f"{command.line} {command.text}" for command in made] == found
    assert all(command.whole for command in made)


@pytest.mark.parametrize("text", NOT_CLOSED)
def test_what_is_not_closed_is_told(text: str) -> None:
    assert not all(command.whole for command in commands(text, 1))


def test_lines_are_counted_from_where_the_text_begins() -> None:
    assert [command.line for command in commands("a\nb", 41)] == [41, 42]
