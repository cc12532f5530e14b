"""GETs on a real network: of real servers, and of servers that misbehave in every way they can."""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.http import Http as HttpCheck
from checks.ping import Ping as PingCheck
from checks.tcp import Tcp as TcpCheck
from runtime.network.netns import LAB_HOST
from runtime.network.world import OUTSIDE
from runtime.probes.arrivals import Arrival
from runtime.probes.http import Exchange, Http, HttpAnswer, read_response
from runtime.probes.ping import PATIENCE, SILENCE, Ping
from tests.conftest import Lab
from tests.contract.test_tcp import ARRIVED, C1, DOOR, InSandbox, ask, container, timed
from tests.judging import judge
from tests.serving import Behaviour, serving, serving_late

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


def says(*parts: bytes) -> Behaviour:
    """A server that reads the request and sends `parts`, then closes."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)

    return behave


def _real(lab: Lab, command: str) -> list[HttpAnswer]:
    container(lab)
    # Python's server looks up its own name before it listens (HTTPServer.server_bind), and would wait for an answer.
    lab.network.delete_route("default", "10.0.1.1", "", "c1")
    lab.shell("mkdir /tmp/www && echo 'hello from the container' > /tmp/www/index.html")
    lab.shell(f"ip netns exec c1 {command} >/dev/null 2>&1 &")
    first = ask(lab, Http(LAB_HOST, C1, 8080))  # it may not listen yet
    return [*first, *ask(lab, Http(LAB_HOST, C1, 8080, "/none"), Http(LAB_HOST, C1, 8080, "/?q=%20&x"))]


@pytest.mark.parametrize("command", [
    "/usr/bin/python3 -m http.server 8080 --directory /tmp/www", "busybox httpd -f -p 8080 -h /tmp/www"])
def test_real_servers(in_sandbox: InSandbox, command: str) -> None:
    page, missing, query = in_sandbox(_real, command)
    assert page[:4] == ("accepted", 200, "hello from the container\n", "")
    assert page.arrival == ARRIVED._replace(port=8080)
    assert missing.status == 404
    assert query[:3] == page[:3]


def _echoed(lab: Lab) -> list[str]:
    def behave(connection: socket.socket) -> None:
        request = connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + request)

    container(lab)
    with serving(lab, "c1", 80, behave), serving(lab, "c1", 8080, behave):
        return [answer.body for answer in ask(lab, Http(LAB_HOST, C1, 80, "/x?y"), Http(LAB_HOST, C1, 8080))]


def test_what_is_sent(in_sandbox: InSandbox) -> None:
    plain, other = in_sandbox(_echoed)
    assert plain == "GET /x?y HTTP/1.1\r\nHost: 10.0.1.2\r\nUser-Agent: labrun\r\nConnection: close\r\n\r\n"
    assert other.splitlines()[1] == "Host: 10.0.1.2:8080"


def _answered(lab: Lab, behave: Behaviour, expect_answer: bool) -> tuple[HttpAnswer, float]:
    container(lab)
    ask(lab, Ping(LAB_HOST, C1, True))
    with serving(lab, "c1", 80, behave):
        return timed(lab, Http(LAB_HOST, C1, 80, "/", expect_answer))


def _close_unread(connection: socket.socket) -> None:
    connection.recv(1, socket.MSG_PEEK)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _stay_open(*parts: bytes) -> Behaviour:
    """Sends `parts` and then waits until the client closes."""

    def behave(connection: socket.socket) -> None:
        says(*parts)(connection)
        connection.recv(1)

    return behave


def _endless(head: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        says(head)(connection)
        while True:
            connection.sendall(b"x" * 65536)

    return behave


def _drip(connection: socket.socket) -> None:
    """A byte after the other, for ever, each a packet of its own."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    says(b"HTTP/1.1 200 OK\r\n\r\n")(connection)
    connection.settimeout(0.05)
    while True:
        connection.send(b"x")
        try:
            connection.recv(1)
            return
        except TimeoutError:
            continue


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(("behave", "status", "body"), [
    pytest.param(says(PAGE), 200, "hello\n", id="whole"),
    pytest.param(_stay_open(PAGE), 200, "hello\n", id="kept-alive"),
    pytest.param(_stay_open(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, "", id="no-content"),
    pytest.param(says(*(bytes([byte]) for byte in PAGE)), 200, "hello\n", id="byte-by-byte"),
    pytest.param(says(b"HTTP/1.0 200 OK\n\nhello"), 200, "hello", id="until-close"),
    pytest.param(_stay_open(CHUNKED + b"3\r\nhel\r\n", b"2\r\nlo\r\n0\r\n\r\n"), 200, "hello", id="chunked"),
    pytest.param(_stay_open(b"HTTP/1.1 100 Continue\r\n\r\n", PAGE), 200, "hello\n", id="continued"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhello"), 200, "hello", id="cut-off"),
    pytest.param(says(CHUNKED + b"zz\r\nhello"), 200, "", id="bad-chunks"),
    pytest.param(says(CHUNKED + b"f" * 40 + b"\r\nhello"), 200, "", id="huge-chunk"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\nhello"), 200, "hello", id="negative-length"),
    pytest.param(says(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), 302, "", id="redirect"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe"), 200, "��", id="not-utf8"),
])
def test_an_answer_is_read_as_soon_as_it_is_whole(in_sandbox: InSandbox, behave: Behaviour, status: int,
                                                  body: str) -> None:
    answer, seconds = in_sandbox(_answered, behave, True)
    assert answer[:4] == ("accepted", status, body, "")
    assert seconds < PATIENCE


@pytest.mark.parametrize(("behave", "reason"), [
    pytest.param(_close_unread, "the connection was reset", id="closes"),
    pytest.param(_reset, "the connection was reset", id="resets"),
    pytest.param(says(), "the connection was closed without an answer", id="reads-and-closes"),
    pytest.param(says(b"220 smtp ready\r\n"), "what came is not HTTP but '220 smtp ready\\r\\n'", id="smtp"),
    pytest.param(says(b"\x1b[2J\xff"), "what came is not HTTP but '\\x1b[2J\\ufffd'", id="control"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), "what came is no whole answer", id="half-a-head"),
    pytest.param(says(b"HTTP/1.1 OK\r\n\r\n"), "what came is no whole answer", id="no-status"),
    pytest.param(says(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n"), "what came is no whole answer",
                 id="many-headers"),
    pytest.param(_endless(b"HTTP/1.1 200 OK\r\nX: "), "what came is no whole answer", id="endless-head"),
])
def test_what_is_no_answer_is_told_at_once(in_sandbox: InSandbox, behave: Behaviour, reason: str) -> None:
    answer, seconds = in_sandbox(_answered, behave, True)
    assert answer[:4] == ("accepted", 0, "", reason)
    assert answer.arrival == ARRIVED
    assert seconds < PATIENCE


def _reset_before_it_was_looked_at(lab: Lab) -> HttpAnswer:
    container(lab)
    exchange = Exchange(Http(LAB_HOST, C1, 80), lab.namespaces.host, PATIENCE)
    with serving(lab, "c1", 80, _reset):
        exchange.begin()
        wanted = exchange.waits_for()
        assert wanted
        poll = select.poll()
        poll.register(wanted[0], 0)
        [(_fd, events)] = poll.poll()  # it waits for a hang-up alone
        exchange.ready(wanted[0], events | select.POLLOUT)
        return exchange.answer()


def test_a_connection_that_was_reset_stood_before(in_sandbox: InSandbox) -> None:
    answer = in_sandbox(_reset_before_it_was_looked_at)
    assert (answer.outcome, answer.reason) == ("accepted", "the connection was reset")


@pytest.mark.parametrize("expect_answer", [True, False])
@pytest.mark.parametrize("parts", [(), (b"HTTP/1.1 200",)], ids=["mute", "half-a-line"])
def test_a_server_that_says_nothing_is_given_up(in_sandbox: InSandbox, parts: tuple[bytes, ...],
                                                expect_answer: bool) -> None:
    answer, seconds = in_sandbox(_answered, _stay_open(*parts), expect_answer)
    assert answer[:4] == ("accepted", 0, "", "the connection stands, but no answer came within 1.5 s")
    assert PATIENCE <= seconds < 2 * PATIENCE


def test_an_answer_that_never_ends_is_cut(in_sandbox: InSandbox) -> None:
    answer, seconds = in_sandbox(_answered, _endless(b"HTTP/1.1 200 OK\r\n\r\n"), True)
    assert (answer.outcome, answer.status, set(answer.body)) == ("accepted", 200, {"x"})
    assert len(answer.body) == 65536 - len("HTTP/1.1 200 OK\r\n\r\n")
    assert seconds < PATIENCE


def test_an_answer_that_comes_too_slowly_is_cut(in_sandbox: InSandbox) -> None:
    answer, seconds = in_sandbox(_answered, _drip, True)
    assert (answer.outcome, answer.status, set(answer.body)) == ("accepted", 200, {"x"})
    assert PATIENCE <= seconds < 2 * PATIENCE


def _unanswered(lab: Lab, rule: str) -> tuple[HttpAnswer, float]:
    container(lab)
    ask(lab, Ping(LAB_HOST, C1, True))
    lab.shell(rule)
    return timed(lab, Http(LAB_HOST, C1, 80, "/", False))


@pytest.mark.parametrize(("rule", "outcome", "reason"), [
    ("true", "refused", "Connection refused (ECONNREFUSED)"),
    ("ip netns exec c1 iptables -A INPUT -p tcp -j DROP", "silent", f"no answer within {SILENCE:g} s"),
])
def test_that_no_answer_comes_is_soon_clear(in_sandbox: InSandbox, rule: str, outcome: str, reason: str) -> None:
    answer, seconds = in_sandbox(_unanswered, rule)
    assert answer[:4] == (outcome, 0, "", reason)
    assert seconds < 5 * SILENCE


def _started_late(lab: Lab) -> Any:
    container(lab)
    with serving_late(lab, "c1", 80, says(PAGE)):
        return ask(lab, Http(LAB_HOST, C1, 80))[0]


def test_a_server_that_does_not_listen_yet_is_waited_for(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_started_late)[:3] == ("accepted", 200, "hello\n")


def _published(lab: Lab) -> Any:
    container(lab)
    lab.network.set_sysctl("net.ipv4.ip_forward", "1", LAB_HOST)
    lab.shell(f"iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination {C1}:80")
    with serving(lab, "c1", 80, says(PAGE)):
        return ask(lab, Http(OUTSIDE, DOOR, 8080))[0]


def test_a_published_port_is_answered_by_another_host(in_sandbox: InSandbox) -> None:
    answer = in_sandbox(_published, world="internet")
    assert (answer.status, answer.arrival) == (200, Arrival("c1", "203.0.113.1", C1, 80))


def _lesson(lab: Lab) -> list[tuple[str, str]]:
    """DROP, REJECT, nobody listening, and a server, side by side with a ping: the checks as a lab has them."""
    container(lab)
    lab.network.set_sysctl("net.ipv4.ip_forward", "1", LAB_HOST)
    lab.shell("iptables -A FORWARD -p tcp --dport 81 -j DROP; iptables -A FORWARD -p tcp --dport 82 -j REJECT")
    lab.shell(f"iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination {C1}:80")
    lab.shell("ip netns exec c1 iptables -A INPUT -p tcp --dport 84 -j REJECT")
    route = "iptables -t nat -A POSTROUTING -s 10.0.1.0/24 -o eth0 -j MASQUERADE"
    lab.shell(f"iptables -t nat -A PREROUTING -d {DOOR} -p tcp --dport 81:84 -j DNAT --to-destination {C1}; {route}")
    door = {"from": OUTSIDE, "to": DOOR}
    with serving(lab, "c1", 80, says(PAGE)):
        verdicts = judge(lab, [
            HttpCheck(**door, port=8080, contains="hello", seen_as="203.0.113.1"), TcpCheck(**door, port=8080),
            TcpCheck(**door, port=81, answer="silent"), TcpCheck(**door, port=82, answer="refused"),
            TcpCheck(**door, port=83, answer="refused", seen_as="203.0.113.1"), PingCheck(to=C1),
            TcpCheck(**door, port=83), TcpCheck(**door, port=84), HttpCheck(**door, port=81, answers=False)])
    return [(verdict.outcome, verdict.hint) for verdict in verdicts]


def test_checks_judge_what_was_asked(in_sandbox: InSandbox) -> None:
    *passed, closed, rejected, unanswered = in_sandbox(_lesson, world="internet")
    assert [*passed, unanswered] == [("pass", "")] * 7
    assert (closed[0], rejected[0]) == ("fail", "fail")
    assert closed[1] == ("c1 gets the request and refuses it, because nobody listens on port 83 of 10.0.1.2; "
                         "see who listens there: ip netns exec c1 ss -ltn")
    assert "a rule may have stopped it (port unreachable, says 203.0.113.2)" in rejected[1]


def _many(lab: Lab) -> tuple[list[int], float]:
    container(lab)
    ask(lab, Ping(LAB_HOST, C1, True))
    with ExitStack() as servers:
        for port in range(80, 90):
            servers.enter_context(serving(lab, "c1", port, says(PAGE)))
            servers.enter_context(serving(lab, "c1", port + 10, _stay_open()))
        started = monotonic()
        answers = ask(lab, *(Http(LAB_HOST, C1, port) for port in range(80, 100)))
        return [answer.status for answer in answers], monotonic() - started


def test_twenty_cost_about_one(in_sandbox: InSandbox) -> None:
    statuses, seconds = in_sandbox(_many)
    assert statuses == [200] * 10 + [0] * 10
    assert PATIENCE <= seconds < 2 * PATIENCE


@pytest.mark.parametrize(("data", "ended", "expected"), [
    (b"HTTP/1.0 200 OK\n\nhel", False, (200, b"hel", False)),
    (b"HTTP/1.0 200 OK\n\nhel", True, (200, b"hel", True)),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", False, (200, b"hel", False)),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhel", False, (200, b"hel", True)),
    (CHUNKED + b"3\r\nhel\r\n", False, (200, b"hel", False)),
    (CHUNKED + b"3\r\nhel\r\n0\r\n\r\n", False, (200, b"hel", True)),
    (b"HTTP/1.1 200 OK\r\n", True, None),
])
def test_when_an_answer_is_whole(data: bytes, ended: bool, expected: tuple[int, bytes, bool] | None) -> None:
    assert read_response(data, ended) == expected


PIECES = st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/9.9 -1 \r\n", b"\r\n",
                          b"\n\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n",
                          b"Content-Type: multipart/x; boundary=\r\n", b"Set-Cookie: \xff\x00=\r\n", b"5\r\nhello\r\n",
                          b"ffffffffffffffffffffff\r\n", b"0\r\n\r\n", b" folded\r\n", b"hello"])


@given(st.lists(PIECES | st.binary(max_size=20), max_size=12), st.booleans())
def test_whatever_a_server_sends_is_read_or_not_and_no_more(pieces: list[bytes], ended: bool) -> None:
    data = b"".join(pieces)
    found = read_response(data, ended)
    if found:
        assert 100 <= found.status <= 999
        assert len(found.body) <= len(data)
        assert found.whole or not ended
