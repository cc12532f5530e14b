"""Shortcuts that leave the files, names and numbers of a deed without the deed: no step passes by them."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.system.desk import Desk
from tests.system.learning import said


class Fake(NamedTuple):
    """lab, step: where it is tried.  script: what the learner runs in place of the deed."""

    lab: str
    step: str
    script: str


NAMED = "(exec -a runc sleep 1000) < /dev/null > /dev/null 2>&1 & pid=$!; "
STATE = """mkdir -p /run/runc/c1; started=$(sed 's/.*) //' /proc/$pid/stat | cut -d' ' -f20)
printf '{"id":"c1","init_process_pid":%s,"init_process_start":%s,"config":{"labels":["bundle=/tmp/c1"]}}' \\
  $pid $started > /run/runc/c1/state.json; """
LINE = "echo '2026-01-01T00:00:00.000000000+00:00 stdout F {}' >> /run/conmon/c1/log"

FAKES: dict[str, Fake] = {
    "a second name of the host's own netns": Fake("netns-veth", "namespace", """
        touch /run/netns/container-1; mount --bind /proc/self/ns/net /run/netns/container-1"""),
    "a state file and a process named runc": Fake(
        "runc-lifecycle", "create", f"{NAMED}{STATE} mkfifo /run/runc/c1/exec.fifo"),
    "a state file of a container made by hand": Fake("runc-lifecycle", "create", """
        unshare -mnpuif chroot /tmp/c1/rootfs /bin/busybox sh -c 'sleep 2345; true' 'runc init' \\
          < /dev/null > /dev/null 2>&1 &
        until pid=$(pgrep -f "^/bin/busybox sh.*runc init"); do :; done; kill -9 $!; """
        f"{STATE} mkfifo /run/runc/c1/exec.fifo"),
    "a fifo that is gone": Fake("runc-lifecycle", "start", "rm /run/runc/c1/exec.fifo"),
    "a state file of a process that has ended": Fake(
        "runc-lifecycle", "kill", """sed -i 's/"init_process_pid":[0-9]*/"init_process_pid":4194303/' \\
          /run/runc/c1/state.json; kill -9 $(pgrep -f "[s]leep 2000")"""),
    "a state folder that is gone": Fake(
        "runc-lifecycle", "kill", "rm -r /run/runc/c1; kill -9 $(pgrep -f '[s]leep 2000')"),
    "a counter that was set, behind the rule that takes all": Fake("nat", "masquerade", """
        iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
        iptables -t nat -A POSTROUTING -s 192.168.0.0/24 -j MASQUERADE -c 10 840"""),
    "a counter of nft that was set": Fake("nat", "masquerade", """
        iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
        nft add table ip mine
        nft 'add chain ip mine out { type nat hook postrouting priority 200; }'
        nft add rule ip mine out ip saddr 192.168.0.0/24 counter packets 10 bytes 840 masquerade"""),
    "a counter that is set again and again": Fake("nat", "masquerade", """
        iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
        iptables -t nat -A POSTROUTING -s 192.168.0.0/24 -j MASQUERADE
        (n=10; while :; do
          iptables -t nat -R POSTROUTING 2 -s 192.168.0.0/24 -j MASQUERADE -c $((n += 10)) 840; done) \\
          < /dev/null > /dev/null 2>&1 &"""),
    "a table that is made again, with another counter": Fake("nat", "masquerade", """
        iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
        nft 'add table ip mine; add chain ip mine out { type nat hook postrouting priority 200; }'
        nft add rule ip mine out ip saddr 192.168.0.0/24 counter masquerade
        (n=10; while :; do nft "delete table ip mine; add table ip mine;
          add chain ip mine out { type nat hook postrouting priority 200; };
          add rule ip mine out ip saddr 192.168.0.0/24 counter packets $((n += 10)) bytes 840 masquerade"; done) \\
          < /dev/null > /dev/null 2>&1 &"""),
    "a line in the log of a shim": Fake("attach-vs-exec", "attach", f"{LINE.format('pid 1, parent 0, /dev/pts/0')}"),
    "a line in the log of a shim without a terminal": Fake("container-shim", "attach", LINE.format("hello from 1")),
    "a log that is another file": Fake("container-shim", "attach", f"""cd /run/conmon/c1; cp log /tmp/log; rm log
        cp /tmp/log log; {LINE.format("hello from 1")}"""),
    "a shim by its name": Fake("container-shim", "second", """
        cd /tmp/sleeper && runc create --bundle /tmp/sleeper c2 < /dev/null > /dev/null 2>&1; runc start c2
        (exec -a conmon sleep 1000 --cid c2 --cuuid c2) < /dev/null > /dev/null 2>&1 & true"""),
    "an exit status of a container that runs": Fake("attach-vs-exec", "leave", "echo 7 > /run/conmon/e1/exit"),
    "a counter of a filter that was set": Fake("iptables", "stateful", """
        iptables -A FORWARD -i br0 -j ACCEPT
        iptables -A FORWARD -i eth0 -j ACCEPT
        iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT -c 10 840"""),
}


@pytest.mark.parametrize("fake", FAKES)
def test_no_step_passes_by_a_shortcut(desk: Desk, fake: str) -> None:
    lab, step, script = FAKES[fake]
    said(desk, "start", lab, "--no-shell")
    said(desk, "goto", step)
    before = said(desk, "status")
    done = desk.script("shell", "bash", "-c", script)
    assert done.returncode == 0, done
    assert "✗" in said(desk, "check", code=1)
    assert said(desk, "status").count("✓") == before.count("✓")
