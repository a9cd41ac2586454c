# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on many tasks at once, and say how far it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Callable

from ..archive import files
from .archive_outcome import Outcomes
from .context import Context

PROGRESS = "progress.json"
# Seconds between two words of progress.
EVERY = 1.0


def each(work: Callable[[Any], None], items: Iterable[Any], threads: int, done: Callable[[], None]) -> None:
    """Call ``work`` for each item, in threads; ``done`` in this one after each. What it raises ends all."""
    finished: SimpleQueue[Future[None]] = SimpleQueue()
    pool = ThreadPoolExecutor(max(1, threads), "archive")
    waiting = 0
    try:
        for item in items:
            pool.submit(work, item).add_done_callback(finished.put)
            waiting += 1
            if waiting > 2 * threads:
                finished.get().result()
                done()
                waiting -= 1
        for _last in range(waiting):
            finished.get().result()
            done()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Progress:
    """Told live where somebody sees it; else kept in a file that whoever waits can read."""

    def __init__(self, context: Context, path: str, verb: str, outcomes: Outcomes) -> None:
        """path: of the archive."""
        self._context = context
        self._path = os.path.join(path, PROGRESS)
        self._writes = not context.check_mode and context.params.get("state") != "verified"
        self._verb = verb
        self._outcomes = outcomes
        self._told_at = context.clock.monotonic()

    def step(self) -> None:
        """One more task is done."""
        self._outcomes.done += 1
        now = self._context.clock.monotonic()
        if now - self._told_at < EVERY:
            return
        self._told_at = now
        outcomes = self._outcomes
        if self._context.shows_progress:
            counts = (outcomes.done, outcomes.selected, self._verb, len(outcomes.failures))
            self._context.progress("%d of %d tasks are %s, %d failed" % counts)
        elif self._writes:
            state = {"done": outcomes.done, "selected": outcomes.selected, "failed": len(outcomes.failures)}
            with suppress(OSError):  # what stands in the way of this is told by what matters
                files.replace(self._path, files.json_pretty(state))

    def close(self) -> None:
        """All is told by the result now."""
        if self._writes:
            with suppress(OSError):
                os.unlink(self._path)
