"""What is no mistake in a lab, and could be better: one function a matter, each with its places.

The rules are for those who learn by the lab: each step is explained, each check can fail, each hint helps a little.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.language.check import Check
from checks.language.claim import Claim
from checks.language.composite import Composite
from checks.language.statement import Statement
from checks.netns import Netns
from checks.not_ import Not
from checks.reasoning.membership import SUBJECTS
from labrunner.action import Action
from labrunner.actions.add_netns import AddNetns
from labrunner.actions.run import Run
from labrunner.actions.write import Write
from labrunner.errors import LabMistake, Place, nearest
from labrunner.language.lab import Lab, Step
from labrunner.language.loading import Examined
from labrunner.language.tree import Node
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE
from runtime.values import NETNS

_A_SCREEN = 30  # lines
_WANTED = {"summary": "what one learns, in a sentence", "minutes": "how long a learner needs",
           "topics": "the words to find it by, as [netns, veth]"}


def style(examined: Examined) -> list[LabMistake]:
    """All that could be better in a lab without mistakes, in the order of its file."""
    lab, root = examined.lab, examined.document.tree
    nodes = _list(root, "steps")
    found = [*_about(root), *_unused(root, examined.document.used), *_proves_nothing(lab, nodes), *_nowhere(lab, nodes)]
    for step, node in zip(lab.steps, nodes, strict=True):
        for rule in (_nameless, _full_stop, _untaught, _long, _hints, _only_claims, _said_twice):
            found += rule(step, node)
    return sorted(found, key=lambda each: each.place)


def _about(root: Node) -> Iterator[LabMistake]:
    for key, says in _WANTED.items():
        if key not in root.value:
            yield LabMistake(root.place, f"the lab does not tell its {key}", f"add '{key}:', {says}")
    yield from _full_stop(None, root)


def _unused(root: Node, used: frozenset[str]) -> Iterator[LabMistake]:
    declared = root.value["vars"].node.value if "vars" in root.value else {}
    within = {entry.node.plain().get("within") for entry in declared.values() if isinstance(entry.node.value, dict)}
    for name, entry in declared.items():
        if name not in used | within:
            yield LabMistake(entry.place, f"the variable '{name}' is never used",
                             f'use it as "{{{{ {name} }}}}", or take it away')


def _proves_nothing(lab: Lab, nodes: list[Node]) -> Iterator[LabMistake]:
    """Steps all of whose checks have to hold before them already."""
    places = {step.id: place for place, step in enumerate(lab.steps)}
    retired: dict[Check, int] = {}  # the step that ends it
    for place, (step, node) in enumerate(zip(lab.steps, nodes, strict=True)):
        if step.do and all(retired.get(check, 0) > place for check in step.checks):
            yield LabMistake(_at(node, "check"), "all that this step checks holds before it already",
                             "check what its actions change")
        retired |= {each.check: places.get(each.until, len(places)) for each in step.holds
                    if not isinstance(each.check, Claim)}


def _nowhere(lab: Lab, nodes: list[Node]) -> Iterator[LabMistake]:
    """What stands under `not` and is about a netns that nothing makes: by a slip of the pen it would always pass."""
    actions = [action for step in lab.steps for action in step.actions]
    typed = " ".join(text for action in actions for text in _typed(action))
    made = {LAB_HOST, *([OUTSIDE] if lab.world == "internet" else []),
            *(action.name for action in actions if isinstance(action, AddNetns))}
    if "netns" in typed and "$" in typed:
        return  # a loop can make any name
    for step, node in zip(lab.steps, nodes, strict=True):
        for check, at in zip(step.checks, [*_list(node, "check"), *_list(node, "claims")], strict=True):
            for name in sorted(set[str]().union(*map(_where, _denied(check))) - made):
                if name not in typed:
                    yield LabMistake(at.place, f"nothing in this lab makes the netns '{name}': this is always so",
                                     nearest(name, sorted(made)))


def _denied(check: Check) -> Iterator[Check]:
    """The checks under every `not` in a check."""
    if isinstance(check, Not):
        yield from check.checks
    elif isinstance(check, Composite):
        for each in check.checks:
            yield from _denied(each)


def _typed(action: Action) -> Iterator[str]:
    """What a lab runs as it stands, and could make anything."""
    if isinstance(action, Run):
        yield action.command_
    if isinstance(action, Write):
        yield action.text


def _where(statement: Statement) -> set[str]:
    """The netns that have to be there for a statement."""
    if isinstance(statement, Netns):
        return set()
    found = set[str]().union(*map(_where, statement.checks if isinstance(statement, Composite) else ()))
    for name, value in statement.values().items():
        kind = statement.arguments[name].kind
        names = (value,) if kind is NETNS else value if kind is SUBJECTS else ()
        found |= {each for each in names if each and " " not in each}
    return found


def _nameless(step: Step, node: Node) -> Iterator[LabMistake]:
    if "id" not in node.value:
        yield LabMistake(node.place, f"this step has no id of its own, and is called {step.id}",
                         "add 'id:', a short name: another one gets its number when steps are put in before it")


def _full_stop(_step: Step | None, node: Node) -> Iterator[LabMistake]:
    if re.search(r"[^.]\.$", node.value["title"].node.value.strip()):
        yield LabMistake(_at(node, "title"), "a title has no full stop at its end", "take it away")


def _untaught(step: Step, node: Node) -> Iterator[LabMistake]:
    if not step.teach:
        yield LabMistake(node.place, "this step teaches nothing", "add 'teach: |', and what one should know before it")


def _long(step: Step, node: Node) -> Iterator[LabMistake]:
    lines = step.teach.count("\n") + 1
    if lines > _A_SCREEN:
        yield LabMistake(_at(node, "teach"), f"this text is {lines} lines long, and a screen has {_A_SCREEN}",
                         "say less, or make two steps of it")


def _hints(step: Step, node: Node) -> Iterator[LabMistake]:
    nodes, said = _list(node, "hints"), [_spaced(hint) for hint in step.hints]
    for place, hint in enumerate(said):
        if hint in said[:place]:
            yield LabMistake(nodes[place].place, "this hint is given already", "let each tell a little more")
    commands = [_spaced(action.command()) for action in step.actions]
    answer = next((command for command in commands if said and command in said[0]), "")
    if answer:
        yield LabMistake(nodes[0].place, f"the first hint gives the answer away: {answer}",
                         "put a weaker one before it: where to look, or what is missing")


def _only_claims(step: Step, node: Node) -> Iterator[LabMistake]:
    if step.do and step.holds and all(isinstance(check, Claim) for check in step.checks):
        yield LabMistake(_at(node, "claims"), "this step does something, and only claims are checked",
                         "add 'check:', and what its actions change")


def _said_twice(step: Step, node: Node) -> Iterator[LabMistake]:
    nodes = _list(node, "check")
    for place, each in enumerate(nodes):
        if step.checks[place] in step.checks[:place]:
            yield LabMistake(each.place, "this check stands in this step already", "take it away")


def _list(node: Node, key: str) -> list[Node]:
    found: list[Node] = node.value[key].node.value if key in node.value else []
    return found


def _at(node: Node, key: str) -> Place:
    """Where the value of a key stands; of a key that is not there, the whole."""
    return node.value[key].node.place if key in node.value else node.place


def _spaced(text: str) -> str:
    return " ".join(text.split())
