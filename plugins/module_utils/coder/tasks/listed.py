# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many who watch their task see it in one list, so that waiting costs one request per look and not one per task."""

from __future__ import annotations

from ..answers import Malformed
from ..backend import Choice
from ..clock import Clock
from ..errors import attempting
from ..listed import BoundedServer, Listing, Poll
from ..models import Workspace
from ..server import Server
from .client import TasksClient
from .models import Task


class ListedClient(BoundedServer, TasksClient):
    """A client for many threads, which sees single tasks and workspaces in lists of all.

    :param owner: whose tasks are listed; None for all that the token may see.
    :param interval: seconds between two requests for the same list; less where all who are under way wait for it.
    :param concurrency: most requests at once, whatever the number of threads.
    """

    def __init__(self, client: Server, owner: str | None, clock: Clock, interval: float, concurrency: int) -> None:
        super().__init__(client, concurrency)
        self._tasks = Poll(lambda: self._list_tasks(owner), self.crowd, clock, interval)
        self._workspaces = Poll(lambda: self._list_workspaces(owner), self.crowd, clock, interval)

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
