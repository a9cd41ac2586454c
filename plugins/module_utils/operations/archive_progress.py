# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on many tasks at once, and say how far it is."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Callable

from ..archive import files
from .archive_outcome import Outcomes
from .context import Context

PROGRESS = "progress.json"
# Seconds between two words of progress.
EVERY = 1.0


def each(work: Callable[[Any], None], items: list[Any], threads: int, done: Callable[[], None]) -> None:
    """Call ``work`` for each item, in threads; ``done`` in this one after each. What it raises ends all."""
    pool = ThreadPoolExecutor(max(1, min(threads, len(items))), "archive")
    try:
        for future in as_completed([pool.submit(work, item) for item in items]):
            future.result()
            done()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Progress:
    """Told live where somebody sees it; else kept in a file that whoever waits can read."""

    def __init__(self, context: Context, path: str, verb: str, outcomes: Outcomes) -> None:
        self._context = context
        self._path = os.path.join(path, PROGRESS)
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
        elif not self._context.check_mode:
            state = {"done": outcomes.done, "selected": outcomes.selected, "failed": len(outcomes.failures)}
            files.replace(self._path, files.json_pretty(state))

    def close(self) -> None:
        """All is told by the result now."""
        if os.path.exists(self._path) and not self._context.check_mode:
            os.unlink(self._path)
