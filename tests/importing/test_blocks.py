"""Code in notes: what is a command, what a prompt, what was printed, and what is only spoken of."""

from __future__ import annotations

import pytest

from labrunner.importing.blocks import Found, LeftOut, read
from labrunner.importing.notes import Snippet

BLOCKS = [
    ("", "ip netns add a\nip netns add b", ["1 ip netns add a", "2 ip netns add b"]),
    ("bash", "# a comment\nip netns add a # and another", ["2 ip netns add a"]),
    ("console", "$ ip netns add a\n$ ip netns list\na", ["1 ip netns add a", "2 ip netns list", "3 left out: a"]),
    ("", "# ip netns add a\n# ip netns list\na", ["1 ip netns add a", "2 ip netns list", "3 left out: a"]),
    ("", "# ip netns add a\nip netns add b", ["2 ip netns add b"]),
    ("sh", "# ip forwarding has to be on\nip netns add b", ["2 ip netns add b"]),
    ("", "me@box:~/x$ sudo ip netns add a\n[me@box x]# ip netns add b\nroot@box:/# ip netns add c",
     ["1 ip netns add a", "2 ip netns add b", "3 ip netns add c"]),
    ("", "bash-5.1# ip netns add a\n/ # ip netns add b\n~ $ ip netns add c",
     ["1 ip netns add a", "2 ip netns add b", "3 ip netns add c"]),
    ("", "$ ip link add a \\\n    type bridge\n$ ip a", ["1 ip link add a      type bridge", "3 ip a"]),
    ("", "$ for x in a b; do\n>   ip netns add $x\n> done\nok",
     ["1 for x in a b; do\n  ip netns add $x\ndone", "4 left out: ok"]),
    ("", "$ unheard-of thing\n", ["1 unheard-of thing"]),
    ("", "sudo -E ip netns add a; sudo ip netns add b", ["1 ip netns add a", "1 ip netns add b"]),
    ("", "1: lo: <LOOPBACK> mtu 65536\n   link/loopback", ["1 left out: 1: lo: <LOOPBACK> mtu 65536"]),
    ("", "ip a\n1: lo: <LOOPBACK> mtu 65536\n   link/loopback\nip r",
     ["1 ip a", "2 left out: 1: lo: <LOOPBACK> mtu 65536", "4 ip r"]),
    ("", "echo 'not closed\nip a", ["1 left out: echo 'not closed", "2 ip a"]),
    ("", "FROM alpine\nRUN ip netns add a", ["1 left out: FROM alpine"]),
    ("", "# syntax\nFROM alpine\nRUN ip a", ["1 left out: # syntax"]),
    ("dockerfile", "FROM alpine", ["1 left out: FROM alpine"]),
    ("json", "{}", ["1 left out: {}"]),
    ("python", "ip = 1", ["1 left out: ip = 1"]),
    ("", "\n \n", []),
    ("", "  501  sudo ip netns add a\n  502* ip netns add b\n", ["1 ip netns add a", "2 ip netns add b"]),
    ("", " 7  2024-02-01 10:11:12 ip netns add a", ["1 ip netns add a"]),
    ("", "host:~# ip netns add a\nhost:/tmp$ ip netns list\na",
     ["1 ip netns add a", "2 ip netns list", "3 left out: a"]),
]
SENTENCES = [
    ("ip netns add a", ["1 ip netns add a"]),
    ("$ sudo ip netns add a && ip netns add b", ["1 ip netns add a", "1 ip netns add b"]),
    ("eth0", []), ("! -o br0", []), ("192.168.0.0/24", []), ("ip", []), ("net.ipv4.ip_forward", []),
    ("ip netns", ["1 left out: ip netns"]), ("ip link", ["1 left out: ip link"]),
    ("ip netns add", ["1 left out: ip netns add"]), ("ip link show", ["1 ip link show"]),
    ("ip -n a link", ["1 left out: ip -n a link"]),
    ("ip forwarding is on", []), ("test the thing", ["1 test the thing"]),
    ("runc create", ["1 left out: runc create"]), ("docker pull", ["1 left out: docker pull"]),
    ("runc create web", ["1 runc create web"]),
    ("iptables -t nat", ["1 left out: iptables -t nat"]), ("iptables -S", ["1 iptables -S"]),
    ("tar -xC", ["1 left out: tar -xC"]), ("sysctl -w", ["1 left out: sysctl -w"]),
    ("nft list ruleset", ["1 nft list ruleset"]), ("exit", ["1 exit"]), ("history", []),
]


def shown(snippet: Snippet) -> list[str]:
    return [f"{each.line} {each.text}" if isinstance(each, Found) else f"{each.line} left out: {each.text}"
            for each in read(snippet)]


@pytest.mark.parametrize(("language", "text", "found"), BLOCKS, ids=[text for _, text, _ in BLOCKS])
def test_a_block(language: str, text: str, found: list[str]) -> None:
    assert shown(Snippet(text, 1, language)) == found


@pytest.mark.parametrize(("text", "found"), SENTENCES, ids=[text for text, _ in SENTENCES])
def test_code_in_a_sentence(text: str, found: list[str]) -> None:
    assert shown(Snippet(text, 1, None)) == found


def test_what_a_command_printed_goes_with_it() -> None:
    said = list(read(Snippet("$ ping -c 1 10.0.0.1\n1 packets, 100% packet loss\n$ ip a", 7, "console")))
    assert [each.output for each in said if isinstance(each, Found)] == ["1 packets, 100% packet loss", ""]


def test_how_much_was_left_out() -> None:
    block = Snippet("eth0: up\nlo: up\n  mtu 1500\nip a\nlo: up", 1, "")
    told = [each.why for each in read(block) if isinstance(each, LeftOut)]
    assert told == ["no program that is known here, nor in 2 more lines", "no program that is known here"]
