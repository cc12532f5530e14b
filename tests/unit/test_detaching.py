"""The keys that leave a container: what is typed goes on in its order, whatever pieces it comes in, up to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrunner.errors import UsageError
from labrunner.kept.detaching import DEFAULT, Watch, parse


@pytest.mark.parametrize(("keys", "typed"), [
    (DEFAULT, b"\x10\x11"), ("ctrl-a,d", b"\x01d"), ("x,y", b"xy"), ("", b""), ("ctrl-@", b"\0"), ("ctrl-[", b"\x1b"),
    ("ctrl-\\", b"\x1c"), ("ctrl-A", b"\x01")])
def test_keys_as_docker_writes_them(keys: str, typed: bytes) -> None:
    assert parse(keys) == typed


@pytest.mark.parametrize("keys", ["ctrl", "ctrl-", "ctrl-pq", "xy", "ctrl-1", "x,,y", "é", "ctrl-p, ctrl-q", "\x10"])
def test_what_are_no_keys(keys: str) -> None:
    with pytest.raises(UsageError, match="are no keys to detach by") as told:
        parse(keys)
    assert DEFAULT in told.value.mend


@pytest.mark.parametrize(("pieces", "passed", "detached"), [
    ([b"ab", b"\x10\x11", b"cd"], b"ab", True),
    ([b"ab\x10", b"\x11cd"], b"ab", True),
    ([b"ab\x10", b"cd"], b"ab\x10cd", False),
    ([b"\x10", b"\x10", b"\x11"], b"\x10", True),
    ([b"\x11\x10"], b"\x11", False),
    ([b"\x10"], b"", False),
])
def test_what_goes_on(pieces: list[bytes], passed: bytes, detached: bool) -> None:
    assert _through(Watch(b"\x10\x11"), pieces) == (passed, detached)


def test_without_keys_all_goes_on() -> None:
    assert _through(Watch(b""), [b"\x10\x11", b"x"]) == (b"\x10\x11x", False)


@given(st.lists(st.binary(max_size=4).map(lambda data: bytes(each % 3 + 97 for each in data))),
       st.sampled_from([b"a", b"ab", b"aab", b"aba", b"abcab"]))
def test_any_pieces_are_as_the_whole(pieces: list[bytes], keys: bytes) -> None:
    passed, detached = _through(Watch(keys), pieces)
    before, found, _after = b"".join(pieces).partition(keys)
    assert detached is bool(found)
    assert before.startswith(passed)
    assert detached is False or passed == before
    assert keys.startswith(before[len(passed):]), "no more is held back than may be their beginning"


def _through(watch: Watch, pieces: list[bytes]) -> tuple[bytes, bool]:
    passed = b""
    for piece in pieces:
        more, detached = watch.passed(piece)
        passed += more
        if detached:
            return passed, True
    return passed, False
