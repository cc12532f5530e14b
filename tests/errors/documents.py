"""Documents that are nearly labs, or not at all: cheap to make by the thousand, the same ones for the same seed."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labrunner.language.keys import CLAIM, LAB, STEP
from labrunner.language.variables import VARIABLE
from labrunner.language.vocabulary import ACTIONS, CHECKS

ROOT = Path(__file__).resolve().parents[2]
REAL = [file.read_text("utf-8") for file in sorted(ROOT.glob("labs/*/lab.yaml"))]
BROKEN = [file.read_bytes() for file in sorted(Path(__file__).parent.glob("labs/*.yaml"))]
# What YAML, Jinja2 or the kinds of values could stumble over.
FRAGMENTS = (
    "{{", "}}", "{%", "{# ", "|", "&a ", "*a", "<<: *a", "!!int ", "!x ", "- ", ": ", "? ", "#", "'", '"', "[", "]",
    "{", "}", ",", "---\n", "...\n", "%YAML 9\n", "\t", "\r", "\x00", "\x1b", "\x85", "\ufeff", "\u2028", "\ud800",
    "é", "🐧", "0x1", "1e999", "-.inf", "1:2:3", "~", "null", "on", "=", "@", "`", "self", "__class__", " | host(-1)",
    " | address(99999999999999999999)", "::1", "fe80::1%0", "/", "..", "0.0.0.0/0", "255", "\\e", "\n", "\n\n  ")
VALUES = (
    "{{ a }}", "{{ a | host(1) }}", "{{ b }}", "c1", "veth0", "10.0.0.1/8", "10.0.0.0/8", "10.0.0.2", "up", "none",
    "first", "default", "tcp", "ACCEPT", "forward", "int", "choice", "subnet", "", 0, 1, -1, 80, 70000, 1.5, True,
    False, None, 10**30, "ip link show", "/tmp/x", "755")
WORDS = (*LAB, *STEP, *CLAIM, *VARIABLE, "until", *ACTIONS.words, *CHECKS.words)
ARGUMENTS = tuple({name for sort in (ACTIONS, CHECKS) for word in sort.words for name in sort.find(word).arguments})


def cut(lab: str, chosen: random.Random) -> str:
    """The head of a real lab and its first steps, which then retire no check: a lab without a mistake."""
    head, *steps = re.split(r"(?m)^(?=  - id:)", lab)
    return head + re.sub(r"(?m)^ +until: .*\n", "", "".join(steps[: chosen.randint(1, 3)]))


def spoiled(chosen: random.Random) -> bytes:
    """A part of a real lab after a few accidents with an editor."""
    lines = cut(chosen.choice(REAL), chosen).splitlines(keepends=True)
    for _ in range(chosen.choice((1, 1, 1, 2, 4))):
        at, other = chosen.randrange(len(lines)), chosen.randrange(len(lines))
        accident = chosen.randrange(9)
        if accident == 0 and len(lines) > 6:
            del lines[at : at + chosen.randint(1, 5)]
        elif accident == 1:
            lines.insert(at, lines[other])
        elif accident == 2:
            lines[at] = lines[other]
        elif accident == 3:
            lines[at] = " " * chosen.randint(0, 9) + lines[at].lstrip()
        elif accident == 4:
            lines[at] = re.sub(r"\w+", lambda _: chosen.choice(WORDS + ARGUMENTS), lines[at], count=1)
        elif accident == 5:
            column = chosen.randrange(len(lines[at]))
            lines[at] = lines[at][:column] + chosen.choice(FRAGMENTS) + lines[at][column + chosen.randint(0, 3) :]
        else:
            place = chosen.choice([*re.finditer(r"(?<=: )[^,{}\[\]\n]+", lines[at])] or [None])
            value = json.dumps(chosen.choice(VALUES))
            lines[at] = lines[at][: place.start()] + value + lines[at][place.end() :] if place else lines[at]
        lines = lines or ["\n"]
    return "".join(lines).encode("utf-8", "surrogatepass")


def tree(chosen: random.Random) -> bytes:
    """A lab whose every key is a word of the language, and whose every value may be anything. JSON is YAML."""
    def leaf() -> Any:
        return chosen.choice(FRAGMENTS if chosen.random() < 0.02 else VALUES)

    def any_value(depth: int) -> Any:
        kind = chosen.random()
        if depth > 3 or kind < 0.5:
            return leaf()
        if kind < 0.7:
            return [any_value(depth + 1) for _ in range(chosen.randint(0, 3))]
        return {chosen.choice(WORDS + ARGUMENTS): any_value(depth + 1) for _ in range(chosen.randint(0, 4))}

    def statement(sort: Any) -> Any:
        word = chosen.choice(sort.words)
        names = chosen.sample([*sort.find(word).arguments], min(2, len(sort.find(word).arguments)))
        arguments = {name: any_value(3) for name in names} if chosen.random() < 0.7 else any_value(1)
        until = {"until": leaf()} if chosen.random() < 0.2 else {}
        return {word: arguments, **until} if chosen.random() < 0.9 else any_value(1)

    def step() -> Any:
        found = {"title": "First", "check": [statement(CHECKS) for _ in range(chosen.randint(0, 3))],
                 "do": [statement(ACTIONS) for _ in range(chosen.randint(0, 3))]}
        return {**found, **{chosen.choice([*STEP]): any_value(1) for _ in range(chosen.randint(0, 1))}}

    def variable() -> Any:
        if chosen.random() < 0.5:
            return chosen.choice(("10.0.0.0/24", "c1", 7))
        return {"default": leaf(), **{chosen.choice([*VARIABLE]): leaf() for _ in range(chosen.randint(0, 2))}}

    lab = {"title": "A lab", "vars": {"a": variable(), "b": variable()},
           "steps": [step() for _ in range(chosen.randint(1, 3))]}
    lab |= {chosen.choice([*LAB]): any_value(0) for _ in range(chosen.choice((0, 0, 1)))}
    return json.dumps(lab, ensure_ascii=False).encode("utf-8", "surrogatepass")


def soup(chosen: random.Random) -> bytes:
    """Tokens without any order."""
    tokens = [chosen.choice(FRAGMENTS if chosen.random() < 0.5 else (*WORDS, *ARGUMENTS, "\n  ", "\n", ": ", ": "))
              for _ in range(chosen.randint(0, 40))]
    return "".join(tokens).encode("utf-8", "surrogatepass")


def noise(chosen: random.Random) -> bytes:
    """A wrong lab with any bytes in it."""
    lab = chosen.choice(BROKEN)
    at = chosen.randint(0, len(lab))
    return lab[:at] + chosen.randbytes(chosen.randint(0, 30)) + lab[at + chosen.randint(0, 20) :]


def documents(seed: int, number: int) -> Iterator[bytes]:
    """`number` documents: half of them spoiled labs."""
    chosen = random.Random(seed)
    makers = (spoiled, spoiled, spoiled, spoiled, spoiled, tree, tree, tree, soup, noise)
    for place in range(number):
        yield makers[place % len(makers)](chosen)
