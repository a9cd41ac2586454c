# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks themselves still run; how fast anything is, is no test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
SMALL = {"modules": ["--items", "2", "--rounds", "1"], "hook": ["--rounds", "1"]}


@pytest.mark.parametrize("name", SMALL)
def test_smoke(name: str, tmp_path: Path) -> None:
    result = tmp_path / "rows.json"
    command = [sys.executable, str(BENCH / f"bench_{name}.py"), "--json", str(result), *SMALL[name]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.exists(), done.stdout + done.stderr
    rows = json.loads(result.read_text())["rows"]
    # The values of so small a run are noise.
    assert rows and all(isinstance(row["value"], float) and isinstance(row["met"], bool) for row in rows)
