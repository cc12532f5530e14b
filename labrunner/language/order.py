"""The order of steps: which step needs which, and which step retires a check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labrunner.errors import nearest
from labrunner.language.lab import Step
from labrunner.language.reading import Reader
from labrunner.language.tree import Node

_Told = tuple[str, str]  # what is wrong, and what to write instead


def check_order(reader: Reader, steps: tuple[Step, ...], nodes: Sequence[Node]) -> tuple[Step, ...]:
    """The steps, each with what it needs: without the key `needs` that is the step before it. Mistakes are noted."""
    steps = tuple(step if _has_needs(node) else step._replace(needs=(steps[place - 1].id,) if place else ())
                  for place, (step, node) in enumerate(zip(steps, nodes, strict=True)))
    for place, node in enumerate(nodes):
        for each in _entries(node, "needs"):
            told = _wrong_need(steps, place, each.value) if isinstance(each.value, str) else None
            if told:
                reader.mistake(each, *told)
        for each in _sinces(node):
            told = _wrong_since(steps, place, each.value)
            if told:
                reader.mistake(each, *told)
        for each in _untils(node):
            told = _wrong_until(steps, place, each.value)
            if told:
                reader.mistake(each, *told)
    return steps


def _wrong_need(steps: tuple[Step, ...], place: int, wanted: str) -> _Told | None:
    """Only what was done before can be needed."""
    ids, own = [step.id for step in steps], steps[place].id
    if wanted not in ids:
        return f"there is no step '{wanted}' that could be needed", (
            nearest(wanted, ids[:place]) if place else "it is the first step, and needs none: take 'needs' away")
    if wanted == own:
        return f"the step '{own}' needs itself", "name a step before it, or leave it out"
    if wanted in ids[:place]:
        return None
    circle = _way(steps, wanted, own)
    if circle:
        return f"these steps need each other, so none of them can be the first: {' -> '.join((own, *circle))}", (
            "take one of them out of 'needs'; without that key, a step needs the one before it")
    return f"the step '{own}' needs '{wanted}', which comes after it", "put that step before this one"


def _way(steps: tuple[Step, ...], start: str, goal: str) -> list[str]:
    """The ids from `start` to `goal`, each of which needs the next; [] when there is no such way."""
    needs = {step.id: step.needs for step in steps}
    ways, seen = [[start]], {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == goal:
            return way
        for each in needs.get(way[-1], ()):
            if each not in seen:
                seen.add(each)
                ways.append([*way, each])
    return []


def _wrong_until(steps: tuple[Step, ...], place: int, wanted: str) -> _Told | None:
    """Only a step that comes later can retire a check."""
    ids = [step.id for step in steps]
    later = ids[place + 1 :]
    if wanted in later:
        return None
    if wanted in ids:
        which = "is this step itself" if wanted == ids[place] else "comes before it"
        return f"a check of step '{ids[place]}' cannot hold until '{wanted}', which {which}", (
            nearest(wanted, later) if later else "it is the last step: its checks hold to the end")
    return f"there is no step '{wanted}' until which the check could hold", nearest(wanted, later)


def _wrong_since(steps: tuple[Step, ...], place: int, wanted: str) -> _Told | None:
    """Only with what is over something can be compared."""
    ids = [step.id for step in steps]
    if wanted in ids[:place]:
        return None
    if wanted in ids:
        return f"the step '{wanted}' is not over yet, so nothing can be compared with it", "name a step before this"
    return f"there is no step '{wanted}' with which something could be compared", nearest(wanted, ids[:place])


def _has_needs(node: Node) -> bool:
    return isinstance(node.value, dict) and "needs" in node.value


def _entries(node: Node, key: str) -> list[Node]:
    """The nodes of the list under `key` of a mapping."""
    found = node.value[key].node.value if isinstance(node.value, dict) and key in node.value else None
    return found if isinstance(found, list) else []


def _sinces(node: Node) -> Iterator[Node]:
    """What stands behind `since` anywhere in the checks and claims of a step."""
    for key in ("check", "claims"):
        for each in _entries(node, key):
            yield from _behind(each, "since")


def _behind(node: Node, key: str) -> Iterator[Node]:
    below = [entry.node for entry in node.value.values()] if isinstance(node.value, dict) else (
        node.value if isinstance(node.value, list) else [])
    if isinstance(node.value, dict) and key in node.value and isinstance(node.value[key].node.value, str):
        yield node.value[key].node
    for each in below:
        yield from _behind(each, key)


def _untils(node: Node) -> Iterator[Node]:
    """What stands behind `until` in the checks of a step."""
    for each in _entries(node, "check"):
        if isinstance(each.value, dict) and len(each.value) > 1 and "until" in each.value:
            until = each.value["until"].node
            if isinstance(until.value, str) and until.value:
                yield until
