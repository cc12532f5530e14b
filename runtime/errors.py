"""What can go wrong below the lab.

    Problem              anything that is told to a person: what, why, what to do next
    ├── Missing          this machine lacks something (a kernel feature, a tool, a permission)
    └── Refused          the kernel or a tool said no to one operation
"""

from __future__ import annotations

import errno as _errno
import os


class Problem(Exception):
    """Something a person has to know.

    what: the operation that could not be done, in plain words.
    why:  the reason, as far as it is known; empty when `what` says it all.
    mend: what to do next, most often a command; empty when there is nothing to do.
    """

    def __init__(self, what: str, why: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.mend = what, why, mend

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


class Missing(Problem):
    """This machine lacks something that is needed."""


class Refused(Problem):
    """The kernel, or a tool, refused one operation.

    errno: the number the kernel gave (errno(3)), 0 when a tool gave none.
    """

    def __init__(self, what: str, errno: int = 0, why: str = "", mend: str = "") -> None:
        super().__init__(what, why or describe(errno), mend)
        self.errno = errno


def describe(errno: int) -> str:
    """An errno in words and with its name: 'No such device (ENODEV)'."""
    if not errno:
        return ""
    name = _errno.errorcode.get(errno, str(errno))
    return f"{os.strerror(errno)} ({name})"
