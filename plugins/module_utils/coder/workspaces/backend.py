# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workspaces that stand for themselves, as the operations see them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .. import templates
from ..backend import Ailment
from ..build_failure import build_failure
from ..errors import CoderError
from ..models import Build, NewWorkspace, Parameter, build_from
from ..models import Workspace as Given
from ..names import is_uuid
from ..parameters import changed_values, check_values
from ..server import Server
from ..templates import Difference, Origin, TemplateChoice, Wanted
from ..waiter import Verdict, Waiter
from . import wait
from .lifecycle import Lifecycle
from .models import Workspace, WorkspaceFields, has_failed, is_leaving, workspace_from


class WorkspacesBackend:
    """The workspaces of one server, seen with one user's token: something that can be waited for.

    :param server: a client of the server.
    """

    noun = "workspace"

    def __init__(self, server: Server) -> None:
        self._server = server

    # Looking

    def refer(self, reference: str, owner: str) -> tuple[str, str]:
        """(owner, name or UUID) of ``name``, ``owner/name`` or a UUID. :raises CoderError: it can be none of them."""
        return self._server.owner_and_name(reference, owner, self.noun)

    def check_owner(self, owner: str) -> None:
        """:raises CoderError: kind not_found, there is no such user."""
        self._server.user(owner)

    def find(self, owner: str, name: str) -> Workspace | None:
        """One workspace by owner and name or UUID; None where there is none, or it is being removed.

        :raises CoderError: the owner is unknown, or cannot be told from one that has none.
        """
        given = self._server.workspace(name) if is_uuid(name) else self._server.find_workspace(owner, name)
        return self._hidden(self._workspace(given) if given else None)

    def refresh(self, item: Workspace) -> Workspace | None:
        """See :meth:`Watched.refresh`."""
        return self._hidden(self._now(item))

    def _now(self, item: Workspace) -> Workspace | None:
        """The same workspace, also while it is being removed."""
        given = self._server.workspace(item["id"])
        return self._workspace(given) if given else None

    @staticmethod
    def _hidden(found: Workspace | None) -> Workspace | None:
        return None if found is None or is_leaving(found) else found

    def _workspace(self, given: Given) -> Workspace:
        return workspace_from(given, self._server.transport.base_url)

    def tells_task(self, item: Workspace) -> bool:
        """Whether the server says itself, with each workspace, to which task it belongs."""
        return "task_id" in (self._server.workspace(item["id"]) or {})

    def name(self, item: Workspace) -> str:
        """See :meth:`Watched.name`."""
        return item["name"]

    def describe(self, item: Workspace) -> str:
        """See :meth:`Watched.describe`."""
        return wait.describe(item)

    def ailment(self, item: Workspace) -> Ailment | None:
        """See :meth:`Watched.ailment`."""
        return wait.ailment(item)

    def with_reason(self, item: Workspace) -> Workspace:
        """See :meth:`Watched.with_reason`. Two requests where a build failed, else none."""
        found = self._explained(item) if has_failed(item) else wait.ailment(item)
        return {**item, "reason": found.reason} if found else item

    def _explained(self, item: Workspace) -> Ailment:
        try:
            build = self._build(item)
            return wait.BUILD_FAILED._replace(reason=build_failure(self._server, build, "")) if build else (
                wait.BUILD_FAILED
            )
        except CoderError as error:
            # It goes with something that is already being told.
            reason = f"{wait.BUILD_FAILED.reason}; why could not be read: {error.reason}"
            return wait.BUILD_FAILED._replace(reason=reason)

    def _build(self, item: Workspace) -> Build | None:
        given = self._server.workspace(item["id"])
        return build_from(given["latest_build"]) if given else None

    def diagnose(self, item: Workspace) -> dict[str, Any]:
        """See :meth:`Watched.diagnose`: the latest build, and the agents."""
        build = None
        with suppress(CoderError):
            build = self._build(item)
        return {"build": build, "agents": item["agents"]}

    # Waiting

    def judge(self, item: Workspace, goal: str) -> Verdict:
        """See :meth:`Watched.judge`; the goals are running, stopped and settled."""
        if item["status"] in ("failed", "canceled"):
            found = self._explained(item)
            reason = f"it will not be {wait.in_words(goal)}: {found.reason}"
            raise CoderError(
                reason, "build_failed", hint=found.hint, result={"workspace": {**item, "reason": found.reason}}
            )
        return wait.judge(item, goal)

    def in_words(self, goal: str) -> str:
        """See :meth:`Watched.in_words`."""
        return wait.in_words(goal)

    # What a workspace is made from

    def template_names(self) -> list[str]:
        """Of the templates that the token may see."""
        return sorted(str(item["name"]) for item in self._server.templates())

    def choose_template(self, template: str, wanted: Wanted, parameters: Mapping[str, str]) -> TemplateChoice:
        """What a workspace is to be made from. :raises CoderError: as :func:`..templates.resolve`."""
        return templates.resolve(self._server, template, wanted, parameters)

    def differences(self, item: Workspace, wanted: Wanted) -> list[Difference]:
        """See :func:`..templates.differences`."""
        build: Any = {
            "template_version_id": item["template_version_id"], "template_version_preset_id": item["preset_id"]
        }
        origin = Origin(item["template_id"], item["template_name"], item["template_version_id"], item["id"], build)
        return templates.differences(self._server, origin, wanted)

    def parameters(self, item: Workspace) -> list[Parameter]:
        """The parameters of the version that it was built from."""
        return self._server.parameters(item["template_version_id"] or "")

    def built_with(self, item: Workspace) -> dict[str, str]:
        """The values of its latest build. :raises CoderError: they cannot be read."""
        build = self._build(item)
        return self._server.build_parameters(build["id"]) if build else {}

    def changed_parameters(self, item: Workspace, given: Mapping[str, str]) -> dict[str, str]:
        """The given values that differ from those of its latest build.

        :raises CoderError: kind invalid, one is unknown or cannot be right; or they cannot be read.
        """
        known = self.parameters(item)
        check_values(known, given, f"the template {item['template_name']!r}")
        return changed_values(known, self.built_with(item), given)

    # Writing

    def create(self, owner: str, new: NewWorkspace, waiter: Waiter) -> tuple[Workspace, str]:
        """Create it, or find the one that came in between. :returns: it, and who made it.

        :raises CoderError: kind not_found, the owner; or as the server refuses.
        """
        return self._lifecycle(waiter).create(
            owner, new, lambda: self._workspace(self._server.create_workspace(owner, new))
        )

    def start(self, item: Workspace, parameters: Mapping[str, str], waiter: Waiter) -> bool:
        """See :meth:`.lifecycle.Lifecycle.start`."""
        return self._lifecycle(waiter).start(item, parameters)

    def stop(self, item: Workspace, waiter: Waiter) -> bool:
        """See :meth:`.lifecycle.Lifecycle.stop`."""
        return self._lifecycle(waiter).stop(item)

    def delete(self, item: Workspace, waiter: Waiter) -> bool:
        """See :meth:`.lifecycle.Lifecycle.delete`."""
        return self._lifecycle(waiter).delete(item)

    def wait_until_removed(self, item: Workspace, waiter: Waiter) -> None:
        """After :meth:`delete`, until the name is free. :raises CoderError: kind build_failed, or wait_timeout."""
        self._lifecycle(waiter).wait_until_removed(item["id"], item["name"])

    def wait_for_earlier_removal(self, owner: str, name: str, waiter: Waiter) -> None:
        """Where :meth:`find` found none, until the removal of one is over, if one runs.

        :raises CoderError: as :meth:`wait_until_removed`.
        """
        given = self._server.workspace(name) if is_uuid(name) else self._server.find_workspace(owner, name)
        if given:
            self._lifecycle(waiter).wait_until_removed(given["id"], given["name"])

    def _lifecycle(self, waiter: Waiter) -> Lifecycle:
        return Lifecycle(self._server, waiter, self.find, self._now, self.diagnose)

    def predicted(self, owner: str, new: NewWorkspace, choice: TemplateChoice, status: str) -> Workspace:
        """The workspace as it would be; what only the server can make is null."""
        user = self._server.user(owner)
        workspace: Any = dict.fromkeys(WorkspaceFields.__annotations__)
        workspace.update(
            name=new.name,
            owner_id=user["id"],
            owner_name=user["username"],
            organization_id=choice.template["organization_id"],
            template_id=choice.template["id"],
            template_name=choice.template["name"],
            template_version_id=choice.version_id,
            preset_id=choice.preset_id,
            status=status,
            transition="start",
            build_number=1,
            agents=[],
            outdated=choice.version_id != choice.template["active_version_id"],
        )
        predicted: Workspace = workspace
        return predicted
