"""What an OCI runtime says when it refuses, in words for a learner, and what to do about it."""

from __future__ import annotations

import re
from typing import NamedTuple

_LOGRUS = re.compile(r'time="[^"]*" level=(?P<level>\w+) msg="(?P<says>(?:[^"\\]|\\.)*)"')


class _Known(NamedTuple):
    """pattern: of what runc 1.1 or crun 1.8 say.  mend: what to do; {runtime}, {name} and {bundle} are filled in.

    running: what to do when no bundle is known, because the container is there already; '' for the same.
    """

    pattern: str
    mend: str
    running: str = ""


# Each was provoked: tests/contract/test_container_verbs.py. The first that fits is taken.
_KNOWN = (
    _Known(r"chdir |config\.json (not found|exists)|`config\.json` already exists",
           "see what is in {bundle}; for a new config.json: rm -f {bundle}/config.json && mkdir -p {bundle} && "
           "{runtime} spec --bundle {bundle}"),
    _Known(r"unexpected EOF|invalid character|cannot parse|cannot unmarshal|loading config\.json",
           "it is not the JSON that it should be: cat {bundle}/config.json"),
    _Known(r"console.socket", "without a terminal no console is needed: set process.terminal to false in config.json"),
    _Known(r"args must not be empty|open executable: Invalid argument",
           "write into process.args of config.json what is to be run"),
    _Known(r"invalid rootfs|make `.*` private", "root.path of config.json has to be a folder: ls {bundle}"),
    _Known(r"executable file|exec: .*no such file", "process.args[0] has to be a program of the rootfs: "
           "ls {bundle}/rootfs/bin", "it has to be a program of the container: {runtime} exec {name} ls /bin"),
    _Known(r"[Pp]ermission denied", "the program has to be executable: chmod +x, on its file in the rootfs"),
    _Known(r"namespace type|namespace \{", "the types of namespaces in config.json are pid, network, mount, ipc, uts, "
           "user, cgroup and time"),
    _Known(r"already exists", "take another name, or delete that container: {runtime} delete --force {name}"),
    _Known(r"does not exist|error opening file|cannot open directory", "see which there are: {runtime} list"),
    _Known(r"not stopped|in `created` or `stopped`", "end its process first: {runtime} kill {name} KILL"),
    _Known(r"has stopped|not running|No such process|stopped container",
           "its program has ended; delete the container and create it anew: {runtime} delete {name}"),
    _Known(r"devpts|gid=5", "with a single user id there is no group 5: take gid=5 out of the options of /dev/pts in "
           "config.json"),
    # runc 1.1 has no better word for it where its own folder is full, nor has the echo of sh(1).
    _Known(r"[Nn]o space left|I/O error|unable to store init state", "a folder is full: df -h {bundle} /run",
           "a folder is full: df -h"),
)


def words_of(output: str) -> str:
    """What a runtime said, without its warnings, and without the form of its log: time=... level=error msg=..."""
    found = [(match["level"], re.sub(r"\\(.)", r"\1", match["says"])) for match in _LOGRUS.finditer(output)]
    worst = [says for level, says in found if level in ("error", "fatal")]
    rest = _LOGRUS.sub("", output)
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    return "; ".join((*worst, *lines))[:2000]


def mend_of(said: str, runtime: str, name: str, bundle: str) -> str:
    """What to do about it, '' when it is not known. bundle: path, '' when it is not known."""
    for known in _KNOWN:
        if re.search(known.pattern, said):
            mend = known.mend if bundle else known.running or known.mend
            return mend.format(runtime=runtime, name=name, bundle=bundle or "BUNDLE")
    return ""
