"""Ways from inside a sandbox to a folder of the machine, for attempts to use what is in it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.system.accounts import myself
from tests.system.sandbox.attempts import run_outside

# Goes before a program for attempts.argv. FOLDERS: the folders, by a name; HANDLES: the file handle of each.
WAYS = r"""
import json
FOLDERS, HANDLES = json.loads(os.environ['FOLDERS']), json.loads(os.environ['HANDLES'])
UP = '../' * 12

def bind(source, recursive=0):
    at = fresh()
    mount(source, at, None, MS_BIND | recursive)
    return at

def overlay(lower):
    at, upper, work = fresh(), fresh(), fresh()
    tried(lambda: mount('overlay', at, 'overlay', 0, f'lowerdir={lower},upperdir={upper},workdir={work},userxattr'),
          lambda: mount('overlay', at, 'overlay', 0, f'lowerdir={lower}:{fresh()},userxattr'))
    return at

def clone(path, flags=0):
    return f"/proc/self/fd/{call('open_tree', CWD, os.fsencode(path), TREE_CLONE | flags)}"

def placed(path):
    at = fresh()
    call('move_mount', call('open_tree', CWD, os.fsencode(path), TREE_CLONE), b'', CWD, os.fsencode(at), 4)
    return at

def by_openat2(path):
    how = struct.pack('QQQ', os.O_PATH, 0, 0)
    return f"/proc/self/fd/{call('openat2', CWD, os.fsencode(path), how, len(how))}"

def by_handle(handle, mounted):
    data = bytes.fromhex(handle[1])
    opened = call('open_by_handle_at', os.open(mounted, os.O_RDONLY), struct.pack('Ii', len(data), handle[0]) + data,
                  os.O_PATH)
    return f'/proc/self/fd/{opened}'

def relative(path):
    os.chdir(path)
    return '.'

def chrooted(place, path):
    os.chroot(place)
    os.chdir('/')
    return path

def uncovered(path):
    unshare(NEWUSER | NEWNS)  # raises OSError, before anything is unmounted in a namespace of others
    for line in reversed(open('/proc/self/mountinfo').read().splitlines()):
        try:
            umount(line.split()[4])
        except OSError:
            pass
    return path

def apart(path):
    unshare(NEWUSER | NEWNS)
    return path

def ways(folder, handle):
    '''(what it is, a function that gives a path of the folder). Those that change this process come last.'''
    yield 'its path', lambda: folder
    yield 'openat2', lambda: by_openat2(folder)
    yield 'O_PATH', lambda: f'/proc/self/fd/{os.open(folder, os.O_PATH)}'
    for pid in ['self', 'thread-self', *(() if OUTSIDE else filter(str.isdigit, os.listdir('/proc')))]:
        yield f'the root of {pid}', lambda pid=pid: f'/proc/{pid}/root{folder}'
        yield f'above the folder of {pid}', lambda pid=pid: f'/proc/{pid}/cwd/{UP}{folder}'
        try:
            fds = os.listdir(f'/proc/{pid}/fd')
        except OSError:
            continue
        for fd in fds:
            yield f'above descriptor {fd} of {pid}', lambda pid=pid, fd=fd: f'/proc/{pid}/fd/{fd}/{UP}{folder}'
    unshare(NEWNS)  # mounts below a shared one would be there at each later attempt
    mount('none', '/', None, MS_REC | MS_PRIVATE)
    yield 'bind mount', lambda: bind(folder)
    above, name = os.path.split(folder)
    yield 'bind mount of the folder above', lambda: os.path.join(bind(above), name)
    yield 'recursive bind mount of all', lambda: bind('/', MS_REC) + folder
    yield 'recursive bind mount of PID 1', lambda: bind('/proc/1/root', MS_REC) + folder
    yield 'open_tree', lambda: clone(folder)
    yield 'open_tree of all', lambda: clone('/', RECURSIVE) + folder
    yield 'open_tree and move_mount', lambda: placed(folder)
    yield 'overlay', lambda: overlay(folder)
    yield 'overlay of the folder above', lambda: os.path.join(overlay(above), name)
    for mounted in ('/', '/usr', '/etc', '/opt', '/tmp', '/dev/null', '/proc', folder, above):
        yield f'its file handle, on {mounted}', lambda mounted=mounted: by_handle(handle, mounted)
    yield 'a relative path', lambda: relative(folder)
    yield 'a user namespace', lambda: apart(folder)
    yield 'unmounting what covers it, in a user namespace', lambda: uncovered(folder)
    yield 'chroot', lambda: chrooted('/proc/self/cwd/' + UP, folder)

def reach(uses):
    '''Succeeds when a function of `uses` does, called with a path of a folder, for any folder, in any way.'''
    reached = False
    for folder in FOLDERS.values():
        pid = os.fork()  # what it does to itself must not be there for the next one
        if pid == 0:
            status = 1
            try:
                for way, lead in ways(folder, HANDLES[folder]):
                    try:
                        path = lead()
                    except (OSError, SystemExit):
                        continue
                    for name, use in uses.items():
                        try:
                            print(f'{name} by {way} in {folder}: {use(path)}', flush=True)
                            status = 0
                        except OSError:
                            pass
            except Exception:
                traceback.print_exc()
                status = 70
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == 70:
            sys.exit(70)
        reached = reached or status == 0
    if not reached:
        give_up()
"""

_HANDLES = r"""
import json
found = {}
for folder in json.loads(os.environ['FOLDERS']).values():
    handle, mount_id = ctypes.create_string_buffer(struct.pack('Ii', 128, 0), 136), ctypes.c_int()
    call('name_to_handle_at', CWD, os.fsencode(folder), handle, ctypes.byref(mount_id), 0)
    size, kind = struct.unpack_from('Ii', handle.raw)
    found[folder] = kind, handle.raw[8:8 + size].hex()
print(json.dumps(found))
"""


def towards(folders: dict[str, Path]) -> dict[str, str]:
    """The environment that WAYS needs, with real file handles, as the machine gives them (name_to_handle_at(2))."""
    environment = {"FOLDERS": json.dumps({name: str(folder) for name, folder in folders.items()})}
    return {**environment, "HANDLES": run_outside(myself(), _HANDLES, environment)}
