# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many who watch their task see it in one list, so that waiting costs one request per look and not one per task."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Callable, Generic, TypeVar

from ..answers import Malformed
from ..backend import Choice
from ..clock import Clock
from ..errors import CoderError, attempting
from ..models import Workspace
from ..server import Server
from ..transport import Response
from .client import TasksClient
from .models import Task

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


class ListedClient(TasksClient):
    """A client for many threads, which sees single tasks and workspaces in lists of all.

    :param owner: whose tasks are listed; None for all that the token may see.
    :param interval: least seconds between two requests for the same list.
    :param concurrency: most requests at once, whatever the number of threads.
    """

    def __init__(
        self, client: Server, owner: str | None, clock: Clock, interval: float, concurrency: int
    ) -> None:
        super().__init__(client.transport, sharing=client)
        self._turns = threading.BoundedSemaphore(concurrency)
        self._halted = threading.Event()
        self._abandoned = threading.Event()
        self._tasks = Poll(lambda: self._list_tasks(owner), clock, interval)
        self._workspaces = Poll(lambda: self._list_workspaces(owner), clock, interval)

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

    def _list_tasks(self, owner: str | None) -> Listing[Task]:
        malformed: list[Malformed] = []
        return Listing({task["id"]: task for task in self.list_tasks(Choice(owner), malformed.append)}, malformed)

    def _list_workspaces(self, owner: str | None) -> Listing[Workspace]:
        malformed: list[Malformed] = []
        return Listing({found["id"]: found for found in self.list_workspaces(owner, malformed.append)}, malformed)

    def all_tasks(self) -> Listing[Task]:
        """Every task of the list."""
        with attempting("list the tasks"):
            return self._tasks.answer()

    def refresh(self, task: Task) -> Task | None:
        """The same task as it is now, None when it is gone."""
        listing = self._tasks.answer()
        found = listing.by_id.get(task["id"])
        if found is None and (self.dialect.paged or listing.malformed):
            # Pages shift while they are read, so a task can be missing from all of them.
            return super().refresh(task)
        return found

    def workspace(self, workspace_id: str) -> Workspace | None:
        """A workspace by its UUID; None once it is deleted."""
        listing = self._workspaces.answer()
        found = listing.by_id.get(workspace_id)
        return super().workspace(workspace_id) if found is None and listing.malformed else found

    def find_workspace(self, owner: str, name: str) -> Workspace | None:
        """A workspace that is not deleted, by its owner and name."""
        listing = self._workspaces.answer()
        username = self.username(owner).lower()
        for workspace in listing.by_id.values():
            if workspace["owner_name"].lower() == username and workspace["name"].lower() == name.lower():
                return workspace
        return super().find_workspace(owner, name) if listing.malformed else None
