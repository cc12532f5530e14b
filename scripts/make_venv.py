"""Make, or bring up to date, the virtual environment that ./labrun and scripts/test use. Prints its folder.

    python3 make_venv.py [--with EXTRA]...

In the checkout (.venv) when that can be written, else below the cache folder. Two at once wait for one another. What is
killed half-way leaves no labrun.json, and the next run starts anew. Exit code 3: this machine lacks something.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parent.parent
PROJECT = CHECKOUT / "pyproject.toml"
PACKAGES = ("labrunner", "runtime", "checks")
LOCK, STAMP = "labrun.lock", "labrun.json"

# What a candidate says of itself: minor version, whether it can make environments, and the real interpreter behind it
# (which neither pyenv's shell scripts nor an active environment are).
PROBE = """
import os, sys
print(sys.version_info[1] if sys.version_info[0] == 3 else 0)
try:
    import venv, ensurepip
    print(bool(ensurepip.version()))
except Exception:
    print(False)
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
"""


class Lack(Exception):
    """This machine lacks something. what: what and why; mend: what to do next."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what, self.mend = what, mend


class Interpreter(NamedTuple):
    """A Python 3.11 or newer. complete: it has venv and ensurepip; shared: every user of the machine may run it."""

    path: str
    complete: bool
    shared: bool


def probe(command: str) -> Interpreter | None:
    """The interpreter behind `command`; None when it does not run or is older than 3.11."""
    try:
        run = subprocess.run([command, "-I", "-c", PROBE], check=False, capture_output=True, text=True, timeout=60)
        minor, complete, path = run.stdout.splitlines()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Interpreter(path, complete == "True", is_shared(path)) if int(minor) >= 11 else None


def is_shared(path: str) -> bool:
    """Whether any user may run the program at `path`: not so below a home folder that only its owner may enter."""
    folders = Path(path).parents
    return os.stat(path).st_mode & 0o005 == 0o005 and all(os.stat(folder).st_mode & 0o001 for folder in folders)


def candidates() -> Iterator[str]:
    """LABRUN_PYTHON alone when it is set; else every python3 and python3.N of PATH, and the one that runs this."""
    if chosen := os.environ.get("LABRUN_PYTHON"):
        yield chosen
        return
    for folder in os.get_exec_path():
        names = os.listdir(folder) if os.path.isdir(folder) and os.access(folder, os.R_OK) else []
        yield from (os.path.join(folder, name) for name in sorted(names) if re.fullmatch(r"python3(\.\d+)?", name))
    yield sys.executable


def choose_interpreter() -> str:
    """The first that is complete and shared, so that what root makes serves everyone; else the first complete one.

    Raises Lack when none is complete.
    """
    fallback: Interpreter | None = None
    for found in filter(None, map(probe, candidates())):
        if found.complete and found.shared:
            return found.path
        if fallback is None or (found.complete and not fallback.complete):
            fallback = found
    if fallback is None:  # only with LABRUN_PYTHON: this program itself runs in a new enough one
        raise Lack(f"LABRUN_PYTHON={os.environ.get('LABRUN_PYTHON')} is no Python 3.11 or newer", "name another one")
    if not fallback.complete:
        raise Lack(f"{fallback.path} cannot make an environment: it lacks the module venv or ensurepip",
                   "Debian and Ubuntu: apt install python3-venv; elsewhere name another with LABRUN_PYTHON=PATH")
    return fallback.path


def folders() -> Iterator[Path]:
    """Where the environment may be, best first. The launcher looks in the same places."""
    yield CHECKOUT / ".venv"
    home = os.environ.get("HOME")
    if cache := os.environ.get("XDG_CACHE_HOME") or (home and f"{home}/.cache"):
        yield Path(f"{cache}/labrun{CHECKOUT}/venv")


def take_folder() -> tuple[Path, int]:
    """The first folder that is labrun's own and can be written, locked; and the lock's file descriptor.

    Raises Lack when there is none.
    """
    refused = []
    for folder in folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / LOCK).exists() and any(folder.iterdir()):
                raise OSError(errno.EEXIST, "is not labrun's: somebody else made it")
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            refused.append(f"{folder}: {error.strerror}")
            continue
        wait_for(lock, folder)
        return folder, lock
    raise Lack("no folder for the Python environment: " + "; ".join(refused),
               "make one of them writable, or set XDG_CACHE_HOME to a folder that is")


def wait_for(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"another one is making {folder}, waiting for it ...")
        fcntl.flock(lock, fcntl.LOCK_EX)


def run(what: str, mend: str, lock: int, *command: str) -> None:
    """Run `command`. Raises Lack with the end of its output.

    It inherits the lock: when this program is killed, the next one waits until the command has ended too.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ("PIP_TARGET", "PIP_PREFIX")} | {"PIP_USER": "0"}
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", pass_fds=[lock], env=environment)
    if done.returncode:
        end = "".join(f"\n    {line}" for line in done.stdout.strip().splitlines()[-8:])
        raise Lack(f"{what} (exit code {done.returncode}):{end}", mend)


def requirements(extras: set[str]) -> list[str]:
    """What pyproject.toml names for running, and for each of `extras`."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    return sorted({*project["dependencies"], *(name for e in extras for name in project["optional-dependencies"][e])})


def read_stamp(folder: Path) -> dict[str, list[str]]:
    try:
        stamp: dict[str, list[str]] = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return {"extras": [], "requirements": []}
    return stamp if os.access(folder / "bin/python", os.X_OK) else {"extras": [], "requirements": []}


def write_stamp(folder: Path, extras: set[str], wanted: list[str], project: os.stat_result) -> None:
    """Last of all: it says that the rest is whole. The launcher compares its time with pyproject.toml's."""
    new = folder / f"{STAMP}.new"
    new.write_text(json.dumps({"extras": sorted(extras), "requirements": wanted}, indent=1) + "\n")
    os.utime(new, ns=(project.st_mtime_ns, project.st_mtime_ns))
    new.replace(folder / STAMP)


def clear(folder: Path) -> None:
    """Remove everything but the lock, which others may be waiting for."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def install(folder: Path, lock: int, wanted: list[str]) -> None:
    """Put `wanted` and the checkout into the environment, and compile both: what runs later may not be able to."""
    python = f"{folder}/bin/python"
    run("pip could not install what labrun needs",
        "the first use needs the Python package index: connect this machine, or give pip a folder of wheels: "
        "PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER labrun ...",
        lock, python, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
        "--no-compile", *wanted)
    packages = next(folder.glob("lib/python3.*/site-packages"))
    (packages / "labrun.pth").write_text(f"{CHECKOUT}\n")  # for `.venv/bin/python -m pytest`; start.py does not read it
    sources = [str(packages), *(str(CHECKOUT / name) for name in PACKAGES)]
    prefix = [] if folder.parent == CHECKOUT else ["-X", f"pycache_prefix={folder}/pycache"]
    # Not through run(): a file that this Python cannot compile is none that labrun imports.
    compiler = [python, "-I", *prefix, "-m", "compileall", "-qq", "-j0"]
    subprocess.run([*compiler, *sources], check=False, stdout=sys.stderr, pass_fds=[lock])


def make(extras: set[str]) -> Path:
    """The folder of an environment that is whole. Raises Lack, and OSError (a full disk)."""
    folder, lock = take_folder()
    project = PROJECT.stat()
    stamp = read_stamp(folder)
    extras = extras | set(stamp["extras"])
    wanted = requirements(extras)
    if stamp["requirements"] != wanted:
        (folder / STAMP).unlink(missing_ok=True)
        if stamp["requirements"]:
            say(f"bringing {folder} up to date with pyproject.toml ...")
        else:
            base = choose_interpreter()
            say(f"first use, making {folder} (about 20 s) ...")
            clear(folder)
            run(f"{base} -m venv failed", "see that the disk is not full (df), and that python3-venv is whole",
                lock, base, "-I", "-m", "venv", str(folder))
        install(folder, lock, wanted)
    write_stamp(folder, extras, wanted, project)
    return folder


def say(text: str) -> None:
    print(f"labrun: {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--with", dest="extras", action="append", default=[], metavar="EXTRA")
    try:
        print(make(set(parser.parse_args().extras)))
    except Lack as lack:
        say(f"{lack.what}\n  next: {lack.mend}")
        return 3
    except OSError as error:
        say(f"cannot make the Python environment: {error}\n  next: see that the disk is not full, and run it again")
        return 3
    except KeyboardInterrupt:
        say("interrupted; the next run starts it anew")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
