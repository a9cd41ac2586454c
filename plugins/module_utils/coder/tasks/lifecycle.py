# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that change a task's life: what :mod:`..builds` does, in a task's words and by a task's endpoints."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..builds import Builds, Place
from ..errors import CoderError
from ..refused_builds import is_build_active
from ..waiter import Waiter
from .client import TasksClient
from .health import describe, diagnose
from .models import NewTask, Task
from .refusals import is_already_running, is_not_found


class Created(NamedTuple):
    """A task that was asked for.

    :param by: who made it: ``this_call``, ``someone_else``, or ``uncertain`` where an answer was lost and a task just
        like it stands there now.
    """

    task: Task
    by: str


class Lifecycle(Builds[Task]):
    """Create, pause, resume and delete, with the waiting that a safe write needs."""

    noun = "task"

    def __init__(self, client: TasksClient, waiter: Waiter) -> None:
        super().__init__(client, waiter)
        self._client = client

    def _refresh(self, item: Task) -> Task | None:
        return self._client.refresh(item)

    def _place(self, item: Task) -> Place:
        workspace = f"{item['owner_name']}/{item['workspace_name'] or item['name']}"
        return Place(item["name"], item["workspace_id"], workspace)

    def _described(self, item: Task) -> str:
        return describe(item)

    def _seen(self, item: Task) -> dict[str, Any]:
        return {"task": item, "diagnosis": diagnose(self._client, item)}

    # Create

    def create(self, owner: str, new: NewTask) -> Created:
        """Create the task, or find the one that came in between."""
        made = self._made(
            owner,
            new.name,
            lambda: self._client.create_task(owner, new),
            lambda: self._client.find_task(new.name, owner),
            lambda task: self._is_like(task, new),
        )
        return Created(*made)

    @staticmethod
    def _is_like(task: Task, new: NewTask) -> bool:
        return task["initial_prompt"] == new.input and task["template_version_id"] in (None, new.version_id)

    # Pause and resume

    def pause(self, task: Task) -> bool:
        """Stop the workspace. :returns: whether this call did it; False where it was stopped or stopping already."""
        return self._switch(task, self._client.pause, "stop", lambda now: now["status"] in ("paused", "unknown"))

    def resume(self, task: Task) -> bool:
        """Start the workspace. :returns: whether this call did it; False where it ran or was starting already."""
        there = ("active", "pending", "initializing")
        restarts = not self._client.dialect.pause
        return self._switch(task, self._client.resume, "start", lambda now: now["status"] in there, restarts)

    def _is_refused_as_running(self, error: CoderError) -> bool:
        return is_already_running(error)

    # Delete

    def delete(self, task: Task) -> bool:
        """Start the task's removal. :returns: whether this call did it; False where somebody else was faster."""
        while True:
            try:
                self._client.delete_task(task)
                return True
            except CoderError as error:
                refusal = error
            if not is_not_found(refusal) and not is_build_active(refusal):
                raise refusal
            now = self._client.refresh(task)
            if now is None:
                # A DELETE whose answer was lost is sent again by the transport: what is gone then, went by us.
                return (refusal.attempts or 1) > 1
            # Era S answers 404 while a build runs, and for ever where a build failed (docs/contract.md, Tasks and their
            # workspaces).
            if is_not_found(refusal) and now["workspace_status"] in ("failed", "canceled"):
                self._client.build_workspace(now["workspace_id"], "delete")
                return True
            if is_not_found(refusal):
                refusal = refusal.but(
                    hint="A build of its workspace is running; with wait=true the module waits for it."
                )
            self._wait_a_moment(refusal, task)

    def _not_removed(self, workspace_id: str, name: str, job: dict[str, Any]) -> CoderError:
        error = super()._not_removed(workspace_id, name, job)
        return error.but(
            hint=f"The task is gone, its workspace {workspace_id} is not, and the name stays taken: repair "
            "the template, or remove it with `coder delete --orphan`."
        )
