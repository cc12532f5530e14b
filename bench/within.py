"""Time a command that is to take at most so many seconds: python3 bench/within.py --limit 60 -- COMMAND."""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median
from time import perf_counter


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, required=True, help="seconds; a median above it is the exit code 1")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    times = sorted(seconds(options.command) for _ in range(options.runs))
    print(f"{median(times):8.3f} s median  {times[0]:8.3f} min  {times[-1]:8.3f} max   {' '.join(options.command)}")
    print(f"{median(times):8.3f} s, promised at most {options.limit:g}")
    return 0 if median(times) <= options.limit else 1


def seconds(command: list[str]) -> float:
    """How long the command takes, which has to succeed."""
    started = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
