# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What many who look at once share: one question to the server for all, and a bound on the requests under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Generic, TypeVar

from .answers import Malformed
from .clock import Clock
from .errors import CoderError
from .server import Server
from .transport import Response

Answer = TypeVar("Answer")
Listed = TypeVar("Listed")
Done = TypeVar("Done")

# Failures of one look that may pass by themselves, and how many in a row are borne: everyone waits for this look.
PASSING = ("server", "network", "timeout", "unavailable", "protocol")
MOST_FAILURES = 5
# Seconds between two glances at whether everyone has come.
GLANCE = 0.01


@dataclass(frozen=True)
class Listing(Generic[Listed]):
    """What a list showed. ``malformed``: items that could not be read; whoever misses something asks for it alone."""

    by_id: dict[str, Listed]
    malformed: list[Malformed]


class Crowd:
    """Those who are under way at once, and how many of them stand and wait for an answer that all share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._most = 0
        # By thread: where it stands, and since when.
        self._standing: dict[int, tuple[object, float]] = {}

    def expect(self, members: int, most: int) -> None:
        """Say who comes. :param members: in all. :param most: of them under way at once."""
        with self._lock:
            self._left, self._most = members, most

    def one(self, work: Callable[[], Done]) -> Done:
        """Do what one of those who were expected does."""
        try:
            return work()
        finally:
            with self._lock:
                self._left -= 1

    @contextmanager
    def standing(self, where: object, since: float) -> Iterator[None]:
        """While this thread waits for what is asked there later than that."""
        thread = threading.get_ident()
        with self._lock:
            self._standing[thread] = where, since
        try:
            yield
        finally:
            with self._lock:
                self._standing.pop(thread, None)

    def serve(self, where: object, begun_at: float) -> None:
        """Those whose answer is there are under way again, although they may not have woken up yet."""
        with self._lock:
            left = {thread: (at, since) for thread, (at, since) in self._standing.items()
                    if at is not where or since > begun_at}  # fmt: skip
            self._standing = left

    def all_stand(self) -> bool:
        """Whether nobody is left who could come and ask the same a moment later."""
        with self._lock:
            return len(self._standing) >= min(self._left, self._most)


class Poll(Generic[Answer]):
    """One question that many threads ask again and again, and that is put to the server for all of them at once.

    That is when all who are under way wait for answers, and else once an interval: those who do the same come to the
    same question together, and whoever does something else is not waited for longer.

    :param crowd: who asks. :param interval: most seconds between the starts of two requests that somebody waits for.
    """

    def __init__(self, ask: Callable[[], Answer], crowd: Crowd, clock: Clock, interval: float) -> None:
        self._ask = ask
        self._crowd = crowd
        self._clock = clock
        self._interval = interval
        self._told = threading.Condition()
        self._is_asking = False
        # Of the latest request that has an answer.
        self._begun_at = float("-inf")
        self._outcome: Answer | CoderError

    def answer(self) -> Answer:
        """What the server said to a request that was sent after this call began.

        :raises CoderError: it could not be asked; all who waited for this answer are told.
        """
        asked_at = self._clock.monotonic()
        with self._crowd.standing(self, asked_at):
            while True:
                # Whoever has an answer must not be held up by one who asks for the next.
                with self._told:
                    self._told.wait_for(lambda: self._begun_at >= asked_at or not self._is_asking)
                    if self._begun_at >= asked_at:
                        outcome = self._outcome
                        break
                    self._is_asking = True
                self._ask_for_all()
        if isinstance(outcome, CoderError):
            raise outcome.but()
        return outcome

    def _ask_for_all(self) -> None:
        try:
            begun_at, outcome = self._look()
            with self._told:
                self._begun_at, self._outcome = begun_at, outcome
                self._crowd.serve(self, begun_at)
        finally:
            with self._told:
                self._is_asking = False
                self._told.notify_all()

    def _look(self) -> tuple[float, Answer | CoderError]:
        """:returns: when the request began, and what came of it."""
        failures, begun_at = 0, self._begun_at
        while True:
            # A server that fails is not hurried.
            self._pause(begun_at + self._interval, in_full=failures > 0)
            begun_at = self._clock.monotonic()
            try:
                return begun_at, self._ask()
            except CoderError as error:
                failures += 1
                if error.kind not in PASSING or failures == MOST_FAILURES:
                    return begun_at, error

    def _pause(self, ends_at: float, in_full: bool) -> None:
        while (pause := ends_at - self._clock.monotonic()) > 0 and (in_full or not self._crowd.all_stand()):
            self._clock.sleep(pause if in_full else min(pause, GLANCE))


class Halted(CoderError):
    """A write that was not sent, because no more are wanted."""


class BoundedServer(Server):
    """A client for many threads.

    :param sharing: a client of the same call and transport.
    :param concurrency: most requests at once, whatever the number of threads.
    """

    def __init__(self, sharing: Server, concurrency: int) -> None:
        super().__init__(sharing.transport, sharing=sharing)
        self.crowd = Crowd()
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
