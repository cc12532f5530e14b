"""What does not come into a lab, each with the reason."""

from __future__ import annotations

import pytest

from labrunner.importing.learner_shell import LearnerShell
from labrunner.importing.reasons import why_not

LEFT_OUT = [
    ("tar -xC <dest>", "<dest> stands for something"),
    ("ip netns add NAME", "NAME stands for something"),
    ("ip link set ceth0 netns PID", "PID stands for something"),
    ("ip link set ...", "... stands for something"),
    ("ip link set [DEVICE] up", "[DEVICE] stands for something"),
    ("docker run -d web", "docker needs a daemon"),
    ("sudo docker ps", "docker needs a daemon"),
    ("tar -xf <(docker export web)", "docker needs a daemon"),
    ("docker export $(docker create web) | tar -xC /tmp/x", "docker needs a daemon"),
    ("true && apt-get install -y iproute2", "apt-get needs the network"),
    ("ip netns exec c1 dhclient eth0", "dhclient needs the network"),
    ("curl https://example.com/x", "example.com is a host of the real internet"),
    ("ip netns exec c1 ping -c 1 8.8.8.8", "8.8.8.8 is a host of the real internet"),
    ("vim /tmp/x", "vim waits for a person"),
    ("sudo bash", "bash waits for a person"),
    ("ip netns exec c1 bash", "bash waits for a person"),
    ("nsenter -t 4 -n bash", "nsenter waits for a person"),
    ("unshare -n", "unshare waits for a person"),
    ("sudo -i", "one is root"),
    ("sudo su -", "one is root"),
    ("runc run web", "runc waits for a person"),
    ("runc exec -t web sh", "runc waits for a person"),
    ("tcpdump -i br0", "it does not end"),
    ("ip monitor", "it does not end"),
    ("python3 -m http.server 80", "it does not end"),
    ("nc -l 80", "it does not end"),
    ("tail -f /tmp/x", "it does not end"),
    ("rm -rf /", "it would destroy something"),
    ("rm -rf /*", "it would destroy something"),
    ("rm -fr --no-preserve-root /", "it would destroy something"),
    ("mkfs.ext4 /dev/sda1", "it would destroy something"),
    ("dd if=/dev/zero of=/dev/sda", "it would destroy something"),
    (":(){ :|:& };:", "it would destroy something"),
    ("reboot", "it would destroy something"),
    ("kill -9 1", "it would end the lab"),
    ("kill -9 -1", "it would end the lab"),
    ("echo {{ x }}", "{{ and {% begin a template"),
    ("echo \ufffd", "control character"),
]
KEPT = [
    "tar -xC /tmp/x", "cat < /tmp/in > /tmp/out", "echo '<dest>' > /tmp/x", "cat > /tmp/x <<E\n<b>...</b>\nE",
    "iptables -P FORWARD DROP", "iptables -t nat -A POSTROUTING -j MASQUERADE", "curl http://192.168.0.2:8080/",
    "ping -c 1 192.168.0.2", "curl http://localhost/", "nc -z 10.0.0.1 80", "bash -c 'ip a'", "bash /tmp/x.sh",
    "nsenter -t 4 -n ip a", "unshare -n ip a", "runc run -d web", "runc exec web ls", "tcpdump -c 3 -i br0",
    "timeout 3 tcpdump -i br0", "tcpdump -i br0 > /tmp/x 2>&1 &", "python3 -m http.server 80 &", "tail -n 3 /tmp/x",
    "rm -rf /tmp/x", "rm -r rootfs/", "dd if=/dev/zero of=/tmp/x count=1", "echo x > /dev/null", "kill -9 4711",
    "ls docker", "echo apt is a tool", "mkdir -p /tmp/docker", "ip link show docker0", "echo ${X:-1}",
    "kill $(cat /tmp/pid)",
]


@pytest.mark.parametrize(("command", "why"), LEFT_OUT, ids=[command for command, _ in LEFT_OUT])
def test_left_out(command: str, why: str) -> None:
    assert why in why_not(command)


@pytest.mark.parametrize("command", KEPT)
def test_kept(command: str) -> None:
    assert why_not(command) == ""


def test_a_variable_has_the_value_that_the_notes_give_it() -> None:
    shell = LearnerShell()
    assert shell.unset("ip netns add $NS") == "$NS"
    assert shell.keeps("NS=red")
    assert shell.keeps('export DEV="${NS}0"')
    assert shell.unset("ip netns add $NS") == ""
    assert shell.filled("ip -n $NS link set ${DEV} up; echo '$NS'") == "ip -n red link set red0 up; echo '$NS'"
    assert shell.alone("ip netns add red") == "ip netns add red"


def test_what_only_a_shell_can_tell_goes_with_the_command() -> None:
    shell = LearnerShell()
    assert shell.keeps("pid=$(cat /tmp/pid)")
    assert shell.unset("kill $pid") == ""
    assert shell.alone(shell.filled("kill $pid")) == "pid=$(cat /tmp/pid) && kill $pid"


@pytest.mark.parametrize("command", [
    "for x in a b; do echo $x; done", "read y; echo $y", "cat f | while read l; do echo $l; done", "echo '$z'",
    "echo $HOME $$ $? $1", "x=1; echo $x", "x=1 sh -c 'echo $x'"])
def test_a_variable_that_the_command_itself_sets(command: str) -> None:
    assert LearnerShell().unset(command) == ""


def test_folders_are_entered_again() -> None:
    shell = LearnerShell()
    assert shell.keeps("cd bundle")
    assert shell.keeps("cd rootfs")
    assert shell.alone("ls") == "cd bundle && cd rootfs && ls"
    assert shell.keeps("cd /tmp")
    assert shell.alone("ls") == "cd /tmp && ls"
    assert not shell.keeps("cd /tmp extra")
    assert shell.alone("ip rule add from 10.0.0.0/24 table 7") == "ip rule add from 10.0.0.0/24 table 7"
    assert shell.alone("ip netns exec red ./server") == "cd /tmp && ip netns exec red ./server"
    assert shell.alone("ip a > links") == "cd /tmp && ip a > links"


@pytest.mark.parametrize("command", ["exit", "logout", "history", "set -eu", "set -euo pipefail"])
def test_what_is_of_the_shell_alone(command: str) -> None:
    assert LearnerShell().keeps(command)
