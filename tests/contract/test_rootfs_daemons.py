"""Images that docker and podman have: real ones, of daemons that the tests start, stop and let hang."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import Missing, Problem, Refused
from runtime.oci.rootfs import daemons
from runtime.oci.rootfs.sources import parse
from tests.engines import BUSYBOX, DEADLINE, LINKS, Engine, eventually, use
from tests.tarballs import Item, docker_archive, lay_out, listing, oci_layout, tar, tar_of, unpack

ROOT = Path(__file__).resolve().parents[2]
MADE_BY_A_DAEMON = (".dockerenv", "dev", "etc", "proc", "sys", "run")  # in each container that one has created
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may start dockerd"),
    pytest.mark.skipif(not os.path.exists(BUSYBOX), reason="an image is made of busybox: apt install busybox-static")]


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Each of both, as labrun finds it."""
    found: Engine = request.getfixturevalue(request.param)
    use(found, monkeypatch)
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/labrun/rootfs"


def exporters() -> list[int]:
    """The PIDs of all processes of this test that have charge of a container, or make, export or remove it."""
    found, ours = [], f"XDG_CACHE_HOME={os.environ['XDG_CACHE_HOME']}".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if (b"labrun-export-" in Path("/proc", pid, "cmdline").read_bytes()
                    and ours in Path("/proc", pid, "environ").read_bytes().split(b"\0")):
                found.append(int(pid))
        except OSError:
            pass  # it has ended
    return found


def got(source: str, folder: Path) -> dict[str, tuple[Any, ...]]:
    """What a source has, without what a daemon puts into each container."""
    fd = parse(source).archive()
    try:
        return without_extras(unpack(fd, folder))
    finally:
        os.close(fd)


def without_extras(folder: Path) -> dict[str, tuple[Any, ...]]:
    """The times of folders are those of a daemon, too, when it puts something into them."""
    return {path: (*about[:3], None if about[0].startswith("d") else about[3], about[4])
            for path, about in listing(folder).items() if path.split("/")[0] not in MADE_BY_A_DAEMON}


@pytest.mark.parametrize("image", ["box:1", "command:1"])
def test_an_image_with_and_without_a_command(engine: Engine, image: str, tmp_path: Path) -> None:
    before = engine.containers()
    found = got(f"{engine.form}:{image}", tmp_path / "root")
    assert [*found] == sorted(["bin", "bin/busybox", *LINKS, "home", "home/away"], key=[*found].index)
    assert len({about[-1] for path, about in found.items() if path.startswith("bin/")}) == 1
    assert (tmp_path / "root/bin/busybox").read_bytes() == Path(BUSYBOX).read_bytes()
    assert subprocess.run(["chroot", tmp_path / "root", "/bin/sh", "-c", "echo $((6 * 7))"], capture_output=True,
                          ).stdout == b"42\n"
    assert engine.containers() == before
    assert exporters() == []


def test_what_is_kept_is_not_exported_again(engine: Engine, cache: Path, tmp_path: Path) -> None:
    told: list[int] = []
    os.close(parse(f"{engine.form}:box:1").archive(told.append))
    assert told == sorted(told)
    assert told[-1] > os.path.getsize(BUSYBOX)
    [kept] = cache.iterdir()
    again: list[int] = []
    os.close(parse(f"{engine.form}:box:1").archive(again.append))
    assert again == []
    assert [*cache.iterdir()] == [kept]


def test_a_name_that_means_another_image_now(engine: Engine, tmp_path: Path) -> None:
    engine("import", "-", "name:1", stdin=tar(Item("one")))
    assert [*got(f"{engine.form}:name:1", tmp_path / "1")] == ["one"]
    engine("import", "-", "name:1", stdin=tar(Item("two")))
    assert [*got(f"{engine.form}:name:1", tmp_path / "2")] == ["two"]


def test_the_command_does_the_same(engine: Engine, tmp_path: Path) -> None:
    before = engine.containers()
    command = parse(f"{engine.form}:command:1").command(str(tmp_path / "a folder"), "--same-owner")
    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=DEADLINE)
    engine("rm", *engine.containers() - before)  # what a person types leaves a container
    assert without_extras(tmp_path / "a folder") == got(f"{engine.form}:command:1", tmp_path / "root")


LAYERS = (
    tar(Item("a", "folder", fields={"mode": 0o711}), Item("a/x", data=b"1"), Item("a/y"), Item("b", data=b"1"),
        Item("c", "folder"), Item("c/x"), Item("c/d", "folder"), Item("c/d/x"), Item("t", "folder"), Item("t/x"),
        Item("lib", "symlink", target="usr/lib"), Item("usr", "folder"), Item("usr/lib", "folder"), Item("usr/lib/one"),
        Item("h", "hard link", target="b"), Item("s", "symlink", target="b")),
    tar(Item("a/.wh.x"), Item("b", "folder"), Item("b/in"), Item("c", "folder", fields={"mode": 0o700}),
        Item("c/.wh..wh..opq"), Item("c/new", data=b"2"), Item("lib/two", data=b"2"), Item("s", data=b"2"), Item("t")),
    tar(Item(".wh.c"), Item("c", "folder"), Item("c/last", data=b"3"), Item("lib/.wh.one"), Item(".wh.nothing"),
        Item("z", "hard link", target="h"), Item("a", "folder", fields={"mode": 0o755, "uid": 7})),
)


def test_layers_are_laid_upon_each_other_as_docker_does_it(docker: Engine, monkeypatch: pytest.MonkeyPatch,
                                                           tmp_path: Path) -> None:
    """The same image, loaded by docker and exported again, and read by labrun from the file."""
    use(docker, monkeypatch)
    (tmp_path / "image.tar").write_bytes(tar_of(docker_archive(*LAYERS, name="layers:1")))
    docker("load", "--input", f"{tmp_path}/image.tar")
    assert got(f"docker-archive:{tmp_path}/image.tar", tmp_path / "1") == got("docker-daemon:layers:1", tmp_path / "2")


@pytest.mark.parametrize(("engine", "words"), [
    ("docker", []), ("podman", []), ("podman", ["--format", "oci-archive"])], indirect=["engine"])
def test_what_is_saved_is_read(words: list[str], engine: Engine, tmp_path: Path) -> None:
    engine("save", *words, "--output", f"{tmp_path}/image.tar", "command:1")
    form = "oci" if words else "docker-archive"
    expected = got(f"{engine.form}:command:1", tmp_path / "1")
    assert got(f"{form}:{tmp_path}/image.tar", tmp_path / "2") == expected
    if words:
        unpack((tmp_path / "image.tar").read_bytes(), tmp_path / "layout")
        assert got(f"oci:{tmp_path}/layout", tmp_path / "3") == expected


@pytest.mark.parametrize("reference", ["", ":typed:1"])
def test_the_command_for_an_archive_does_the_same(reference: str, docker: Engine, monkeypatch: pytest.MonkeyPatch,
                                                  tmp_path: Path) -> None:
    use(docker, monkeypatch)
    (tmp_path / "image.tar").write_bytes(tar_of(docker_archive(*LAYERS, name="typed:1")))
    source = f"docker-archive:{tmp_path}/image.tar{reference}"
    same(source, docker, tmp_path)


LAB = """\
title: An image
steps:
  - id: unpack
    title: Unpack it
    do:
      - export_rootfs: {{to: /tmp/c1/rootfs, from: "{source}"}}
    check:
      - rootfs: {{path: /tmp/c1/rootfs, has: [/bin/busybox]}}
"""


@pytest.mark.parametrize(("image", "code", "says"), [("box:1", 0, ""), ("none:1", 4, "none:1")])
def test_a_lab_gets_it_from_outside(engine: Engine, image: str, code: int, says: str, tmp_path: Path) -> None:
    """The daemon is out of reach for a process that has gone into the sandbox."""
    (tmp_path / "lab.yaml").write_text(LAB.format(source=f"{engine.form}:{image}"))
    done = subprocess.run([f"{ROOT}/labrun", "run", tmp_path, "--json"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, "")
    [action] = json.loads(done.stdout)["steps"][0]["actions"]
    assert action["command"].startswith(f"mkdir -p /tmp/c1/rootfs && {engine.program} export $({engine.program} create")
    assert says in action.get("error", {}).get("what", "") + action.get("error", {}).get("why", "")
    eventually(lambda: not engine.containers())


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_the_command_for_a_layout_does_the_same(form: str, podman: Engine, monkeypatch: pytest.MonkeyPatch,
                                                tmp_path: Path) -> None:
    use(podman, monkeypatch)
    files = oci_layout(*LAYERS[:1])
    if form == "tar":
        (tmp_path / "image").write_bytes(tar_of(files))
    else:
        lay_out(files, tmp_path / "image")
    same(f"oci:{tmp_path}/image:box", podman, tmp_path)


def same(source: str, engine: Engine, folder: Path) -> None:
    before = engine.containers()
    done = subprocess.run(["/bin/sh", "-c", parse(source).command(str(folder / "typed"))], timeout=DEADLINE,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    engine("rm", *engine.containers() - before)
    assert without_extras(folder / "typed") == got(source, folder / "vetted")


KILLED = """
import sys
from runtime.oci.rootfs.sources import parse
def progress(total):
    print(total, flush=True)
    sys.stdin.read()
parse(sys.argv[1]).archive(progress)
"""


def start(source: str) -> subprocess.Popen[bytes]:
    """labrun, which stops at the first bytes that it gets."""
    return subprocess.Popen([sys.executable, "-c", KILLED, source], env={**os.environ, "PYTHONPATH": os.getcwd()},
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def end(run: subprocess.Popen[bytes]) -> None:
    run.kill()
    run.wait(DEADLINE)
    for pipe in (run.stdin, run.stdout):
        if pipe:
            pipe.close()


def test_killed_half_way_no_container_is_left(engine: Engine, cache: Path) -> None:
    before = engine.containers()
    run = start(f"{engine.form}:big:1")
    try:
        assert run.stdout
        assert int(run.stdout.readline()) > 0
        assert exporters()
        assert os.getsid(run.pid) not in {os.getsid(pid) for pid in exporters()}  # a Ctrl-C is not for them
        if engine.program == "docker":  # podman's list waits until the export has ended
            assert engine.containers() != before
    finally:
        end(run)
    eventually(lambda: not exporters())
    assert engine.containers() == before
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("milliseconds", [0, 20, 60, 120])
def test_killed_at_any_moment_no_container_is_left(milliseconds: int, engine: Engine) -> None:
    """Counted from when the shell with charge of the container is there."""
    before = engine.containers()
    run = start(f"{engine.form}:big:1")
    try:
        eventually(lambda: bool(exporters()))
        time.sleep(milliseconds / 1000)
    finally:
        end(run)
    eventually(lambda: not exporters())
    assert engine.containers() == before


def test_an_exception_half_way_leaves_nothing(engine: Engine) -> None:
    """Such as Ctrl-C. When it is told, the container is gone."""
    def progress(_: int) -> None:
        raise KeyboardInterrupt

    before, descriptors = engine.containers(), len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeyboardInterrupt):
        parse(f"{engine.form}:big:1").archive(progress)
    assert exporters() == []
    assert engine.containers() == before
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_no_image_is_pulled(engine: Engine) -> None:
    with pytest.raises(Refused) as caught:
        parse(f"{engine.form}:localhost:1/none:1").archive()
    assert caught.value.what == f"{engine.program} has no image localhost:1/none:1"
    assert f"'{engine.program} image inspect localhost:1/none:1': exit status 1" in caught.value.why
    assert caught.value.mend == f"{engine.program} pull localhost:1/none:1"


def test_a_hostile_image_is_refused(docker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    use(docker, monkeypatch)
    docker("import", "-", "hostile:1", stdin=tar(Item("a", "symlink", target="../../etc")))
    before = docker.containers()
    with pytest.raises(Refused) as caught:
        parse("docker-daemon:hostile:1").archive()
    assert caught.value.why == "the entry 'a' is a symlink to '../../etc', which leads out of the root"
    assert caught.value.mend == "docker export $(docker create hostile:1) | tar -tv"
    assert docker.containers() == before


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "half-way"])
def test_a_daemon_that_hangs_is_given_up(late: bool, docker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And when it goes on, it has no container of labrun's."""
    use(docker, monkeypatch)
    before, stopped = docker.containers(), list[int]()

    def stop(_: int = 0) -> None:
        if not stopped:
            os.kill(docker.pid, signal.SIGSTOP)
            stopped.append(docker.pid)

    try:
        if not late:
            stop()
        begin = time.monotonic()
        with pytest.raises(Refused) as caught:
            daemons.archive("docker", "big:1", stop, patience=0.7)
        assert 0.7 <= time.monotonic() - begin < 5
    finally:
        os.kill(docker.pid, signal.SIGCONT)
    command = "docker export $(docker create big:1)" if late else "docker image inspect big:1"
    assert caught.value.why == f"'{command}': nothing came for 0.7 s"
    assert caught.value.mend
    eventually(lambda: not exporters())
    assert docker.containers() == before


def test_a_daemon_that_does_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not shutil.which("docker"):
        pytest.skip("docker is not installed")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(Missing, match="the docker daemon does not run") as caught:
        parse("docker-daemon:box").archive()
    assert "'docker image inspect box': exit status 1: " in caught.value.why
    assert caught.value.mend == "sudo systemctl start docker"


def test_a_daemon_that_does_not_let_one_in(docker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any user but root and those in the group docker."""
    use(docker, monkeypatch)
    monkeypatch.setenv("DOCKER_CONFIG", "/nonexistent")
    what, why, mend = as_nobody(lambda: parse("docker-daemon:box:1").archive())
    assert what == "the docker daemon does not let you in"
    assert "permission denied" in why
    assert mend.startswith("sudo usermod -aG docker")


def as_nobody(call: Callable[[], object]) -> tuple[str, str, str]:
    """The Problem that a call ends with for a user without any rights."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            call()
        except Problem as problem:
            os.write(write, "\0".join((problem.what, problem.why, problem.mend)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        what, why, mend = pipe.read().split("\0")
    os.waitpid(pid, 0)
    return what, why, mend


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_a_program_that_is_not_installed(program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match=f"{program} is not installed") as caught:
        daemons.archive(program, "box", lambda _: None)
    assert caught.value.mend.startswith("sudo apt install ")


HANGS = "read never < \"$FIFO\""
ID = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(("script", "says"), [
    ("echo rubbish", "it told no digest: b'rubbish\\n'"),
    ("echo sha256:../../x", "it told no digest"),
    ("while :; do echo rubbish; done", "it told no digest: b'rubbish\\nrubbish"),
    ("exit 3", "'docker image inspect box': exit status 3: it said nothing"),
    ("kill -9 $$", "exit status -9: it said nothing"),
    ("echo oh no >&2; exit 125", "exit status 125: oh no"),
    (HANGS, "'docker image inspect box': nothing came for 0.5 s"),
    ("while :; do echo never mind >&2; done", "nothing came for 0.5 s"),
    (f"[ $1 = image ] && echo {ID}", "'docker export $(docker create box)': exit status 1: it said nothing"),
    (f"case $1 in image) echo {ID};; export) echo '<html>';; esac", "it ends after 7 bytes, in the middle"),
    (f"case $1 in image) echo {ID};; export) while :; do echo '<html>'; done;; esac", "it is damaged, or no tar"),
    (f"case $1 in image) echo {ID};; create) echo full >&2; exit 1;; esac", "exit status 1: full"),
    (f"case $1 in image) echo {ID};; export) echo gone >&2; exit 4;; esac", "exit status 4: gone"),
])
def test_a_program_that_behaves_badly(script: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake(script, monkeypatch, tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Refused) as caught:
        daemons.archive("docker", "box", lambda _: None, patience=0.5)
    assert says in caught.value.why
    assert caught.value.mend
    assert len(caught.value.why) < 70_000
    assert len(os.listdir("/proc/self/fd")) == before
    assert exporters() == []


def fake(script: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A program called docker, which says what it was asked for in the file `asked`."""
    (folder / "bin").mkdir()
    (folder / "bin/docker").write_text(f"#!/bin/sh\necho \"$@\" >> {folder}/asked\n{script}\n")
    (folder / "bin/docker").chmod(0o755)
    os.mkfifo(folder / "fifo")
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("FIFO", str(folder / "fifo"))


def test_when_it_hangs_the_container_is_removed_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also when it is the creating that hangs: who is killed then leaves a container that the daemon makes later."""
    fake(f"case $1 in image) echo {ID};; create) {HANGS};; esac", monkeypatch, tmp_path)
    with pytest.raises(Refused, match=r"nothing came for 0\.3 s"):
        daemons.archive("docker", "box", lambda _: None, patience=0.3)
    [*shells] = exporters()
    assert shells
    (tmp_path / "fifo").write_text("go on\n")
    eventually(lambda: not alive(shells))
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    name = asked[1][4]
    assert asked[:2] == [["image", "inspect", "--format", "{{.Id}}", "box"],
                         ["create", "--pull", "never", "--name", name, ID, "true"]]
    assert asked[-1] == ["rm", "--force", "--volumes", name]


def alive(pids: list[int]) -> bool:
    """Whether one of them has not ended; those that nobody has waited for have."""
    for pid in pids:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended = bool(select.select([pidfd], [], [], 0)[0])
        os.close(pidfd)
        if not ended:
            return True
    return False
