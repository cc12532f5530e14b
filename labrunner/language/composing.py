"""Text as YAML nodes, or what is wrong with it, in words for someone who has not written much YAML."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from contextlib import suppress
from typing import Any

import yaml

from labrunner.errors import LabError, LabMistake, Place

# Not for reading. To YAML 1.1 (5.4) U+0085, U+2028 and U+2029 are line breaks; editors do not count them as such.
STRANGE = re.compile("[^\t\n\r -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
DEEPEST = 40
_BEARABLE = 3000  # levels; a process has a stack of 8 MiB
TOO_DEEP = "it is nested too deep", f"a lab needs no more than {DEEPEST} levels"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPER = {yaml.MappingStartEvent: 1, yaml.SequenceStartEvent: 1, yaml.MappingEndEvent: -1, yaml.SequenceEndEvent: -1}
_TEMPLATE = 'a template needs quotes around it: "{{ NAME }}"'
# What libyaml or PyYAML say, in part -> what most often is behind it.
_ADVICE = {
    "mapping values are not allowed": "a text with ': ' in it needs quotes around it; or the line is indented too far",
    "cannot start any token": "a text that begins with @ ` or % needs quotes around it",
    "alias": "a text that begins with * needs quotes around it",
    "escape": "between \"double quotes\" a \\ has a meaning; 'single quotes' take it as it is",
    "quoted scalar": "a quote that is opened here is never closed",
    "':'": "a key needs a ': ' after it, and the same indentation as its neighbours",
    "expected key": "a line has another indentation than its neighbours, or a quote is not closed",
    "'-' indicator": "a line has another indentation than its neighbours, or its '- ' is missing",
    "',' or '": "a bracket or a quote is not closed",
    "node content": "a bracket or a quote is not closed",
    "another document": "a lab is one document: take away the line '---'",
    "document start": "a line is indented less than the first one",
    "but found": "a line has another indentation than its neighbours",
}


def compose(path: str, data: bytes) -> yaml.Node:
    """The root node of the document in `data`. path: for messages. Raises LabError with one mistake."""
    data = data.removeprefix(BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise fatal(_after(path, data[: error.start].decode()), "not UTF-8", "save the file as UTF-8") from error
    strange = STRANGE.search(text)
    if strange:
        raise fatal(_after(path, text[: strange.start()]), *strange_character(strange))
    root = _composed(path, text)
    if root is None:
        raise fatal(Place(path, 1, 1), "the file is empty", "a lab begins with its title, as 'title: My first lab'")
    return root


def place_of(path: str, mark: Any) -> Place:
    """Where a mark of PyYAML is, which counts from 0. It has two classes for marks, and None for an unknown one."""
    return Place(path, mark.line + 1, mark.column + 1) if mark else Place(path, 1, 1)


def strange_character(found: re.Match[str]) -> tuple[str, str]:
    """What to say of such a character."""
    return f"a control character (U+{ord(found[0]):04X}) stands here", "delete it"


def fatal(place: Place, says: str, mend: str = "") -> LabError:
    """A mistake after which nothing more can be read."""
    return LabError([LabMistake(place, says, mend)])


def _composed(path: str, text: str) -> yaml.Node | None:
    try:
        if not _is_shallow(text):
            _refuse_depth(path, text)
        return yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        # A bracket that is never closed is one mistake, a hundred are another. Newer versions of libyaml have a limit
        # of their own, and name a place far behind the one that is meant; PyYAML's own reader, which is slow, has none.
        with suppress(yaml.MarkedYAMLError):
            _refuse_depth(path, text, yaml.SafeLoader if "nesting depth" in str(error.problem) else _LOADER)
        raise fatal(*_told(path, text, error)) from error
    except yaml.YAMLError as error:
        raise fatal(Place(path, 1, 1), f"not YAML: {error}") from error


def _told(path: str, text: str, error: yaml.MarkedYAMLError) -> tuple[Place, str, str]:
    """Where it is not YAML, what PyYAML says of it, and what most often is behind that."""
    begun, place = error.context_mark, place_of(path, error.problem_mark or error.context_mark)
    line = ["", *text.splitlines(), ""][place.line]
    if line[place.column - 1:].startswith("\t"):
        return place, "a tab stands here", "YAML is indented with spaces only"
    said = f"not YAML: {' '.join(filter(None, (error.problem, error.context)))}"
    if begun and "end of stream" in said:
        place = place_of(path, begun)
    elif begun and begun.line + 1 != place.line:
        said += f" that begins in line {begun.line + 1}"
    if "{{" in line[:place.column]:
        return place, said, _TEMPLATE
    return place, said, next((_ADVICE[part] for part in _ADVICE if part in said), "")


def _is_shallow(text: str) -> bool:
    """Whether it cannot be nested deeper than libyaml can bear: by its brackets, and by how far it can be indented."""
    brackets = text.count("[") + text.count("{")
    return _LOADER is not yaml.SafeLoader and brackets + 2 * max(map(len, text.split("\n"))) < _BEARABLE


def _refuse_depth(path: str, text: str, reader: Any = _LOADER) -> None:
    """libyaml composes by recursion and without a limit: 100,000 brackets would take the process down."""
    depth = 0
    loader = reader(text)
    try:
        while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
            depth += _DEEPER.get(type(event), 0)
            if depth > DEEPEST:
                raise fatal(place_of(path, event.start_mark), *TOO_DEEP)
    finally:
        loader.dispose()


def _after(path: str, before: str) -> Place:
    """The place after the text `before`."""
    return Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))
