# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/scale.md plans with: what a rate limit costs, predicted and measured, and what one conversation takes.

The limit is on, with a shorter window and fewer requests than a real server's 512 per minute; the formula has both as
variables. Each run is a whole `ansible-playbook` that saves everything into an empty archive.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import bench_archive
import bench_chats
from bench_archive import Cost, playbook, serving
from measure import ROOT, Row, table, write

sys.path.insert(0, str(ROOT / "tests"))

from emulator import Emulator

# How many a list has per page, and how often it is read from its start where it is longer than one.
TASKS_PAGE, CHATS_PAGE, AUDIT_PAGE, READINGS = 100, 500, 100, 2
# Times may be off by so many percent.
TOLERANCE = 20


@dataclass(frozen=True)
class Limit:
    """Requests that a server takes of one caller for one path within a window of seconds."""

    requests: int
    window: float

    def seconds(self, asked: int) -> float:
        """How long a path with so many requests takes at the most, where nothing but the limit does.

        The server counts the last window, too, by how much of it is within reach: at the start of the window after a
        full one next to nothing is taken, and whoever is refused comes back at the next start. So every second window
        takes what the limit allows.
        """
        return 2 * self.window * max(0, ceil(asked / self.requests) - 1)


REAL = Limit(512, 60)


def read_pages(items: int, page: int, readings: int = READINGS) -> int:
    """Requests for a list: a last page that is full is followed by an empty one."""
    once = items // page + 1
    return once if once == 1 else readings * once


class Process:
    """What a benchmark wants to know of an emulator in this process."""

    def __init__(self, server: Emulator) -> None:
        self.about: dict[str, Any] = {"url": server.url, "token": server.token}

    def cpu(self) -> float:
        """Its time cannot be told from ours."""
        return 0.0


@dataclass
class Case:
    """A list whose path is the busiest. shards: runs at once with one token, each of which reads the list."""

    name: str
    path: str
    asked: int
    limit: Limit
    dialect: dict[str, str]
    fill: Callable[[Emulator], None]
    shards: int = 1

    def row(self) -> Row:
        unlimited, asked = self._run(Limit(0, self.limit.window))
        if asked != self.shards * self.asked:
            sys.exit(f"{self.name}: {asked} requests for {self.path}, and the formula says {self.shards * self.asked}")
        measured, _asked = self._run(self.limit)
        predicted = unlimited + self.limit.seconds(self.shards * self.asked)
        limit = f"{self.limit.requests} per {self.limit.window:g} s"
        print(f"{self.name}: {asked} requests for {self.path}, limit {limit}")
        print(
            f"  predicted {predicted:.1f} s, measured {measured:.1f} s, without a limit {unlimited:.1f} s", flush=True
        )
        off = abs(measured - predicted) / measured * 100
        return Row(self.name, "off the formula", off, "%", "<=", TOLERANCE, {})

    def _run(self, limit: Limit) -> tuple[float, int]:
        """Seconds, and how many requests for the path were answered."""
        options = {"rate_limit": limit.requests, "rate_window": limit.window}
        with Emulator(**self.dialect, **options) as server, tempfile.TemporaryDirectory() as scratch:  # type: ignore[arg-type]
            self.fill(server)
            folders = [Path(scratch, str(number)) for number in range(1, self.shards + 1)]
            # The formula begins with a fresh window.
            time.sleep(limit.window - time.time() % limit.window)
            started = time.monotonic()
            with ThreadPoolExecutor(self.shards) as pool:
                list(pool.map(lambda folder: self._archive(server, folder), folders))
            taken = time.monotonic() - started
            answered = sum(entry.path == self.path and entry.status == 200 for entry in server.journal)
        return taken, answered

    def _archive(self, server: Emulator, folder: Path) -> Cost:
        folder.mkdir()
        task = {"path": str(folder / "archive"), "all_owners": True, "deadline": 600,
                "shard": {"index": int(folder.name), "count": self.shards}}  # fmt: skip
        return playbook(Process(server), folder, [{"coder.tasks.archive": task}])  # type: ignore[arg-type]


def cases() -> list[Case]:
    count = 1000

    def tasks(server: Emulator) -> None:
        for number in range(count):
            server.create_task(f"t-{number}")

    def chats(server: Emulator) -> None:
        for number in range(count):
            server.create_chat(f"Chat {number}", owner="bob", answer="Done.")

    audit = {"path": "/api/v2/audit", "asked": read_pages(count, AUDIT_PAGE, 1), "limit": Limit(4, 8.0),
             "dialect": {"dialect": "2.34", "chats": "chats-2.35"}, "fill": chats}  # fmt: skip
    listed = {"path": "/api/experimental/tasks", "asked": read_pages(count, TASKS_PAGE), "limit": Limit(5, 8.0),
              "dialect": {"dialect": "2025-10"}, "fill": tasks}  # fmt: skip
    named = {f"{count} tasks of Coder 2.27": listed, f"{count} chats": audit}
    two = Case(f"{count} chats, 2 shards, one token", **audit, shards=2)  # type: ignore[arg-type]
    return [*(Case(name, **about) for name, about in named.items()), two]  # type: ignore[arg-type]


# What one conversation takes


@dataclass
class Size:
    """Of an archive: CPU seconds and peak MB of the run that made it, bytes of its parts."""

    cpu: float
    peak: float
    parts: dict[str, int]


def size(script: str, run: Callable[[Any, Path], Cost], count: int) -> Size:
    with serving(count, script) as server, tempfile.TemporaryDirectory(prefix="bench-scale-") as scratch:
        cost = run(server, Path(scratch))
        parts = {"files": 0, "disk": 0}
        for path in Path(scratch, "archive").rglob("*"):
            about = path.stat()
            parts["disk"] += about.st_blocks * 512
            at_top = path.parent.name == "archive" and path.name.startswith(("index.", "manifest"))
            name = path.name if at_top else "files"
            parts[name] = parts.get(name, 0) + (about.st_size if path.is_file() else 0)
    return Size(cost.cpu, cost.peak, parts)


def constants(name: str, script: str, run: Callable[[Any, Path], Cost], few: int) -> None:
    """What grows with the conversations, as the difference of two archives, one four times as large."""
    small, large = (size(script, run, count) for count in (few, 4 * few))
    more = 3 * few
    cpu, memory = ((getattr(large, key) - getattr(small, key)) / more * 1000 for key in ("cpu", "peak"))
    print(f"one more {name}: {cpu:.1f} ms of CPU, {memory:.1f} kB of memory (at {4 * few}: {large.peak:.0f} MB)")
    for part, held in large.parts.items():
        print(f"  {part}: {(held - small.parts.get(part, 0)) / more / 1000:.2f} kB", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["limit", "constants"])
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench_scale.json")
    given = parser.parse_args()
    if given.only != "limit":
        constants("task", bench_archive.__file__, bench_archive.archive, 500)
        constants("chat", bench_chats.__file__, bench_chats.archive, 150)
    rows = [case.row() for case in cases()] if given.only != "constants" else []
    print(table(rows))
    write(rows, given.json)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
