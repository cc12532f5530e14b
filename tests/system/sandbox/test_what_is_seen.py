"""What a lab sees of the machine's files: its own folder, and not what lies beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system.accounts import environment, run_as

if TYPE_CHECKING:
    from tests.system.sandbox.inside import Inside

_START = """
import sys
from runtime.sandbox.handle import start
sandbox = start(sys.argv[1], sys.argv[2])
sandbox.enter()
done = sandbox.run(["/bin/sh", "-c", sys.argv[3]])
print(done.status)
print(done.output + done.errors, end="")
sandbox.stop()
"""
PR_GET_DUMPABLE = 3  # prctl(2)
Look = Callable[[Path, str], tuple[int, str]]


@pytest.fixture
def look(lab: Inside) -> Look:
    """look(lab file, shell command): its exit status and what it prints, in a lab that this file is of."""

    def look(file: Path, command: str) -> tuple[int, str]:
        done = run_as(lab.user, [lab.python, "-I", "-c", _START, lab.id_map, file, command], cwd="/", check=True)
        status, _, printed = done.stdout.partition("\n")
        return int(status), printed

    return look


@pytest.fixture(params=["home", "/var/tmp", "/srv", "/mnt", "/opt", "/tmp", "/labrun-test"])
def lab_file(request: pytest.FixtureRequest, lab: Inside) -> Iterator[Path]:
    """The file of a lab of that user's, in a folder `lab` beside a secret."""
    top = Path(request.param) if request.param != "home" else lab.user.home
    folder = top / f"labrun-test-{os.getpid()}"
    (folder / "lab/files").mkdir(parents=True)
    (folder / "secret").write_text("secret")
    (folder / "lab/lab.yaml").write_text("title: x\n")
    (folder / "lab/files/one").write_text("one")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, lab.user.uid, lab.user.gid)
    yield folder / "lab/lab.yaml"
    shutil.rmtree(folder)
    if request.param == "/labrun-test":
        top.rmdir()


def test_the_folder_of_the_lab_and_nothing_beside_it(look: Look, lab_file: Path) -> None:
    folder = lab_file.parent
    assert look(lab_file, f"cat {lab_file} {folder}/files/one")[1] == "title: x\none"
    written, _ = look(lab_file, f"touch {folder}/new || rm {lab_file} || echo > {lab_file}")
    assert (lab_file.read_text(), (folder / "new").exists()) == ("title: x\n", False)
    if not folder.is_relative_to("/opt"):  # which is shown as a whole, and written to in a layer of the lab's own
        assert written != 0
        assert look(lab_file, f"cat {folder.parent}/secret")[0] != 0
        assert look(lab_file, f"ls {folder.parent}")[1] == "lab\n"


def test_a_lab_file_that_lies_in_the_home_folder(lab: Inside, look: Look) -> None:
    file, secret = (lab.user.home / f"labrun-test-{os.getpid()}-{name}" for name in ("lab.yaml", "secret"))
    for path in (file, secret):
        path.write_text("mine")
        os.chown(path, lab.user.uid, lab.user.gid)
    try:
        assert look(file, f"cat {file}")[1] == "mine"
        assert look(file, f"cat {secret}")[0] != 0
        assert secret.name not in look(file, f"ls -a {lab.user.home}")[1]
    finally:
        file.unlink()
        secret.unlink()


def test_another_file_system_in_the_lab_folder(look: Look, lab_file: Path) -> None:
    """An overlay can't have one below it: what is beside it is shown one by one, and it is not."""
    if os.getuid():
        pytest.skip("only root can mount something for the test")
    mounted = lab_file.parent / "mounted"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mounted], check=True)
    try:
        (mounted / "secret").write_text("secret")
        assert look(lab_file, f"cat {lab_file} {lab_file.parent}/files/one")[1] == "title: x\none"
        assert look(lab_file, f"cat {mounted}/secret")[0] != 0
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_a_fifo_for_a_lab_file(look: Look, lab_file: Path) -> None:
    lab_file.unlink()
    os.mkfifo(lab_file)
    assert look(lab_file, f"cat {lab_file.parent}/files/one")[1] == "one"


@pytest.mark.parametrize("attempt", ["os.execv('/bin/true', ['true'])", "os.system('true')", "subprocess.run(['true'])",
                                     "os.posix_spawn('/bin/true', ['true'], {})"])
def test_the_judge_starts_no_program(lab: Inside, attempt: str) -> None:
    code = f"""
import os, subprocess
from runtime.sandbox.handle import start
sandbox = start({lab.id_map!r})
sandbox.enter()
try:
    status = {attempt}
except OSError as error:
    print(error.errno)
else:
    print(status)
sandbox.stop()
"""
    printed = run_as(lab.user, [lab.python, "-I", "-c", code], cwd="/", check=True).stdout
    assert printed == (f"{127 << 8}\n" if "system" in attempt else "1\n")


def test_nobody_traces_the_judge(lab: Inside) -> None:
    """As any process of the same user could otherwise: one of the lab, by a pidfd of it (pidfd_getfd(2))."""
    code = f"""
import ctypes
from runtime.sandbox.handle import start
sandbox = start({lab.id_map!r})
sandbox.enter()
print(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0))
sandbox.stop()
"""
    assert run_as(lab.user, [lab.python, "-I", "-c", code], cwd="/", check=True).stdout == "0\n"


def test_pid_1_has_forgotten_with_what_labrun_was_started(lab: Inside) -> None:
    """conftest.py starts it with SECRET='of the learner'; the lab's root may read all memory of PID 1."""
    search = """
import sys
secret, found = b" ".join([b"of", b"the", b"learner"]), 0
for line in open("/proc/1/maps"):
    begin, _, end = line.split()[0].partition("-")
    if "r" in line.split()[1] and "[v" not in line:
        with open("/proc/1/mem", "rb", 0) as memory:
            memory.seek(int(begin, 16))
            found += memory.read(int(end, 16) - int(begin, 16)).count(secret)
print(found)
"""
    assert lab.output(lab.script(search)) == "0"
    assert lab.output("tr -d '\\0' < /proc/1/environ") == ""
    assert lab.output("tr -d '\\0' < /proc/1/cmdline") == "labrun"


def test_a_part_of_the_system_with_a_file_system_of_its_own(lab: Inside) -> None:
    if os.getuid():
        pytest.skip("only root can mount something for the test")
    machine = f"""
mount -t tmpfs tmpfs /usr/local && mkdir /usr/local/bin
printf '#!/bin/sh\\necho mine\\n' > /usr/local/bin/labrun-test
mount -t tmpfs tmpfs /usr/share/doc && echo secret > /usr/share/doc/secret
chmod 755 /usr/local /usr/local/bin /usr/local/bin/labrun-test
exec setpriv --reuid {lab.user.uid} --regid {lab.user.gid} --clear-groups "$@"
"""
    command = "labrun-test; cat /usr/share/doc/secret; test -e /usr/bin/env && echo env"
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", machine, "-",
            str(lab.python), "-I", "-c", _START, lab.id_map, "", command]
    done = subprocess.run(argv, cwd="/", env=environment(lab.user), capture_output=True, text=True, check=True)
    assert done.stdout == "0\nmine\nenv\ncat: /usr/share/doc/secret: No such file or directory\n"
