"""Variables in the leaves of a lab: what is filled in, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labrunner.errors import LabMistake, UsageError
from labrunner.language.document import parse
from labrunner.language.template import fill
from labrunner.language.tree import UNKNOWN, Document

VARS = """\
vars:
  subnet: 192.168.0.0/24
  number: 7
  host: "{{ subnet | host(1) }}"
"""


def filled(text: str, **given: str) -> Document:
    return fill(parse("lab.yaml", text.encode()), given)


def leaf(template: str, head: str = VARS, **given: str) -> object:
    """What becomes of one leaf."""
    document = filled(f"{head}a: {json.dumps(template)}\n", **given)
    assert document.mistakes == ()
    return document.tree.value["a"].node.value


def mistake(template: str, head: str = VARS) -> LabMistake:
    """What is wrong with one leaf, whose value then is unknown."""
    document = filled(f"{head}a: {json.dumps(template)}\n")
    (found,) = document.mistakes
    assert document.tree.value["a"].node.value is UNKNOWN
    assert found.place == ("lab.yaml", head.count("\n") + 1, 4)
    return found


@pytest.mark.parametrize(("template", "value"), [
    ("{{ subnet }}", "192.168.0.0/24"),
    ("{{subnet}}", "192.168.0.0/24"),
    ("{{ number }}", 7),
    ("{{number}} ", "7 "),
    ("{{ host }}", "192.168.0.1"),
    ("from {{ host }} to {{ subnet | host(2) }}!", "from 192.168.0.1 to 192.168.0.2!"),
    ("{{ subnet | host(0) }}", "192.168.0.0"),
    ("{{ subnet | host(-1) }}", "192.168.0.255"),
    ("{{ subnet | address(2) }}", "192.168.0.2/24"),
    ("{{ '10.1.0.0/16' | address(258) }}", "10.1.1.2/16"),
    ("{{ 'fd00::/64' | address(1) }}", "fd00::1/64"),
    ("{{ '{{' }} .Name }}", "{{ .Name }}"),
    ("{% raw %}{{ .Name }}{% endraw %}", "{{ .Name }}"),
    ("no template } {# {", "no template } {# {"),
    ("last line\n{{ number }}\n", "last line\n7\n"),
], ids=str)
def test_a_leaf_is_filled_in(template: str, value: str) -> None:
    assert leaf(template) == value


def test_values_that_are_no_text_stay_what_they_are() -> None:
    document = filled(f"{VARS}a: [1, 2.5, true, null, text]\n")
    assert document.tree.value["a"].node.plain() == [1, 2.5, True, None, "text"]


def test_places_stay() -> None:
    document = filled(f"{VARS}a:\n  - b: '{{{{ host }}}}'\n")
    inner = document.tree.value["a"].node.value[0].value["b"]
    assert (inner.place, inner.node.place) == (("lab.yaml", 6, 5), ("lab.yaml", 6, 8))


def test_a_given_value_replaces_the_default_and_what_is_derived_from_it() -> None:
    assert leaf("{{ host }} {{ number }}", subnet="10.0.0.0/8", number="8") == "10.0.0.1 8"


def test_a_given_value_is_no_template() -> None:
    assert leaf("{{ host }}", host="{{ subnet }}") == "{{ subnet }}"


def test_the_tree_tells_the_values_in_use() -> None:
    document = filled(VARS, subnet="10.0.0.0/8")
    assert document.tree.plain() == {"vars": {"subnet": "10.0.0.0/8", "number": 7, "host": "10.0.0.1"}}


def test_an_unknown_variable_cannot_be_given() -> None:
    with pytest.raises(UsageError) as raised:
        filled(VARS, subent="x")
    assert raised.value.why == "did you mean 'subnet'? known are subnet, number, host"


@pytest.mark.parametrize(("template", "says"), [
    ("{{ subent }}", "there is no variable 'subent'"),
    ("{{ }}", "Expected an expression, got 'end of print statement'"),
    ("{{ subnet", "unexpected end of template, expected 'end of print statement'."),
    ("{{ subnet | hosts(1) }}", "there is no filter 'hosts'"),
    ("{{ subnet | host }}", "host and address take one number"),
    ("{{ subnet | host(1, 2) }}", "host and address take one number"),
    ("{{ subnet | host('1') }}", "host and address take one number"),
    ("{{ subnet | host(1.5) }}", "host and address take one number"),
    ("{{ subnet | host(true) }}", "host and address take one number"),
    ("{{ subnet | host(256) }}", "192.168.0.0/24 has 256 addresses, and no number 256"),
    ("{{ subnet | host(-257) }}", "192.168.0.0/24 has 256 addresses, and no number -257"),
    ("{{ host | host(1) }}", "192.168.0.1/32 has 1 addresses, and no number 1"),
    ("{{ '10.0.0.1/8' | host(1) }}", "'10.0.0.1/8' is an address inside a subnet; did you mean '10.0.0.0/8'?"),
    ("{{ 'home' | host(1) }}", "'home' is not a subnet"),
])
def test_what_cannot_be_filled_in(template: str, says: str) -> None:
    assert mistake(template).says == f"'{template}' cannot be filled in: {says}"


@pytest.mark.parametrize(("template", "word"), [
    ('{{ "".__class__ }}', "'.'"),
    ('{{ subnet.__class__.__mro__[1].__subclasses__() }}', "calls"),
    ('{{ ""["__class__"] }}', "'[...]'"),
    ("{{ range(9) }}", "calls"),
    ("{{ lipsum.__globals__ }}", "'.'"),
    ("{{ subnet is defined }}", "'test'"),
    ("{{ 1 if 1 else 2 }}", "'if'"),
    ("{{ 'x' * 99 }}", "'*'"),
    ("{{ 9 ** 9 }}", "'**'"),
    ("{{ subnet ~ subnet }}", "'~'"),
    ("{{ 1 + 1 }}", "'+'"),
    ("{{ [1] }}", "'list'"),
    ("{% for x in subnet %}{% endfor %}", "'for'"),
    ("{% if subnet %}{% endif %}", "'if'"),
    ("{% set x = 1 %}", "'assign'"),
    ('{% include "/etc/hostname" %}', "'include'"),
    ('{% import "os" as os %}', "'import'"),
    ('{% extends "x" %}', "'extends'"),
    ("{% macro x() %}{% endmacro %}", "'macro'"),
    ("{% filter upper %}x{% endfilter %}", "'filterblock'"),
], ids=str)
def test_the_rest_of_the_language_is_refused(template: str, word: str) -> None:
    found = mistake(template)
    assert found.says.endswith(f"cannot be filled in: a lab's templates have no {word}")
    assert found.mend == "a template is {{ NAME }}, {{ NAME | host(2) }} or {{ NAME | address(2) }}"


def test_of_two_unknown_names_the_first_is_told() -> None:
    assert mistake("{{ subnet }} {{ first }} {{ second }} {{ subnet | hots(1) }}").says.endswith("no variable 'first'")


@pytest.mark.parametrize("name", ["self", "loop", "cycler", "namespace", "_self", "caller", "environment"])
def test_no_name_but_the_labs_own_is_known(name: str) -> None:
    assert mistake(f"{{{{ {name} }}}}").says.endswith(f"there is no variable '{name}'")


@pytest.mark.parametrize("name", ["attr", "upper", "map", "format", "replace", "tojson", "safe"])
def test_no_filter_but_the_labs_own_is_known(name: str) -> None:
    assert mistake(f"{{{{ subnet | {name} }}}}").says.endswith(f"there is no filter '{name}'")


TOKENS = (
    "{{", "}}", "{", "}", " ", " ", "host", "number", "subnet", "nobody", "|", "|host", "address", "(", ")", "(1)", "-",
    "1", "007", "{#", "#}", "{%", "%}", "raw", "endraw", "\n", "'", "{{ number }}", "{{ subnet | host(1) }}", "true")


@settings(max_examples=500, deadline=None)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=8))
def test_what_is_filled_in_without_jinja_is_what_jinja_makes_of_it(tokens: list[str]) -> None:
    text = "".join(tokens)
    fast = filled(f"{VARS}a: {json.dumps(text)}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labrunner.language.template._Filler._simple", lambda *_: None)
        slow = filled(f"{VARS}a: {json.dumps(text)}\n")
    values = [document.tree.value["a"].node.value for document in (fast, slow)]
    assert str(values[0]) == str(values[1])
    assert [mistake.says for mistake in fast.mistakes] == [mistake.says for mistake in slow.mistakes]


@pytest.mark.parametrize("template", [
    "{{ number }}{{ number.real }}", "{{{ number }}}", "{{ number }}{{ '' }}{{ number() }}", "{{ self.environment }}",
    "{{ number }}{% include 'x' %}", "{{ subnet | host(number.real) }}", "{{ subnet | host(host) }}", "{{ cycler }}",
    "{{ 'a' | host(number) }}", "{{ number }}{{ number[0] }}", "{{ subnet | host(1) | attr('x') }}", "{{ subnet.x }}",
], ids=str)
def test_a_good_template_beside_it_lets_nothing_else_in(template: str) -> None:
    assert "cannot be filled in" in mistake(template).says


def test_a_number_of_a_host_may_be_a_variable() -> None:
    assert leaf("{{ subnet | host(number) }} {{ subnet | address(number) }}") == "192.168.0.7 192.168.0.7/24"


def test_which_variables_are_used() -> None:
    assert filled(f'{VARS}a: "{{{{ number }}}}"\n').used == {"number", "subnet"}
    assert filled(f"{VARS}a: \"{{{{ ('x') }}}} {{{{ host }}}}\"\n").used == {"host", "subnet"}


def test_a_long_text_is_told_by_its_line() -> None:
    document = filled(f"{VARS}a: |\n  First.\n\n  Second {{{{ nobody }}}}.\n")
    (found,) = document.mistakes
    assert found.says == "'Second {{ nobody }}.' cannot be filled in: there is no variable 'nobody'"


def test_a_long_line_is_cut() -> None:
    assert mistake("x" * 70 + "{{ nobody }}").says.startswith(f"'{'x' * 57}...' cannot")


def test_the_mistake_of_a_variable_is_told_once() -> None:
    document = filled('vars: {a: "{{ nobody }}", b: "{{ a }}"}\nc: "{{ a }} {{ b }}"\n')
    assert [each.place for each in document.mistakes] == [("lab.yaml", 1, 11)]
    assert document.tree.plain() == {"vars": {"a": UNKNOWN, "b": UNKNOWN}, "c": UNKNOWN}


def test_a_variable_that_comes_later_is_said_to_be_there() -> None:
    document = filled('vars:\n  a: "{{ b }}"\n  b: 1\n')
    assert document.mistakes[0].mend == "'b' is set further down in 'vars': move it up"


def test_variables_cannot_be_doubled_without_end() -> None:
    doubling = "".join(f'  v{n}: "{{{{ v{n - 1} }}}}{{{{ v{n - 1} }}}}"\n' for n in range(1, 40))
    (found,) = filled(f"vars:\n  v0: xxxxxxxxxxxxxxxx\n{doubling}").mistakes
    assert found.says.endswith("with its variables the lab becomes longer than 1 MiB")


@pytest.mark.parametrize("depth", [20, 150, 5000])
def test_deep_expressions_are_refused(depth: int) -> None:
    assert "cannot be filled in" in mistake("{{ " + "-" * depth + "1 }}").says
    assert "cannot be filled in" in mistake("{{ " + "(" * depth + "number" + " }}").says
    assert "cannot be filled in" in mistake("{{ subnet" + " | host(1)" * depth + " }}").says


@pytest.mark.parametrize("head", ["", "vars: [subnet]\n", "vars: text\n"], ids=["none", "list", "text"])
def test_a_lab_without_variables_says_so(head: str) -> None:
    assert mistake("{{ subnet }}", head).mend == "the lab sets none: it has no 'vars'"


@pytest.mark.parametrize("value", ["[1]", "{b: 1}", ""], ids=["list", "mapping", "nothing"])
def test_a_variable_that_is_no_text_is_left_to_the_loader(value: str) -> None:
    document = filled(f'vars: {{names: {value}}}\na: "{{{{ names }}}}"\n')
    assert document.mistakes == ()
    assert document.tree.value["a"].node.value is UNKNOWN
