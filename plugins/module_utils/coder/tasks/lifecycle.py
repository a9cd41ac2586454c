# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes that change a task's life, each safe to repeat and sure about what it did.

A lost answer, a 409 and a race with somebody else are resolved by reading again, never by guessing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, NamedTuple

from ..errors import AnswerLost, CoderError
from ..models import Workspace
from ..waiter import Waiter
from .client import TasksClient
from .health import BUILD_FAILED, describe, diagnose
from .models import NewTask, Task
from .refusals import is_already_running, is_build_active, is_name_taken, is_not_active_version, is_not_found

ENDED_BUILDS = ("succeeded", "failed", "canceled")
# A pause or resume whose answer was lost is sent again at most so often, each time only after a look.
LOST_ANSWERS = 3
# Most seconds between two creates whose answers were lost: a gateway that answers for a server is not to be hammered.
LONGEST_PAUSE = 15.0

THIS_CALL = "this_call"
SOMEONE_ELSE = "someone_else"
UNCERTAIN = "uncertain"


class Created(NamedTuple):
    """A task that was asked for.

    :param by: who made it: ``this_call``, ``someone_else``, or ``uncertain`` where an answer was lost and a task just
        like it stands there now.
    """

    task: Task
    by: str


class Lifecycle:
    """Create, pause, resume and delete, with the waiting that a safe write needs."""

    def __init__(self, client: TasksClient, waiter: Waiter) -> None:
        self._client = client
        self._waiter = waiter

    # Create

    def create(self, owner: str, new: NewTask) -> Created:
        """Create the task, or find the one that came in between."""
        name = new.name
        lost = False
        pause = self._waiter.options.interval
        while True:
            try:
                return Created(self._client.create_task(owner, new), THIS_CALL)
            except AnswerLost as error:
                lost = True
                refusal: CoderError = error
            except CoderError as error:
                if not is_name_taken(error):
                    raise
                refusal = error
            task = self._client.find_task(name, owner)
            if task is not None:
                return Created(task, self._maker(task, new, lost))
            if is_name_taken(refusal):
                self._wait_for_name(owner, name, refusal)
            elif not self._waiter.may_wait():
                raise refusal
            else:
                # Lost and not there: it was not processed, or is not visible yet. A second POST of the same name
                # cannot make a second task, it would be refused.
                self._waiter.pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    @staticmethod
    def _maker(task: Task, new: NewTask, lost: bool) -> str:
        same = task["initial_prompt"] == new.input and task["template_version_id"] in (None, new.version_id)
        return UNCERTAIN if lost and same else SOMEONE_ELSE

    def _wait_for_name(self, owner: str, name: str, refusal: CoderError) -> None:
        """The name is taken and no task has it: a workspace that is being deleted, or one that is no task."""
        workspace = self._client.find_workspace(owner, name)
        if workspace is None:
            # It went away between the two requests, or another creator is half done: try again.
            if not self._waiter.may_wait():
                raise refusal
            self._waiter.pause()
            return
        if workspace["latest_build"]["transition"] != "delete":
            raise refusal.but(hint="A workspace that is no task has this name; choose another name.")
        if not self._waiter.options.wait:
            hint = "A deleted task's workspace is still being removed; with wait=true the module waits for it."
            raise refusal.but(hint=hint)
        self.wait_until_removed(workspace["id"], name)

    # Pause and resume

    def pause(self, task: Task) -> bool:
        """Stop the workspace. :returns: whether this call did it; False where it was stopped or stopping already."""
        return self._switch(task, self._client.pause, "stop", reached=("paused",), on_the_way=("unknown",))

    def resume(self, task: Task) -> bool:
        """Start the workspace. :returns: whether this call did it; False where it ran or was starting already."""
        starting = ("pending", "initializing")
        return self._switch(task, self._client.resume, "start", reached=("active",), on_the_way=starting)

    def _switch(
        self,
        task: Task,
        write: Callable[[Task], Any],
        transition: str,
        reached: tuple[str, ...],
        on_the_way: tuple[str, ...],
    ) -> bool:
        sent = 0
        while True:
            if transition == "start" and not self._client.dialect.pause and self._is_running(task):
                # A start build on a running workspace would restart it (docs/contract.md, Tasks and their workspaces).
                return sent > 0
            try:
                sent += 1
                write(task)
                return True
            except AnswerLost:
                if sent >= LOST_ANSWERS:
                    raise
            except CoderError as error:
                sent -= 1
                if is_already_running(error):
                    return sent > 0
                if not is_build_active(error):
                    raise self._explained(error, task, transition) from None
                self._wait_a_moment(error, task)
            now = self._look_again(task)
            if now["status"] in reached + on_the_way:
                return sent > 0
            task = now

    def _explained(self, refusal: CoderError, task: Task, transition: str) -> CoderError:
        """Say what to do about a start that is forbidden because of the workspace, not because of the token's user."""
        if transition != "start" or refusal.kind not in ("forbidden", "not_found"):
            return refusal
        facts: Workspace = {}
        with suppress(CoderError):
            facts = self._client.workspace(task["workspace_id"]) or facts
        whole_name = f"{task['owner_name']}/{task['workspace_name'] or task['name']}"
        if facts.get("dormant_at"):
            return refusal.but(hint=f"The workspace {whole_name} is dormant: activate it in the dashboard first.")
        is_outdated = facts.get("outdated") and facts.get("template_require_active_version")
        if not is_outdated and not is_not_active_version(refusal):
            return refusal
        return refusal.but(
            hint="The template requires its active version, and the workspace was built from another one: update it, "
            f"with `coder update {whole_name}` or in the dashboard, which starts it, too."
        )

    def _is_running(self, task: Task) -> bool:
        workspace = self._client.workspace(task["workspace_id"])
        build = (workspace or {}).get("latest_build") or {}
        return build.get("transition") == "start" and build.get("status") not in BUILD_FAILED

    def _look_again(self, task: Task) -> Task:
        now = self._client.refresh(task)
        if now is None:
            raise CoderError(f"the task {task['name']} was deleted meanwhile", "not_found")
        return now

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

    def wait_until_removed(self, workspace_id: str | None, name: str) -> None:
        """Until the delete build has ended and the name is free again.

        :raises CoderError: the build failed, kind build_failed; or it took too long.
        """
        while workspace_id:
            workspace = self._client.workspace(workspace_id)
            if workspace is None:
                return
            build = workspace["latest_build"]
            job = build.get("job") or {}
            if build["transition"] == "delete" and job.get("status") in ENDED_BUILDS:
                if job["status"] == "succeeded":
                    return
                raise CoderError(
                    f"the delete build of the workspace {name} ended as {job['status']}: "
                    f"{job.get('error') or 'no error given'}",
                    "build_failed",
                    hint=f"The task is gone, its workspace {workspace_id} is not, and the name stays taken: repair "
                    "the template, or remove it with `coder delete --orphan`.",
                )
            if not self._waiter.left():
                raise CoderError(
                    f"the workspace {name} was not removed within {self._waiter.options.timeout:.0f} s", "wait_timeout",
                    hint=f"Its delete build is {job.get('status')}; raise 'wait_timeout', or look at the build.",
                )
            self._waiter.pause()

    def _wait_a_moment(self, refusal: CoderError, task: Task) -> None:
        """While a build of the workspace runs nothing else can be asked of it. :raises CoderError: no time is left."""
        if not self._waiter.options.wait:
            hint = refusal.hint or "With wait=true the module waits until the running build has ended."
            raise refusal.but(hint=hint)
        if not self._waiter.may_wait():
            seen = {"task": task, "diagnosis": diagnose(self._client, task)}
            raise refusal.but(
                kind="wait_timeout",
                hint=f"It is {describe(task)}; raise 'wait_timeout', or look at the build.",
                result={**seen, "waited": round(self._waiter.waited(), 1)},
            )
        self._waiter.pause()
