"""What ./labrun runs: labrunner.cli.main, by the shortest way in and out.

`VENV/bin/python -I -S start.py` takes 10 ms where `VENV/bin/python -m labrunner` takes 17 and `python3 -c pass` 12
(medians of 200, with an empty main): -S leaves out the site module (3 ms), whose one service, finding site-packages, is
two lines here; a file instead of -m leaves out runpy (4 ms).
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys


def prepare(here: str, venv: str) -> None:
    """Make the packages of the checkout `here` and of `venv` importable.

    After the standard library: its modules, which are most, are then found without a look into these two folders.
    """
    sys.argv[0] = f"{here}/labrun"
    sys.path += [here, f"{venv}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"]
    if not venv.endswith("/.venv"):
        sys.pycache_prefix = f"{venv}/pycache"  # below the cache folder, as this user cannot write the checkout


def leave(code: int) -> None:
    """End at once. Taking the interpreter down piece by piece costs 10 ms after rich and yaml, for nothing."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass  # `labrun list | head`: the reader has seen enough
    except OSError as error:
        os.write(2, f"labrun: cannot write the output: {error.strerror}\n".encode())
        code = 4
    os._exit(code)


if __name__ == "__main__":
    gc.set_threshold(20_000)  # with Python's 700 a start looks for rubbish ten times, and finds none: 1 ms
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until main is loaded and can do better, Ctrl-C shows no traceback
    prepare(__file__.rpartition("/scripts/")[0], sys.executable.removesuffix("/bin/python"))
    from labrunner.cli import main

    leave(main())
