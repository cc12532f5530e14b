"""Time two commands side by side with hyperfine and tell the ratio of their medians: python3 bench/ratio.py A B."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--limit", type=float, required=True, help="the ratio that is promised; above it the exit is 1")
    options = parser.parse_args()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        hyperfine = ["hyperfine", "--shell=none", "--style=none", "--warmup=3", f"--runs={options.runs}"]
        commands = [f"--export-json={file.name}", options.ours, options.theirs]
        subprocess.run([*hyperfine, *commands], check=True, stdout=subprocess.DEVNULL)
        ours, theirs = json.load(file)["results"]
    for result in (ours, theirs):
        times = sorted(result["times"])
        print(f"{result['median'] * 1000:8.1f} ms median  {times[0] * 1000:8.1f} min  {times[-1] * 1000:8.1f} max  "
              f"{(result['user'] + result['system']) * 1000:7.1f} cpu   {result['command']}")
    ratio = ours["median"] / theirs["median"]
    print(f"{ratio:8.2f} ratio, promised at most {options.limit:g}")
    return 0 if ratio <= options.limit else 1


if __name__ == "__main__":
    sys.exit(main())
