"""A draft as the text of a lab.yaml, as a person would write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from checks.language.statement import Statement
from labrunner.importing.blocks import LeftOut, one_line
from labrunner.importing.drafting import Draft, DraftStep
from labrunner.language.vocabulary import word

_PLAIN = re.compile(r"[\w/.][^\n\t]*", re.ASCII)
_MISREAD = re.compile(r": |:$| #|\{[{%]|^\s|\s$|^\.\.\.")
_MISREAD_IN_FLOW = re.compile(r"[,\[\]{}:'\"]")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_MOST_COMMENTS = 200
_SAID = (("set_link", "state"),)  # what a lab says although it need not
_MINUTES_A_STEP = 4
_FIRST = ("table", "chain", "hook")


def lab_text(draft: Draft) -> str:
    """The text of the lab."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield f"title: {scalar(draft.title)}"
    yield f"summary: {scalar(draft.summary)}"
    yield f"minutes: {-(-len(draft.steps) * _MINUTES_A_STEP // 5) * 5}"
    for key, words in (("topics", draft.topics), ("needs", draft.needs)):
        if words:
            yield f"{key}: [{', '.join(words)}]"
    yield f"world: {draft.world}"
    yield "\nsteps:"
    comments = _MOST_COMMENTS
    for number, step in enumerate(draft.steps):
        if number:
            yield ""
        yield from _step(step, comments)
        comments -= sum(isinstance(entry, LeftOut) for entry in step.entries)


def _step(step: DraftStep, comments: int) -> Iterator[str]:
    """comments: how many may still be written."""
    yield f"  - id: {scalar(step.id)}"
    yield f"    title: {scalar(step.title)}"
    if step.needs is not None:
        yield f"    needs: [{', '.join(step.needs)}]"
    if step.teach:
        yield "    teach: |"
        yield from _block(step.teach, 6)
    acts = any(isinstance(entry, Statement) for entry in step.entries)
    if acts:
        yield "    do:"
    for entry in step.entries:
        if isinstance(entry, Statement):
            yield from _indented(written(entry))
        elif comments > 0:
            comments -= 1
            yield f"{'      ' if acts else '    '}# left out, line {entry.line}: {one_line(entry)}"
    yield "    check:"
    for check, until in step.checks:
        yield from _indented(written(check))
        if until:
            yield f"        until: {scalar(until)}"


def written(statement: Statement) -> Iterator[str]:
    """The lines of a statement in a list, from its dash on."""
    defaults = {name: each.default for name, each in statement.arguments.items() if not each.required}
    name = word(statement)
    given = {key: value for key, value in statement.values().items()
             if key not in defaults or value != defaults[key] or (name, key) in _SAID}
    given = {key: given[key] for key in sorted(given, key=lambda key: key not in _FIRST)}
    if any(isinstance(value, str) and "\n" in value.strip("\n") for value in given.values()):
        yield from _long_statement(name, given, statement.main)
    elif tuple(given) == (statement.main,):
        yield f"- {name}: {_value(statement.main, given[statement.main], flow=False)}"
    else:
        yield f"- {name}: {_mapping(given)}"


def _long_statement(name: str, given: Mapping[str, Any], main: str) -> Iterator[str]:
    """A statement with a text of several lines."""
    if tuple(given) == (main,):
        yield f"- {name}: |"
        yield from _block(given[main], 4)
        return
    yield f"- {name}:"
    for key, value in given.items():
        if isinstance(value, str) and _is_block(value):
            yield f"    {key}: |"
            yield from _block(value.removesuffix("\n"), 6)
        else:
            yield f"    {key}: {_value(key, value, flow=False)}"


def _is_block(text: str) -> bool:
    """Whether a | block says exactly this text: it ends with one line break, and does not begin with white space."""
    return text.endswith("\n") and not text.endswith("\n\n") and not text[:1].isspace() and "\n" in text[:-1]


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"      {line}" if line else "" for line in lines)


def _block(text: str, depth: int) -> Iterator[str]:
    for line in text.lstrip().split("\n"):
        yield f"{' ' * depth}{line}" if line.strip() else ""


def _mapping(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{scalar(key, flow=True)}: {_value(key, value, flow=True)}"
                           for key, value in values.items()) + "}"


def _value(name: str, value: Any, flow: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return _mapping(dict(value))
        listed = ", ".join(scalar(each, flow=True) for each in value)
        return scalar(value[0], flow) if len(value) == 1 else f"[{listed}]"
    if isinstance(value, int) or (name == "value" and _NUMBER.fullmatch(value)):
        return str(value)
    return scalar(value, flow)


def _is_text(text: str) -> bool:
    """Whether YAML takes it for a text, and not for a number, a date or true."""
    tag: str = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag == "tag:yaml.org,2002:str"


def scalar(text: str, flow: bool = False) -> str:
    """A text as YAML, in quotes where it would be misread. flow: whether it stands in brackets."""
    misread = _MISREAD.search(text) or (flow and _MISREAD_IN_FLOW.search(text))
    if _PLAIN.fullmatch(text) and not misread and _is_text(text):
        return text
    if '"' in text and "\n" not in text and "\t" not in text:
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)
