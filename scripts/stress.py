# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the unit and contract tests on a busy machine and list what fails: ``stress.py [RUNS] [PER_CORE]``.

Beside the tests runs PER_CORE busy process per core (4 by default), so that the load is at least that many times the
number of cores. A test that fails here and not on an idle machine has a limit in time that the machine can break.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import run_parts

ROOT = run_parts.ROOT
RESULTS = run_parts.RESULTS / "stress.xml"
FOLDERS = ("tests/unit", "tests/contract")
# A busy process ends by itself after an hour, and when whoever started it is gone.
BUSY = """
import os, sys, time
parent, end = os.getppid(), time.monotonic() + 3600
while os.getppid() == parent and time.monotonic() < end:
    for _number in range(1_000_000):
        pass
"""


def main(runs: int, per_core: int) -> int:
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that the busy processes end, too
    count = per_core * (os.cpu_count() or 1)
    failing = False
    with busy(count):
        for run in range(1, runs + 1):
            failed = run_tests()
            busyness = f"{count} busy processes, load {os.getloadavg()[0]:.1f}"
            print(f"stress: run {run} of {runs}, {busyness}: {len(failed)} failed", flush=True)
            for name in failed:
                print(f"FAILED: {name}")
            failing = failing or bool(failed)
    return 1 if failing else 0


@contextmanager
def busy(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-I", "-S", "-c", BUSY]) for _number in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run_tests() -> list[str]:
    """Names of the tests that failed, and that pytest itself did, where it came to no end."""
    RESULTS.unlink(missing_ok=True)
    environment = {**os.environ, "DIST": "worksteal", "PYTEST_ADDOPTS": "-m 'not slow'"}
    done = subprocess.run([ROOT / "scripts" / "pytest", RESULTS, *FOLDERS], cwd=ROOT, env=environment, check=False)
    part = run_parts.Part("stress")
    if RESULTS.exists():
        run_parts.read_results(RESULTS, part)
    return part.failed + ([f"pytest, which exited {done.returncode}"] if done.returncode not in (0, 1) else [])


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(numbers + [3, 4][len(numbers) :])))
