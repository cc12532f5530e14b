"""Keyrings of the user (keyrings(7)): a lab finds none of them, reads none, and changes none."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.system.sandbox.attempts import argv, assert_refused, run_outside
from tests.system.sandbox.inside import started

if TYPE_CHECKING:
    from tests.system.accounts import User
    from tests.system.sandbox.inside import Inside

_COMMON = """
SESSION, USER, USER_SESSION, PROCESS, THREAD = -3, -4, -5, -2, -1
def add(name, value, ring):
    return call('add_key', b'user', name.encode(), value.encode(), len(value), ring)
def read(key):
    data = ctypes.create_string_buffer(1000)
    size = call('keyctl', 11, key, data, 1000)
    return data.raw[:size].decode()
"""
# Makes a session keyring with a key, a key of the user, and one of all their sessions, which everyone may use; says
# their numbers and that of the session keyring in $KEY_FILE; then it becomes the launcher, in that session.
_SESSION = _COMMON + """
call('keyctl', 1, os.environ['KEY_NAME'].encode())
for ring in (USER, USER_SESSION):
    call('keyctl', 8, ring, SESSION)  # as a log-in does: with it one possesses what is in them
keys = [add(os.environ['KEY_NAME'], 'of the learner', ring) for ring in (SESSION, USER, USER_SESSION)]
keys.append(call('keyctl', 0, SESSION, 0))
for key in keys:
    call('keyctl', 5, key, 0x3f3f3f3f)
with open(os.environ['KEY_FILE'], 'w') as file:
    print(*keys, file=file)
os.execv(sys.argv[2], sys.argv[2:])
"""
_READ = _COMMON + "print(*(read(int(key)) for key in os.environ['KEYS'].split()[:3]), sep=',')"
_REMOVE = "[call('keyctl', 3, int(key)) for key in os.environ['KEYS'].split()[:3]]"
ATTEMPTS = {
    "read the key of the session": "read(int(os.environ['KEYS'].split()[0])) == 'of the learner' or give_up()",
    "read the key of the user": "read(int(os.environ['KEYS'].split()[1])) == 'of the learner' or give_up()",
    "read the key of all sessions": "read(int(os.environ['KEYS'].split()[2])) == 'of the learner' or give_up()",
    "list the session's keyring": "read(int(os.environ['KEYS'].split()[3]))",
    "list the session": "call('keyctl', 11, SESSION, ctypes.create_string_buffer(100), 100)",
    "list the user's": "call('keyctl', 11, USER, ctypes.create_string_buffer(100), 100)",
    "clear the session": "call('keyctl', 7, SESSION)",
    "clear the session's keyring": "call('keyctl', 7, int(os.environ['KEYS'].split()[3]))",
    "clear the user's": "call('keyctl', 7, USER)",
    "revoke a key": "call('keyctl', 3, int(os.environ['KEYS'].split()[0]))",
    "change a key": "call('keyctl', 2, int(os.environ['KEYS'].split()[1]), b'gone', 4)",
    "expire a key": "call('keyctl', 15, int(os.environ['KEYS'].split()[1]), 1)",
    "remove a key": "call('keyctl', 21, int(os.environ['KEYS'].split()[0]))",
    "find a key by its name": """
tried(*(lambda ring=ring: call('keyctl', 10, ring, b'user', os.environ['KEY_NAME'].encode(), 0)
        for ring in (SESSION, USER, USER_SESSION)))
""",
    "ask for a key": "call('request_key', b'user', os.environ['KEY_NAME'].encode(), None, SESSION)",
    "find a keyring of the user": """
name = b'_uid.%d' % int(os.environ['USER_ID'])
tried(*(lambda ring=ring: call('keyctl', 10, ring, b'keyring', name, 0) for ring in (SESSION, USER, USER_SESSION)))
""",
    "link the user's keyring": "call('keyctl', 8, USER, SESSION)",
    "the persistent keyring": "call('keyctl', 22, int(os.environ['USER_ID']), SESSION)",
    "join the session by its name": "call('keyctl', 1, os.environ['KEY_NAME'].encode())",
    "put the keyring into the parent's session": "call('keyctl', 18)",
    "add a key": "add('labrun-hole', 'x', USER)",
    "a keyring to be found by others": "call('add_key', b'keyring', b'labrun-hole', None, 0, USER)",
    "all that /proc/keys lists": """
tried(*(lambda key=line.split()[0]: read(int(key, 16)) for line in open('/proc/keys')))
""",
}


class Kept(NamedTuple):
    """A sandbox whose launcher has keys, and what the attempts need to know of them."""

    lab: Inside
    environment: dict[str, str]

    def values(self) -> str:
        """What the keys hold, read outside."""
        return run_outside(self.lab.user, _READ, self.environment)


@pytest.fixture(scope="module")
def kept(place: tuple[User, str], python: Path, session_folder: Path) -> Iterator[Kept]:
    user, id_map = place
    with TemporaryDirectory(dir=session_folder) as folder:
        os.chown(folder, user.uid, user.gid)
        numbers = Path(folder) / "keys"
        variables = {"KEY_NAME": f"labrun-test-{secrets.token_hex(4)}", "KEY_FILE": str(numbers)}
        with started(user, id_map, python, argv(_SESSION), env=variables) as lab:
            environment = {**variables, "KEYS": numbers.read_text().strip(), "USER_ID": str(user.uid)}
            yield Kept(lab, environment)
            run_outside(user, _REMOVE, environment)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_no_key_is_reached(kept: Kept, name: str) -> None:
    assert_refused(kept.lab, _COMMON + ATTEMPTS[name], kept.environment)
    assert kept.values() == "of the learner,of the learner,of the learner\n"
