# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of what takes too long for each run of CI: named mistakes, and rounds of both fuzzers.

``sample.py [SEED]``. Without a seed it is today's date, so that each day tries something else and a failure can be
repeated. At most 90 seconds on an idle machine.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = {
    "mutants": ["scripts/mutants.py", "--sample", "6", "--seconds", "40"],
    "fuzz-proof": ["tests/fuzz/proof.py", "--rounds", "60"],
    "fuzz-chats": ["tests/fuzz/chats.py", "--rounds", "40"],
}


def main(arguments: list[str]) -> int:
    today = f"{datetime.now(UTC):%Y%m%d}"
    seed = arguments[0] if arguments else today
    print(f"date {today}, seed {seed}; again with: make sample SEED={seed}", flush=True)
    failed = [name for name, command in SAMPLES.items() if not passes(name, [*command, "--seed", seed])]
    for name in failed:
        print(f"FAILED: {name}, make sample SEED={seed}")
    return 1 if failed else 0


def passes(name: str, command: list[str]) -> bool:
    print(f"\n{name}", flush=True)
    return subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
