# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What many who look at once share: one question to the server for all, and a bound on the requests under way."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Callable, Generic, TypeVar

from .answers import Malformed
from .clock import Clock
from .errors import CoderError
from .server import Server
from .transport import Response

Answer = TypeVar("Answer")
Listed = TypeVar("Listed")

# Failures of one look that may pass by themselves, and how many in a row are borne: everyone waits for this look.
PASSING = ("server", "network", "timeout", "unavailable", "protocol")
MOST_FAILURES = 5


@dataclass(frozen=True)
class Listing(Generic[Listed]):
    """What a list showed. ``malformed``: items that could not be read; whoever misses something asks for it alone."""

    by_id: dict[str, Listed]
    malformed: list[Malformed]


class Poll(Generic[Answer]):
    """One question that many threads ask again and again, and that is put to the server at most once an interval.

    :param interval: least seconds between the starts of two requests.
    """

    def __init__(self, ask: Callable[[], Answer], clock: Clock, interval: float) -> None:
        self._ask = ask
        self._clock = clock
        self._interval = interval
        self._lock = threading.Lock()
        self._begun_at = float("-inf")
        self._outcome: Answer | CoderError | None = None

    def answer(self) -> Answer:
        """What the server said to a request that was sent after this call began.

        :raises CoderError: it could not be asked; all who waited for this answer are told.
        """
        asked_at = self._clock.monotonic()
        with self._lock:
            if self._outcome is None or self._begun_at < asked_at:
                self._outcome = self._look()
            outcome = self._outcome
        if isinstance(outcome, CoderError):
            raise outcome.but()
        return outcome

    def _look(self) -> Answer | CoderError:
        failures = 0
        while True:
            pause = self._begun_at + self._interval - self._clock.monotonic()
            if pause > 0:
                self._clock.sleep(pause)
            self._begun_at = self._clock.monotonic()
            try:
                return self._ask()
            except CoderError as error:
                failures += 1
                if error.kind not in PASSING or failures == MOST_FAILURES:
                    return error


class Halted(CoderError):
    """A write that was not sent, because no more are wanted."""


class BoundedServer(Server):
    """A client for many threads.

    :param sharing: a client of the same call and transport.
    :param concurrency: most requests at once, whatever the number of threads.
    """

    def __init__(self, sharing: Server, concurrency: int) -> None:
        super().__init__(sharing.transport, sharing=sharing)
        self._turns = threading.BoundedSemaphore(concurrency)
        self._halted = threading.Event()
        self._abandoned = threading.Event()

    def halt(self) -> None:
        """Send no further write; each is refused with :class:`Halted`."""
        self._halted.set()

    def abandon(self) -> None:
        """Send nothing at all any more, so that those who wait end at their next look."""
        self._halted.set()
        self._abandoned.set()

    def _request(self, method: str, path: str, **options: Any) -> Response:
        with self._turns:
            if self._abandoned.is_set() or (self._halted.is_set() and method != "GET"):
                raise Halted(f"{method} {path} was not sent, because too much had failed", "conflict")
            return super()._request(method, path, **options)
