# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work on many tasks at once, and say how far it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Callable

from ...archive import files
from ..context import Context
from ..how_far import SILENCE, how_far
from .outcome import Outcomes

PROGRESS = "progress.json"
# Seconds between two words of progress.
EVERY = 1.0


def _nothing() -> None:
    return None


def each(
    work: Callable[[Any], None],
    items: Iterable[Any],
    threads: int,
    done: Callable[[], None] = _nothing,
    meanwhile: Callable[[], None] = _nothing,
) -> None:
    """Call ``work`` for each item, in threads; the first exception that it raises ends all.

    :param done: called in this thread after each item. :param meanwhile: now and then while none is done.
    """
    finished: SimpleQueue[Future[None]] = SimpleQueue()
    pool = ThreadPoolExecutor(max(1, threads), "archive")
    waiting = 0
    try:
        for item in items:
            pool.submit(work, item).add_done_callback(finished.put)
            waiting += 1
            if waiting > 2 * threads:
                _next(finished, meanwhile).result()
                done()
                waiting -= 1
        for _last in range(waiting):
            _next(finished, meanwhile).result()
            done()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _next(finished: SimpleQueue[Future[None]], meanwhile: Callable[[], None]) -> Future[None]:
    while True:
        try:
            return finished.get(timeout=SILENCE)
        except Empty:
            meanwhile()


class Progress:
    """Told live where somebody sees it; else kept in a file that whoever waits can read."""

    def __init__(self, context: Context[Any], path: str, outcomes: Outcomes) -> None:
        """path: of the archive."""
        self._context = context
        self._path = os.path.join(path, PROGRESS)
        self._writes = not context.check_mode and context.params.get("state") != "verified"
        self._outcomes = outcomes
        self._began_at = self._told_at = context.clock.monotonic()
        self._has_told = False

    def step(self, count: int = 1) -> None:
        """One more task is done, or so many conversations."""
        self._outcomes.done += count
        self.meanwhile()

    def meanwhile(self) -> None:
        """Tell how it stands, unless that was told a moment ago."""
        if self._context.clock.monotonic() - self._told_at >= EVERY:
            self._tell()

    def _tell(self) -> None:
        outcomes = self._outcomes
        self._told_at = self._context.clock.monotonic()
        self._has_told = True
        if self._context.shows_progress:
            seconds = self._told_at - self._began_at
            self._context.progress(how_far(outcomes.done, outcomes.selected, len(outcomes.failures), seconds))
        elif self._writes:
            state = {"done": outcomes.done, "selected": outcomes.selected, "failed": len(outcomes.failures)}
            with suppress(OSError):  # what stands in the way of this is told by what matters
                files.replace(self._path, files.json_pretty(state))

    def close(self) -> None:
        """The last word where there was any; all is told by the result now."""
        if self._has_told and self._context.shows_progress:
            self._tell()
        if self._writes:
            with suppress(OSError):
                os.unlink(self._path)
