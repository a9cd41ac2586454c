# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every benchmark, one after the other; one table, one file, and what changed since the last run."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import ROOT, Row, machine, table

RESULT = ROOT / "build" / "bench.json"
# A change smaller than this is the machine's, not ours.
NOTABLE = 0.15


def rows_of(script: Path) -> list[dict[str, Any]]:
    """Run one benchmark; its own output is shown as it comes. A missed goal is a row, a crash is an error."""
    print(f"\n== {script.stem}", flush=True)
    target = RESULT.with_name(f"{script.stem}.json")
    target.unlink(missing_ok=True)
    subprocess.run([sys.executable, str(script), "--json", str(target)], check=False)
    if not target.exists():
        sys.exit(f"{script.name} ended without a result.")
    return json.loads(target.read_text())["rows"]


def key(row: dict[str, Any]) -> str:
    return f"{row['case']}, {row['against']}"


def changes(rows: list[dict[str, Any]], before: dict[str, Any]) -> list[str]:
    """What moved by more than the machine's own unrest since the last run."""
    old = {key(row): row["value"] for row in before.get("rows", [])}
    lines = []
    for row in rows:
        was = old.get(key(row))
        if was and abs(row["value"] - was) / abs(was) > NOTABLE:
            lines.append(f"{key(row)}: {was:.3g} -> {row['value']:.3g} {row['unit']}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="names of benchmarks, such as modules or hook; all if none is given")
    arguments = parser.parse_args()
    scripts = sorted(Path(__file__).parent.glob("bench_*.py"))
    known = {script.stem.removeprefix("bench_"): script for script in scripts}
    unknown = set(arguments.only) - set(known)
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(known)}.")
    RESULT.parent.mkdir(exist_ok=True)
    before = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    rows = [row for name in arguments.only or known for row in rows_of(known[name])]
    RESULT.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")
    missed = [key(row) for row in rows if not row["met"]]
    print("\n" + table([Row(**{name: row[name] for name in Row.__dataclass_fields__}) for row in rows]))
    print(f"\n{len(rows) - len(missed)} of {len(rows)} goals met; the rows are in {RESULT.relative_to(ROOT)}.")
    for line in missed:
        print(f"MISSED: {line}")
    for line in changes(rows, before):
        print(f"since the last run: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
