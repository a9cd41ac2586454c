# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each part of ``make test``, whatever became of the one before, and end with one table: ``run_parts.py PART...``.

A part is a target of the Makefile. It failed when make says so; the names of what failed are those in its pytest
results, build/results/PART.xml, and what follows FAILED: at the beginning of a line. What could not be tested on this
machine follows NOT TESTED:, as "what: command", where the command makes it testable; a skipped test is the same.
CANNOT RUN: says so of the whole part, and is the only excuse of one that make says failed. With ``CI=true`` nothing may
be left untested. The table is kept in build/results/summary.txt, each part's output beside it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "results"
SAID = re.compile(r"^(FAILED|NOT TESTED|CANNOT RUN): (.+)$", re.M)
MOST_NAMES = 20
# What a make hands to the makes that it starts; these here are on their own.
OF_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


@dataclass
class Part:
    """What one part found. `tests` counts pytest's tests, None where there are none."""

    name: str
    code: int = 0
    seconds: float = 0.0
    tests: int | None = None
    excused: bool = False
    failed: list[str] = field(default_factory=list)
    untested: list[str] = field(default_factory=list)

    @property
    def result(self) -> str:
        if self.failed:
            return "FAILED"
        return "not tested" if self.excused else "passed"


def main(names: list[str]) -> int:
    RESULTS.mkdir(parents=True, exist_ok=True)
    parts = [run(name) for name in names]
    table = "\n".join(lines(parts))
    (RESULTS / "summary.txt").write_text(f"{table}\n")
    print(f"\n{table}")
    in_ci = os.environ.get("CI") == "true"
    return 1 if any(part.failed or (in_ci and part.untested) for part in parts) else 0


def run(name: str) -> Part:
    print(f"\n== make {name}", flush=True)
    results, log = RESULTS / f"{name}.xml", RESULTS / f"{name}.log"
    results.unlink(missing_ok=True)
    started = time.monotonic()
    code, said = follow([os.environ.get("MAKE", "make"), "--no-print-directory", name], log)
    part = Part(name, code, time.monotonic() - started)
    for kind, what in SAID.findall(said):
        (part.failed if kind == "FAILED" else part.untested).append(what)
        part.excused = part.excused or kind == "CANNOT RUN"
    if results.exists():
        read_results(results, part)
    if code and not part.failed and not part.excused:
        part.failed.append(f"make {name} exited {code}; the end of {log.relative_to(ROOT)} tells why")
    part.failed, part.untested = unique(part.failed), unique(part.untested)
    return part


def follow(command: list[str], log: Path) -> tuple[int, str]:
    """Run a command, show what it prints as it comes, and keep it. Returns its exit code and its output."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_MAKE}
    said = []
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **piped) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            said.append(line)
    log.write_text("".join(said))
    return process.returncode, "".join(said)


def read_results(file: Path, part: Part) -> None:
    """Take names from pytest's results: they are whole there, and what it prints of them is not."""
    part.failed = [what for what in part.failed if not what.startswith("tests/")]
    part.tests = 0
    for case in ElementTree.parse(file).iter("testcase"):
        part.tests += 1
        if case.find("failure") is not None or case.find("error") is not None:
            part.failed.append(f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")
        skipped = case.find("skipped")
        if skipped is not None:
            part.untested.append(skipped.get("message", "").removeprefix("NOT TESTED: "))


def unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def lines(parts: list[Part]) -> list[str]:
    """The table: a line per part, and under it what failed and what was not tested."""
    wide = max(len(part.name) for part in parts)
    table = [f"{'part':{wide}}  result      tests  seconds"]
    for part in parts:
        tests = "" if part.tests is None else str(part.tests)
        table.append(f"{part.name:{wide}}  {part.result:10}  {tests:>5}  {part.seconds:7.0f}")
        table += [f"    failed: {name}" for name in part.failed[:MOST_NAMES]]
        if len(part.failed) > MOST_NAMES:
            table.append(f"    failed: {len(part.failed) - MOST_NAMES} more, see build/results/{part.name}.log")
        table += [f"    not tested: {what}" for what in part.untested]
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
