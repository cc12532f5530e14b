"""See run-sandbox."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runtime.sandbox.handle import start

_LIMIT, _MOST = 12.0, 1.1  # milliseconds; the ratio, of which some hundredths are noise
_STARTS, _PAIRS = 100, 40
_LOOP = "n=0; while [ $n -lt 20 ]; do ip link show > /dev/null; iptables -S > /dev/null; n=$((n + 1)); done"
_OUTSIDE = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc")


def main() -> int:
    starts, ends = zip(*(start_and_end() for _ in range(_STARTS)), strict=True)
    _tell(list(starts), "start a sandbox")
    _tell(list(ends), "end it")
    sandbox, ratios = start(), []
    for _ in range(_PAIRS):  # side by side: the machine's speed drifts
        inside = milliseconds(lambda: sandbox.run(["sh", "-c", _LOOP]))
        outside = milliseconds(lambda: subprocess.run([*_OUTSIDE, "sh", "-c", _LOOP], check=True, capture_output=True))
        ratios.append(inside / outside)
    sandbox.stop()
    print(f"{median(starts):8.2f} ms to start one, promised at most {_LIMIT:g}")
    print(f"{median(ratios):8.3f} times as long for 40 commands as in namespaces alone, promised at most {_MOST:g}")
    return 0 if median(starts) <= _LIMIT and median(ratios) <= _MOST else 1


def start_and_end() -> tuple[float, float]:
    """Milliseconds of both."""
    started = perf_counter()
    sandbox = start()
    there = perf_counter()
    sandbox.stop()
    return (there - started) * 1000, (perf_counter() - there) * 1000


def milliseconds(call: object) -> float:
    assert callable(call)
    started = perf_counter()
    call()
    return (perf_counter() - started) * 1000


def _tell(times: list[float], what: str) -> None:
    print(f"{median(times):8.2f} ms median  {min(times):8.2f} min  {max(times):8.2f} max   {what}")


if __name__ == "__main__":
    sys.exit(main())
