# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clears a workspace away when whoever holds the other end of its standard input is gone, in whatever way it went.

Started as a process: keeper.py FOLDER, where FOLDER/home is the workspace's home. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def kill_all(home: Path) -> None:
    """Kill every process that has this home, also one that left its session. Without /proc that is nobody."""
    while pids := [pid for pid in _pids() if f"HOME={home}".encode() in _environ(pid).split(b"\0")]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _environ(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    sys.stdin.buffer.read()
    kill_all(folder / "home")
    shutil.rmtree(folder, ignore_errors=True)
