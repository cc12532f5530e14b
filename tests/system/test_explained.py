"""The commonest errors of the tools, made with the tools themselves, and the line that explains each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from labrunner.kept.far import Far
from labrunner.lesson.explained import ERRORS, Explained, meaning
from runtime.oci.shim.attached import Piece
from tests.system.desk import Desk, ended
from tests.system.learning import learner, prompt

PREPARE = ("ip netns add c1; ip link add v type veth peer name w; ip link add br0 type bridge; "
           "ip addr add 10.0.0.1/24 dev v; ip link set w up")
# What somebody types, and the beginning of the line that explains its error.
MISTAKES = {
    "ip link add br0 type bridge": "it is there already",
    "ip addr add 10.0.0.1/24 dev v": "it is there already",
    "ip link set nodev up": "no interface has that name",
    "ip -n c1 addr show dev eth7": "no interface has that name",
    "ip route add default via 10.9.9.9": "a gateway has to be in a subnet",
    "ip route add 10.7.0.0/16 dev v": "the interface is DOWN",
    "ip addr add 10.0.0.300/24 dev v": "the kernel or the tool cannot read that",
    "ip route del 10.77.0.0/16": "what you want to delete is not there",
    "ip addr del 10.0.0.77/24 dev v": "what you want to delete is not there",
    "ip link set w netns c9": "there is no network namespace of that name",
    "sysctl -w vm.swappiness=1": "you are root in the lab only",
    "ip netns exec c9 true": "there is no network namespace of that name",
    "ip netns add c1": "a network namespace has that name already",
    "ping -c 1 -W 1 198.51.100.99": "there is no route to that address",
    "ping -c 1 nowhere.example": "a lab has no name server",
    "iptables -D FORWARD -j ACCEPT -s 10.1.1.1": "no such rule, chain or target here",
    "iptables -A NOWHERE -j ACCEPT": "no such rule, chain or target here",
    "touch /usr/bin/mine": "that belongs to the machine: a lab cannot change it",
    "mv /etc/shells /etc/shells.old": "that belongs to the machine: a lab cannot change it",
    "mount -o ro -t tmpfs tmpfs /mnt; touch /mnt/mine": "this file cannot be changed",
    "date -s 2030-01-01": "you are root in the lab only",
}


def test_each_is_explained(desk: Desk) -> None:
    with learner(desk) as person:
        person.sendline(PREPARE)
        person.expect(prompt(1))
        for mistake, says in MISTAKES.items():
            person.sendline(mistake)
            person.expect(rf"→ {re.escape(says)}")
            person.expect(prompt(1))


def test_in_a_netns_too(desk: Desk) -> None:
    """In a shell within the first one, and in a terminal of its own."""
    with learner(desk) as person:
        person.sendline("ip netns add c1; ip netns exec c1 bash")
        person.expect("in c1 .*# ")
        person.sendline("ip link set nodev up")
        person.expect("→ no interface has that name")
        other = desk.person("shell", "--in", "c1")
        other.expect("in c1 .*# ")
        other.sendline("ip route add 10.7.0.0/16 dev lo")
        other.expect("→ the interface is DOWN")
        other.expect("in c1 .*# ")
        other.sendline("exit 3")
        assert ended(other) == 3


def test_there_are_more_than_ten() -> None:
    assert len(ERRORS) > 10
    assert len({says for _, says in ERRORS}) == len(ERRORS)
    assert all(len(says) < 130 and "\n" not in says for _, says in ERRORS)


@pytest.mark.parametrize("line", ["", "RTNETLINK answers:", "see: RTNETLINK answers: File exists", "File exists",
                                  "x" * 10_000, "the container does not exit"])
def test_what_is_no_error(line: str) -> None:
    assert meaning(line) == ""


class _Said(Far):
    """What was printed, in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    def receive(self, fd: int) -> Piece | None:  # noqa: ARG002 there is only one
        return next((Piece(each, False) for each in self._pieces), None)

    def readable(self) -> list[int]:
        return [0]

    def writable(self) -> int | None:
        return None

    def send(self, data: bytes) -> int:
        return len(data)

    def close_input(self) -> None:
        pass

    def close(self) -> None:
        pass


def _shown(*pieces: bytes) -> Iterator[bytes]:
    far = Explained(_Said(*pieces))
    while piece := far.receive(0):
        yield piece.data


ERROR = b"Cannot find device \"v\"\r\n"


@pytest.mark.parametrize("cuts", [(), (3,), (22,), (23,), (24,), (1, 2, 23)])
def test_wherever_it_is_cut(cuts: tuple[int, ...]) -> None:
    places = (0, *cuts, len(ERROR))
    shown = b"".join(_shown(*(ERROR[a:b] for a, b in pairwise(places))))
    assert shown.startswith(ERROR)
    assert b"no interface has that name" in shown[len(ERROR):]
    assert shown.endswith(b"\r\n")


def test_nothing_is_put_into_an_editor() -> None:
    inside = b"\x1b[?1049h" + ERROR
    assert b"".join(_shown(inside)) == inside
    assert b"no interface" in b"".join(_shown(inside, b"\x1b[?1049l\r\n", ERROR))


def test_what_is_printed_stays_as_it_is() -> None:
    data = bytes(range(256)) * 40
    assert b"".join(_shown(data)) == data
