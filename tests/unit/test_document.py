"""YAML as a tree with places: what is where, what is refused, and what YAML does that a lab does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from labrunner.errors import LabError, LabMistake
from labrunner.language.document import parse
from labrunner.language.tree import UNKNOWN, Node

TEXT = """\
title: A lab   # a comment
topics: [netns, veth]
steps:
  - id: first
    do:
      - add_veth: {name: veth0, peer: "ceth0"}
    teach: |
      Look.
      And look again.
"""


def tree(text: str) -> Node:
    """The tree of a text without mistakes."""
    document = parse("lab.yaml", text.encode())
    assert document.mistakes == ()
    return document.tree


def mistakes(text: str) -> tuple[LabMistake, ...]:
    try:
        return parse("lab.yaml", text.encode()).mistakes
    except LabError as error:
        return error.mistakes


def only(text: str) -> LabMistake:
    """The one mistake of a text."""
    (mistake,) = mistakes(text)
    return mistake


def at(node: Node, *path: str | int) -> Node:
    """The node under keys and numbers."""
    for part in path:
        node = node.value[part].node if isinstance(part, str) else node.value[part]
    return node


@pytest.mark.parametrize(("path", "line", "column"), [
    ((), 1, 1),
    (("title",), 1, 8),
    (("topics",), 2, 9),
    (("topics", 1), 2, 17),
    (("steps",), 4, 3),
    (("steps", 0), 4, 5),
    (("steps", 0, "id"), 4, 9),
    (("steps", 0, "do", 0, "add_veth"), 6, 19),
    (("steps", 0, "do", 0, "add_veth", "peer"), 6, 39),
    (("steps", 0, "teach"), 7, 12),
], ids=str)
def test_a_value_is_where_it_begins(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert at(tree(TEXT), *path).place == ("lab.yaml", line, column)


@pytest.mark.parametrize(("path", "key", "line", "column"), [
    ((), "title", 1, 1),
    ((), "steps", 3, 1),
    (("steps", 0), "id", 4, 5),
    (("steps", 0, "do", 0), "add_veth", 6, 9),
    (("steps", 0, "do", 0, "add_veth"), "peer", 6, 33),
], ids=str)
def test_a_key_has_its_own_place(path: tuple[str | int, ...], key: str, line: int, column: int) -> None:
    assert at(tree(TEXT), *path).value[key].place == ("lab.yaml", line, column)


def test_the_values_are_those_of_yaml() -> None:
    assert tree(TEXT).plain() == {
        "title": "A lab", "topics": ["netns", "veth"],
        "steps": [{"id": "first", "do": [{"add_veth": {"name": "veth0", "peer": "ceth0"}}],
                   "teach": "Look.\nAnd look again.\n"}]}


def test_places_count_characters_and_not_bytes() -> None:
    assert at(tree("{für: é, b: 2}"), "b").place == ("lab.yaml", 1, 13)


@pytest.mark.parametrize("text", ["\ufefftitle: A lab\n", "title: A lab\r\n"], ids=["byte-order-mark", "cr-lf"])
def test_files_of_other_editors(text: str) -> None:
    assert tree(text).plain() == {"title": "A lab"}
    assert at(tree(text), "title").place.column == 8


@pytest.mark.parametrize(("written", "value"), [
    ("1", 1), ("-7", -7), ("0", 0), ("1.5", 1.5), ("true", True), ("false", False), ("null", None), ("~", None),
    ("", None), ("'1'", "1"), ('"true"', "true"), ("192.168.0.2", "192.168.0.2"), ("192.168.0.0/24", "192.168.0.0/24"),
    ("2024-01-31", "2024-01-31"), ("fd00::1", "fd00::1"), ("=", "="), ("!!str 1", "1"),
])
def test_a_leaf(written: str, value: Any) -> None:
    found = at(tree(f"a: {written}"), "a").value
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("written", ["yes", "No", "on", "OFF", "True", "FALSE"])
def test_other_words_for_true_and_false_are_said_aloud(written: str) -> None:
    assert only(f"a: {written}") == (("lab.yaml", 1, 4), f"YAML takes {written} for true or false",
                                     f"write true or false; or, for the word, '{written}' in quotes")


@pytest.mark.parametrize("written", ["010", "0x1F", "0b1", "1_000", "+1", "1:30", "1:11:22", "9" * 30, ".inf", "-.Inf",
                                     ".nan", "1:30.5", "1.10", "1_0.5", "1.0e+400"])
def test_numbers_that_are_not_what_they_look_like_are_said_aloud(written: str) -> None:
    assert only(f"a: {written}").says == f"YAML takes {written} for a number, and not for the one it looks like"


def test_such_words_are_good_keys() -> None:
    assert tree("on: 1\n010: 2\nnull: 3\n").plain() == {"on": 1, "010": 2, "null": 3}


def test_a_key_given_twice() -> None:
    mistake = only("a: 1\nb: 2\na: 3\n")
    assert mistake == (("lab.yaml", 3, 1), "'a' is given twice (first in line 1)", "keep one of them")


def test_an_alias_is_the_anchors_value_at_the_anchors_place() -> None:
    found = tree("a: &same\n  b: 1\nc: *same\n")
    assert found.plain() == {"a": {"b": 1}, "c": {"b": 1}}
    assert at(found, "c", "b").place == at(found, "a", "b").place == ("lab.yaml", 2, 6)


def test_merge_keys_are_not_part_of_the_language() -> None:
    text = "a: &base {b: 1}\nc: {<<: *base, d: 2}\n"
    mistake = only(text)
    assert mistake == (("lab.yaml", 2, 5), "a lab cannot merge mappings with '<<'", "write out the keys that are meant")
    assert at(parse("lab.yaml", text.encode()).tree, "c").value is UNKNOWN


@pytest.mark.parametrize("tag", ["!mine", "!!binary", "!!set", "!!python/object/apply:os.system",
                                 "!!python/name:os.system"])
@pytest.mark.parametrize("value", ["x", "[x]", "{x: y}"])
def test_a_tag_makes_nothing(tag: str, value: str) -> None:
    assert only(f"a: {tag} {value}").says == f"a lab has no tags, and here stands {tag}"


def test_what_holds_itself() -> None:
    assert only("a: &x [1, {b: *x}]").says == "this holds itself, by an alias"


def test_aliases_that_unfold_to_too_much() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert only("\n".join(lines)).says == "the lab is too large, or its aliases unfold to too much"


@pytest.mark.parametrize(("text", "place"), [
    ("[" * 41, (1, 41)),
    ("- " * 41 + "x", (1, 81)),
    ("\n".join(f"{' ' * n}a:" for n in range(41)), (41, 41)),
    ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60)), (1, 5)),
], ids=["brackets", "dashes", "mappings", "aliases"])
def test_nesting_ends_at_forty(text: str, place: tuple[int, int]) -> None:
    mistake = only(text)
    assert (mistake.place[1:], mistake.says) == (place, "it is nested too deep")


def test_forty_levels_are_good() -> None:
    assert tree("[" * 40 + "]" * 40)


@pytest.mark.parametrize(("data", "place"), [
    (b"a: 1\nb: \xfc\n", (2, 4)),
    ("é: ".encode() + b"\xfc", (1, 4)),
    (b"\xef\xbb\xbfa: \xfc", (1, 4)),
    ("a: 1".encode("utf-16"), (1, 1)),
], ids=["latin-1", "after-utf-8", "after-byte-order-mark", "utf-16"])
def test_what_is_not_utf8_has_its_place(data: bytes, place: tuple[int, int]) -> None:
    with pytest.raises(LabError) as raised:
        parse("lab.yaml", data)
    (mistake,) = raised.value.mistakes
    assert (mistake.place[1:], mistake.says) == (place, "not UTF-8")


@pytest.mark.parametrize(("character", "number"), [
    ("\0", "0000"), ("\x1b", "001B"), ("\x7f", "007F"), ("\x85", "0085"), ("\x9b", "009B"), ("\u2028", "2028"),
    ("\ufffe", "FFFE")])
def test_control_characters_are_refused(character: str, number: str) -> None:
    mistake = only(f"a: 1\nb: x{character}")
    assert mistake == (("lab.yaml", 2, 5), f"a control character (U+{number}) stands here", "delete it")


@pytest.mark.parametrize("escape", [r"\e", r"\r", r"\0", r"\x9b", r"\a", r"\N", r"\L"])
def test_so_are_those_that_are_written_as_escapes(escape: str) -> None:
    assert only(f'a: 1\nb: "x{escape}"').place == ("lab.yaml", 2, 4)
    assert only(f'a: 1\n"b{escape}": x').place == ("lab.yaml", 2, 1)


def test_every_mistake_is_found_and_the_rest_is_read() -> None:
    document = parse("lab.yaml", b"a: yes\nb: 010\nc: 3\nc: 4\n")
    assert [mistake.place.line for mistake in document.mistakes] == [1, 2, 4]
    assert document.tree.plain() == {"a": UNKNOWN, "b": UNKNOWN, "c": 4}


@pytest.mark.parametrize(("text", "place", "advice"), [
    ("a:\n\t- b", (2, 1), "spaces only"),
    ("a: b: c", (1, 5), "quotes around it"),
    ("a: @b", (1, 4), "quotes around it"),
    ("a: *b*", (1, 6), "quotes around it"),
    ("a: *b", (1, 4), "quotes around it"),
    ('a: "b\nc: d', (1, 4), "never closed"),
    ("a: [b\nc: d\n", (2, 2), "not closed"),
    ("a: 'b' c", (1, 8), "indentation"),
    (" a: 1\nb: 2", (2, 1), "indented less"),
    ("a: 1\n---\nb: 2", (2, 1), "take away the line '---'"),
    ("a: {{ b }}", (1, 4), "quotes around it"),
    ("a: {{ b }}/24", (1, 11), "quotes around it"),
    ('a: "\\w"', (1, 5), "single quotes"),
], ids=lambda value: re.sub(r"\s", "_", value) if isinstance(value, str) else "")
def test_what_is_no_yaml_gets_its_place_and_an_advice(text: str, place: tuple[int, int], advice: str) -> None:
    mistake = only(text)
    assert mistake.place[1:] == place, mistake
    assert advice in mistake.mend, mistake


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "\ufeff"])
def test_an_empty_file(text: str) -> None:
    mistake = only(text)
    assert (mistake.place, mistake.says) == (("lab.yaml", 1, 1), "the file is empty")
