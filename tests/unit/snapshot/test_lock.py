# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock is waited for until a deadline; where there are no locks, nobody waits."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import lock
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline


def test_a_lock_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    mine, other = (os.open(tmp_path, os.O_RDONLY) for _number in range(2))
    try:
        assert lock.acquire(mine, Deadline(0.0))
        assert not lock.acquire(other, Deadline(0.05))
        fcntl.flock(mine, fcntl.LOCK_UN)
        assert lock.acquire(other, Deadline(0.0))
    finally:
        os.close(mine)
        os.close(other)


def test_a_file_system_without_locks_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert lock.acquire(0, Deadline(0.0))
