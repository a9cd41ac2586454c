# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes on what has a workspace, each safe to repeat and sure about what it did.

A lost answer, a 409 and a race with somebody else are resolved by reading again, never by guessing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, Generic, NamedTuple

from .backend import Item
from .errors import AnswerLost, CoderError
from .models import Workspace
from .refused_builds import is_build_active, is_name_taken, is_not_active_version
from .server import Server
from .waiter import Waiter

BUILD_FAILED = ("failed", "canceled", "canceling")
ENDED_BUILDS = ("succeeded", "failed", "canceled")
# A write whose answer was lost is sent again at most so often, each time only after a look.
LOST_ANSWERS = 3
# Most seconds between two creates whose answers were lost: a gateway that answers for a server is not to be hammered.
LONGEST_PAUSE = 15.0

THIS_CALL = "this_call"
SOMEONE_ELSE = "someone_else"
UNCERTAIN = "uncertain"


class Place(NamedTuple):
    """Where an item's workspace is. ``name``: the item's own; ``workspace``: its workspace as ``owner/name``."""

    name: str
    workspace_id: str
    workspace: str


class Builds(Generic[Item]):
    """The builds of the workspaces of items, with the waiting that a safe write needs.

    What an item is, the methods say that a subclass has to have.
    """

    noun = "workspace"

    def __init__(self, client: Server, waiter: Waiter) -> None:
        self._server = client
        self._waiter = waiter

    def _refresh(self, item: Item) -> Item | None:
        """The item as it is now; None once it is gone."""
        raise NotImplementedError

    def _place(self, item: Item) -> Place:
        """Where its workspace is."""
        raise NotImplementedError

    def _described(self, item: Item) -> str:
        """Its state in words."""
        raise NotImplementedError

    def _seen(self, item: Item) -> dict[str, Any]:
        """The item and its diagnosis, for the result of a failure."""
        raise NotImplementedError

    # Create

    def _made(
        self,
        owner: str,
        name: str,
        post: Callable[[], Item],
        find: Callable[[], Item | None],
        is_like_it: Callable[[Item], bool],
    ) -> tuple[Item, str]:
        """Make an item of this name, or find the one that came in between.

        :returns: the item, and who made it: ``this_call``, ``someone_else``, or ``uncertain`` where an answer was lost
            and one just like it stands there now.
        """
        lost, may_still_show = False, True
        pause = self._waiter.options.interval
        while True:
            try:
                return post(), THIS_CALL
            except AnswerLost as error:
                lost, may_still_show = True, error.may_still_show
                refusal: CoderError = error
            except CoderError as error:
                if not is_name_taken(error):
                    raise
                refusal = error
            found = find()
            if found is not None:
                return found, UNCERTAIN if lost and is_like_it(found) else SOMEONE_ELSE
            if is_name_taken(refusal):
                self._wait_for_name(owner, name, refusal)
            elif not may_still_show or not self._waiter.may_wait():
                raise refusal
            else:
                # Lost and not there: it was not processed, or is not visible yet. A second POST of the same name
                # cannot make a second one, it would be refused.
                self._waiter.pause(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _wait_for_name(self, owner: str, name: str, refusal: CoderError) -> None:
        """The name is taken by none of the items: by a workspace that is being deleted, or one of another kind."""
        workspace = self._server.find_workspace(owner, name)
        if workspace is None:
            # It went away between the two requests, or another creator is half done: try again.
            if not self._waiter.may_wait():
                raise refusal
            self._waiter.pause()
            return
        if workspace["latest_build"]["transition"] != "delete":
            raise refusal.but(hint=f"A workspace that is no {self.noun} has this name; choose another name.")
        if not self._waiter.options.wait:
            hint = "A workspace of this name is still being removed; with wait=true the module waits for it."
            raise refusal.but(hint=hint)
        self.wait_until_removed(workspace["id"], name)

    # Start and stop

    def _switch(
        self,
        item: Item,
        write: Callable[[Item], Any],
        transition: str,
        arrived: Callable[[Item], bool],
        restarts: bool = True,
    ) -> bool:
        """Start, stop or delete the workspace.

        :param arrived: whether what is seen is there already, or on its way.
        :param restarts: whether a start of what runs would restart it, as one by a build does
            (docs/contract.md, Tasks and their workspaces).
        :returns: whether this call did it; False where somebody else was faster.
        """
        sent = 0
        while True:
            if transition == "start" and restarts and self._is_running(item):
                return sent > 0
            try:
                sent += 1
                write(item)
                return True
            except AnswerLost:
                if sent >= LOST_ANSWERS:
                    raise
            except CoderError as error:
                sent -= 1
                if self._is_refused_as_running(error):
                    return sent > 0
                if not is_build_active(error):
                    raise self._explained(error, item, transition) from None
                self._wait_a_moment(error, item)
            now = self._refresh(item)
            if now is None and transition != "delete":
                raise CoderError(f"the {self.noun} {self._place(item).name} was deleted meanwhile", "not_found")
            if now is None or arrived(now):
                return sent > 0
            item = now

    def _is_refused_as_running(self, error: CoderError) -> bool:
        """Whether a start was refused because the workspace runs."""
        return False

    def _explained(self, refusal: CoderError, item: Item, transition: str) -> CoderError:
        """Say what to do about a start that is forbidden because of the workspace, not because of the token's user."""
        if transition != "start" or refusal.kind not in ("forbidden", "not_found"):
            return refusal
        place = self._place(item)
        facts: Workspace = {}
        with suppress(CoderError):
            facts = self._server.workspace(place.workspace_id) or facts
        if facts.get("dormant_at"):
            return refusal.but(hint=f"The workspace {place.workspace} is dormant: activate it in the dashboard first.")
        is_outdated = facts.get("outdated") and facts.get("template_require_active_version")
        if not is_outdated and not is_not_active_version(refusal):
            return refusal
        return refusal.but(
            hint="The template requires its active version, and the workspace was built from another one: update it, "
            f"with `coder update {place.workspace}` or in the dashboard, which starts it, too."
        )

    def _is_running(self, item: Item) -> bool:
        workspace = self._server.workspace(self._place(item).workspace_id)
        build = (workspace or {}).get("latest_build") or {}
        return build.get("transition") == "start" and build.get("status") not in BUILD_FAILED

    # Delete

    def wait_until_removed(self, workspace_id: str | None, name: str) -> None:
        """Until the delete build has ended and the name is free again.

        :raises CoderError: the build failed, kind build_failed; or it took too long.
        """
        while workspace_id:
            workspace = self._server.workspace(workspace_id)
            if workspace is None:
                return
            build = workspace["latest_build"]
            job = build.get("job") or {}
            if build["transition"] == "delete" and job.get("status") in ENDED_BUILDS:
                if job["status"] == "succeeded":
                    return
                raise self._not_removed(workspace_id, name, job)
            if not self._waiter.left():
                raise CoderError(
                    f"the workspace {name} was not removed within {self._waiter.options.timeout:.0f} s", "wait_timeout",
                    hint=f"Its delete build is {job.get('status')}; raise 'wait_timeout', or look at the build.",
                )
            self._waiter.pause()

    def _not_removed(self, workspace_id: str, name: str, job: dict[str, Any]) -> CoderError:
        return CoderError(
            f"the delete build of the workspace {name} ended as {job['status']}: "
            f"{job.get('error') or 'no error given'}",
            "build_failed",
            hint=f"The workspace {workspace_id} stays, and the name stays taken: repair the template, or remove it "
            "with `coder delete --orphan`.",
        )

    def _wait_a_moment(self, refusal: CoderError, item: Item) -> None:
        """While a build of the workspace runs nothing else can be asked of it. :raises CoderError: no time is left."""
        if not self._waiter.options.wait:
            hint = refusal.hint or "With wait=true the module waits until the running build has ended."
            raise refusal.but(hint=hint)
        if not self._waiter.may_wait():
            raise refusal.but(
                kind="wait_timeout",
                hint=f"It is {self._described(item)}; raise 'wait_timeout', or look at the build.",
                result={**self._seen(item), "waited": round(self._waiter.waited(), 1)},
            )
        self._waiter.pause()
