"""Statements: how an action or a check takes its arguments."""

from __future__ import annotations

import pytest

from checks.language.statement import Mistake, Statement, argument
from runtime.values import BOOLEAN, INTERFACE, NETNS, many


class Wire(Statement):
    main = "name"
    name = argument(INTERFACE, "the interface")
    from_ = argument(NETNS, "where it is", default="labhost")
    up = argument(BOOLEAN, "whether it is up", default=None)

    def validate(self) -> None:
        if self.name == self.from_:
            raise Mistake("from", "the two have to differ")


class Longer(Wire):
    others = argument(many(INTERFACE), "more of them", default=())


def test_arguments_and_their_defaults() -> None:
    wire = Wire(name="veth0")
    assert (wire.name, wire.from_, wire.up) == ("veth0", "labhost", None)
    assert Wire(**{"name": "x", "from": "c1", "up": False}).from_ == "c1"


def test_arguments_keep_their_order_and_are_inherited() -> None:
    assert list(Wire.arguments) == ["name", "from", "up"]
    assert list(Longer.arguments) == ["name", "from", "up", "others"]
    assert Longer(name="a", others=["b"]).others == ("b",)
    assert [each.required for each in Longer.arguments.values()] == [True, False, False, False]


@pytest.mark.parametrize(("given", "key", "says"), [
    ({}, "", "'name' is missing: the interface"),
    ({"name": "a b"}, "name", "is no name for an interface"),
    ({"name": "a", "upp": True}, "upp", "'upp' is unknown here"),
    ({"name": "a", "from_": "c1"}, "from_", "'from_' is unknown here"),
    ({"name": "a", "up": None}, "up", "nothing is neither true nor false"),
    ({"name": "a", "from": "a"}, "from", "the two have to differ"),
])
def test_mistakes_name_the_argument(given: dict[str, object], key: str, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        Wire(**given)
    assert caught.value.key == key
    assert says in caught.value.says


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Mistake) as caught:
        Longer(**{"upp": True, "from": [], "others": ["a", 5]})
    assert [(each.key, each.says) for each in (caught.value, *caught.value.also)] == [
        ("upp", "'upp' is unknown here"), ("", "'name' is missing: the interface"), ("from", "a list is not a text"),
        ("others", "5 is not a text")]


def test_it_is_immutable() -> None:
    with pytest.raises(AttributeError, match="Wire is immutable"):
        Wire(name="a").name = "b"


def test_equal_to_what_says_the_same() -> None:
    assert Wire(name="a") == Wire(name="a", **{"from": "labhost"})
    assert hash(Wire(name="a")) == hash(Wire(name="a"))
    assert Wire(name="a") != Wire(name="b")
    assert Wire(name="a") != Longer(name="a")
    assert len({Wire(name="a"), Wire(name="a"), Wire(name="b")}) == 2


def test_it_can_be_read() -> None:
    assert repr(Wire(name="a")) == "Wire(name='a', from_='labhost', up=None)"
