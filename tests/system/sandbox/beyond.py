"""A process of the user outside of a lab, and attempts to find it, to disturb it, or to leave the lab's namespaces."""

from __future__ import annotations

from tests.system.sandbox.attempts import Attempt

# A process of the user, with things by whose names another of theirs finds them. It prints what they are called.
VICTIM = """
import json, mmap, signal
name = '/labrun-test-%d' % os.getpid()
secret = ctypes.create_string_buffer(b'of the learner')
key = os.getpid()
memory = checked(libc.shmget(key, 4096, 0o1666))
semaphore = checked(libc.semget(key, 1, 0o1666))
queue = checked(libc.msgget(key, 0o1666))
messages = call('mq_open', name[1:].encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
open('/dev/shm' + name, 'w').write('of the learner')
abstract = socket.socket(socket.AF_UNIX)
abstract.bind('\\0' + name)
abstract.listen()
def handle(path):
    data, mount_id = ctypes.create_string_buffer(struct.pack('Ii', 128, 0), 136), ctypes.c_int()
    try:
        call('name_to_handle_at', CWD, path.encode(), data, ctypes.byref(mount_id), 0x200)
    except OSError:
        return [0, '']
    size, kind = struct.unpack_from('Ii', data.raw)
    return [kind, data.raw[8:8 + size].hex()]
signal.signal(signal.SIGIO, signal.SIG_DFL)
print(json.dumps({'PID': os.getpid(), 'KEY': key, 'NAME': name, 'IDS': [memory, semaphore, queue],
                  'SECRET': ctypes.addressof(secret),
                  'NAMESPACES': {kind: handle(f'/proc/self/ns/{kind}') for kind in os.listdir('/proc/self/ns')}}))
sys.stdout.flush()
sys.stdin.read()
os.unlink('/dev/shm' + name)
libc.mq_unlink(name.encode())
libc.shmctl(memory, 0, None), libc.semctl(semaphore, 0, 0), libc.msgctl(queue, 0, None)
"""
KNOWN_THINGS = """
import json
KNOWN = json.loads(os.environ['KNOWN'])
PID, KEY, NAME, IDS, SECRET = (KNOWN[name] for name in ('PID', 'KEY', 'NAME', 'IDS', 'SECRET'))
NS_GET_USERNS, NS_GET_PARENT = 0xb701, 0xb702
def every_namespace():
    for pid in (filter(str.isdigit, os.listdir('/proc')) if not OUTSIDE else ['self']):
        for kind in ('user', 'mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup', 'time'):
            try:
                yield kind, os.open(f'/proc/{pid}/ns/{kind}', os.O_RDONLY)
            except OSError:
                pass
"""
ATTEMPTS = {
    "signal": Attempt("os.kill(PID, 0)"),
    "signal to its group": Attempt("os.kill(-PID, 0)"),
    "signal to its thread": Attempt("checked(libc.tgkill(PID, PID, 0))"),
    "a queued signal": Attempt("checked(libc.sigqueue(PID, 0, None))"),
    "pidfd": Attempt("call('pidfd_open', PID, 0)"),
    "ptrace": Attempt("call('ptrace', 0x4206, PID, 0, 0)"),
    "its memory": Attempt("""
data = ctypes.create_string_buffer(14)
vectors = [struct.pack('QQ', at, 14) for at in (ctypes.addressof(data), SECRET)]
call('process_vm_readv', PID, vectors[0], 1, vectors[1], 1, 0)
"""),
    "its memory by /proc": Attempt("os.pread(os.open(f'/proc/{PID}/mem', os.O_RDONLY), 14, SECRET)"),
    "its environment": Attempt("open(f'/proc/{PID}/environ').read()"),
    "comparing with it": Attempt("call('kcmp', os.getpid(), PID, 1, 0, 0)"),
    "its pages": Attempt("call('move_pages', PID, 0, None, None, None, 0)"),
    "its limits": Attempt("call('prlimit64', PID, 7, None, ctypes.create_string_buffer(16))"),
    "its priority": Attempt("os.setpriority(os.PRIO_PROCESS, PID, 19)"),
    "its processors": Attempt("os.sched_setaffinity(PID, [0])"),
    "its score": Attempt("open(f'/proc/{PID}/oom_score_adj', 'w').write('1000')"),
    "its scheduler": Attempt("os.sched_getscheduler(PID)"),
    "SIGIO to it": Attempt("""
end, other = socket.socketpair()
fcntl.fcntl(end, fcntl.F_SETOWN, PID)
fcntl.fcntl(end, fcntl.F_GETOWN) == PID or give_up()
"""),
    "its namespaces by its pidfd": Attempt("call('setns', call('pidfd_open', PID, 0), NEWUTS)"),
    "an abstract socket": Attempt("socket.socket(socket.AF_UNIX).connect('\\0' + NAME)"),
    "shared memory by its key": Attempt("checked(libc.shmget(KEY, 4096, 0o666))"),
    "shared memory by its number": Attempt("""
libc.shmat.restype = ctypes.c_long
checked(libc.shmat(IDS[0], None, 0))
"""),
    "a semaphore by its key": Attempt("checked(libc.semget(KEY, 1, 0o666))"),
    "a semaphore by its number": Attempt("checked(libc.semctl(IDS[1], 0, 12))"),
    "a queue of messages": Attempt("checked(libc.msgget(KEY, 0o666))"),
    "a message": Attempt("checked(libc.msgsnd(IDS[2], struct.pack('l', 1) + b'x', 1, 0o4000))"),
    "a POSIX queue": Attempt("call('mq_open', NAME[1:].encode(), os.O_WRONLY, 0, None)"),
    "a POSIX queue, by a mount": Attempt("""
at = fresh()
mount('mqueue', at, 'mqueue')
os.stat(at + NAME)
"""),
    "POSIX shared memory": Attempt("open('/dev/shm' + NAME).read()"),
    "a namespace by its handle": Attempt("""
for kind, (number, data) in KNOWN['NAMESPACES'].items():
    if data:
        data = bytes.fromhex(data)
        for root in (-10003, os.open('/proc/self/ns/net', os.O_RDONLY)):
            try:
                fd = call('open_by_handle_at', root, struct.pack('Ii', len(data), number) + data, 0)
                break
            except OSError as error:
                print(error, file=sys.stderr)
give_up() if 'fd' not in globals() else None
""", control=False),
    "the user namespace above": Attempt("""
own = os.open('/proc/self/ns/user', os.O_RDONLY)
fcntl.ioctl(own, NS_GET_PARENT)
""", control=False),
    "the PID namespace above": Attempt("fcntl.ioctl(os.open('/proc/self/ns/pid', os.O_RDONLY), NS_GET_PARENT)", False),
    "a namespace above any": Attempt("""
LAB = {os.readlink(f'/proc/self/fd/{fd}') for _, fd in every_namespace()}
for kind, fd in every_namespace():
    for request in (NS_GET_USERNS, NS_GET_PARENT):
        at = fd
        try:
            while True:
                at = fcntl.ioctl(at, request)
                if os.readlink(f'/proc/self/fd/{at}') not in LAB:
                    sys.exit(0)
        except OSError:
            pass
give_up()
""", control=False),
    "the next mount namespace": Attempt("""
own = os.open('/proc/self/ns/mnt', os.O_RDONLY)
tried(*(lambda request=request: fcntl.ioctl(own, request, bytes(16)) for request in (0x8010b70b, 0x8010b70c)))
"""),
    "joining a namespace of a process above": Attempt("""
for pid in (1, os.getppid()):
    for kind in (NEWUSER, NEWNS, NEWPID):
        try:
            fd = call('pidfd_open', pid, 0)
            call('setns', fd, kind)
        except OSError as error:
            print(error, file=sys.stderr)
os.kill(PID, 0)
""", control=False),
    "a mount through 32 user namespaces": Attempt("""
for _ in range(32):
    try:
        unshare(NEWUSER | NEWNS)
    except OSError:
        break
umount('/proc')
""", control=False),
    "what is below a mount, in a user namespace": Attempt("""
unshare(NEWUSER | NEWNS)
tried(*(lambda at=at: umount(at) for at in ('/', '/usr', '/etc', '/dev', '/dev/null', '/run', '/tmp', '/proc', '/sys')))
""", control=False),
    "another /sys": Attempt("""
unshare(NEWUSER | NEWNS | NEWNET)
at = fresh()
mount('sysfs', at, 'sysfs')
for folder, _, names in os.walk(at):
    for name in names:
        path = os.path.join(folder, name)
        if '/net/' not in path and os.access(path, os.W_OK):
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NOFOLLOW))
            except OSError:
                continue
            sys.exit(0)
give_up()
""", control=False),
    "another /proc": Attempt("""
at = fresh()
tried(lambda: mount('proc', at, 'proc'), lambda: mount('proc', at, 'proc', 0, 'hidepid=0'))
os.kill(PID, 0)
"""),
    "settings of the network of the machine": Attempt("""
values = [('net/core/rmem_max', None), ('net/core/somaxconn', None), ('net/netfilter/nf_log_all_netns', '1'),
          ('net/core/bpf_jit_enable', None), ('net/unix/max_dgram_qlen', None), ('net/core/netdev_max_backlog', None)]
for name, value in values:
    path = '/proc/sys/' + name
    if name in ('net/core/somaxconn', 'net/unix/max_dgram_qlen', 'net/core/rmem_max') or not os.path.exists(path):
        continue  # of the network namespace
    with open(path, 'r+') as file:
        file.write(value or file.read())
    sys.exit(0)
give_up()
""", control=False),
    "the audit log": Attempt("""
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
sock.settimeout(2)
sock.sendto(struct.pack('IHHII', 16, 1000, 5, 1, 0), (0, 0))
kind, result = struct.unpack_from('4xH10xi', sock.recv(1000))
if kind == 2 and result:
    raise OSError(-result, os.strerror(-result))
"""),
    "a message into the audit log": Attempt("""
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
sock.settimeout(2)
sock.sendto(struct.pack('IHHII', 20, 1001, 5, 1, 0) + bytes(4), (0, 0))
kind, result = struct.unpack_from('4xH10xi', sock.recv(1000))
if result:
    raise OSError(-result, os.strerror(-result))
""", control=False),
    "news of every process": Attempt("""
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11)
sock.bind((os.getpid(), 1))
sock.settimeout(1)
message = struct.pack('IIIIHHI', 1, 1, 0, 0, 4, 0, 1)
sock.send(struct.pack('IHHII', 16 + len(message), 3, 0, 0, os.getpid()) + message)
os.waitpid(os.fork() or os._exit(0), 0)
while struct.unpack_from('I', sock.recv(1000), 36)[0] == 0:  # an acknowledgement is no event
    pass
"""),
    "characters into any terminal": Attempt("""
import termios
def type_into(path):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    fcntl.ioctl(fd, termios.TIOCSTI, b'x')
paths = [f'/proc/{pid}/fd/{fd}' for pid in ('1', 'self') for fd in os.listdir(f'/proc/{pid}/fd')]
tried(*(lambda path=path: type_into(path) for path in [*paths, '/dev/tty', '/dev/console', '/dev/tty0', '/dev/tty1']))
""", control=False),
    "the console's selection": Attempt("""
tried(*(lambda path=path: fcntl.ioctl(os.open(path, os.O_RDWR | os.O_NOCTTY), 0x541C, bytes([2]))
        for path in ('/dev/console', '/dev/tty0', '/dev/tty1', '/dev/tty')))
""", control=False),
    "its cgroup": Attempt("""
for folder, names, _ in os.walk('/sys/fs/cgroup'):
    try:
        with open(folder + '/../cgroup.procs', 'w') as file:
            file.write(str(os.getpid()))
    except OSError:
        continue
    sys.exit(0)
give_up()
""", control=False),
    "a release agent": Attempt("""
at = fresh()
for kind in ('memory', 'pids', 'cpu', 'none,name=systemd', 'none,name=labrun'):
    try:
        mount('none', at, 'cgroup', 0, kind)
        open(at + '/release_agent', 'w').write('/bin/true')
    except OSError:
        continue
    sys.exit(0)
give_up()
""", control=False),
    "descriptors of PID 1 and who is at their other end": Attempt("""
pidfd = call('pidfd_open', 1, 0)
for fd in os.listdir('/proc/1/fd'):
    try:
        copy = call('pidfd_getfd', pidfd, int(fd), 0)
        peer = ctypes.c_int()
        checked(libc.getsockopt(copy, 1, 77, ctypes.byref(peer), ctypes.byref(ctypes.c_int(4))))  # SO_PEERPIDFD
    except OSError:
        continue
    for way in (lambda: call('pidfd_send_signal', peer.value, 18, None, 0), lambda: call('setns', peer.value, NEWNS),
                lambda: call('setns', peer.value, NEWUSER), lambda: call('pidfd_getfd', peer.value, 0, 0)):
        try:
            way()
        except OSError:
            continue
        sys.exit(0)
give_up()
""", control=False),
    "a descriptor that the launcher had": Attempt("""
for pid in filter(str.isdigit, os.listdir('/proc')):
    for fd in os.listdir(f'/proc/{pid}/fd'):
        if 'labrun-test-inherited' in os.readlink(f'/proc/{pid}/fd/{fd}'):
            sys.exit(0)
give_up()
""", control=False),
    "setuid programs": Attempt("""
import subprocess
for name in ('su', 'sudo', 'mount', 'newuidmap', 'passwd', 'chsh', 'gpasswd', 'fusermount3', 'pkexec', 'unix_chkpwd'):
    for folder in ('/usr/bin/', '/usr/sbin/', '/usr/lib/policykit-1/'):
        path = folder + name
        if os.path.exists(path) and os.stat(path).st_mode & 0o4000:  # ld.so shows nothing to a privileged one
            shown = subprocess.run([path, '--help'], env={'LD_SHOW_AUXV': '1'}, capture_output=True, text=True)
            if 'AT_SECURE' not in shown.stdout:
                sys.exit(0)
give_up()
""", control=False),
}
