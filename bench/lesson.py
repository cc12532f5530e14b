"""What bench/run-lesson measures. Percentiles, in milliseconds; the exit code is 1 when a promise is not kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from labrunner.catalogue.catalog import find  # noqa: E402 the checkout comes first
from labrunner.kept.place import enter, meant  # noqa: E402
from labrunner.language.loading import load  # noqa: E402

LAB = "bridge-network"
STEPS = [step.id for step in load(find(LAB)).steps]
RUNS = int(os.environ.get("RUNS", "100"))
SESSIONS = int(os.environ.get("SESSIONS", "50"))
# Changes an address that the picture shows when a line comes, and says when: CLOCK_MONOTONIC is one for all namespaces.
CHANGING = """
import sys, time
from pyroute2 import IPRoute
ip = IPRoute()
eth0 = ip.link_lookup(ifname="eth0")[0]
print("ready", flush=True)
for number, _ in enumerate(sys.stdin):
    begun = time.monotonic()
    ip.addr("add" if number % 2 == 0 else "del", index=eth0, address="10.99.0.1", prefixlen=32)
    print(begun, flush=True)
"""
missed: list[str] = []


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": f"{folder}/state"}
        with lab():
            check()
            watch()
            goto()
            memory("an idle session", 40, 1)
        many()
    return 1 if missed else 0


def check() -> None:
    """The first step is not done: nothing has to be waited for, nor in the fifth, whose pings are refused at once."""
    for step in ("1", "5"):
        labrun("goto", step)
        told(f"labrun check, step {step}, client and judge", times(lambda: labrun("check")), 80)
        channel = enter("")
        request = {"ask": "check", "json": False, "width": 80, "colour": True}

        def ask() -> None:
            channel.send(request)  # noqa: B023 called at once
            for fd in channel.receive()[1]:  # noqa: B023
                os.close(fd)

        told(f"of which the judging, step {step}", times(ask), 20)
        channel.close()


def watch() -> None:
    """From a change in the kernel to the frame that shows it."""
    for step in ("1", "5"):
        labrun("goto", step)
        watcher = Watcher()
        with subprocess.Popen([ROOT / "labrun", "shell", sys.executable, "-c", CHANGING], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as changing:
            assert changing.stdin
            assert changing.stdout
            changing.stdout.readline()
            found = []
            for number in range(RUNS):
                time.sleep(0.5)  # until it is quiet, and the frames of the change before have come
                watcher.catch_up()
                changing.stdin.write("\n"), changing.stdin.flush()
                arrived = watcher.wait_until(lambda frame: ("10.99.0.1" in frame) == (number % 2 == 0))  # noqa: B023
                found.append(1000 * (arrived - float(changing.stdout.readline())))
            changing.stdin.close()
        told(f"from a change to the tick in labrun watch, step {step}", found, 50)
        watcher.channel.close()


class Watcher:
    """As `labrun watch` is one."""

    def __init__(self) -> None:
        self.channel, self._seen = enter(""), 0

    def ask(self) -> None:
        self.channel.send({"ask": "watch", "width": 80, "height": 40, "colour": True, "seen": self._seen})

    def receive(self) -> tuple[float, str]:
        """When the newer frame came, and the frame."""
        message, (fd,) = self.channel.receive()
        arrived = time.monotonic()
        self._seen = message["told"]
        with os.fdopen(fd, encoding="utf-8") as file:
            return arrived, file.read()

    def wait_until(self, shows: Callable[[str], bool]) -> float:
        """When the first frame came that shows something."""
        while True:
            self.ask()
            arrived, frame = self.receive()
            if shows(frame):
                return arrived

    def catch_up(self) -> None:
        """Have seen all that there is by now."""
        self._seen = 0
        self.ask()
        self.receive()


def goto() -> None:
    """To every step from the first, and back from the last."""
    found = []
    for place in range(1, len(STEPS) + 1):
        labrun("goto", "1")
        found += times(lambda: labrun("goto", str(place)), 3)  # noqa: B023
        labrun("goto", str(len(STEPS)))
        found += times(lambda: labrun("goto", str(place)), 1)  # noqa: B023
    told("labrun goto, to every step from the first and from the last", found, 500)


def many() -> None:
    """Side by side, and all of them idle."""
    begun = time.monotonic()
    for _ in range(SESSIONS):
        labrun("start", "netns-veth", "--no-shell")
    print(f"{SESSIONS} sessions begun in {time.monotonic() - begun:.1f} s")
    try:
        pids = [int(name.rpartition(".")[2]) for name in os.listdir(f"{os.environ['XDG_RUNTIME_DIR']}/labrun")]
        memory(f"{SESSIONS} idle sessions, each", 40, SESSIONS, pids)
        before = cpu(pids)
        time.sleep(5)
        print(f"{SESSIONS} idle sessions: {100 * (cpu(pids) - before) / 5:.2f} % of a core")
        told(f"labrun check beside {SESSIONS} others", times(lambda: labrun("check", "--lab", str(pids[0]))), 80)
    finally:
        labrun("stop", "--all")


@contextmanager
def lab() -> Iterator[None]:
    labrun("start", LAB, "--no-shell")
    try:
        yield
    finally:
        labrun("stop")


def labrun(*argv: str) -> str:
    return subprocess.run([ROOT / "labrun", *argv], capture_output=True, text=True, check=False).stdout


def times(does: Callable[[], object], runs: int = RUNS) -> list[float]:
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        does()
        found.append(1000 * (time.perf_counter() - begun))
    return found


def told(what: str, found: list[float], limit: float) -> None:
    ordered = sorted(found)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    missed.extend([what] if p95 > limit else [])
    print(f"{what}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, max {ordered[-1]:.1f} ms"
          f" ({'within' if p95 <= limit else 'NOT within'} {limit} ms)", flush=True)


def memory(what: str, limit: float, of: int, pids: list[int] | None = None) -> None:
    """The proportional set size of the processes and all that descend from them (proc_pid_smaps_rollup(5))."""
    size = sum(pss(pid) for keeper in pids or [meant("").pid] for pid in family(keeper)) / 1024 / of
    missed.extend([what] if size > limit else [])
    print(f"{what}: {size:.1f} MiB ({'within' if size <= limit else 'NOT within'} {limit} MiB)", flush=True)


def family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(each for child in children for each in family(int(child)))]


def pss(pid: int) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("Pss:")))


def cpu(pids: list[int]) -> float:
    """Seconds that they have computed."""
    fields = [Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
              for keeper in pids for pid in family(keeper)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
