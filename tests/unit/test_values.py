"""The kinds of values that labs speak of: what they accept, what they make of it, and what they say to the rest."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import rule_values, values
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
    (values.PORT, 1, 1),
    (values.PORT, 65535, 65535),
    (values.whole_number(0, 3), 0, 0),
    (rule_values.IPV4_SUBNET, "192.168.0.0/24", "192.168.0.0/24"),
    (rule_values.IPV4_SUBNET, "10.0.0.1", "10.0.0.1/32"),
    (rule_values.TABLE, "nat", "nat"),
    (rule_values.HOOK, "forward", "forward"),
    (rule_values.CHAIN, "FORWARD", "FORWARD"),
    (rule_values.CHAIN, "MINE", "MINE"),
    (rule_values.CHAIN, "twenty-eight-letters-in-it-x", "twenty-eight-letters-in-it-x"),
    (rule_values.OWN_CHAIN, "a.b_9", "a.b_9"),
    (rule_values.TARGET, "DROP", "DROP"),
    (rule_values.TARGET, "MINE", "MINE"),
    (rule_values.PLACE, 1, 1),
    (rule_values.POLICY, "DROP", "DROP"),
    (rule_values.PROTOCOL, "all", "all"),
    (rule_values.STATES, "new", ("new",)),
    (rule_values.STATES, ["new", "related"], ("new", "related")),
    (rule_values.NAT_END, "192.168.0.2", "192.168.0.2"),
    (rule_values.NAT_END, "192.168.0.2:65535", "192.168.0.2:65535"),
    (either(choice("none"), values.INTERFACE), "none", "none"),
    (either(choice("none"), many(values.INTERFACE)), ["a"], ("a",)),
]

BAD: list[tuple[Kind[Any], Any, str]] = [
    (values.TEXT, 3, "3 is not a text"),
    (values.TEXT, None, "nothing is not a text"),
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
    (values.SETTING, True, "true is neither a number nor a text"),
    (values.SETTING, 1.5, "1.5 is neither a number nor a text"),
    (values.WORD, "two words", "is not one word"),
    (values.OPTIONS, ["id"], "is not a mapping of options to values"),
    (values.OPTIONS, {"a b": 1}, "is not one word"),
    (values.OPTIONS, {"id": True}, "the option 'id' has to be a number or a text"),
    (values.OPTIONS, {"id": "1; reboot"}, "is not one word"),
    (choice("up", "down"), "on", "'on' is not one of up, down"),
    (choice("up", "down"), ["up"], "is not one of up, down"),
    (many(values.INTERFACE), ["a", 3], "3 is not a text"),
    (many(values.INTERFACE), [], "the list is empty"),
    (many(values.INTERFACE), [["a"]], "a list is not a text"),
    (values.ADDRESS, {"a": 1}, "a mapping is not an IP address"),
    (values.PORT, 0, "0 is not a whole number from 1 to 65535"),
    (values.PORT, 65536, "65536 is not a whole number"),
    (values.PORT, "80", "'80' is not a whole number"),
    (values.PORT, True, "true is not a whole number"),
    (values.whole_number(0, 3), 1.0, "1.0 is not a whole number from 0 to 3"),
    (rule_values.IPV4_SUBNET, "fd00::/64", "is IPv6, and packet rules are for IPv4"),
    (rule_values.IPV4_SUBNET, "192.168.0.1/24", "did you mean '192.168.0.0/24'?"),
    (rule_values.TABLE, "NAT", "'NAT' is not one of filter, nat, mangle, raw"),
    (rule_values.HOOK, "FORWARD", "'FORWARD' is not one of prerouting, input, forward, output, postrouting"),
    (rule_values.CHAIN, "forward", "'forward' has to be in capitals: 'FORWARD'"),
    (rule_values.CHAIN, "ACCEPT", "'ACCEPT' is no chain, but what a rule does with a packet"),
    (rule_values.CHAIN, "LOG", "'LOG' is no chain"),
    (rule_values.CHAIN, "", "'' is no name for a chain in a lab"),
    (rule_values.CHAIN, "a;reboot", "is no name for a chain in a lab"),
    (rule_values.CHAIN, "-x", "is no name for a chain in a lab"),
    (rule_values.CHAIN, "MINE\n", "is no name for a chain in a lab"),
    (rule_values.CHAIN, "x" * 29, "at most 28 letters"),
    (rule_values.OWN_CHAIN, "INPUT", "'INPUT' is a chain that tables have by themselves"),
    (rule_values.OWN_CHAIN, "DROP", "'DROP' is no chain"),
    (rule_values.TARGET, "drop", "'drop' has to be in capitals: 'DROP'"),
    (rule_values.TARGET, "LOG", "'LOG' is not among the targets that a lab can use: ACCEPT, DROP"),
    (rule_values.TARGET, "INPUT", "nothing can jump to 'INPUT'"),
    (rule_values.PLACE, 0, "0 is not a whole number from 1 to 65535"),
    (rule_values.POLICY, "REJECT", "'REJECT' is not one of ACCEPT, DROP"),
    (rule_values.PROTOCOL, "sctp", "'sctp' is not one of all, tcp, udp, icmp"),
    (rule_values.STATES, ["NEW"], "'NEW' is not one of new, established, related, invalid"),
    (rule_values.NAT_END, "192.168.0.2:0", "a port is a number from 1 to 65535"),
    (rule_values.NAT_END, "192.168.0.2:", "a port is a number from 1 to 65535"),
    (rule_values.NAT_END, ":80", "is not an IPv4 address, with or without a port"),
    (rule_values.NAT_END, "fd00::2", "is not an IPv4 address"),
    (either(choice("none"), values.ADDRESS), "nobody", "'nobody' is not an IP address"),
]


@pytest.mark.parametrize(("kind", "given_", "parsed"), GOOD, ids=[f"{each[0].name}-{each[1]!s:.30}" for each in GOOD])
def test_good(kind: Kind[Any], given_: Any, parsed: Any) -> None:
    assert kind.parse(given_) == parsed


@pytest.mark.parametrize(("kind", "given_", "says"), BAD, ids=[f"{each[0].name}-{each[1]!s:.30}" for each in BAD])
def test_bad(kind: Kind[Any], given_: Any, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        kind.parse(given_)


SINGLE = list({id(kind): kind for module in (values, rule_values) for kind in vars(module).values()
               if isinstance(kind, Kind)}.values())


@pytest.mark.parametrize("kind", SINGLE, ids=[kind.name for kind in SINGLE])
@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())
       | st.dictionaries(st.text(), st.integers()))
def test_whatever_is_given_it_is_taken_or_refused_in_words(kind: Kind[Any], value: Any) -> None:
    said = ""
    try:
        parsed = kind.parse(value)
    except ValueError as error:
        said = str(error)
    assert said or kind.parse(_written(kind, parsed)) == parsed


def _written(kind: Kind[Any], parsed: Any) -> Any:
    """A value as a lab writes it."""
    return dict(parsed) if kind is values.OPTIONS else list(parsed) if isinstance(parsed, tuple) else parsed


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


@pytest.mark.parametrize("kind", SINGLE, ids=[kind.name for kind in SINGLE])
def test_what_is_wrong_is_of_the_kind_and_another(kind: Kind[Any]) -> None:
    for parsed in (case[2] for case in GOOD if case[0] is kind):
        for other in kind.wrong(parsed):
            assert kind.parse(other) != parsed
