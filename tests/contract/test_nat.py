"""MASQUERADE over netlink: the very rule that iptables-nft writes, and what it says when there can be none."""

from __future__ import annotations

import ctypes
import errno
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import Missing, Problem, Refused
from runtime.facts import rules
from runtime.facts.rules import Rule, read_rules
from runtime.netlink.message import Message
from runtime.netlink.nf_tables import messages
from runtime.netlink.socket import NETFILTER, Netlink
from runtime.network import packet_rules
from runtime.network.builtin_chains import chain_of
from runtime.network.rule_specification import Specification

if TYPE_CHECKING:
    from tests.conftest import Lab

InSandbox = Callable[..., Any]

_GETTABLE = messages.NEWTABLE + 1
VARIANTS = [
    (source, option, name)
    for source in ("192.168.0.0/24", "10.2.0.0/20", "10.1.2.3/8", "0.0.0.0/0", "10.0.0.1", "128.0.0.0/1")
    for option, name in (("", ""), ("! -o", "br0"), ("-o", "eth0"), ("-o", "eth+"), ("! -o", "abcdefghijklmno"))
]


POSTROUTING = chain_of("nat", "POSTROUTING")


def masquerade(netlink: Netlink, source: str, **more: Any) -> None:
    rule = Specification(source=source, jump="MASQUERADE", **more)
    packet_rules.add_rule(netlink, POSTROUTING, rule, f"add the rule {rule.words()}")


def _masquerade(lab: Lab, source: str, option: str = "", name: str = "") -> None:
    not_out, out = (name if option == each else None for each in ("! -o", "-o"))
    masquerade(lab.namespaces.host.netfilter, source, not_out=not_out, out=out)


def _objects(lab: Lab, write: Callable[..., None]) -> list[bytes]:
    """All that is in nf_tables after each variant was written, as the kernel dumps it, handles and positions too."""
    for variant in VARIANTS:
        write(lab, *variant)
    kinds, netlink = (_GETTABLE, messages.GETCHAIN, messages.GETRULE), lab.namespaces.host.netfilter
    return [_timeless(body) for kind in kinds for body in netlink.dump(kind, messages.header(), "dump")]


def _timeless(body: bytes) -> bytes:
    return body[:2] + body[4:]  # res_id is the generation: iptables may take another number of transactions


def _iptables_masquerade(lab: Lab, source: str, option: str, name: str) -> None:
    lab.shell(f"iptables-nft -t nat -A POSTROUTING -s {source} {option} {name} -j MASQUERADE")


def _listed(lab: Lab) -> list[str]:
    return lab.shell("iptables-nft -t nat -S POSTROUTING").splitlines()


def test_masquerade_writes_what_iptables_writes(in_sandbox: InSandbox) -> None:
    """Byte for byte, in an empty netns and in one where the chain is there."""
    ours, theirs = (in_sandbox(_objects, how) for how in (_masquerade, _iptables_masquerade))
    assert len(ours) == 2 + len(VARIANTS)
    assert ours[:2] == theirs[:2]  # the table and the chain
    assert dict(zip(VARIANTS, ours[2:], strict=True)) == dict(zip(VARIANTS, theirs[2:], strict=True))


def test_iptables_and_nft_work_on_our_rule(in_sandbox: InSandbox) -> None:
    policy, theirs = "-P POSTROUTING ACCEPT", "-A POSTROUTING -s 10.2.0.0/20 -o eth0 -j MASQUERADE"
    ours = "-A POSTROUTING -s 192.168.0.0/24 ! -o br0 -j MASQUERADE"

    def live(lab: Lab) -> None:
        _masquerade(lab, "192.168.0.0/24", "! -o", "br0")
        _iptables_masquerade(lab, "10.2.0.0/20", "-o", "eth0")
        assert _listed(lab) == [policy, ours, theirs]
        rule = 'oifname != "br0" ip saddr 192.168.0.0/24 counter packets 0 bytes 0 masquerade'
        assert rule in lab.shell("nft list ruleset")
        lab.shell(f"iptables-nft -t nat {ours.replace('-A', '-D')}")
        assert _listed(lab) == [policy, theirs]
        assert theirs in lab.shell("iptables-nft-save -t nat")

    in_sandbox(live)


class _Recorder(Netlink):
    """A real socket that remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__(NETFILTER)
        self.kinds: list[int] = []

    def request(self, *asked: Message) -> list[bytes]:
        self.kinds += [message.type for message in asked]
        return super().request(*asked)


def test_a_chain_that_is_there_is_not_made_again(in_sandbox: InSandbox) -> None:
    def twice(_lab: Lab) -> list[list[int]]:
        recorders = _Recorder(), _Recorder()
        for netlink in recorders:
            masquerade(netlink, "10.0.0.0/8")
        return [netlink.kinds for netlink in recorders]

    first, second = in_sandbox(twice)
    assert {messages.NEWTABLE, messages.NEWCHAIN, messages.NEWRULE} <= set(first)
    assert messages.NEWRULE in second
    assert not {messages.NEWTABLE, messages.NEWCHAIN} & set(second)


prefixes = st.integers(1, 32).flatmap(
    lambda length: st.integers(0, 2**length - 1).map(lambda bits: (bits << 32 - length, length)))
interfaces = st.text("abcxyz019_-.", min_size=1, max_size=15).filter(lambda name: name not in (".", ".."))


def _shown(prefix: tuple[int, int]) -> str:
    return f"{'.'.join(map(str, prefix[0].to_bytes(4, 'big')))}/{prefix[1]}"


def test_any_prefix_goes_round(in_sandbox: InSandbox) -> None:
    def run(lab: Lab) -> None:
        @settings(max_examples=60, deadline=None)
        @given(prefix=prefixes, name=interfaces)
        def goes_round(prefix: tuple[int, int], name: str) -> None:
            source = _shown(prefix)
            _masquerade(lab, source, "! -o", name)
            _, found = read_rules(lab.namespaces.host.netfilter)
            listed = _listed(lab)
            lab.shell("nft flush ruleset")
            matches = f"ip saddr {source.removesuffix('/32')}", f"oifname != {name}"
            assert found == (Rule("ip", "nat", "POSTROUTING", "postrouting", matches, "masquerade", 0, 0),)
            assert listed[1:] == [f"-A POSTROUTING -s {source} ! -o {name} -j MASQUERADE"]

        goes_round()

    in_sandbox(run)


def test_every_prefix_length_goes_round(in_sandbox: InSandbox) -> None:
    sources = [_shown((0xAABBCCDD >> 32 - length << 32 - length, length)) for length in range(33)]

    def go_round(lab: Lab) -> tuple[list[tuple[str, ...]], list[str]]:
        for source in sources:
            _masquerade(lab, source)
        return [rule.matches for rule in read_rules(lab.namespaces.host.netfilter)[1]], _listed(lab)

    read, listed = in_sandbox(go_round)
    assert read == [(), *((f"ip saddr {source.removesuffix('/32')}",) for source in sources[1:])]
    assert listed[1:] == ["-A POSTROUTING -j MASQUERADE",
                          *(f"-A POSTROUTING -s {source} -j MASQUERADE" for source in sources[1:])]


# What cannot be


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"source": "10.0.0.0/8", "out": "abcdefghijklmnop"}, "16 octets"),
    ({"source": "10.0.0.0/8", "not_out": "abcdefghijklmnop"}, "16 octets"),
    ({"source": "10.0.0.0/8", "not_out": ""}, "no name of an interface"),
    ({"source": "10.0.0.0/8", "out": "a b"}, "no name of an interface"),
    ({"source": "10.0.0.0/8", "out": "a/b"}, "no name of an interface"),
    ({"source": "10.0.0.0/8", "out": "+"}, "no name of an interface"),
    ({"source": "10.0.0.0/8", "out": "a", "not_out": "b"}, "one interface"),
    ({"source": "10.0.0.0/33"}, "from 0 to 32"),
    ({"source": "10.0.0.0/-1"}, "from 0 to 32"),
    ({"source": "10.0.0.0/"}, "from 0 to 32"),
    ({"source": "10.0.0/8"}, "not an IPv4 subnet"),
    ({"source": "fd00::/64"}, "not an IPv4 subnet"),
    ({"source": ""}, "not an IPv4 subnet"),
    ({"source": "10.0.0.\0"}, "not an IPv4 subnet"),
])
def test_arguments_that_make_no_rule(in_sandbox: InSandbox, arguments: dict[str, str], reason: str) -> None:
    def refused(lab: Lab) -> tuple[Problem, tuple[Any, ...]]:
        netlink = lab.namespaces.host.netfilter
        return _problem(lambda: masquerade(netlink, **arguments)), read_rules(netlink)

    problem, left = in_sandbox(refused)
    assert isinstance(problem, Refused)
    assert reason in problem.why
    assert arguments["source"] in problem.what
    assert problem.errno == errno.EINVAL
    assert left == ((), ())


def _problem(function: Callable[..., object], *args: object) -> Problem:
    with pytest.raises(Problem) as caught:
        function(*args)
    return caught.value


def test_a_chain_of_that_name_which_translates_nothing(in_sandbox: InSandbox) -> None:
    def refused(lab: Lab) -> Problem:
        lab.shell(f"nft {shlex.quote('add table ip nat { chain POSTROUTING { ; }; }')}")
        return _problem(_masquerade, lab, "10.0.0.0/8")

    problem = in_sandbox(refused)
    assert isinstance(problem, Refused)
    assert "entered by jumps only" in problem.why
    assert problem.mend == "nft delete chain ip nat POSTROUTING"


@contextmanager
def _no_capabilities() -> Iterator[None]:
    """None is in force (capset(2)); they come back at the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    held, none = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert libc.capget(version_3, held) == 0
    none[1], none[2], none[4], none[5] = held[1], held[2], held[4], held[5]  # permitted, inheritable; twice 32 bits
    assert libc.capset(version_3, none) == 0
    try:
        yield
    finally:
        assert libc.capset(version_3, held) == 0


def test_without_the_capability(in_sandbox: InSandbox) -> None:
    def refused(lab: Lab) -> list[Problem]:
        netlink = lab.namespaces.host.netfilter
        with _no_capabilities():
            return [_problem(masquerade, netlink, "10.0.0.0/8"), _problem(read_rules, netlink)]

    writing, reading = in_sandbox(refused)
    assert isinstance(writing, Refused)
    assert writing.errno == errno.EPERM
    assert "-s 10.0.0.0/8 -j MASQUERADE" in writing.what
    assert isinstance(reading, Refused)
    assert reading.errno == errno.EPERM


@pytest.mark.parametrize(("chain", "target"), [
    (POSTROUTING, "NOSUCHTARGET"),
    (messages.BaseChain(messages.IPV4, "nat", "POSTROUTING", "nosuchtype", 4, 100), "MASQUERADE"),
])
def test_a_kernel_without_a_target_or_a_type_of_chain(
    in_sandbox: InSandbox, chain: messages.BaseChain, target: str
) -> None:
    def refused(lab: Lab) -> Problem:
        rule = messages.append_rule(chain, (messages.xt_target(target, 0, b""),), "add a rule")
        netlink = lab.namespaces.host.netfilter
        return _problem(packet_rules.write, netlink, chain, rule, "add a rule", [f"xt_{target}"])

    problem = in_sandbox(refused)
    assert isinstance(problem, Missing)
    assert problem.what == "add a rule"
    assert f"xt_{target}" in problem.why
    assert f"modprobe -a xt_{target}" in problem.mend


def test_a_kernel_without_nf_tables(in_sandbox: InSandbox) -> None:
    """Asked for a subsystem that isn't there, this kernel answers as one without nf_tables does."""
    absent, takes_no_batches = 200, 1
    patch = pytest.MonkeyPatch()  # undone by the end of the child

    def question(lab: Lab) -> Problem:
        patch.setattr(packet_rules, "get_chain", lambda chain: messages.get_chain(chain)._replace(type=absent << 8))
        return _problem(_masquerade, lab, "10.0.0.0/8")

    def change(lab: Lab) -> Problem:
        patch.setattr(packet_rules, "batch", partial(messages.batch, subsystem=takes_no_batches))
        return _problem(_masquerade, lab, "10.0.0.0/8")

    def reading(lab: Lab) -> Problem:
        patch.setattr(rules, "GETCHAIN", absent << 8)
        return _problem(read_rules, lab.namespaces.host.netfilter)

    for simulate in (question, change, reading):
        problem = in_sandbox(simulate)
        assert isinstance(problem, Missing), simulate
        assert "no nf_tables" in problem.why
        assert "modprobe nf_tables" in problem.mend
