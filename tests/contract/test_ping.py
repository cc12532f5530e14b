"""labrun's own pings on a real network: side by side, with errors, through NAT, and what the far side sees."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from runtime.network.netns import LAB_HOST
from runtime.network.world import GATEWAY, OUTSIDE, SERVER
from runtime.probes.ping import PATIENCE, SILENCE, Answer, Ping, ping_all
from runtime.probes.settle import settle

_HOST_SEEN = "203.0.113.2"


def _ask(lab: Any, *pings: Ping) -> dict[Ping, Answer]:
    everywhere = {netns.name: netns for netns in lab.namespaces.all()}
    settle(everywhere.values())
    return ping_all(pings, everywhere)


def _container(lab: Any, number: int) -> None:
    """A container behind a veth pair of its own: 10.0.NUMBER.2, the host is 10.0.NUMBER.1."""
    name, network = f"c{number}", lab.network
    network.add_netns(name)
    network.add_veth(f"veth{number}", "eth0", LAB_HOST, name)
    for interface, address, where in ((f"veth{number}", 1, LAB_HOST), ("eth0", 2, name)):
        network.add_address(f"10.0.{number}.{address}/24", interface, where)
        network.set_link(interface, True, where)
    network.add_route("default", f"10.0.{number}.1", "", name)


def _many(lab: Any) -> tuple[int, float, float]:
    for number in range(1, 6):
        _container(lab, number)
    answered = [Ping(LAB_HOST, f"10.0.{n}.2", True) for n in range(1, 6)]
    silent = [Ping(LAB_HOST, f"10.0.{n}.{host}", False) for n in range(1, 6) for host in range(10, 20)]
    answers = _ask(lab, *answered, *silent)
    started = monotonic()
    answers = _ask(lab, *answered, *silent)
    together = monotonic() - started
    return sum(each.answered for each in answers.values()), together, max(answers[p].milliseconds for p in answered)


def test_fifty_silent_pings_cost_one_wait(in_sandbox: Callable[..., Any]) -> None:
    answered, together, _slowest = in_sandbox(_many)
    assert answered == 5
    assert SILENCE <= together < 10 * SILENCE  # one after the other they would take fifty times as long


def _answered_only(lab: Any) -> tuple[bool, float]:
    _container(lab, 1)
    _ask(lab, Ping(LAB_HOST, "10.0.1.2", True))
    seconds = []
    for _ in range(5):  # on a busy machine one may be late; if silence were waited for, all would be
        started = monotonic()
        answer = _ask(lab, Ping(LAB_HOST, "10.0.1.2", True))
        seconds.append(monotonic() - started)
    return all(each.answered for each in answer.values()), min(seconds)


def test_nothing_is_waited_for_when_all_are_answered(in_sandbox: Callable[..., Any]) -> None:
    answered, seconds = in_sandbox(_answered_only)
    assert answered
    assert seconds < SILENCE


def _first_ping_after_up(lab: Any) -> bool:
    """Right after the second end came up, when linkwatch has not let the first one send yet."""
    network = lab.network
    network.add_netns("c1")
    network.add_veth("veth0", "ceth0", LAB_HOST, LAB_HOST)
    network.move_link("ceth0", "c1", LAB_HOST)
    network.set_link("ceth0", True, "c1")
    network.add_address("10.0.1.2/24", "ceth0", "c1")
    network.add_address("10.0.1.1/24", "veth0", LAB_HOST)
    network.set_link("veth0", True, LAB_HOST)
    return _ask(lab, Ping(LAB_HOST, "10.0.1.2", True))[Ping(LAB_HOST, "10.0.1.2", True)].milliseconds < 900


@pytest.mark.parametrize("_", range(5))
def test_the_first_ping_does_not_lose_a_second(in_sandbox: Callable[..., Any], _: int) -> None:
    assert in_sandbox(_first_ping_after_up)


def _errors(lab: Any) -> list[Answer]:
    _container(lab, 1)
    lab.network.add_netns("alone")
    lab.shell("ip -n c1 route add unreachable 192.0.2.0/24")
    lab.network.set_sysctl("net.ipv4.ip_forward", "1", LAB_HOST)
    lab.shell("ip route add unreachable 10.9.0.0/24")
    pings = [Ping("alone", "10.0.1.1", True), Ping("c1", "192.0.2.1", True), Ping("c1", "10.9.0.1", True),
             Ping("c1", "10.9.0.2", False)]
    answers = _ask(lab, *pings)
    return [answers[ping] for ping in pings]


def test_what_the_network_says_ends_the_wait(in_sandbox: Callable[..., Any]) -> None:
    started = monotonic()
    alone, local, router, silent = in_sandbox(_errors)
    assert monotonic() - started < PATIENCE
    assert "ENETUNREACH" in alone.reason
    assert "EHOSTUNREACH" in local.reason
    assert router.reason == silent.reason == "host unreachable, says 10.0.1.1"
    assert not any(each.answered for each in (alone, local, router, silent))


def _patience(lab: Any) -> tuple[Answer, float]:
    _container(lab, 1)
    started = monotonic()
    answer = _ask(lab, Ping(LAB_HOST, "10.0.1.77", True))
    return next(iter(answer.values())), monotonic() - started


def test_an_answer_that_has_to_come_is_waited_for(in_sandbox: Callable[..., Any]) -> None:
    answer, seconds = in_sandbox(_patience)
    assert not answer.answered
    assert seconds >= PATIENCE


def _seen(lab: Any) -> list[Answer]:
    _container(lab, 1)
    found = []
    for forwarding, rule in (("0", False), ("1", False), ("1", True)):
        lab.network.set_sysctl("net.ipv4.ip_forward", forwarding, LAB_HOST)
        if rule:
            lab.network.masquerade("10.0.1.0/24", "veth1", LAB_HOST)
        ping = Ping("c1", SERVER, rule, OUTSIDE)
        found.append(_ask(lab, ping)[ping])
    return found


def test_the_far_side_tells_whom_it_sees(in_sandbox: Callable[..., Any]) -> None:
    """Also that each ping is a connection of its own: a rule made in between applies to the next."""
    unforwarded, untranslated, translated = in_sandbox(_seen, world="internet")
    assert unforwarded == Answer(False, f"no answer within {SILENCE:g} s")
    assert (untranslated.answered, untranslated.seen_as) == (False, "10.0.1.2")
    assert (translated.answered, translated.seen_as) == (True, _HOST_SEEN)


def _same_ping_twice(lab: Any) -> int:
    ping = Ping(LAB_HOST, GATEWAY, True)
    return len(_ask(lab, ping, ping))


def test_equal_pings_are_sent_once(in_sandbox: Callable[..., Any]) -> None:
    assert in_sandbox(_same_ping_twice, world="internet") == 1
