"""The keys of a lab file and what each is for. The loader, the JSON Schema and the documentation are made of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labrunner.language.about import LEVELS
from labrunner.language.key import Key
from runtime.network.world import GATEWAY, HOST_ADDRESS, SERVER, WORLDS

MOST_POINTS = 1000


def _list_of(items: Mapping[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, **({"minItems": least} if least else {})}


def _one_of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


_TEXT = {"type": "string"}
_SAID = {"type": "string", "minLength": 1}
_STEP_ID = {"type": "string", "pattern": r"^(?!\d+$)[a-z0-9][a-z0-9-]*$"}

LAB: Mapping[str, Key] = {
    "title": Key("what the lab is called", _SAID, required=True),
    "summary": Key("in one or two sentences, what one learns", _SAID),
    "level": Key(f"for whom it is: one of {', '.join(LEVELS)}; {LEVELS[0]} without it", {"enum": list(LEVELS)}),
    "minutes": Key("how long a learner needs for it", {"type": "integer", "minimum": 0}),
    "topics": Key("words under which it is found, as [netns, veth]", _list_of(_TEXT)),
    "needs": Key("programs that this machine must have for it, as [iptables, python3]",
                 _list_of({"type": "string", "pattern": r"^[\w.+-]+$"})),
    "world": Key(f"what is there before the first step: {WORLDS[0]}, also without it; or {WORLDS[1]}: the host has an "
                 f"eth0 ({HOST_ADDRESS}), whose gateway {GATEWAY} leads to the server {SERVER}",
                 {"enum": list(WORLDS)}),
    "vars": Key("values with a name, to be used as {{ NAME }} and to be changed with --set",
                {"type": "object", "propertyNames": {"pattern": r"^[^\W\d]\w*$"},
                 "additionalProperties": _one_of("variable")}),
    "steps": Key("the steps, in their order", _list_of(_one_of("step"), 1), required=True),
}

STEP: Mapping[str, Key] = {
    "id": Key("a short name for the step: small letters, digits and -", _STEP_ID),
    "title": Key("what the step is called", _SAID, required=True),
    "teach": Key("what a learner reads before the step, in Markdown", _TEXT),
    "needs": Key("ids of the earlier steps that have to be done before; without it, the step before this one",
                 _list_of(_TEXT)),
    "points": Key(f"what the step counts, 0 to {MOST_POINTS}; 1 without it",
                  {"type": "integer", "minimum": 0, "maximum": MOST_POINTS}),
    "do": Key("actions that are carried out; a step without them is one where the learner only looks",
              _list_of(_one_of("action"))),
    "check": Key("what is true when the step is done, and from then on", _list_of(_one_of("held_check"), 1)),
    "claims": Key("sentences that the step shows to be so, or not so, when it is done", _list_of(_one_of("claim"), 1)),
    "hints": Key("help for a learner, from weak to strong", _list_of(_SAID)),
}

CLAIM: Mapping[str, Key] = {
    "says": Key("the sentence", _SAID, required=True),
    "holds": Key("whether the checks show that it is so (true, also without the key), or that it is not (false)",
                 {"type": "boolean"}),
    "check": Key("what has to be true to show it", _list_of(_one_of("check"), 1), required=True),
}

UNTIL = Key("the id of the later step that makes it untrue; without it, the check holds to the end", _TEXT)
