"""The kinds of values that labs speak of: what they accept, what they make of it, and what they say to the rest."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import values
from runtime.values import Kind, choice, either, many

GOOD: list[tuple[Kind[Any], Any, Any]] = [
    (values.TEXT, "", ""),
    (values.TEXT, "two words", "two words"),
    (values.BOOLEAN, True, True),
    (values.BOOLEAN, False, False),
    (values.INTERFACE, "veth0", "veth0"),
    (values.INTERFACE, "fifteen-letters", "fifteen-letters"),
    (values.INTERFACE, "eth0.100", "eth0.100"),
    (values.INTERFACE, "a_b@c+d", "a_b@c+d"),
    (values.INTERFACE, "zoë", "zoë"),
    (values.NETNS, "container-1", "container-1"),
    (values.NETNS, "n" * 255, "n" * 255),
    (values.ADDRESS, "192.168.0.2", "192.168.0.2"),
    (values.ADDRESS, "FD00:0::1", "fd00::1"),
    (values.INTERFACE_ADDRESS, "192.168.0.2/24", "192.168.0.2/24"),
    (values.INTERFACE_ADDRESS, "10.0.0.1/32", "10.0.0.1/32"),
    (values.INTERFACE_ADDRESS, "fd00:0::1/64", "fd00::1/64"),
    (values.SUBNET, "192.168.0.0/24", "192.168.0.0/24"),
    (values.SUBNET, "10.0.0.1", "10.0.0.1/32"),
    (values.SUBNET, "0.0.0.0/0", "0.0.0.0/0"),
    (values.SUBNET, "fd00::/64", "fd00::/64"),
    (values.DESTINATION, "default", "default"),
    (values.DESTINATION, "10.0.0.0/8", "10.0.0.0/8"),
    (values.SYSCTL, "net.ipv4.ip_forward", "net.ipv4.ip_forward"),
    (values.SYSCTL, "net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
    (values.SETTING, 1, "1"),
    (values.SETTING, "1024 4999", "1024 4999"),
    (values.WORD, "macvlan", "macvlan"),
    (values.OPTIONS, {"id": 7, "mode": "bridge"}, (("id", 7), ("mode", "bridge"))),
    (choice("up", "down"), "up", "up"),
    (many(values.INTERFACE), ["a", "b"], ("a", "b")),
    (many(values.INTERFACE), "a", ("a",)),
    (many(values.INTERFACE), [], ()),
    (either(choice("none"), values.INTERFACE), "none", "none"),
    (either(choice("none"), many(values.INTERFACE)), ["a"], ("a",)),
]

BAD: list[tuple[Kind[Any], Any, str]] = [
    (values.TEXT, 3, "3 is not a text"),
    (values.TEXT, None, "None is not a text"),
    (values.BOOLEAN, "yes", "'yes' is neither true nor false"),
    (values.BOOLEAN, 1, "1 is neither true nor false"),
    (values.INTERFACE, "", "'' cannot be the name of an interface"),
    (values.INTERFACE, "..", "'..' cannot be the name of an interface"),
    (values.INTERFACE, "sixteen-letters!", "has 16 characters; the name of an interface has at most 15"),
    (values.INTERFACE, "a/b", "'a/b' is no name for an interface in a lab"),
    (values.INTERFACE, "a b", "is no name for an interface in a lab"),
    (values.INTERFACE, "-n", "is no name for an interface in a lab"),
    (values.INTERFACE, "a;reboot", "is no name for an interface in a lab"),
    (values.INTERFACE, ["a"], "is not a text"),
    (values.NETNS, "", "cannot be the name of a network namespace"),
    (values.NETNS, "a/b", "it has to be a file name"),
    (values.NETNS, ".", "it has to be a file name"),
    (values.NETNS, "n" * 256, "it has to be a file name"),
    (values.NETNS, "$(id)", "is no name for a network namespace in a lab"),
    (values.ADDRESS, "192.168.0.2/24", "'192.168.0.2/24' is not an IP address"),
    (values.ADDRESS, "192.168.0.256", "is not an IP address"),
    (values.ADDRESS, "192.168.00.1", "is not an IP address"),
    (values.ADDRESS, 3232235522, "is not an IP address"),
    (values.INTERFACE_ADDRESS, "192.168.0.2", "has no prefix length; did you mean '192.168.0.2/24'?"),
    (values.INTERFACE_ADDRESS, "192.168.0.2/33", "is not an address with a prefix length"),
    (values.INTERFACE_ADDRESS, "host/24", "is not an address with a prefix length"),
    (values.SUBNET, "192.168.0.1/24", "is an address inside a subnet; did you mean '192.168.0.0/24'?"),
    (values.SUBNET, "here", "'here' is not a subnet"),
    (values.DESTINATION, "Default", "'Default' is not a subnet"),
    (values.SYSCTL, "", "is not the name of a kernel setting"),
    (values.SYSCTL, "net..ipv4", "is not the name of a kernel setting"),
    (values.SYSCTL, "../../etc/passwd", "is not the name of a kernel setting"),
    (values.SYSCTL, "a=b", "is not the name of a kernel setting"),
    (values.SETTING, True, "True is neither a number nor a text"),
    (values.SETTING, 1.5, "1.5 is neither a number nor a text"),
    (values.WORD, "two words", "is not one word"),
    (values.OPTIONS, ["id"], "is not a mapping of options to values"),
    (values.OPTIONS, {"a b": 1}, "is not one word"),
    (values.OPTIONS, {"id": True}, "the option 'id' has to be a number or a text"),
    (values.OPTIONS, {"id": "1; reboot"}, "is not one word"),
    (choice("up", "down"), "on", "'on' is not one of up, down"),
    (choice("up", "down"), ["up"], "is not one of up, down"),
    (many(values.INTERFACE), ["a", 3], "3 is not a text"),
    (either(choice("none"), values.ADDRESS), "nobody", "'nobody' is not an IP address"),
]


@pytest.mark.parametrize(("kind", "given_", "parsed"), GOOD, ids=[f"{each[0].name}-{each[1]!s:.30}" for each in GOOD])
def test_good(kind: Kind[Any], given_: Any, parsed: Any) -> None:
    assert kind.parse(given_) == parsed


@pytest.mark.parametrize(("kind", "given_", "says"), BAD, ids=[f"{each[0].name}-{each[1]!s:.30}" for each in BAD])
def test_bad(kind: Kind[Any], given_: Any, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        kind.parse(given_)


SINGLE = [kind for kind in vars(values).values() if isinstance(kind, Kind)]


@pytest.mark.parametrize("kind", SINGLE, ids=[kind.name for kind in SINGLE])
@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())
       | st.dictionaries(st.text(), st.integers()))
def test_whatever_is_given_it_is_taken_or_refused_in_words(kind: Kind[Any], value: Any) -> None:
    said = ""
    try:
        parsed = kind.parse(value)
    except ValueError as error:
        said = str(error)
    assert said or kind.parse(dict(parsed) if kind is values.OPTIONS else parsed) == parsed


@pytest.mark.parametrize("kind", SINGLE, ids=[kind.name for kind in SINGLE])
def test_every_kind_has_good_and_bad_examples(kind: Kind[Any]) -> None:
    assert any(each[0] is kind for each in GOOD)
    assert any(each[0] is kind for each in BAD)
    assert kind.says


@pytest.mark.parametrize("kind", [values.ADDRESS, values.INTERFACE_ADDRESS, values.SUBNET, values.DESTINATION])
@pytest.mark.parametrize("written", ["fe80::1%;reboot", "fe80::%;reboot/64", "fe80::1%eth0/128"])
def test_a_scope_would_stand_in_a_command(kind: Kind[str], written: str) -> None:
    with pytest.raises(ValueError, match=r"scope|not an|no prefix"):
        kind.parse(written)
