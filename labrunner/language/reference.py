"""All words of the lab language as a text in Markdown, made of what the loader itself reads by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from textwrap import wrap
from typing import Any

from checks.language.statement import Argument, Statement
from labrunner.language.key import Key
from labrunner.language.keys import CLAIM, LAB, STEP, UNTIL
from labrunner.language.schema import told
from labrunner.language.variables import VARIABLE
from labrunner.language.vocabulary import ACTIONS, CHECKS, Sort

_WIDTH = 118
_KEYS: Mapping[str, Mapping[str, Key]] = {
    "The lab": LAB, "A step": STEP, "A check": {"until": UNTIL}, "A claim": CLAIM, "A variable": VARIABLE}


def reference() -> str:
    """Every key, action and check, and the kinds of values that their arguments have."""
    lines: list[str] = []
    for title, keys in _KEYS.items():
        lines += [f"### {title}: keys", "", *_keys(keys), ""]
    for title, sort in (("Actions", ACTIONS), ("Checks", CHECKS)):
        lines += [f"### {title}", "", *(line for word in sort.words for line in (*_word(word, sort), ""))]
    return "\n".join([*lines, "### Values", "", *_values(), ""])


def _keys(keys: Mapping[str, Key]) -> Iterator[str]:
    for name, key in keys.items():
        yield from _item(name, ["required"] if key.required else [], key.says)


def _word(word: str, sort: Sort[Any]) -> Iterator[str]:
    made = sort.find(word)
    yield from wrap(f"**{word}** - {told(made)}", _WIDTH)
    yield ""
    for name, argument in made.arguments.items():
        yield from _item(name, [*_notes(name, argument, made)], argument.says)


def _notes(name: str, argument: Argument, made: type[Statement]) -> Iterator[str]:
    yield argument.kind.name if argument.kind.name in _named() else argument.kind.says
    if argument.required:
        yield "required"
    elif argument.default not in (None, ()):
        yield f"{str(argument.default).lower() if isinstance(argument.default, bool) else argument.default} without it"
    if name == made.main:
        yield f"short: {made.__module__.rpartition('.')[2].rstrip('_')}: ..."


@cache
def _named() -> dict[str, str]:
    """The kinds of values that are told once, by name; those of which each is another are told where they stand."""
    made = [sort.find(word) for sort in (ACTIONS, CHECKS) for word in sort.words]
    kinds = {(each.kind.name, each.kind.says) for statement in made for each in statement.arguments.values()}
    names = [name for name, _ in kinds]
    return {name: says for name, says in sorted(kinds) if names.count(name) == 1 and "choice" not in name}


def _values() -> Iterator[str]:
    for name, says in _named().items():
        yield from _item(name, [], says, quote="")


def _item(name: str, notes: list[str], says: str, quote: str = "`") -> list[str]:
    noted = f" ({'; '.join(notes)})" if notes else ""
    return wrap(f"- {quote}{name}{quote}{noted}: {says}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
