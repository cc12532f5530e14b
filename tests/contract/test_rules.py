"""Packet rules: iptables-nft and nft write them, one reader reads them all. Real tools, a real kernel."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.facts.rules import Chain, Rule, legacy_tables, read_rules, with_names
from runtime.netlink.message import attribute, attributes, big32, nest, text
from runtime.netlink.nf_tables import messages
from runtime.netlink.nf_tables.expressions import decode

if TYPE_CHECKING:
    from tests.conftest import Lab

InSandbox = Callable[..., Any]


def _read(lab: Lab) -> tuple[tuple[Chain, ...], tuple[Rule, ...]]:
    return read_rules(lab.namespaces.host.netfilter)


def _nft(lab: Lab, command: str) -> None:
    lab.shell(f"nft {shlex.quote(command)}")


class Place(NamedTuple):
    """A chain of iptables, and what nft calls the like of it. family: 'ip' or 'ip6'."""

    table: str
    chain: str
    kind: str
    family: str = "ip"


OUT = Place("nat", "POSTROUTING", "type nat hook postrouting priority 100")
IN = Place("nat", "PREROUTING", "type nat hook prerouting priority -100")
FILTER = Place("filter", "INPUT", "type filter hook input priority 0")
FORWARD = Place("filter", "FORWARD", "type filter hook forward priority 0")
MANGLE = Place("mangle", "PREROUTING", "type filter hook prerouting priority -150")
OUT6 = OUT._replace(family="ip6")
IN6 = IN._replace(family="ip6")
FILTER6 = FILTER._replace(family="ip6")


def _by_iptables(lab: Lab, place: Place, rule: str) -> Rule:
    tool = {"ip": "iptables-nft", "ip6": "ip6tables-nft"}[place.family]
    if not any((chain.table, chain.name) == (place.table, "MINE") for chain in _read(lab)[0]):
        lab.shell(f"{tool} -t {place.table} -N MINE")
    lab.shell(f"{tool} -t {place.table} -A {place.chain} {rule}")
    return _read(lab)[1][-1]


def _by_nft(lab: Lab, place: Place, rule: str) -> Rule:
    _nft(lab, f"add table {place.family} lab")
    _nft(lab, f"add chain {place.family} lab MINE")
    _nft(lab, f"add chain {place.family} lab {place.chain} {{ {place.kind}; }}")
    _nft(lab, f"add rule {place.family} lab {place.chain} {rule}")
    return _read(lab)[1][-1]


MASQUERADE = "masquerade"
SAME = [  # where, iptables' words, nft's words, the matches, the target
    (OUT, "-s 192.168.0.0/24 ! -o br0 -j MASQUERADE", 'ip saddr 192.168.0.0/24 oifname != "br0" masquerade',
     ("ip saddr 192.168.0.0/24", "oifname != br0"), MASQUERADE),
    (OUT, "-s 172.18.0.0/16 -o eth0 -j MASQUERADE", 'oifname "eth0" ip saddr 172.18.0.0/16 counter masquerade',
     ("ip saddr 172.18.0.0/16", "oifname eth0"), MASQUERADE),
    (OUT, "-j MASQUERADE", "masquerade", (), MASQUERADE),
    (OUT, "-s 0.0.0.0/0 -j MASQUERADE", "ip saddr 0.0.0.0/0 masquerade", (), MASQUERADE),
    (OUT, "-s 10.2.0.0/20 -j MASQUERADE", "ip saddr 10.2.0.0/20 masquerade", ("ip saddr 10.2.0.0/20",), MASQUERADE),
    (OUT, "-s 10.2.3.4 -j MASQUERADE", "ip saddr 10.2.3.4 masquerade", ("ip saddr 10.2.3.4",), MASQUERADE),
    (OUT, "-s 128.0.0.0/1 -j MASQUERADE", "ip saddr 128.0.0.0/1 masquerade", ("ip saddr 128.0.0.0/1",), MASQUERADE),
    (OUT, "! -s 10.0.0.0/8 -j MASQUERADE", "ip saddr != 10.0.0.0/8 masquerade",
     ("ip saddr != 10.0.0.0/8",), MASQUERADE),
    (OUT, "! -d 10.0.0.0/9 -j MASQUERADE", "ip daddr != 10.0.0.0/9 masquerade",
     ("ip daddr != 10.0.0.0/9",), MASQUERADE),
    (OUT, "-s 10.0.0.0/8 -j MASQUERADE --random", "ip saddr 10.0.0.0/8 masquerade random",
     ("ip saddr 10.0.0.0/8",), "masquerade random"),
    (OUT, "-p tcp -j MASQUERADE --to-ports 1000-2000", "meta l4proto tcp masquerade to :1000-2000",
     ("meta l4proto tcp",), "masquerade to :1000-2000"),
    (OUT, "-s 10.0.0.0/8 -m comment --comment hello -j MASQUERADE", 'ip saddr 10.0.0.0/8 masquerade comment "other"',
     ("ip saddr 10.0.0.0/8",), MASQUERADE),
    (OUT6, "-s fd00::/64 -o eth0 -j MASQUERADE", 'ip6 saddr fd00::/64 oifname "eth0" masquerade',
     ("ip6 saddr fd00::/64", "oifname eth0"), MASQUERADE),
    (OUT, "-o eth0 -j SNAT --to-source 203.0.113.2", 'oifname "eth0" snat to 203.0.113.2',
     ("oifname eth0",), "snat to 203.0.113.2"),
    (OUT, "-p tcp -j SNAT --to-source 203.0.113.2-203.0.113.9:1000-2000 --persistent",
     "meta l4proto tcp snat to 203.0.113.2-203.0.113.9:1000-2000 persistent",
     ("meta l4proto tcp",), "snat to 203.0.113.2-203.0.113.9:1000-2000 persistent"),
    (OUT6, "-s fd00::/64 -j SNAT --to-source 2001:db8::2", "ip6 saddr fd00::/64 snat to 2001:db8::2",
     ("ip6 saddr fd00::/64",), "snat to 2001:db8::2"),
    (IN, "-p tcp --dport 8080 -j DNAT --to-destination 192.168.0.2:80", "tcp dport 8080 dnat to 192.168.0.2:80",
     ("tcp dport 8080",), "dnat to 192.168.0.2:80"),
    (IN, "-p udp -d 203.0.113.2 --dport 53 -j DNAT --to-destination 192.168.0.3",
     "ip daddr 203.0.113.2 udp dport 53 dnat to 192.168.0.3",
     ("ip daddr 203.0.113.2", "udp dport 53"), "dnat to 192.168.0.3"),
    (IN6, "-p tcp --dport 80 -j DNAT --to-destination [fd00::2]:8080", "tcp dport 80 dnat to [fd00::2]:8080",
     ("tcp dport 80",), "dnat to [fd00::2]:8080"),
    (IN, "-p tcp --dport 80 -j REDIRECT --to-ports 8080", "tcp dport 80 redirect to :8080",
     ("tcp dport 80",), "redirect to :8080"),
    (IN6, "-p tcp --dport 80 -j REDIRECT --to-ports 8080", "tcp dport 80 redirect to :8080",
     ("tcp dport 80",), "redirect to :8080"),
    (IN, "-m addrtype --dst-type LOCAL -j MINE", "fib daddr type local jump MINE",
     ("fib daddr type local",), "jump MINE"),
    (IN, "! -s 127.0.0.0/8 -m addrtype ! --dst-type LOCAL,BROADCAST -j RETURN",
     "ip saddr != 127.0.0.0/8 fib daddr type != { local, broadcast } return",
     ("fib daddr type != { local, broadcast }", "ip saddr != 127.0.0.0/8"), "return"),
    (FILTER, "-p icmp -j ACCEPT", "ip protocol icmp accept", ("meta l4proto icmp",), "accept"),
    (FILTER, "-p icmp -j DROP", "meta l4proto icmp drop", ("meta l4proto icmp",), "drop"),
    (FILTER, "! -p tcp -j DROP", "ip protocol != tcp drop", ("meta l4proto != tcp",), "drop"),
    (FILTER, "-p icmp --icmp-type echo-request -j DROP", "icmp type echo-request drop",
     ("icmp type echo-request",), "drop"),
    (FILTER, "-p icmp ! --icmp-type echo-request -j DROP", "icmp type != echo-request drop",
     ("icmp type != echo-request",), "drop"),
    (FILTER, "-p icmp --icmp-type port-unreachable -j DROP", "icmp type destination-unreachable icmp code 3 drop",
     ("icmp code 3", "icmp type destination-unreachable"), "drop"),
    (FILTER6, "-p icmpv6 --icmpv6-type echo-request -j DROP", "icmpv6 type echo-request drop",
     ("icmpv6 type echo-request",), "drop"),
    (FILTER6, "-s fd00:0:0:8::/61 -j DROP", "ip6 saddr fd00:0:0:8::/61 drop", ("ip6 saddr fd00:0:0:8::/61",), "drop"),
    (FILTER6, "! -s fd00::1 -d ff00::/8 -j DROP", "ip6 saddr != fd00::1 ip6 daddr ff00::/8 drop",
     ("ip6 daddr ff00::/8", "ip6 saddr != fd00::1"), "drop"),
    (FILTER, "-i eth+ -j DROP", 'iifname "eth*" drop', ("iifname eth*",), "drop"),
    (FORWARD, "! -o eth+ -j DROP", 'oifname != "eth*" drop', ("oifname != eth*",), "drop"),
    (FORWARD, "-i br0 ! -o br0 -j ACCEPT", 'oifname != "br0" iifname "br0" accept',
     ("iifname br0", "oifname != br0"), "accept"),
    (FILTER, "-i abcdefghijklmno -j DROP", 'iifname "abcdefghijklmno" drop', ("iifname abcdefghijklmno",), "drop"),
    (FILTER, "-i + -j DROP", "drop", (), "drop"),
    (FORWARD, "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "ct state established,related accept",
     ("ct state established,related",), "accept"),
    (FORWARD, "-m state --state NEW -j DROP", "ct state new drop", ("ct state new",), "drop"),
    (FORWARD, "-m conntrack ! --ctstate NEW -j ACCEPT", "ct state != new accept", ("ct state ! new",), "accept"),
    (FORWARD, "-m conntrack ! --ctstate NEW,INVALID -j ACCEPT", "ct state ! invalid,new accept",
     ("ct state ! invalid,new",), "accept"),
    (FORWARD, "-m conntrack --ctstate NEW,UNTRACKED -j ACCEPT", "ct state { new, untracked } accept",
     ("ct state new,untracked",), "accept"),
    (FORWARD, "-m conntrack --ctstate DNAT -j ACCEPT", "ct status dnat accept", ("ct status dnat",), "accept"),
    (FORWARD, "-m conntrack --ctstatus ASSURED,EXPECTED -j ACCEPT", "ct status expected,assured accept",
     ("ct status expected,assured",), "accept"),
    (FORWARD, "-p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT", "ct state new tcp dport ssh accept",
     ("ct state new", "tcp dport 22"), "accept"),
    (FILTER, "-p tcp ! --dport 80 -j DROP", "tcp dport != 80 drop", ("tcp dport != 80",), "drop"),
    (FILTER, "-p udp --sport 53 --dport 1053 -j DROP", "udp sport 53 udp dport 1053 drop",
     ("udp dport 1053", "udp sport 53"), "drop"),
    (FILTER, "-p tcp --dport 1000:2000 -j DROP", "tcp dport 1000-2000 drop", ("tcp dport 1000-2000",), "drop"),
    (FILTER, "-p tcp ! --dport 1000:2000 -j DROP", "tcp dport != 1000-2000 drop", ("tcp dport != 1000-2000",), "drop"),
    (FILTER, "-p tcp --dport 1000: -j DROP", "tcp dport >= 1000 drop", ("tcp dport 1000-65535",), "drop"),
    (FILTER, "-p tcp --dport :1000 -j DROP", "tcp dport < 1001 drop", ("tcp dport 0-1000",), "drop"),
    (FILTER, "-p tcp --dport 0:65535 -j DROP", "tcp dport 0-65535 drop", ("meta l4proto tcp",), "drop"),
    (FILTER, "-p tcp -m multiport --dports 443,80 -j ACCEPT", "tcp dport { 80, 443 } accept",
     ("tcp dport { 80, 443 }",), "accept"),
    (FILTER, "-p tcp -m multiport ! --dports 443,80,1000:2000 -j ACCEPT", "tcp dport != { 80, 443, 1000-2000 } accept",
     ("tcp dport != { 80, 443, 1000-2000 }",), "accept"),
    (FILTER, "-p udp -m multiport --sports 53 -j ACCEPT", "udp sport 53 accept", ("udp sport 53",), "accept"),
    (FILTER, "-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP", "ip saddr 10.0.0.1-10.0.0.9 drop",
     ("ip saddr 10.0.0.1-10.0.0.9",), "drop"),
    (FILTER, "-m iprange ! --dst-range 10.0.0.1-10.0.0.9 -j DROP", "ip daddr != 10.0.0.1-10.0.0.9 drop",
     ("ip daddr != 10.0.0.1-10.0.0.9",), "drop"),
    (FILTER, "-m iprange --src-range 10.1.0.0-10.1.255.255 -j DROP", "ip saddr { 10.1.0.0/17, 10.1.128.0/17 } drop",
     ("ip saddr 10.1.0.0/16",), "drop"),
    (FILTER, "-s 10.0.0.0/255.0.255.0 -j DROP", "ip saddr & 255.0.255.0 == 10.0.0.0 drop",
     ("ip saddr & 255.0.255.0 == 10.0.0.0",), "drop"),
    (FILTER, "-s 10.0.0.1 -d 10.0.0.2 -j DROP", "ip saddr 10.0.0.1 ip daddr 10.0.0.2 drop",
     ("ip daddr 10.0.0.2", "ip saddr 10.0.0.1"), "drop"),
    (FILTER, "-m mac --mac-source 02:00:00:00:00:01 -j DROP", "ether saddr 02:00:00:00:00:01 drop",
     ("ether saddr 02:00:00:00:00:01",), "drop"),
    (FILTER, "-p tcp --syn -j DROP", "tcp flags & (fin|syn|rst|ack) == syn drop",
     ("tcp flags syn / fin,syn,rst,ack",), "drop"),
    (FILTER, "-p tcp --tcp-flags SYN SYN -j DROP", "tcp flags syn drop", ("tcp flags syn",), "drop"),
    (FILTER, "-p tcp --tcp-flags SYN,FIN NONE -j DROP", "tcp flags ! fin,syn drop", ("tcp flags ! fin,syn",), "drop"),
    (FILTER, "-f -j DROP", "ip frag-off & 0x1fff != 0 drop", ("ip frag-off & 0x1fff != 0x0",), "drop"),
    (FILTER, "-m mark --mark 5 -j DROP", "meta mark 5 drop", ("meta mark 0x5",), "drop"),
    (FILTER, "-m mark ! --mark 0x5/0xff -j DROP", "meta mark & 0xff != 5 drop", ("meta mark & 0xff != 0x5",), "drop"),
    (FILTER, "-m limit --limit 5/min -j ACCEPT", "limit rate 5/minute accept",
     ("limit rate 5/minute burst 5 packets",), "accept"),
    (FILTER, "-j MINE", "jump MINE", (), "jump MINE"),
    (FILTER, "-g MINE", "goto MINE", (), "goto MINE"),
    (FILTER, "-p tcp -j RETURN", "meta l4proto tcp return", ("meta l4proto tcp",), "return"),
    (FILTER, "-s 10.0.0.0/8", "ip saddr 10.0.0.0/8 counter", ("ip saddr 10.0.0.0/8",), ""),
    (FILTER, "-j REJECT", "reject", (), "reject"),
    (FILTER6, "-p tcp -j REJECT", "meta l4proto tcp reject", ("meta l4proto tcp",), "reject"),
    (FILTER, "-p tcp -j REJECT --reject-with tcp-reset", "meta l4proto tcp reject with tcp reset",
     ("meta l4proto tcp",), "reject with tcp reset"),
    (FILTER, "-j REJECT --reject-with icmp-host-prohibited", "reject with icmp type host-prohibited",
     (), "reject with icmp host-prohibited"),
    (FILTER6, "-j REJECT --reject-with icmp6-adm-prohibited", "reject with icmpv6 type admin-prohibited",
     (), "reject with icmpv6 admin-prohibited"),
    (FILTER, "-p icmp -j LOG --log-prefix 'ping '", 'meta l4proto icmp log prefix "ping "',
     ("meta l4proto icmp",), 'log prefix "ping "'),
    (MANGLE, "-i br0 -j MARK --set-mark 5", 'iifname "br0" meta mark set 5', ("iifname br0",), "meta mark set 0x5"),
    (MANGLE, "-j MARK --or-mark 0x10", "meta mark set meta mark or 0x10",
     (), "meta mark set meta mark & 0xffffffef ^ 0x10"),
]


@pytest.mark.parametrize(("place", "iptables", "nft", "matches", "target"), SAME, ids=[case[1] for case in SAME])
def test_both_tools_come_out_the_same(
    in_sandbox: InSandbox, place: Place, iptables: str, nft: str, matches: tuple[str, ...], target: str
) -> None:
    one, other = in_sandbox(lambda lab: (_by_iptables(lab, place, iptables), _by_nft(lab, place, nft)))
    assert (one.matches, one.target) == (matches, target)
    assert (other.matches, other.target) == (matches, target)
    assert (one.family, one.chain, one.hook) == (other.family, other.chain, other.hook)
    assert one.packets == 0  # iptables counts in every rule
    assert other.packets == (0 if "counter" in nft else None)


ALONE: list[tuple[str, Place, str, tuple[str, ...], str]] = [  # which tool, where, its words, the matches, the target
    ("nft", FILTER, "ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443 } drop",
     ("ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443 }", "meta l4proto tcp"), "drop"),
    ("nft", FILTER, "ip saddr . ip daddr != { 10.0.0.0/8 . 10.0.0.1 } drop",
     ("ip saddr . ip daddr != { 10.0.0.0/8 . 10.0.0.1 }",), "drop"),
    ("nft", FILTER, "ip saddr { 10.0.0.1, 10.1.0.0/16, 10.2.0.5-10.2.0.9 } drop",
     ("ip saddr { 10.0.0.1, 10.1.0.0/16, 10.2.0.5-10.2.0.9 }",), "drop"),
    ("nft", FILTER, "ip saddr { 0.0.0.0/1, 192.0.0.0/2 } drop", ("ip saddr { 0.0.0.0/1, 192.0.0.0/2 }",), "drop"),
    ("nft", FILTER, 'iifname { "eth*", "lo" } drop', ("iifname { eth*, lo }",), "drop"),
    ("nft", FILTER, "ip protocol { tcp, icmp, igmp } drop", ("meta l4proto { icmp, igmp, tcp }",), "drop"),
    ("nft", FILTER, "meta mark { 1-5, 7 } drop", ("meta mark { 0x1-0x5, 0x7 }",), "drop"),
    ("nft", FILTER, "meta mark 1-5 drop", ("meta mark 0x1-0x5",), "drop"),
    ("nft", FILTER, "tcp dport vmap { 22 : drop, 80 : jump MINE }",
     ("meta l4proto tcp",), "tcp dport vmap { 22 : drop, 80 : jump MINE }"),
    ("nft", IN, "dnat to tcp dport map { 80 : 10.0.0.1 }",
     ("meta l4proto tcp",), "dnat to tcp dport map { 80 : 0x0a000001 }"),
    ("nft", FILTER, "meta l4proto { tcp, udp } th dport 53 accept",
     ("meta l4proto { tcp, udp }", "th dport 53"), "accept"),
    ("nft", FILTER, "ct state != established,related drop", ("ct state != established,related",), "drop"),
    ("nft", FILTER, 'iif "lo" accept', ("iif 1",), "accept"),
    ("nft", FILTER, "ip dscp 5 accept", ("@nh,8,8 0x14-0x17",), "accept"),
    ("nft", FILTER, 'log prefix "in " level debug meta mark set 1 accept',
     (), 'log prefix "in " level 7 meta mark set 0x1 accept'),
    ("nft", FILTER, "tcp option maxseg size 1-500 drop", ("expr cmp", "expr exthdr"), "drop"),
    ("nft", FILTER, "tcp dport 80 tcp option maxseg size 1-500 drop",
     ("expr cmp", "expr exthdr", "tcp dport 80"), "drop"),
    ("nft", FILTER, "meta protocol ip drop", (), "drop"),
    ("nft", FILTER, "quota 25 mbytes drop", ("expr quota",), "drop"),
    ("nft", FILTER, "ip dscp set 5", ("expr payload",), ""),
    ("iptables", FILTER, "-p udp -m multiport --ports 1,2 -j DROP",
     ("meta l4proto udp", "xt multiport 0x020201000200" + "00" * 42), "drop"),
    ("iptables", FILTER, "-m pkttype --pkt-type broadcast -j DROP", ("xt pkttype 0x0100000000000000",), "drop"),
    ("iptables", FILTER, "-p tcp --tcp-option 2 -j DROP",
     ("meta l4proto tcp", "xt tcp 0x0000ffff0000ffff02000000" + "00" * 4), "drop"),
    ("iptables", FILTER, "-p sctp --dport 5 -j DROP", ("meta l4proto sctp", "xt sctp 0x"), "drop"),
    ("iptables", OUT, "-s 10.0.0.0/8 -j NETMAP --to 11.0.0.0/8", ("ip saddr 10.0.0.0/8",), "xt NETMAP 0x"),
]


@pytest.mark.parametrize(("tool", "place", "rule", "matches", "target"), ALONE, ids=[case[2] for case in ALONE])
def test_what_only_one_tool_can_say(
    in_sandbox: InSandbox, tool: str, place: Place, rule: str, matches: tuple[str, ...], target: str
) -> None:
    write = {"nft": _by_nft, "iptables": _by_iptables}[tool]
    first, again = in_sandbox(lambda lab: (write(lab, place, rule), write(lab, place, rule)))
    assert first == again  # though the kernel gave its sets other names
    assert [_without_octets(each) for each in first.matches] == [_without_octets(each) for each in matches]
    assert _without_octets(first.target) == _without_octets(target)


def _without_octets(text: str) -> str:
    return text.partition("0x")[0] if text.startswith(("xt sctp", "xt NETMAP")) else text


OLD = [  # module, protocol, its structure (<linux/netfilter/xt_tcpudp.h>), the matches
    ("tcp", 6, Struct("=4H4B").pack(0, 65535, 80, 80, 0, 0, 0, 0), ("tcp dport 80",)),
    ("tcp", 6, Struct("=4H4B").pack(1, 2, 80, 65535, 0, 0, 0, 2), ("tcp dport != 80-65535", "tcp sport 1-2")),
    ("tcp", 6, Struct("=4H4B").pack(0, 65535, 0, 65535, 0, 0x17, 0x02, 0), ("tcp flags syn / fin,syn,rst,ack",)),
    ("udp", 17, Struct("=4HB").pack(53, 53, 0, 65535, 1), ("udp sport != 53",)),
]


@pytest.mark.parametrize(("module", "protocol", "info", "matches"), OLD)
def test_ports_as_older_iptables_wrote_them(
    in_sandbox: InSandbox, module: str, protocol: int, info: bytes, matches: tuple[str, ...]
) -> None:
    """Until 1.8.8 iptables-nft left ports and flags to the modules of x_tables."""
    padded = info + bytes(-len(info) % 8)
    match = nest(1, text(1, "match"), nest(2, text(1, module), big32(2, 0), attribute(3, padded)))
    chain = messages.BaseChain(messages.IPV4, "filter", "INPUT", "filter", 1, 0)

    def written(lab: Lab) -> Rule:
        load = messages.load_payload(messages.NETWORK_HEADER, 9, 1)  # ip protocol
        demanded = load, messages.compare(messages.EQ, bytes([protocol])), match
        rule = messages.append_rule(chain, (*demanded, messages.count()), "add a rule", protocol)
        made = messages.new_table(messages.IPV4, "filter"), messages.new_chain(chain)
        lab.namespaces.host.netfilter.request(*messages.batch(*made, rule))
        assert "A INPUT" in lab.shell("iptables-nft -S INPUT")
        return _read(lab)[1][0]

    assert in_sandbox(written).matches == matches


INET = [
    ("ip saddr 10.0.0.0/8 drop", ("ip saddr 10.0.0.0/8",), "drop"),
    ("ip6 saddr fd00::/61 drop", ("ip6 saddr fd00::/61",), "drop"),
    ("ip saddr 0.0.0.0/0 drop", ("meta nfproto ipv4",), "drop"),
    ("meta nfproto ipv6 drop", ("meta nfproto ipv6",), "drop"),
    ("icmp type echo-request drop", ("icmp type echo-request",), "drop"),
    ("icmpv6 type echo-request drop", ("icmpv6 type echo-request",), "drop"),
    ("tcp dport 22 reject", ("tcp dport 22",), "reject"),
    ("ip6 saddr fd00::/8 reject", ("ip6 saddr fd00::/8",), "reject"),
    ("ip protocol tcp tcp dport 80 drop", ("meta nfproto ipv4", "tcp dport 80"), "drop"),
]


@pytest.mark.parametrize(("rule", "matches", "target"), INET, ids=[case[0] for case in INET])
def test_tables_of_both_families(in_sandbox: InSandbox, rule: str, matches: tuple[str, ...], target: str) -> None:
    found = in_sandbox(_by_nft, FILTER._replace(family="inet"), rule)
    assert (found.family, found.matches, found.target) == ("inet", matches, target)


def test_named_sets_are_seen_by_name(in_sandbox: InSandbox) -> None:
    def read(lab: Lab) -> tuple[tuple[str, ...], ...]:
        _nft(lab, "add table ip lab { set web { type inet_service; }; set both { type ipv4_addr . inet_service; };"
                    "chain c { tcp dport @web accept; ip saddr . tcp dport != @both drop; }; }")
        return tuple(rule.matches for rule in _read(lab)[1])

    assert in_sandbox(read) == (("tcp dport @web",), ("ip saddr . tcp dport != @both", "meta l4proto tcp"))


def test_chains(in_sandbox: InSandbox) -> None:
    def read(lab: Lab) -> tuple[Chain, ...]:
        lab.shell("iptables-nft -P FORWARD DROP")
        lab.shell("iptables-nft -N MINE")
        _nft(lab, "add table inet lab { chain late { type filter hook input priority -5; policy drop; }; "
                    "chain plain { ; }; }")
        _nft(lab, "add table arp lab { chain c { type filter hook output priority 0; }; }")
        _nft(lab, "add table netdev lab { chain c { type filter hook ingress device lo priority 3; }; }")
        return _read(lab)[0]

    found = in_sandbox(read)
    assert set(found) == {
        Chain("ip", "filter", "FORWARD", "filter", "forward", 0, "drop"),
        Chain("ip", "filter", "MINE", "", "", 0, ""),
        Chain("inet", "lab", "late", "filter", "input", -5, "drop"),
        Chain("inet", "lab", "plain", "", "", 0, ""),
        Chain("arp", "lab", "c", "filter", "output", 0, "accept"),
        Chain("netdev", "lab", "c", "filter", "ingress", 3, "accept"),
    }
    assert [chain.name for chain in found if chain.table == "filter"] == ["FORWARD", "MINE"]  # the kernel's order


def test_counters_and_hooks(in_sandbox: InSandbox) -> None:
    def read(lab: Lab) -> tuple[Rule, ...]:
        lab.shell("iptables-nft -N MINE")
        lab.shell("iptables-nft -A MINE -p udp")
        lab.shell("iptables-nft -A OUTPUT -p udp -d 127.0.0.5 -j MINE")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x" * 72, ("127.0.0.5", 9))
        return _read(lab)[1]

    found = {rule.chain: rule for rule in in_sandbox(read)}
    assert found["MINE"] == Rule("ip", "filter", "MINE", "", ("meta l4proto udp",), "", 1, 100)
    assert found["OUTPUT"] == Rule("ip", "filter", "OUTPUT", "output", ("ip daddr 127.0.0.5", "meta l4proto udp"),
                                   "jump MINE", 1, 100)


def test_nothing_set_up(in_sandbox: InSandbox) -> None:
    assert in_sandbox(_read) == ((), ())


@pytest.mark.parametrize(("match", "named"), [
    ("iif 1", "iifname lo"), ("oif != 2", "oifname != eth0"), ("iif { 1, 2 }", "iifname { lo, eth0 }"),
    ("iif 9", "iif 9"), ("iif 1-2", "iif 1-2"), ("iiftype ether", "iiftype ether"),
])
def test_interfaces_by_name(match: str, named: str) -> None:
    rule = Rule("ip", "filter", "FORWARD", "forward", ("iif 2", match), "drop", 0, 0)
    assert with_names(rule, {1: "lo", 2: "eth0"}).matches == tuple(sorted(("iifname eth0", named)))


def test_legacy_tables() -> None:
    assert legacy_tables("nat\nfilter\n") == ("nat", "filter")
    assert legacy_tables("") == ()


# Rules from a kernel or a tool that is newer than this reader


@settings(max_examples=300, deadline=None)
@given(family=st.sampled_from([0, 1, 2, 3, 5, 7, 10, 99]), octets=st.binary(max_size=200))
def test_octets_without_sense_are_no_crash(family: int, octets: bytes) -> None:
    decode(family, octets)


def _real_expressions(lab: Lab) -> list[bytes]:
    for table in ("nat", "filter", "mangle"):
        lab.shell(f"iptables-nft -t {table} -N MINE")
    for place, rule, *_ in SAME:
        if place.family == "ip":
            lab.shell(f"iptables-nft -t {place.table} -A {place.chain} {rule}")
    bodies = lab.namespaces.host.netfilter.dump(messages.GETRULE, messages.header(), "dump")
    return [attributes(body, 4)[messages.RULE_EXPRESSIONS] for body in bodies]


def test_a_field_too_long_for_a_register() -> None:
    compared = messages.load_payload(messages.NETWORK_HEADER, 12, 1 << 31) + messages.compare(messages.EQ, b"a")
    assert decode(messages.IPV4, compared).matches == ("expr cmp", "expr payload")


def test_damaged_rules_are_no_crash(in_sandbox: InSandbox) -> None:
    real = in_sandbox(_real_expressions)

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(real), st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1))
    def survives(which: bytes, damage: list[tuple[int, int]]) -> None:
        octets = bytearray(which)
        for place, value in damage:
            octets[place % len(octets)] = value
        decode(messages.IPV4, bytes(octets))

    survives()
