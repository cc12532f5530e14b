"""What a sandbox is for: the lab host, its root, and the commands that are run there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.system.sandbox.inside import Problem

if TYPE_CHECKING:
    from tests.system.sandbox.inside import Inside


def test_one_is_root_on_a_host_of_ones_own(lab: Inside) -> None:
    assert lab.output("hostname; id -u; id -g; groups; pwd; echo ~") == "labhost\n0\n0\nroot\n/root\n/root"


@pytest.mark.parametrize("command", [
    "sudo id -u", "sudo -u nobody id -u", "sudo --user nobody id -u", "sudo -E -n id -u", "sudo -- id -u",
    "sudo -u root -g root id -u"])
def test_sudo_runs_the_command(lab: Inside, command: str) -> None:
    assert lab.output(command) == "0"


def test_sudo_sets_variables(lab: Inside) -> None:
    assert lab.output("sudo A=1 B='two words' sh -c 'echo $A $B'") == "1 two words"


def test_sudo_keeps_arguments_and_status(lab: Inside) -> None:
    done = lab.shell("sudo sh -c 'printf %s/ \"$@\"; exit 3' - 'a  b' '' '*' -u")
    assert (done.status, done.output) == (3, "a  b//*/-u/")


def test_sudo_alone_says_how(lab: Inside) -> None:
    done = lab.shell("sudo")
    assert (done.status, done.output) == (1, "")
    assert "usage: sudo COMMAND" in done.errors


@pytest.mark.parametrize("folder", ["/run", "/tmp", "/dev/shm", "$HOME"])
def test_private_folders_can_be_written(lab: Inside, folder: str) -> None:
    assert lab.output(f'echo yes > "{folder}/file"; cat "{folder}/file"; rm "{folder}/file"') == "yes"


def test_the_machines_files_can_be_read(lab: Inside) -> None:
    assert "root:x:0:0:" in lab.output("cat /etc/passwd")


def test_ip_makes_network_namespaces(lab: Inside) -> None:
    show = "ip netns add one; ip netns list; ip netns exec one ls /sys/class/net; ip -n one -br link; ip netns del one"
    assert [line.split()[0] for line in lab.output(show).splitlines()] == ["one", "lo", "lo"]


def test_iptables_masquerades(lab: Inside) -> None:
    rule = "POSTROUTING -s 10.0.0.0/8 -j MASQUERADE"
    show = f"iptables -t nat -A {rule}; iptables -t nat -S POSTROUTING; iptables -t nat -D {rule}"
    assert f"-A {rule}" in lab.output(show).splitlines()


def test_links_are_the_labs_alone(lab: Inside) -> None:
    assert lab.output("ip link add v0 type veth peer name v1; ls /sys/class/net; ip link del v0") == "lo\nv0\nv1"


def test_processes_are_the_labs_alone(lab: Inside) -> None:
    assert lab.output("cd /proc; echo [0-9]*").split()[0] == "1"
    parents = lab.output("grep -h PPid /proc/[0-9]*/status").split()[1::2]
    assert parents.count("0") == 1, "one process, PID 1, has its parent outside"


def test_cgroups_are_seen_as_version_2(lab: Inside) -> None:
    assert lab.output("stat -f -c %T /sys/fs/cgroup; cat /proc/self/cgroup | grep ^0:") == "cgroup2fs\n0::/"


def test_devices_that_programs_expect(lab: Inside) -> None:
    names = lab.output("ls /dev").split()
    assert {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdout"} <= set(names)
    assert lab.output("echo gone > /dev/null; head -c 3 /dev/zero | wc -c") == "3"
    assert lab.output("echo there > /dev/stdout") == "there"
    assert lab.output("script -qec 'tty' /dev/null").startswith("/dev/pts/")


def test_orphans_are_reaped(lab: Inside) -> None:
    # The orphan's folder in /proc is there until it is reaped; without that the loop would not end.
    orphan = "sh -c '(sleep 0.01 & echo $!)'"
    assert lab.shell(f"pid=$({orphan}); while [ -e /proc/$pid ]; do :; done", timeout=5).status == 0
    assert lab.output("grep -l 'State:.Z' /proc/[0-9]*/status || true") == ""


def test_status_output_and_errors_come_back(lab: Inside) -> None:
    done = lab.shell("echo out; echo err >&2; exit 7")
    assert done == (7, "out\n", "err\n")
    assert lab.shell("kill -9 $$").status == -9


def test_unknown_command(lab: Inside) -> None:
    done = lab.run("no-such-command")
    assert done == (127, "", "no-such-command: No such file or directory\n")


def test_binary_output(lab: Inside) -> None:
    assert lab.shell(r"printf '\377\000ok'").output == "\ufffd\0ok"


def test_big_output(lab: Inside) -> None:
    assert lab.shell("head -c 10000000 /dev/zero | tr '\\0' x").output == "x" * 10_000_000


def test_endless_output_would_end(lab: Inside) -> None:
    limit = lab.output("grep 'Max file size' /proc/self/limits").split()
    assert limit[3:5] == [str(512 << 20)] * 2


def test_nothing_is_typed(lab: Inside) -> None:
    assert lab.output("cat; tty || true") == "not a tty"


def test_environment_is_the_labs_own(lab: Inside) -> None:
    names = {line.partition("=")[0] for line in lab.run("env").output.splitlines()}
    assert names == {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG"}
    assert lab.run("env", environment={"A": "1"}).output.splitlines()[-1] == "A=1"


def test_only_standard_descriptors_are_open(lab: Inside) -> None:
    assert lab.run("ls", "/proc/self/fd").output.split() == ["0", "1", "2", "3"]  # 3 is the folder that ls reads


def test_signals_are_as_a_shell_has_them(lab: Inside) -> None:
    assert lab.output("yes | head -1") == "y"  # and no 'Broken pipe'
    ignored = lab.output("grep -E 'Sig(Blk|Ign)' /proc/self/status").split()[1::2]
    # 32 and 33 are glibc's own; its posix_spawn(3) ignores them for the command, and who needs them sets them up anew.
    assert [int(each, 16) & ~(0b11 << 31) for each in ignored] == [0, 0]


def test_what_takes_too_long_is_killed_with_its_children(lab: Inside) -> None:
    started = time.monotonic()
    with pytest.raises(Problem, match=r"it did not end within 0\.2 s and was killed"):
        lab.shell("sleep 7531 & sleep 7531", timeout=0.2)
    assert time.monotonic() - started < 2
    left = "while cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q 'sleep 753[1]'; do :; done"
    assert lab.shell(left, timeout=5).status == 0
    assert [lab.output("echo alive") for _ in range(3)] == ["alive"] * 3


def test_too_long_a_command_is_refused(lab: Inside) -> None:
    with pytest.raises(Problem, match="bytes"):
        lab.run("echo", "x" * 100_000)
    assert lab.output("echo alive") == "alive"


def test_killing_everything_inside_leaves_the_sandbox(lab: Inside) -> None:
    lab.shell("sleep 100 & kill -9 -1")
    assert lab.output("echo alive") == "alive"


def test_names_are_the_labs_own(lab: Inside) -> None:
    assert lab.output("getent hosts labhost").split() == ["127.0.0.1", "localhost", "labhost"]
    assert lab.output("grep -c ^nameserver /etc/resolv.conf; true") == "0"


def test_a_name_that_nobody_knows_is_unknown_at_once(lab: Inside) -> None:
    started = time.monotonic()
    assert lab.shell("ip link set lo up; getent hosts nobody.example").status == 2
    assert time.monotonic() - started < 5
