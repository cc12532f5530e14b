"""Steps and their checks: what holds at the end of each, and until when."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labrunner.errors import UsageError
from labrunner.importing.drafting import Draft, draft
from labrunner.importing.notes import read_notes
from labrunner.importing.writing import lab_text, written
from labrunner.language.loading import load

Drafted = Callable[[str], Draft]

C1 = "ip netns add c1"
WIRE = "ip link add veth0 type veth peer name ceth0"


@pytest.fixture
def drafted(tmp_path: Path) -> Drafted:
    """drafted(text) -> Draft"""

    def made(text: str) -> Draft:
        notes = tmp_path / "notes.md"
        notes.write_text(text, "utf-8")
        return draft(read_notes(str(notes)))

    return made


def steps(*commands: str) -> str:
    """Notes of one heading for each argument."""
    return "\n".join(f"## Step {chr(65 + number)}\n```sh\n{each}\n```" for number, each in enumerate(commands))


def checks(made: Draft) -> list[list[str]]:
    return [["".join(written(check)).removeprefix("- ") + (f" until {until}" if until else "")
             for check, until in step.checks] for step in made.steps]


CHECKS = [
    ([C1], [["netns: c1"]]),
    ([C1, "ip netns del c1"], [["netns: c1 until step-b"], ["netns: {name: c1, exists: false}"]]),
    ([f"{C1}\nip netns del c1"], [["netns: {name: c1, exists: false}"]]),
    ([WIRE],
     [["interface: {name: veth0, kind: veth, peer: ceth0}", "interface: {name: ceth0, kind: veth, peer: veth0}"]]),
    ([f"{C1}\n{WIRE}\nip link set ceth0 netns c1"],
     [["netns: c1", "interface: {name: veth0, kind: veth, peer: ceth0, peer_netns: c1}",
       "interface: {name: ceth0, netns: c1, kind: veth, peer: veth0, peer_netns: labhost}"]]),
    ([f"{C1}\n{WIRE}", "ip link set ceth0 netns c1"],
     [["netns: c1", "interface: {name: veth0, kind: veth, peer: ceth0}",
       "interface: {name: ceth0, kind: veth, peer: veth0} until step-b"],
      ["interface: {name: ceth0, netns: c1, kind: veth, peer: veth0, peer_netns: labhost}",
       "interface: {name: veth0, peer: ceth0, peer_netns: c1}"]]),
    ([WIRE, "ip link set veth0 up\nip a add 10.0.0.1/24 dev veth0", "ip a del 10.0.0.1/24 dev veth0"],
     [["interface: {name: veth0, kind: veth, peer: ceth0}", "interface: {name: ceth0, kind: veth, peer: veth0}"],
      ["interface: {name: veth0, up: true, address: 10.0.0.1/24} until step-c"],
      ["interface: {name: veth0, address: none}"]]),
    (["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0", f"{C1}\nip link set br0 netns c1",
      "ip -n c1 a add 10.0.1.1/24 dev br0"],
     [["interface: {name: br0, kind: bridge, address: 10.0.0.1/24} until step-b"],
      ["netns: c1", "interface: {name: br0, netns: c1, kind: bridge}"],
      ["interface: {name: br0, netns: c1, address: 10.0.1.1/24}"]]),
    ([WIRE, "ip a add 10.0.0.1/24 dev veth0", "ip a add 10.0.1.1/24 dev veth0"],
     [["interface: {name: veth0, kind: veth, peer: ceth0}", "interface: {name: ceth0, kind: veth, peer: veth0}"],
      ["interface: {name: veth0, address: 10.0.0.1/24}"],
      ["interface: {name: veth0, address: [10.0.0.1/24, 10.0.1.1/24]}"]]),
    (["ip link add br0 type bridge\nip link set br0 up", "ip link set br0 down", "ip link del br0"],
     [["interface: {name: br0, kind: bridge, up: true} until step-b"],
      ["interface: {name: br0, up: false} until step-c"],
      ["interface: {name: br0, exists: false}"]]),
    ([f"ip link add br0 type bridge\n{WIRE}\nip link set veth0 master br0", "ip link set veth0 nomaster"],
     [["interface: {name: br0, kind: bridge}",
       "interface: {name: veth0, kind: veth, master: br0, peer: ceth0} until step-b",
       "interface: {name: ceth0, kind: veth, peer: veth0}"], ["interface: {name: veth0, master: none}"]]),
    *((["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0\nip link set br0 up",
        "ip r add default via 10.0.0.2", f"{C1}\n{gone}"],
       [["interface: {name: br0, kind: bridge, up: true, address: 10.0.0.1/24} until step-c"],
        ["route: {destination: default, gateway: 10.0.0.2} until step-c"], ["netns: c1", *left]])
      for gone, left in (("ip a flush dev br0", []),
                         ("ip a del 10.0.0.1/24 dev br0", ["interface: {name: br0, address: none}"]))),
    (["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0\nip link set br0 up",
      "ip r add default via 10.0.0.2", "ip link set br0 down"],
     [["interface: {name: br0, kind: bridge, up: true, address: 10.0.0.1/24} until step-c"],
      ["route: {destination: default, gateway: 10.0.0.2} until step-c"], ["interface: {name: br0, up: false}"]]),
    (["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0\nip r add default via 10.0.0.2",
      "ip r del default via 10.0.0.2"],
     [["interface: {name: br0, kind: bridge, address: 10.0.0.1/24}",
       "route: {destination: default, gateway: 10.0.0.2} until step-b"],
      ["route: {destination: default, exists: false}"]]),
    (["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0\nip r add default via 10.0.0.2",
      "ip r replace default via 10.0.0.3\nip link set br0 up"],
     [["interface: {name: br0, kind: bridge, address: 10.0.0.1/24}",
       "route: {destination: default, gateway: 10.0.0.2} until step-b"], ["interface: {name: br0, up: true}"]]),
    (["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0",
      "ip addr flush dev br0\nip link add br1 type bridge"],
     [["interface: {name: br0, kind: bridge, address: 10.0.0.1/24} until step-b"],
      ["interface: {name: br1, kind: bridge}"]]),
    (["ip link add br0 type bridge\nip a add 10.0.0.1/24 dev br0", C1, "ip addr flush dev br0"],
     [["interface: {name: br0, kind: bridge, address: 10.0.0.1/24} until step-b"], ["netns: c1"]]),
    ([C1, "ip link add br0 type bridge", "ip addr flush dev br0"],
     [["netns: c1"], ["interface: {name: br0, kind: bridge}"]]),
    (["sysctl -w net.ipv4.ip_forward=1", "echo 0 > /proc/sys/net/ipv4/ip_forward"],
     [["sysctl: {name: net.ipv4.ip_forward, value: 1} until step-b"],
      ["sysctl: {name: net.ipv4.ip_forward, value: 0}"]]),
    (["iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", "iptables -t nat -F\nip netns add x"],
     [["nat: 10.0.0.0/8 until step-b"], ["netns: x"]]),
    (["iptables -A FORWARD -j DROP", "iptables -D FORWARD -j DROP"],
     [["rule: {hook: forward, jump: DROP} until step-b"], ["rule: {hook: forward, jump: DROP, exists: false}"]]),
    (["iptables -P FORWARD DROP", "iptables -P FORWARD ACCEPT"],
     [["chain_policy: {hook: forward, policy: DROP} until step-b"], ["chain_policy: {hook: forward, policy: ACCEPT}"]]),
    (["iptables -N MINE\niptables -A MINE -j DROP"], [["rule: {chain: MINE, jump: DROP}"]]),
    ([C1, "ping -c 1 127.0.0.1", "ip link add br0 type bridge"],
     [["netns: c1"], ["ping: {to: 127.0.0.1} until step-c"], ["interface: {name: br0, kind: bridge}"]]),
    (["ip netns exec c1 curl -s http://10.0.0.1:81/x"], [["http: {from: c1, to: 10.0.0.1, port: 81, path: /x}"]]),
]


@pytest.mark.parametrize(("commands", "expected"), CHECKS, ids=["; ".join(commands) for commands, _ in CHECKS])
def test_checks(drafted: Drafted, commands: list[str], expected: list[list[str]]) -> None:
    assert checks(drafted(steps(*commands))) == expected


def test_a_step_that_cannot_be_checked_goes_into_the_next(drafted: Drafted) -> None:
    made = drafted(steps("ip a", C1, "ip r"))
    assert [step.title for step in made.steps] == ["Step B"]
    assert [written_do(entry) for entry in made.steps[0].entries] == ["- run: ip a", "- add_netns: c1", "- run: ip r"]
    assert made.steps[0].teach == "**Step A**\n\n**Step C**"
    assert [remark.says.partition(";")[2] for remark in made.remarks] == [
        " it is done at the beginning of the step 'Step B'", " it is done at the end of the last step"]


def written_do(entry: object) -> str:
    return "".join(written(entry))  # type: ignore[arg-type]


def test_what_undoes_all_that_is_checked_is_left_out(drafted: Drafted) -> None:
    made = drafted(steps("ip link add br0 type bridge", "ip addr flush dev br0"))
    assert [each.title for each in made.steps] == ["Step A"]
    assert [written_do(entry) for entry in made.steps[0].entries] == ["- add_bridge: br0"]
    assert [(each.text, each.line) for each in made.left_out] == [("Step B", 5)]


REMARKS = [
    ("ip link set veth0 up", ["nothing in the notes makes the interface veth0 in labhost"]),
    ("ip link set veth0 up\nip link set veth0 down", ["nothing in the notes makes the interface veth0 in labhost"]),
    (f"{C1}\n{WIRE}\nip link set ceth0 netns c1\nip link set ceth0 up",
     ["the interface ceth0 is in c1 by then, not in labhost"]),
    ("ip -n c9 link set lo up", ["nothing in the notes makes the network namespace c9"]),
    ("ip netns del c9", ["nothing in the notes makes the network namespace c9"]),
    (f"{WIRE}\nip link set veth0 master br0", ["nothing in the notes makes the interface br0 in labhost"]),
    (f"{WIRE}\nip r add default via 10.0.0.1",
     ["10.0.0.1 is on no wire of labhost by then, and the kernel takes no such gateway"]),
    (f"{C1}\nip -n c1 link set lo up", []),
    ("ip link set eth0 up", []),
    ("ip link add x0 type veth peer name y0 mtu 9000\nip link set x0 up", []),
]


@pytest.mark.parametrize(("commands", "remarks"), REMARKS)
def test_names_that_nothing_makes(drafted: Drafted, commands: str, remarks: list[str]) -> None:
    assert [remark.says for remark in drafted(steps(commands)).remarks] == remarks


WORLDS = [("ip link set eth0 up", "internet"), (f"{WIRE}", "empty"),
          ("ip r add 10.0.0.0/8 via 203.0.113.1", "internet"),
          ("iptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE", "internet"),
          ("ip link add veth0 type veth peer name eth0\nip link set eth0 up", "empty")]


@pytest.mark.parametrize(("commands", "world"), WORLDS)
def test_the_world_is_the_one_that_the_commands_expect(drafted: Drafted, commands: str, world: str) -> None:
    assert drafted(steps(commands)).world == world


TITLES = [
    ("# Lab\n## One\n`ip netns add a`\n## Two\n`ip netns add b`", ["One", "Two"]),
    ("1. one thing\n   `ip netns add a`\n2. another: `ip netns add b`", ["One thing", "Another"]),
    ("## One\n- `ip netns add a`\n- `ip netns add b`", ["One"]),
    ("1. one\n```\nip netns add a\n```\n2. two\n```\nip netns add b\n```", ["One", "Two"]),
    ("## One\n- why: because\n- what: `ip netns add a`\n\nAnd then, something else\n`ip netns add b`",
     ["What", "And then, something else"]),
    ("`ip netns add a`", ["Step 1"]),
    ("One\n===\n`ip netns add a`", ["One"]),
    ("- [**one**](x) with *stars*:\n\n  `ip netns add a`", ["One with stars"]),
    ("- one\n  - `ip netns add a`\n  - more: `ip netns add b`", ["One"]),
    ("> ## Quoted\n> `ip netns add a`\n", ["Quoted"]),
    ("- [ ] one: `ip netns add a`\n- [x] `ip netns add b`", ["One"]),
]


@pytest.mark.parametrize(("text", "titles"), TITLES)
def test_titles(drafted: Drafted, text: str, titles: list[str]) -> None:
    made = drafted(text)
    assert [step.title for step in made.steps] == titles
    assert len({step.id for step in made.steps}) == len(titles)


def test_ids_are_short_plain_and_each_its_own(drafted: Drafted) -> None:
    made = drafted("".join(f"## {title}\n`ip netns add {number}x`\n" for number, title in enumerate(
        ("Über das Netz", "Über das Netz", "Große Größe", "1",
         "A very long title that goes on and on without an end", "日本"))))
    assert [step.id for step in made.steps] == ["uber-das-netz", "uber-das-netz-2", "grosse-grosse", "step-1",
                                                "a-very-long-title-that-goes-on", "step"]


def test_an_id_that_yaml_takes_for_something_else(drafted: Drafted, tmp_path: Path) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(lab_text(drafted("## Null\n`ip netns add a`\n## Off\n`ip netns del a`")))
    assert [step.id for step in load(str(lab)).steps] == ["null", "off"]


NOTHING = [("", "no command of a shell stands in it"), ("words `eth0`", "no command of a shell"),
           ("`ip link show`", "make no namespace"), ("`docker pull x`", "all was left out, the first of it in line 1")]


@pytest.mark.parametrize(("text", "why"), NOTHING)
def test_notes_without_anything_to_check(drafted: Drafted, text: str, why: str) -> None:
    with pytest.raises(UsageError, match=r"nothing in notes\.md that a lab could check") as told:
        drafted(text)
    assert why in told.value.why
    assert told.value.mend
