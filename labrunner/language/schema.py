"""The lab language as JSON Schema (draft 2020-12), for editors: made of what the loader itself reads by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.language.composite import CHECKS as LIST_OF_CHECKS
from checks.language.statement import Argument, Statement
from labrunner.language.key import Key
from labrunner.language.keys import CLAIM, LAB, STEP, UNTIL
from labrunner.language.variables import VARIABLE
from labrunner.language.vocabulary import ACTIONS, CHECKS, Sort

_ANY_TEXT = {"type": "string"}, {"type": "string", "minLength": 1}
_TEMPLATE = {"type": "string", "pattern": r"\{[{%]"}
_NO_VARIABLES = ("default",)  # of the declaration of a variable, the only key that templates are filled into


def schema() -> dict[str, Any]:
    """The whole schema. It refuses nothing that the loader takes; what only the loader can know it lets pass."""
    step = {**_mapping(STEP), "anyOf": [{"required": ["check"]}, {"required": ["claims"]}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A lab of labrun",
        **_mapping(LAB),
        "$defs": {
            "step": step,
            "claim": _mapping(CLAIM),
            "variable": {"anyOf": [{"type": ["string", "number"]}, _mapping(VARIABLE, templates=_NO_VARIABLES)]},
            "template": {"description": "a text with a variable: {{ NAME }}", **_TEMPLATE},
            "action": _one_word(ACTIONS),
            "check": _one_word(CHECKS),
            "held_check": _held(_one_word(CHECKS)),
            "checks": {"anyOf": [{"$ref": "#/$defs/check"},
                                 {"type": "array", "items": {"$ref": "#/$defs/check"}, "minItems": 1}]},
            **_words(ACTIONS),
            **_words(CHECKS),
        },
    }


def _mapping(keys: Mapping[str, Key], templates: tuple[str, ...] | None = None) -> dict[str, Any]:
    """A mapping with these keys. templates: those with templates in their leaves; without it, all."""
    properties = {name: {"description": key.says, **(_filled(key.schema) if templates is None or name in templates
                                                      else _plain(key.schema))} for name, key in keys.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False,
            "required": [name for name, key in keys.items() if key.required]}


def _one_word(sort: Sort[Any]) -> dict[str, Any]:
    """A mapping of one word of the language to its arguments."""
    words = {word: {"$ref": f"#/$defs/{sort.noun}.{word}"} for word in sort.words}
    return {"type": "object", "properties": words, "additionalProperties": False, "minProperties": 1,
            "maxProperties": 1}


def _held(one_word: dict[str, Any]) -> dict[str, Any]:
    """The same, and `until` beside it."""
    until = {"description": UNTIL.says, **_filled(UNTIL.schema)}
    alone, retired = {"not": {"required": ["until"]}, "maxProperties": 1}, {"required": ["until"], "minProperties": 2}
    return {**one_word, "properties": {**one_word["properties"], "until": until}, "maxProperties": 2,
            "anyOf": [alone, retired]}


def _words(sort: Sort[Any]) -> dict[str, Any]:
    return {f"{sort.noun}.{word}": _statement(sort.find(word)) for word in sort.words}


def _statement(made: type[Statement]) -> dict[str, Any]:
    """The arguments of a word: by name, or the main one alone where no other is needed."""
    description = {"description": told(made)}
    main = made.arguments.get(made.main)
    if main and main.kind is LIST_OF_CHECKS:
        return {**description, **_filled(main.kind.schema)}
    required = [name for name, each in made.arguments.items() if each.required]
    by_name = {"type": "object", "properties": {name: _argument(each) for name, each in made.arguments.items()},
               "required": required, "additionalProperties": False}
    if not main or set(required) - {made.main}:
        return {**description, **by_name}
    return {**description, "anyOf": [_argument(main), by_name]}


def _argument(argument: Argument) -> dict[str, Any]:
    default = {} if argument.required or argument.default is None else {"default": _plain(argument.default)}
    return {"description": argument.says, **default, **_filled(argument.kind.schema)}


def told(made: type[Statement]) -> str:
    """What a word is for: the text of its class."""
    return " ".join((made.__doc__ or "").split())


def _filled(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema where templates are filled in: each leaf can be one."""
    plain: dict[str, Any] = _plain(schema)
    if plain.get("type") == "array":
        return {**plain, "items": _filled(plain["items"])}
    if plain.keys() <= {"$ref"} or plain.get("type") == "object" or plain in _ANY_TEXT:
        return plain
    if "anyOf" in plain:
        return {"anyOf": [*map(_filled, plain["anyOf"])]}
    return {"anyOf": [plain, {"$ref": "#/$defs/template"}]}


def _plain(value: Any) -> Any:
    """The value in what JSON has."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
