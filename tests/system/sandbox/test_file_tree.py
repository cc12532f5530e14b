"""Files of the machine: a lab reads none that it has no business with, and changes none at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runtime import syscalls
from tests.system.accounts import myself
from tests.system.sandbox.attempts import assert_refused, attempt, lacks, refusal_outside, run_outside
from tests.system.sandbox.beside import HIDDEN, SECRET, SHOWN, folders_for
from tests.system.sandbox.inside import inside
from tests.system.sandbox.ward import in_a_ward
from tests.system.sandbox.ways import WAYS, towards

if TYPE_CHECKING:
    from tests.system.accounts import User
    from tests.system.sandbox.inside import Inside

READ = WAYS + """
def read(folder):
    with open(folder + '/secret') as file:
        return file.read()
reach({'reading': read})
"""
SEARCH = f"find / -xdev -name 'labrun-test-*' -exec grep -rsl '{SECRET}' {{}} +"
# These may succeed: then they have changed a file of the lab alone. FOLDERS are folders of the user that are shown.
CHANGES = {
    "write": "open(F + '/dear', 'w').write('gone')",
    "write in place": "os.pwrite(os.open(F + '/dear', os.O_RDWR), b'gone', 0)",
    "truncate": "os.truncate(F + '/dear', 0)",
    "remove": "os.unlink(F + '/dear')",
    "rename": "os.rename(F + '/dear', F + '/labrun-hole')",
    "exchange": """
open(F + '/labrun-hole', 'w').write('gone')
checked(libc.renameat2(CWD, os.fsencode(F + '/labrun-hole'), CWD, os.fsencode(F + '/dear'), 2))
""",
    "link": "os.link(F + '/dear', F + '/labrun-hole')",
    "make": "open(F + '/labrun-hole', 'x')",
    "make a device": "os.mknod(F + '/labrun-hole', 0o020666, os.makedev(1, 1))",
    "mode": "os.chmod(F + '/dear', 0o4777)",
    "owner": "os.chown(F + '/dear', 0, 0)",
    "times": "os.utime(F + '/dear', (1, 1))",
    "attribute": "os.setxattr(F + '/dear', 'user.labrun', b'x')",
    "capability": "os.setxattr(F + '/dear', 'security.capability', bytes.fromhex('01000002002' + '0' * 29))",
    "flags": "fcntl.ioctl(os.open(F + '/dear', os.O_RDONLY), 0x40086602, struct.pack('l', 0x20))",
    "shared memory": """
import mmap
mmap.mmap(os.open(F + '/dear', os.O_RDWR), 4)[:4] = b'gone'
""",
    "map_files": """
import mmap
memory = mmap.mmap(os.open(F + '/dear', os.O_RDONLY), 4, mmap.MAP_SHARED, mmap.PROT_READ)
at = next(line for line in open('/proc/self/maps') if 'dear' in line).split()[0]
os.write(os.open('/proc/self/map_files/' + at, os.O_WRONLY), b'gone')
""",
    "allocate": "checked(libc.fallocate(os.open(F + '/dear', os.O_RDWR), 3, ctypes.c_long(0), ctypes.c_long(4)))",
    "clone": "fcntl.ioctl(os.open(F + '/dear', os.O_RDWR), 0x40049409, os.open(F + '/secret', os.O_RDONLY))",
    "copy": "os.copy_file_range(os.open(F + '/secret', os.O_RDONLY), os.open(F + '/dear', os.O_RDWR), 4)",
    "reopen": "os.write(os.open(f'/proc/self/fd/{os.open(F + \"/dear\", os.O_RDONLY)}', os.O_RDWR), b'gone')",
    "remount, then write": """
mount(F, F, None, MS_BIND)
mount(None, F, None, MS_REMOUNT | MS_BIND)
open(F + '/dear', 'w').write('gone')
""",
    "mount_setattr, then write": """
call('mount_setattr', CWD, b'/', RECURSIVE, struct.pack('QQQQ', 0, 1, 0, 0), 32)
open(F + '/dear', 'w').write('gone')
""",
    "open_tree, then write": """
tree = call('open_tree', CWD, os.fsencode(F), TREE_CLONE)
call('mount_setattr', tree, b'', EMPTY_PATH, struct.pack('QQQQ', 0, 1, 0, 0), 32)
os.write(os.open('dear', os.O_RDWR, dir_fd=tree), b'gone')
""",
    "an overlay above it": """
at, upper, work = fresh(), fresh(), fresh()
mount('overlay', at, 'overlay', 0, f'lowerdir={F},upperdir={upper},workdir={work},userxattr')
open(at + '/dear', 'w').write('gone')
""",
    "an overlay into it": """
at = fresh()
os.mkdir(F + '/labrun-hole-work'); os.mkdir(F + '/labrun-hole')
mount('overlay', at, 'overlay', 0, f'lowerdir=/tmp,upperdir={F}/labrun-hole,workdir={F}/labrun-hole-work,userxattr')
open(at + '/x', 'w')
""",
    "an overlay with redirects": """
at, upper, work = fresh(), fresh(), fresh()
os.setxattr(upper, 'user.overlay.redirect', b'/../../..')
options = f'lowerdir={F},upperdir={upper},workdir={work},redirect_dir=on,metacopy=on'
tried(*(lambda more=more: mount('overlay', at, 'overlay', 0, options + more) for more in ('', ',userxattr')))
open(at + '/dear', 'w').write('gone')
""",
    "ids of a mount": """
pid = os.fork()
if pid == 0:
    checked(libc.unshare(NEWUSER)); os.write(1, b'x'); os.read(0, 1); os._exit(0)
while os.readlink(f'/proc/{pid}/ns/user') == os.readlink('/proc/self/ns/user'): pass
for name in ('uid_map', 'gid_map'):
    open(f'/proc/{pid}/{name}', 'w').write('0 0 1')
tree = call('open_tree', CWD, os.fsencode(F), TREE_CLONE)
ids = struct.pack('QQQQ', 0x100000, 0, 0, os.open(f'/proc/{pid}/ns/user', 0))
call('mount_setattr', tree, b'', EMPTY_PATH, ids, 32)
os.write(os.open('dear', os.O_RDWR, dir_fd=tree), b'gone')
""",
}


@pytest.fixture(scope="module")
def folders(place: tuple[User, str]) -> Iterator[dict[str, Path]]:
    """They are there before the sandbox is."""
    with folders_for(place[0], (*HIDDEN, *SHOWN)) as made:
        yield made


def test_no_way_leads_to_a_secret(folders: dict[str, Path], lab: Inside) -> None:
    hidden = {name: folder for name, folder in folders.items() if name in HIDDEN}
    environment = towards(hidden)
    control = run_outside(lab.user, READ, environment)
    assert [f for f in hidden.values() if f"reading by its path in {f}: {SECRET}" not in control] == []
    assert_refused(lab, READ, environment)


def test_no_search_finds_a_secret(folders: dict[str, Path], lab: Inside) -> None:
    found = {path.split("/")[-2] for path in lab.shell(SEARCH).output.split()}
    assert found <= {folder.name for name, folder in folders.items() if name in SHOWN}


def test_no_other_file_system_is_seen(place: tuple[User, str], python: Path) -> None:
    """Not even one that is mounted in a folder of the system."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system for the test")
    assert in_a_ward(_what_is_read_of_mounts, *place, python) == ""


def _what_is_read_of_mounts(user: User, id_map: str, python: Path) -> str:
    with folders_for(user, (*SHOWN, "/mnt", "/srv", "home")) as folders:
        for folder in folders.values():
            syscalls.mount("tmpfs", str(folder), "tmpfs")
            folder.chmod(0o755)
            (folder / "secret").write_text(SECRET)
        environment = towards(folders)
        with inside(user, id_map, python) as lab:
            done = attempt(lab, READ, environment)
        for folder in folders.values():
            syscalls.umount(str(folder))
        return "\n".join(line for line in done.output.splitlines() if SECRET in line)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_the_labs_alone(folders: dict[str, Path], lab: Inside, change: str) -> None:
    for folder in (folder for name, folder in folders.items() if name in SHOWN):
        before = _state(folder)
        attempt(lab, f"F = {str(folder)!r}\n{CHANGES[change]}")
        assert _state(folder) == before, f"{change} in {folder}"


@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"flags"}))  # what has that flag cannot be removed
def test_the_same_change_outside(change: str) -> None:
    """A control: outside, as root, the attempt succeeds, where the kernel and the file system can do it at all."""
    if os.getuid() != 0:
        pytest.skip("only root may do all of them")
    with folders_for(myself(), ["/var/tmp"]) as folders:
        refusal = refusal_outside(myself(), f"F = {str(folders['/var/tmp'])!r}\n{CHANGES[change]}")
        assert refusal == "" or lacks(refusal)


def _state(folder: Path) -> dict[str, tuple[Any, ...]]:
    """All that can be changed in a folder and what is in it."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        attributes = tuple((name, os.getxattr(path, name)) for name in os.listxattr(path))
        found[str(path)] = (content, attributes, status.st_ino, status.st_mode, status.st_uid, status.st_gid,
                            status.st_nlink, status.st_mtime_ns, status.st_ctime_ns)
    return found
