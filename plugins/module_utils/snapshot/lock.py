# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes: each ends when its file is closed, also because its process was killed."""

from __future__ import annotations

import fcntl
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .deadline import Deadline

_POLL_SECONDS = 0.02


def acquire(descriptor: int, deadline: Deadline) -> bool:
    """Take an exclusive lock on an open file or folder.

    :returns: False if another process still had it at the deadline.
    """
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            left = deadline.left()
            if not left:
                return False
            time.sleep(min(_POLL_SECONDS, left))
        except OSError:
            # A file system without locks.
            return True
