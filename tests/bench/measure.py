# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: interleaved rounds of whole commands, and rows that say whether a goal was met."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Computes until its parent is gone, an hour at most.
BUSY = """
import os, time
parent, end = os.getppid(), time.monotonic() + 3600
while os.getppid() == parent and time.monotonic() < end:
    for _number in range(1_000_000):
        pass
"""


@dataclass
class Row:
    """One line of the table.

    case: what was measured; against: what it was measured against; value with its unit; goal: the bound that was set,
    with its direction (`<=` or `>=`); spread: smallest and largest value of the rounds, in seconds, by command.
    """

    case: str
    against: str
    value: float
    unit: str
    direction: str
    goal: float
    spread: dict[str, tuple[float, float, float]]

    @property
    def met(self) -> bool:
        return self.value <= self.goal if self.direction == "<=" else self.value >= self.goal


def seconds(command: list[str], environment: dict[str, str] | None = None, timeout: float = 300.0) -> float:
    """Wall time of a command that must succeed."""
    started = time.perf_counter()
    done = subprocess.run(
        command,
        env=dict(os.environ, **(environment or {})),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    taken = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return taken


def interleaved(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each case in each round; a busy moment of the machine falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _round in range(rounds):
        for name, measure in cases.items():
            taken[name].append(measure())
    return taken


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Beside what is measured, so many processes compute."""
    running = [subprocess.Popen([sys.executable, "-I", "-S", "-c", BUSY]) for _number in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


class TreeMemory:
    """The most memory that a process and all under it take together, looked at every half a second (Linux only).

    What they share is counted once: it is the sum of their proportional set sizes.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0.0  # MB
        self._pid = pid
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_again_and_again, daemon=True)

    def __enter__(self) -> TreeMemory:
        self._watch.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._watch.join()

    def _look_again_and_again(self) -> None:
        while not self._over.wait(0.5):
            self.peak = max(self.peak, sum(map(_proportional_size, _tree(self._pid))))


def _tree(pid: int) -> list[int]:
    """The process and those under it that are still there."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return found


def _proportional_size(pid: int) -> float:
    """In MB; 0 for a process that has ended."""
    try:
        (size,) = re.findall(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    except (OSError, ValueError):
        return 0.0
    return int(size) / 1024


def spread(values: list[float]) -> tuple[float, float, float]:
    """(smallest, median, largest)."""
    return min(values), statistics.median(values), max(values)


def table(rows: list[Row]) -> str:
    """The rows for people."""
    lines = [("case", "against", "measured", "goal", "")]
    for row in rows:
        goal = f"{row.direction} {row.goal:g} {row.unit}".strip()
        measured = f"{row.value:.3g} {row.unit}".strip()
        lines.append((row.case, row.against, measured, goal, "met" if row.met else "MISSED"))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def write(rows: list[Row], path: Path) -> None:
    """The rows for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [dict(asdict(row), met=row.met) for row in rows]
    path.write_text(json.dumps({"machine": machine(), "rows": entries}, indent=2) + "\n")
