"""Connections on a real network: accepted, refused, filtered, lost, translated, and what the far side sees of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE, SERVER
from runtime.probes.arrivals import Arrival, Arrivals
from runtime.probes.asking import Probe, ask_all
from runtime.probes.connecting import Outcome
from runtime.probes.ping import PATIENCE, SILENCE, Ping
from runtime.probes.settle import settle
from runtime.probes.tcp import Tcp, TcpAnswer
from tests.conftest import Lab
from tests.serving import listen, serving, serving_late

InSandbox = Callable[..., Any]
C1 = "10.0.1.2"
DOOR = "203.0.113.2"
ARRIVED = Arrival("c1", "10.0.1.1", C1, 80)


def ask(lab: Lab, *probes: Any) -> list[Any]:
    """The answer to each."""
    everywhere = {netns.name: netns for netns in lab.namespaces.all()}
    settle(everywhere.values())
    answers = ask_all(probes, everywhere)
    return [answers[probe] for probe in probes]


def timed(lab: Lab, *probes: Any) -> tuple[Any, float]:
    """The answer to the last, and how many seconds all took."""
    started = monotonic()
    return ask(lab, *probes)[-1], monotonic() - started


def container(lab: Lab, number: int = 1) -> None:
    """A container behind a veth pair of its own: 10.0.NUMBER.2, the host is 10.0.NUMBER.1."""
    name, network = f"c{number}", lab.network
    network.add_netns(name)
    network.add_veth(f"veth{number}", "eth0", LAB_HOST, name)
    for interface, address, where in ((f"veth{number}", 1, LAB_HOST), ("eth0", 2, name)):
        network.add_address(f"10.0.{number}.{address}/24", interface, where)
        network.set_link(interface, True, where)
    network.set_link("lo", True, name)
    network.add_route("default", f"10.0.{number}.1", "", name)


# Accepted


def _accepted(lab: Lab) -> tuple[TcpAnswer, bool, str]:
    container(lab)
    with listen(lab, "c1", 80) as listener:
        answer = ask(lab, Tcp(LAB_HOST, C1, 80))[0]
        listener.setblocking(False)
        try:
            listener.accept()
            accepted = True
        except BlockingIOError:
            accepted = False
        return answer, accepted, lab.shell("ss -Htan; ip netns exec c1 ss -Htan | grep -v LISTEN || true")


@pytest.mark.parametrize("id_map", ["auto", "single"])
def test_a_port_is_accepted_and_its_program_hears_nothing_of_it(in_sandbox: InSandbox, id_map: str) -> None:
    answer, accepted, left = in_sandbox(_accepted, id_map=id_map)
    assert (answer.outcome, answer.reason, answer.arrival) == ("accepted", "", ARRIVED)
    assert 0 < answer.milliseconds < 1000
    assert not accepted
    assert left == ""


def _started_late(lab: Lab) -> tuple[TcpAnswer, float]:
    container(lab)
    with serving_late(lab, "c1", 80, lambda _connection: None):
        return timed(lab, Tcp(LAB_HOST, C1, 80))


def test_a_server_that_does_not_listen_yet_is_waited_for(in_sandbox: InSandbox) -> None:
    answer, seconds = in_sandbox(_started_late)
    assert answer.outcome == "accepted"
    assert seconds < PATIENCE


def _oneself(lab: Lab) -> list[TcpAnswer]:
    with listen(lab, LAB_HOST, 80, "127.0.0.1"):
        lab.network.add_address("10.0.9.1/24", "lo", LAB_HOST)
        return ask(lab, Tcp(LAB_HOST, "127.0.0.1", 80), Tcp(LAB_HOST, "10.0.9.1", 80, "refused"))


def test_a_host_may_ask_itself(in_sandbox: InSandbox) -> None:
    """A server that listens at 127.0.0.1 alone refuses at every other address."""
    near, far = in_sandbox(_oneself)
    assert (near.outcome, near.arrival) == ("accepted", Arrival(LAB_HOST, "127.0.0.1", "127.0.0.1", 80))
    assert (far.outcome, far.arrival) == ("refused", Arrival(LAB_HOST, "10.0.9.1", "10.0.9.1", 80))


# Refused, unreachable, silent


def _closed(lab: Lab, expect: Outcome) -> tuple[TcpAnswer, float]:
    container(lab)
    ask(lab, Ping(LAB_HOST, C1, True))
    return timed(lab, Tcp(LAB_HOST, C1, 80, expect))


@pytest.mark.parametrize("expect", ["refused", "silent", "unreachable"])
def test_where_nobody_listens_it_is_refused_at_once(in_sandbox: InSandbox, expect: Outcome) -> None:
    answer, seconds = in_sandbox(_closed, expect)
    assert answer == TcpAnswer("refused", "Connection refused (ECONNREFUSED)", ARRIVED)
    assert seconds < 1


def test_a_refusal_is_believed_when_patience_is_over(in_sandbox: InSandbox) -> None:
    answer, seconds = in_sandbox(_closed, "accepted")
    assert answer == TcpAnswer("refused", "Connection refused (ECONNREFUSED)", ARRIVED)
    assert PATIENCE <= seconds < 2 * PATIENCE


def _filtered(lab: Lab, rule: str, expect: Outcome) -> tuple[TcpAnswer, float]:
    container(lab)
    ask(lab, Ping(LAB_HOST, C1, True))
    lab.shell(rule)
    with listen(lab, "c1", 80):
        return timed(lab, Tcp(LAB_HOST, C1, 80, expect))


REJECT = "ip netns exec c1 iptables -A INPUT -p tcp --dport 80 -j REJECT"
NATIVE = ("ip netns exec c1 nft 'add table ip t; add chain ip t c { type filter hook input priority 0; };"
          " add rule ip t c tcp dport 80 reject'")
SAYS = "says 10.0.1.2"


@pytest.mark.parametrize(("rule", "outcome", "reason"), [
    (REJECT, "refused", f"port unreachable, {SAYS}"),
    (f"{REJECT} --reject-with tcp-reset", "refused", "Connection refused (ECONNREFUSED)"),
    (f"{REJECT} --reject-with icmp-host-unreachable", "unreachable", f"host unreachable, {SAYS}"),
    (f"{REJECT} --reject-with icmp-admin-prohibited", "unreachable", f"administratively prohibited, {SAYS}"),
    (f"{REJECT} --reject-with icmp-net-unreachable", "unreachable", f"network unreachable, {SAYS}"),
    (f"{REJECT} --reject-with icmp-proto-unreachable", "unreachable", f"protocol unreachable, {SAYS}"),
    ("iptables -A OUTPUT -p tcp --dport 80 -j REJECT", "refused", "port unreachable, says 10.0.1.1"),
    (NATIVE, "refused", f"port unreachable, {SAYS}"),
])
def test_a_rule_that_rejects_is_heard_at_once(in_sandbox: InSandbox, rule: str, outcome: str, reason: str) -> None:
    """Not at the first retransmission, a second later. A rule keeps it from arriving; a closed port does not."""
    answer, seconds = in_sandbox(_filtered, rule, outcome)
    assert answer == TcpAnswer(outcome, reason)  # type: ignore[arg-type]
    assert seconds < 0.8


def test_a_rule_that_rejects_will_not_start_to_listen(in_sandbox: InSandbox) -> None:
    """It is not asked again and again, as a server that was just started is."""
    answer, seconds = in_sandbox(_filtered, REJECT, "accepted")
    assert answer == TcpAnswer("refused", f"port unreachable, {SAYS}")
    assert seconds < 0.8


@pytest.mark.parametrize("rule", [
    "ip netns exec c1 iptables -A INPUT -p tcp --dport 80 -j DROP", "iptables -A OUTPUT -p tcp --dport 80 -j DROP",
    "ip netns exec c1 iptables -P INPUT DROP"])
def test_a_rule_that_drops_is_silent(in_sandbox: InSandbox, rule: str) -> None:
    answer, seconds = in_sandbox(_filtered, rule, "silent")
    assert answer == TcpAnswer("silent", f"no answer within {SILENCE:g} s")
    assert SILENCE <= seconds < 5 * SILENCE


def test_an_answer_that_has_to_come_is_waited_for(in_sandbox: InSandbox) -> None:
    answer, seconds = in_sandbox(_filtered, "ip netns exec c1 iptables -A INPUT -p tcp -j DROP", "accepted")
    assert answer == TcpAnswer("silent", f"no answer within {PATIENCE:g} s")
    assert seconds >= PATIENCE


def _dropped_on_its_way_back(lab: Lab) -> tuple[TcpAnswer, float]:
    container(lab)
    ask(lab, Ping(LAB_HOST, C1, True))
    lab.shell("ip netns exec c1 iptables -A OUTPUT -p tcp -j DROP")
    with listen(lab, "c1", 80):
        probe = Tcp(LAB_HOST, C1, 80, "silent")
        return min((timed(lab, probe) for _ in range(5)), key=lambda each: each[1])


def test_silence_is_shorter_once_the_request_was_seen(in_sandbox: InSandbox) -> None:
    answer, seconds = in_sandbox(_dropped_on_its_way_back)
    assert (answer.outcome, answer.arrival) == ("silent", ARRIVED)
    assert seconds < SILENCE


def _without_a_way(lab: Lab) -> list[TcpAnswer]:
    container(lab)
    lab.network.add_netns("alone")
    for kind, subnet in (("unreachable", "10.7.0.0/24"), ("prohibit", "10.8.0.0/24"), ("blackhole", "10.9.0.0/24")):
        lab.shell(f"ip netns exec c1 ip route add {kind} {subnet}")
    lab.network.set_sysctl("net.ipv4.ip_forward", "1", LAB_HOST)
    lab.shell("ip route add unreachable 10.6.0.0/24")
    return ask(lab, Tcp("alone", C1, 80), Tcp("c1", "10.7.0.1", 80), Tcp("c1", "10.8.0.1", 80),
               Tcp("c1", "10.9.0.1", 80), Tcp("c1", "10.6.0.1", 80), Tcp("c1", "224.0.0.1", 80, "silent"))


def test_what_the_network_says_ends_the_wait(in_sandbox: InSandbox) -> None:
    started = monotonic()
    answers = in_sandbox(_without_a_way)
    assert monotonic() - started < PATIENCE
    assert {answer.outcome for answer in answers} == {"unreachable"}
    assert [answer.reason.rpartition("(")[2].rstrip(")") for answer in answers] == [
        "ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "host unreachable, says 10.0.1.1", "ENETUNREACH"]


def _nobody(lab: Lab) -> list[TcpAnswer]:
    """A question for a neighbour is given up after 0.15 s, and not after 3."""
    container(lab)
    lab.network.set_sysctl("net.ipv4.neigh.veth1.retrans_time_ms", "50", LAB_HOST)
    ask(lab, Ping(LAB_HOST, C1, True))
    probe = Tcp(LAB_HOST, "10.0.1.77", 80, "silent")
    return [ask(lab, each)[0] for each in (probe, probe, probe._replace(expect="unreachable"))]


def test_a_neighbour_that_is_given_up_is_asked_for_again(in_sandbox: InSandbox) -> None:
    """The question that ends while the second waits is that of the first; its own has hardly begun."""
    first, second, patient = in_sandbox(_nobody)
    assert first == second == TcpAnswer("silent", f"no answer within {SILENCE:g} s")
    assert patient == TcpAnswer("unreachable", "host unreachable, says 10.0.1.1")


# Translated


def _published(lab: Lab) -> list[TcpAnswer]:
    container(lab)
    lab.network.set_sysctl("net.ipv4.ip_forward", "1", LAB_HOST)
    lab.shell(f"iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination {C1}:80")
    lab.shell("iptables -t nat -A POSTROUTING -p tcp -s 10.0.1.0/24 -o eth0 -j MASQUERADE --to-ports 4000-4009")
    with listen(lab, "c1", 80), listen(lab, OUTSIDE, 80):
        return ask(lab, Tcp(OUTSIDE, DOOR, 8080), Tcp("c1", SERVER, 80), Tcp(OUTSIDE, DOOR, 80, "refused"))


def test_the_receiver_is_known_through_every_translation(in_sandbox: InSandbox) -> None:
    published, outward, unpublished = in_sandbox(_published, world="internet")
    assert (published.outcome, published.arrival) == ("accepted", Arrival("c1", "203.0.113.1", C1, 80))
    assert (outward.outcome, outward.arrival) == ("accepted", Arrival(OUTSIDE, DOOR, SERVER, 80))
    assert (unpublished.outcome, unpublished.arrival) == ("refused", Arrival(LAB_HOST, "203.0.113.1", DOOR, 80))


def _new_rule(lab: Lab) -> list[TcpAnswer]:
    container(lab)
    lab.network.set_sysctl("net.ipv4.ip_forward", "1", LAB_HOST)
    with listen(lab, OUTSIDE, 80):
        before = ask(lab, Tcp("c1", SERVER, 80, "silent"))
        lab.network.masquerade("10.0.1.0/24", "veth1", LAB_HOST)
        return before + ask(lab, Tcp("c1", SERVER, 80))


def test_each_is_a_connection_of_its_own(in_sandbox: InSandbox) -> None:
    """A rule that was made in between applies to the next."""
    untranslated, translated = in_sandbox(_new_rule, world="internet")
    assert (untranslated.outcome, untranslated.arrival) == ("silent", Arrival(OUTSIDE, "10.0.1.2", SERVER, 80))
    assert (translated.outcome, translated.arrival) == ("accepted", Arrival(OUTSIDE, DOOR, SERVER, 80))


# Side by side


def _many(lab: Lab) -> tuple[list[str], float, float, int, int]:
    for number in range(1, 6):
        container(lab, number)
    lab.shell("ip netns exec c5 iptables -A INPUT -p tcp -j DROP")
    sockets = [listen(lab, f"c{number}", port) for number in range(1, 5) for port in range(80, 84)]
    ask(lab, *(Ping(LAB_HOST, f"10.0.{n}.2", True) for n in range(1, 6)))
    open_files = len(os.listdir("/proc/self/fd"))
    silent = [Tcp(LAB_HOST, "10.0.5.2", port, "silent") for port in range(80, 84)]
    _answer, one = timed(lab, silent[0])
    probes = [Tcp(LAB_HOST, f"10.0.{n}.2", port) for n in range(1, 5) for port in range(80, 84)]
    pings = [Ping(LAB_HOST, f"10.0.{n}.77", False) for n in range(1, 6)]
    started = monotonic()
    answers = ask(lab, *probes, *silent, *pings)
    all_of_them = monotonic() - started
    left = len(os.listdir("/proc/self/fd")) - open_files
    for sock in sockets:
        sock.close()
    return [each.outcome for each in answers[:20]], one, all_of_them, left, threading.active_count()


def test_twenty_cost_about_one(in_sandbox: InSandbox) -> None:
    """Pings wait meanwhile. Nothing is left behind: no descriptor, no thread."""
    outcomes, one, all_of_them, left, threads = in_sandbox(_many)
    assert outcomes == ["accepted"] * 16 + ["silent"] * 4
    assert one >= SILENCE
    assert all_of_them < one + 2 * SILENCE
    assert (left, threads) == (0, 1)


def _only_requests(lab: Lab) -> list[Arrival]:
    container(lab)
    arrivals = Arrivals(lab.namespaces.all())
    with serving(lab, "c1", 80, lambda connection: connection.sendall(b"x" * 1000)):
        lab.shell(f"exec 3<>/dev/tcp/{C1}/80; cat <&3 >/dev/null".join(("bash -c '", "'")))
    found = [arrival for _number, arrival in arrivals.read()]
    arrivals.close()
    return found


def test_of_a_whole_connection_its_request_alone_is_heard(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_only_requests) == [ARRIVED]


def _broken(lab: Lab) -> tuple[str, int]:
    probes: list[Probe] = [Ping("nowhere", "10.0.1.1", True), Tcp(LAB_HOST, "127.0.0.1", 80, "refused")]
    with pytest.raises(KeyError) as raised:
        ask_all(probes, {LAB_HOST: lab.namespaces.host})
    return str(raised.value), threading.active_count()


def test_what_goes_wrong_is_told_when_all_is_over(in_sandbox: InSandbox) -> None:
    says, threads = in_sandbox(_broken)
    assert says == "'nowhere'"
    assert threads == 1
