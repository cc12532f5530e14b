"""Statements of a lab: nodes of its file become actions and checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from checks.language.check import Check
from checks.language.composite import CHECKS as LIST_OF_CHECKS
from checks.language.statement import Argument, Mistake, Statement
from labrunner.action import Action
from labrunner.errors import nearest
from labrunner.language.lab import Do, Holds
from labrunner.language.reading import Reader
from labrunner.language.tree import UNKNOWN, Entry, Node
from labrunner.language.vocabulary import ACTIONS, CHECKS, Sort
from runtime.container_values import RUNTIME
from runtime.network.world import OUTSIDE
from runtime.oci.available import RUNTIMES
from runtime.values import NETNS, Kind

S = TypeVar("S", bound=Statement)
_UNTIL = "until"
_DIGITS = re.compile("[0-9]{1,18}")


class StatementReader(Reader):
    """Reads what stands under `do` and `check`. What is no statement is noted and left out.

    runtime: the OCI runtime of the statements that name none.
    """

    runtime = RUNTIMES[0]

    def actions(self, nodes: Iterable[Node]) -> Iterator[Do]:
        """The actions of a list."""
        for node in nodes:
            action = self._statement(node, ACTIONS, CHECKS)
            if action:
                self._refuse_outside(node, action)
                yield Do(action, node.place.line)

    def _refuse_outside(self, node: Node, action: Action) -> None:
        """The world outside is as it is: a learner cannot go there, so no lab can do anything there either."""
        if any(value == OUTSIDE and action.arguments[name].kind is NETNS for name, value in action.values().items()):
            self.mistake(node, f"nothing can be done in '{OUTSIDE}', which stands for the Internet",
                         "do it in a netns of the lab; checks may ask from there")

    def checks(self, nodes: Iterable[Node]) -> Iterator[Holds]:
        """The checks of a list."""
        for node in nodes:
            alone, until = self._without_until(node)
            check = self._statement(alone, CHECKS, ACTIONS)
            if check:
                yield Holds(check, until, node.place.line)

    def parts(self, nodes: Iterable[Node]) -> Iterator[Check]:
        """The checks that a claim, or a check, is made of."""
        for node in nodes:
            check = self._statement(node, CHECKS, ACTIONS)
            if check:
                yield check

    def _without_until(self, node: Node) -> tuple[Node, str]:
        if not isinstance(node.value, dict) or len(node.value) < 2 or _UNTIL not in node.value:
            return node, ""
        rest = {key: entry for key, entry in node.value.items() if key != _UNTIL}
        return node._replace(value=rest), self.text(node.value, _UNTIL)

    def _statement(self, node: Node, sort: Sort[S], other: Sort[Action] | Sort[Check]) -> S | None:
        if node.value is UNKNOWN:
            return None
        if not isinstance(node.value, dict) or len(node.value) != 1:
            self._no_statement(node, sort)
            return None
        word, entry = next(iter(node.value.items()))
        if word in sort.words:
            return self._made(sort.find(word), word, entry)
        if word == _UNTIL:
            self._no_statement(node, sort)
            return None
        elsewhere = f"'{word}' belongs under '{other.key}', with the {other.noun}s" if word in other.words else ""
        self.mistake_at(entry, f"there is no {sort.noun} '{word}'", elsewhere or nearest(word, sort.words))
        return None

    def _no_statement(self, node: Node, sort: Sort[S]) -> None:
        example = f"write one, as '- {sort.example}'"
        found = tuple(node.value) if isinstance(node.value, dict) else ()
        if not found:
            self.mistake(node, f"here has to stand one {sort.noun} with its arguments", example)
            return
        if _UNTIL in found and len(found) < 3:
            self.mistake_at(node.value[_UNTIL], *self._misplaced_until(found, sort))
            return
        says = f"one {sort.noun} has to stand here, and here stand {len(found)} words: {', '.join(found)}"
        self.mistake(node, says, self._apart(node, found, sort) or example)

    def _apart(self, node: Node, found: tuple[str, ...], sort: Sort[S]) -> str:
        """What to do about words side by side, when it can be told."""
        word, beside = found[:2]
        if word in sort.words and node.value[word].node.value is None:
            return f"indent the arguments of '{word}' further than '{word}' itself"
        if {*found} <= {*sort.words, _UNTIL}:
            return f"put '- ' before each {sort.noun}"
        arguments = sort.find(word).arguments if word in sort.words else {}
        if beside in arguments:
            return f"write its arguments together, as '- {word}: {{{next(iter(arguments))}: ..., {beside}: ...}}'"
        return f"beside a check, only '{_UNTIL}' can stand" if arguments and sort.noun == CHECKS.noun else ""

    def _misplaced_until(self, found: tuple[str, ...], sort: Sort[S]) -> tuple[str, str]:
        if len(found) == 1:
            return "'until' stands alone, without the check that it is about", (
                "write it in the line after the check, with no '- ' before it")
        if sort.noun == ACTIONS.noun:
            return "'until' is for checks, and this is an action", "take it away"
        return f"'{found[0]}' is only a part here, and 'until' is for the whole", (
            "write it in the line after the whole check; a claim is shown in its own step, and has none")

    def _made(self, made: type[S], word: str, entry: Entry) -> S | None:
        value = entry.node.value
        if value is UNKNOWN:
            return None
        if made.main and made.arguments[made.main].kind is LIST_OF_CHECKS:
            return self._composite(made, word, entry)
        if not isinstance(value, dict) and not made.main:
            self.mistake(entry.node, f"'{word}' needs its arguments by name", _arguments(made))
            return None
        fields = value if isinstance(value, dict) else {made.main: entry}
        try:
            given = {key: _meant(made.arguments.get(key), each.node) for key, each in fields.items()}
            return made(**{**self._by_runtime(made), **given})
        except Mistake as mistake:
            for each in _telling(mistake, made, fields):
                self._explain(each, made, word, fields, entry)
            return None

    def _by_runtime(self, made: type[Statement]) -> dict[str, str]:
        """The argument of a statement that says which runtime carries it out, unless that is the usual one."""
        return {} if self.runtime == RUNTIMES[0] else {
            name: self.runtime for name, each in made.arguments.items() if each.kind is RUNTIME}

    def _composite(self, made: type[S], word: str, entry: Entry) -> S | None:
        """A statement whose argument is checks: a list of them, or a single one."""
        nodes = entry.node.value if isinstance(entry.node.value, list) else [entry.node]
        if entry.node.value in ([], None):
            self.mistake(entry.node, f"'{word}' has no checks", "write at least one below it, as '- WORD: ...'")
            return None
        found = list(self.parts(nodes))
        return made(**{made.main: found}) if len(found) == len(nodes) else None

    def _explain(self, mistake: Mistake, made: type[S], word: str, fields: Mapping[str, Entry], entry: Entry) -> None:
        at, argument = fields.get(mistake.key), made.arguments.get(mistake.key)
        if not at:
            self.mistake(entry.node, f"{word}: {mistake.says}", _arguments(made))
        elif not argument:
            known = nearest(mistake.key, tuple(made.arguments))
            self.mistake_at(at, f"'{word}' has no argument '{mistake.key}'", known)
        else:
            says = f"'{mistake.key}' has no value" if at.node.value is None else mistake.says
            self.mistake(at.node, f"{word}: {says}", _needed(mistake.key, argument.kind, at.node))


def _meant(argument: Argument | None, node: Node) -> Any:
    """The value of a node. A number that a template became is a text where only that fits."""
    value, worded = node.plain(), node.worded()
    as_text = argument and worded != value and not _parses(argument.kind, value) and _parses(argument.kind, worded)
    return worded if as_text else value


def _telling(mistake: Mistake, made: type[Statement], fields: Mapping[str, Entry]) -> list[Mistake]:
    """All that is wrong, but for what has been said, and for what is missing because a word is misspelt."""
    found = [each for each in (mistake, *mistake.also) if each.key not in fields or fields[each.key].node.known]
    misspelt = not fields.keys() <= made.arguments.keys()
    return [each for each in found if each.key] if misspelt else found


def _needed(key: str, kind: Kind[Any], node: Node) -> str:
    """What the value of an argument has to be; '' when it is, and the statement as a whole is wrong."""
    if _parses(kind, node.plain()) or _parses(kind, node.worded()):
        return ""
    return f"'{key}' has to be {kind.says}" + _by_quotes(kind, node)


def _by_quotes(kind: Kind[Any], node: Node) -> str:
    """What to do when only the quotes are wrong: a number that has to be a text, or a text that has to be a number."""
    value = node.value
    if isinstance(value, int | float) and _parses(kind, str(value)) and "quotes" not in kind.says:
        return ": put it in quotes"
    if isinstance(value, str) and _DIGITS.fullmatch(value) and _parses(kind, int(value)):
        return ": give the variable the type int" if node.filled else ": take the quotes away"
    return ""


def _parses(kind: Kind[Any], value: Any) -> bool:
    try:
        kind.parse(value)
    except ValueError:
        return False
    return True


def _arguments(made: type[Statement]) -> str:
    """What a statement is given: 'its arguments are name, peer, and if need be netns'."""
    needed = [name for name, each in made.arguments.items() if each.required]
    others = [name for name, each in made.arguments.items() if not each.required]
    if not needed:
        return f"its arguments are {', '.join(others)}"
    return f"its arguments are {', '.join(needed)}" + (f", and if need be {', '.join(others)}" if others else "")
