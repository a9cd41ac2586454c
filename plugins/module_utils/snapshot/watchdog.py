# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the hook, whatever hangs: a file system, an output that nobody reads, a call that nothing interrupts."""

from __future__ import annotations

import os
import select
from _thread import allocate_lock, start_new_thread


class Watchdog:
    """Ends the process after so many seconds, with `code`, unless it is left before.

    `code` is what is true so far: the caller lowers it to 0 once nothing can be lost any more.
    """

    def __init__(self, seconds: float) -> None:
        self.code = 1
        self._seconds = seconds
        self._left = allocate_lock()

    def __enter__(self) -> Watchdog:
        self._left.acquire()
        start_new_thread(self._watch, ())
        return self

    def __exit__(self, *_exc: object) -> None:
        self._left.release()

    def _watch(self) -> None:
        if self._left.acquire(timeout=self._seconds):
            return
        try:
            # Only where it cannot block in its turn.
            if select.select([], [2], [], 0)[1]:
                os.write(2, b"Error: The deadline has passed, giving up\n")
        except OSError:
            pass
        finally:
            os._exit(self.code)
