"""The checks tcp and http, passing and failing, and the hint that a learner reads then. Snapshots made by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from checks.http import PATH, Http
from checks.language.check import Check, Evidence, Verdict
from checks.language.statement import Mistake
from checks.reasoning.wording import command_of
from checks.tcp import Tcp
from runtime.facts.rules import Chain, Rule
from runtime.facts.snapshot import Snapshot
from runtime.probes import http, tcp
from runtime.probes.arrivals import Arrival
from tests.handmade import HOST, ONE, OUTSIDE, bare, change, facts_of, finished, relink, reroute, route, without

LAB = finished()
SERVER, DOOR, FIRST, GATEWAY = "198.51.100.1", "203.0.113.2", "192.168.0.2", "203.0.113.1"
NO_RULES = change(LAB, HOST, rules=())
NO_ROUTE = reroute(LAB, ONE, route("192.168.0.0/24", dev="ceth0"))
DNAT = Rule("ip", "nat", "PREROUTING", "prerouting", ("tcp dport 8080",), f"dnat to {FIRST}:80", 1, 60)
PUBLISHED = change(LAB, HOST, rules=(DNAT,))

IN_ONE = Arrival(ONE, "192.168.0.1", FIRST, 80)
PUBLISHED_IN_ONE = Arrival(ONE, GATEWAY, FIRST, 80)
IN_OUTSIDE = Arrival(OUTSIDE, DOOR, SERVER, 80)
REFUSED, NOTHING = "Connection refused (ECONNREFUSED)", "no answer within 1.5 s"
ACCEPTED = tcp.TcpAnswer("accepted", "", IN_ONE, 0.5)
PAGE = http.HttpAnswer("accepted", 200, "hello\n", "", IN_ONE, 0.5)

TO_ONE = Tcp(to=FIRST, port=80)
TO_SERVER = Tcp(**{"from": ONE}, to=SERVER, port=80)
TO_PUBLISHED = Tcp(**{"from": OUTSIDE}, to=DOOR, port=8080)


def wants(check: Check, **given: Any) -> Check:
    """The same check with other arguments."""
    return type(check)(**{name: value for name, value in (check.values() | given).items() if value is not None})


def judge(check: Check, snapshot: Snapshot, answer: Any) -> Verdict:
    return check.judge(Evidence(snapshot, dict.fromkeys(check.probes(snapshot), answer)))


PASS = [
    (TO_ONE, ACCEPTED, "accepted in 0.50 ms"),
    (wants(TO_ONE, answer="refused"), tcp.TcpAnswer("refused", REFUSED, IN_ONE), f"refused ({REFUSED})"),
    (wants(TO_ONE, answer="silent"), tcp.TcpAnswer("silent", "no answer within 0.1 s"),
     "silent (no answer within 0.1 s)"),
    (wants(TO_ONE, answer="unreachable"), tcp.TcpAnswer("unreachable", "host unreachable, says 192.168.0.1"),
     "unreachable (host unreachable, says 192.168.0.1)"),
    (wants(TO_SERVER, seen_as=DOOR), ACCEPTED._replace(arrival=IN_OUTSIDE), "accepted in 0.50 ms, seen as 203.0.113.2"),
    (wants(TO_ONE, answer="silent", seen_as="192.168.0.1"), tcp.TcpAnswer("silent", NOTHING, IN_ONE),
     f"silent ({NOTHING}), seen as 192.168.0.1"),
    (wants(TO_PUBLISHED, seen_as=GATEWAY), ACCEPTED._replace(arrival=PUBLISHED_IN_ONE),
     "accepted in 0.50 ms, seen as 203.0.113.1"),
    (Http(to=FIRST), PAGE, "200 and 'hello\\n'"),
    (Http(to=FIRST, contains="hello", seen_as="192.168.0.1"), PAGE, "200 and 'hello\\n', seen as 192.168.0.1"),
    (Http(to=FIRST, path="/x", status=404), PAGE._replace(status=404, body=""), "404 and an empty page"),
    (Http(to=FIRST, answers=False), http.HttpAnswer("refused", 0, "", REFUSED, IN_ONE), f"no answer ({REFUSED})"),
    (Http(to=FIRST), PAGE._replace(body="x" * 100), f"200 and '{'x' * 60}…'"),
]


@pytest.mark.parametrize(("check", "answer", "actual"), PASS, ids=[f"{each[0].claim()}: {each[2]}" for each in PASS])
def test_it_passes(check: Check, answer: Any, actual: str) -> None:
    verdict = judge(check, LAB, answer)
    assert (verdict.outcome, verdict.actual, verdict.hint) == ("pass", actual, "")


class Failing(NamedTuple):
    """A check, what there is, what came of its probe, what the verdict says of it, and the hint."""

    check: Check
    snapshot: Snapshot
    answer: tcp.TcpAnswer | http.HttpAnswer
    actual: str
    hint: str


RULES = "see the rules on its way: iptables -S && ip netns exec container-1 iptables -S"
NOBODY = "container-1 gets the request and refuses it, because nobody listens on port 80 of 192.168.0.2"

FAIL = [
    Failing(
        TO_ONE, LAB, tcp.TcpAnswer("refused", REFUSED, IN_ONE), f"refused ({REFUSED})",
        f"{NOBODY}; see who listens there: ip netns exec container-1 ss -ltn"),
    Failing(
        TO_PUBLISHED, PUBLISHED, tcp.TcpAnswer("refused", REFUSED, PUBLISHED_IN_ONE), f"refused ({REFUSED})",
        f"{NOBODY}; see who listens there: ip netns exec container-1 ss -ltn"),
    Failing(
        TO_PUBLISHED, LAB, tcp.TcpAnswer("refused", REFUSED, Arrival(HOST, GATEWAY, DOOR, 8080)),
        f"refused ({REFUSED})",
        "labhost gets the request and refuses it, because nobody listens on port 8080 of 203.0.113.2; "
        "see who listens there: ss -ltn"),
    Failing(
        TO_SERVER, LAB, tcp.TcpAnswer("refused", REFUSED, IN_OUTSIDE), f"refused ({REFUSED})",
        "outside gets the request and refuses it, because nobody listens on port 80 of 198.51.100.1"),
    Failing(
        TO_ONE, LAB, tcp.TcpAnswer("refused", "port unreachable, says 192.168.0.2"),
        "refused (port unreachable, says 192.168.0.2)",
        "the addresses, routes and wires from labhost to 192.168.0.2 look right, so a rule may have stopped it (port "
        f"unreachable, says 192.168.0.2); {RULES}"),
    Failing(
        TO_ONE, LAB, tcp.TcpAnswer("silent", NOTHING), f"silent ({NOTHING})",
        "the addresses, routes and wires from labhost to 192.168.0.2 look right, so a rule may have stopped it (no "
        f"answer within 1.5 s); {RULES}"),
    Failing(
        TO_ONE, LAB, tcp.TcpAnswer("silent", NOTHING, IN_ONE), f"silent ({NOTHING})",
        f"container-1 gets the request, but its answer does not come back; {RULES}"),
    Failing(
        TO_ONE, bare(LAB, ONE, "ceth0"), tcp.TcpAnswer("silent", NOTHING), f"silent ({NOTHING})",
        "nobody has the address 192.168.0.2, for which labhost asks at br0, and ceth0 in container-1 has no "
        "address; if it is meant: ip -n container-1 addr add 192.168.0.2/24 dev ceth0"),
    Failing(
        TO_SERVER, NO_ROUTE, tcp.TcpAnswer("unreachable", "Network is unreachable (ENETUNREACH)"),
        "unreachable (Network is unreachable (ENETUNREACH))",
        "container-1 has no route to 198.51.100.1 (it has 192.168.0.0/24 dev ceth0); give it a default route: ip -n "
        "container-1 route add default via 192.168.0.1"),
    Failing(
        TO_SERVER, NO_RULES, tcp.TcpAnswer("silent", NOTHING, IN_OUTSIDE._replace(source=FIRST)),
        f"silent ({NOTHING})",
        "the world outside sees 192.168.0.2, a private address that it cannot answer, and labhost does not "
        "translate it; add a rule that does: iptables -t nat -A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j "
        "MASQUERADE"),
    Failing(
        TO_PUBLISHED, change(NO_ROUTE, HOST, rules=(DNAT,)), tcp.TcpAnswer("silent", NOTHING, PUBLISHED_IN_ONE),
        f"silent ({NOTHING})",
        "container-1 gets the request, but the answer to 203.0.113.1 does not come back, because container-1 has no "
        "route to 203.0.113.1 (it has 192.168.0.0/24 dev ceth0); give it a default route: ip -n container-1 route "
        "add default via 192.168.0.1"),
    Failing(
        wants(TO_ONE, answer="refused"), LAB, ACCEPTED, "accepted in 0.50 ms",
        "container-1 gets the request, and somebody listens on port 80 of 192.168.0.2; "
        "see who: ip netns exec container-1 ss -ltnp"),
    Failing(
        wants(TO_ONE, answer="silent"), LAB, ACCEPTED, "accepted in 0.50 ms",
        f"container-1 gets the request and accepts it; no rule stops it on its way; {RULES}"),
    Failing(
        wants(TO_ONE, answer="silent"), LAB, tcp.TcpAnswer("refused", REFUSED, IN_ONE), f"refused ({REFUSED})",
        f"{NOBODY}; no rule stops it on its way; {RULES}"),
    Failing(
        wants(TO_SERVER, seen_as=FIRST), LAB, ACCEPTED._replace(arrival=IN_OUTSIDE),
        "accepted in 0.50 ms, seen as 203.0.113.2",
        "198.51.100.1 sees 203.0.113.2, not 192.168.0.2, because labhost translates its source (ip nat POSTROUTING ip "
        "saddr 192.168.0.0/24 oifname != br0 masquerade); delete that rule: iptables -t nat -D POSTROUTING -s "
        "192.168.0.0/24 ! -o br0 -j MASQUERADE"),
    Failing(
        wants(TO_ONE, answer="silent", seen_as="192.168.0.1"), LAB, tcp.TcpAnswer("silent", NOTHING),
        f"silent ({NOTHING}), not seen",
        "the addresses, routes and wires from labhost to 192.168.0.2 look right, so a rule may have stopped it (no "
        f"answer within 1.5 s); {RULES}"),
    Failing(
        Http(to=FIRST), LAB, http.HttpAnswer("refused", 0, "", REFUSED, IN_ONE), f"no answer ({REFUSED})",
        f"{NOBODY}; see who listens there: ip netns exec container-1 ss -ltn"),
    Failing(
        Http(to=FIRST), LAB, http.HttpAnswer("accepted", 0, "", "what came is not HTTP but '220: hi'", IN_ONE),
        "no answer (what came is not HTTP but '220: hi')",
        "the server in container-1 accepts the connection, but it does not answer as a web server does"),
    Failing(
        Http(to=FIRST, path="/x"), LAB, PAGE._replace(status=404), "404 and 'hello\\n'",
        "the server in container-1 answers 404 to a GET of /x, not 200"),
    Failing(
        Http(to=FIRST, contains="bye"), LAB, PAGE._replace(body="rm: -rf /"), "200 and 'rm: -rf /'",
        "the server in container-1 answers a GET of /, but not with what has to be in the answer"),
    Failing(
        Http(to=FIRST, answers=False), LAB, PAGE, "200 and 'hello\\n'",
        f"container-1 gets the request and accepts it; no rule stops it on its way; {RULES}"),
    Failing(
        Http(**{"from": OUTSIDE}, to=DOOR, port=8080, seen_as="9.9.9.9"), PUBLISHED,
        PAGE._replace(arrival=PUBLISHED_IN_ONE), "200 and 'hello\\n', seen as 203.0.113.1",
        "192.168.0.2 sees 203.0.113.1, not 9.9.9.9; see which rules count its packets: "
        "iptables -t nat -L POSTROUTING -v -n"),
]


@pytest.mark.parametrize(("check", "snapshot", "answer", "actual", "hint"), FAIL,
                         ids=[f"{each.check.claim()}: {each.actual}" for each in FAIL])
def test_it_fails(check: Check, snapshot: Snapshot, answer: Any, actual: str, hint: str) -> None:
    verdict = judge(check, snapshot, answer)
    assert (verdict.outcome, verdict.actual, verdict.hint) == ("fail", actual, hint)
    assert verdict.expected
    assert not command_of(hint) or command_of(hint).startswith(("ip ", "iptables ", "ss "))


def test_the_world_outside_asks_itself() -> None:
    """No packet leaves it, so none is translated on its way."""
    check = Tcp(**{"from": OUTSIDE}, to=SERVER, port=80)
    snapshot = relink(LAB, OUTSIDE, "lo", state="DOWN")
    verdict = judge(check, snapshot, tcp.TcpAnswer("silent", NOTHING, Arrival(OUTSIDE, SERVER, SERVER, 80)))
    assert "lo in outside is DOWN" in verdict.hint


@pytest.mark.parametrize("check", [TO_SERVER, Http(**{"from": ONE}, to=SERVER)])
def test_from_nowhere(check: Check) -> None:
    snapshot = without(LAB, ONE)
    assert check.probes(snapshot) == ()
    verdict = check.judge(Evidence(snapshot, {}))
    assert (verdict.outcome, verdict.actual) == ("fail", "no container-1")
    assert command_of(verdict.hint) == "ip netns add container-1"


def test_what_is_asked() -> None:
    assert TO_SERVER.probes(LAB) == (tcp.Tcp(ONE, SERVER, 80, "accepted"),)
    assert wants(TO_ONE, answer="silent").probes(LAB) == (tcp.Tcp(HOST, FIRST, 80, "silent"),)
    assert Http(to=FIRST).probes(LAB) == (http.Http(HOST, FIRST, 80, "/", True),)
    assert Http(to=FIRST, port=8080, path="/x", answers=False).probes(LAB) == (
        http.Http(HOST, FIRST, 8080, "/x", False),)


@pytest.mark.parametrize(("check", "claim", "expected"), [
    (TO_ONE, "port 80 of 192.168.0.2 accepts labhost", "accepted"),
    (wants(TO_PUBLISHED, seen_as=GATEWAY), "port 8080 of 203.0.113.2 accepts outside and sees 203.0.113.1",
     "accepted, seen as 203.0.113.1"),
    (wants(TO_ONE, answer="refused"), "port 80 of 192.168.0.2 refuses labhost", "refused"),
    (wants(TO_ONE, answer="silent"), "port 80 of 192.168.0.2 says nothing to labhost", "silent"),
    (wants(TO_ONE, answer="unreachable"), "port 80 of 192.168.0.2 is unreachable for labhost", "unreachable"),
    (Http(to=FIRST), "http://192.168.0.2/ answers labhost with 200", "200"),
    (Http(to=FIRST, port=8080, path="/x", status=404, contains="no"),
     "http://192.168.0.2:8080/x answers labhost with 404 and 'no'", "404 and 'no'"),
    (Http(to=FIRST, answers=False, seen_as=DOOR),
     "http://192.168.0.2/ does not answer labhost, and the server's host sees 203.0.113.2",
     "no answer, seen as 203.0.113.2"),
])
def test_claims(check: Check, claim: str, expected: str) -> None:
    assert check.claim() == claim
    assert check.judge(Evidence(without(LAB, HOST), {})).expected == expected


@pytest.mark.parametrize(("made", "given", "says"), [
    (Tcp, {"to": "fd00::1", "port": 80}, "tcp asks IPv4 addresses only"),
    (Tcp, {"to": FIRST, "port": 0}, "0 is not a whole number from 1 to 65535"),
    (Tcp, {"to": FIRST, "port": 80, "answer": "maybe"}, "'maybe' is not one of accepted, refused, silent, unreachable"),
    (Http, {"to": "fd00::1"}, "http asks IPv4 addresses only"),
    (Http, {"to": FIRST, "answers": False, "contains": "x"}, "nothing can be in it"),
    (Http, {"to": FIRST, "path": "index.html"}, "'index.html' is not a path: it begins with / and has no spaces"),
    (Http, {"to": FIRST, "path": "/a b"}, "'/a b' is not a path"),
    (Http, {"to": FIRST, "path": "/\r\nHost: x"}, "is not a path"),
    (Http, {"to": FIRST, "path": "/ä"}, "is not a path"),
    (Http, {"to": FIRST, "status": 99}, "99 is not a whole number from 100 to 599"),
])
def test_mistakes(made: type[Check], given: dict[str, Any], says: str) -> None:
    with pytest.raises(Mistake, match=says):
        made(**given)


@pytest.mark.parametrize("path", ["/", "/index.html", "/?q=1"])
def test_a_path_that_is_spoiled_is_another_path(path: str) -> None:
    assert all(PATH.parse(wrong) != path for wrong in PATH.wrong(path))
    assert PATH.wrong(path)


# Packet rules that stop a connection


def filtering(*rules: tuple[str, tuple[str, ...], str], policy: str = "accept", netns: str = HOST) -> Snapshot:
    """The lab with rules (hook, matches, target) in the table filter of one netns; `policy` is that of forward."""
    chains = tuple(Chain("ip", "filter", hook.upper(), "filter", hook, 0, policy if hook == "forward" else "accept")
                   for hook in ("input", "forward", "output"))
    made = tuple(Rule("ip", "filter", hook.upper(), hook, matches, target, 0, 0) for hook, matches, target in rules)
    return change(LAB, netns, chains=chains, rules=(*facts_of(LAB, netns).rules, *made))


LOST = tcp.TcpAnswer("silent", NOTHING)
UNANSWERED = tcp.TcpAnswer("silent", NOTHING, IN_OUTSIDE)
CLOSED = filtering(("input", ("tcp dport 8080",), "drop"))
WEB = Tcp(**{"from": ONE}, to="192.168.0.1", port=9000)


@pytest.mark.parametrize(("check", "snapshot", "answer", "hint"), [
    pytest.param(WEB, filtering(("input", ("iifname br0", "tcp dport 9000"), "drop")), LOST,
                 "labhost drops what is for itself from 192.168.0.2 to 192.168.0.1, because of its rule ip filter "
                 "INPUT iifname br0 tcp dport 9000 drop; delete that: iptables -D INPUT -i br0 -p tcp --dport 9000 "
                 "-j DROP", id="drop"),
    pytest.param(WEB, filtering(("input", ("meta l4proto tcp",), "reject")), tcp.TcpAnswer("refused", REFUSED),
                 "labhost rejects what is for itself from 192.168.0.2 to 192.168.0.1, because of its rule ip filter "
                 "INPUT meta l4proto tcp reject; delete that: iptables -D INPUT -p tcp -j REJECT", id="reject"),
    pytest.param(WEB, filtering(("input", ("tcp dport 8000-9999",), "drop")), LOST, "8000-9999 drop; delete",
                 id="ports"),
    pytest.param(WEB, filtering(("input", ("tcp dport 80",), "drop"), ("input", ("meta l4proto icmp",), "drop"),
                                ("input", ("udp dport 9000",), "drop")), LOST, "so a rule may have stopped it",
                 id="of-others"),
    pytest.param(WEB, filtering(("input", ("tcp dport 9000", "tcp flags syn"), "drop")), LOST,
                 "so a rule may have stopped it", id="not-understood"),
    pytest.param(TO_SERVER, filtering(policy="drop"), LOST,
                 "the policy there is DROP; let it pass: iptables -A FORWARD -s 192.168.0.2 -d 198.51.100.1 -p tcp "
                 "--dport 80 -j ACCEPT", id="policy"),
    pytest.param(TO_SERVER, filtering(("forward", ("tcp dport 80",), "accept"), policy="drop"), UNANSWERED,
                 "outside gets the request, but its answer does not come back", id="answer"),
    pytest.param(TO_PUBLISHED, change(CLOSED, HOST, rules=(DNAT, *facts_of(CLOSED, HOST).rules)), LOST,
                 "so a rule may have stopped it", id="another-way"),
])
def test_a_rule_that_stops_it_is_named(check: Tcp, snapshot: Snapshot, answer: tcp.TcpAnswer, hint: str) -> None:
    assert hint in judge(check, snapshot, answer).hint
