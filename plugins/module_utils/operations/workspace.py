# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one workspace that stands for itself into its declared state: read, plan, apply, wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ..coder import names
from ..coder.backend import Choice
from ..coder.builds import SOMEONE_ELSE, THIS_CALL
from ..coder.errors import CoderError, attempting, invalid
from ..coder.models import NewWorkspace
from ..coder.parameters import as_text
from ..coder.templates import Wanted
from ..coder.waiter import WaitOptions
from ..coder.workspaces.backend import WorkspacesBackend
from ..coder.workspaces.models import Workspace, is_starting, is_stopping
from .connection import ConnectionParams, connection_spec
from .context import Context
from .made_from import warn_of_differences
from .spec import Options, Spec
from .waiting import waiter_for

# Options that hold a name: none is not the same as an empty one.
NAMES = ("name", "organization", "template", "template_version", "preset")
# What a person would want to see change; the rest moves by itself.
DIFF_FIELDS = ("name", "owner_name", "template_name", "status")


class WorkspaceParams(ConnectionParams):
    """The options of this operation; durations in seconds."""

    name: str
    owner: str
    state: str
    organization: str | None
    template: str | None
    template_version: str | None
    preset: str | None
    parameters: dict[str, Any] | None
    on_parameter_change: str
    allow_restart: bool
    wait: bool
    wait_timeout: float


class BoundChat(TypedDict):
    """A chat that works in a workspace."""

    id: str
    title: str
    owner_username: str


def spec() -> Spec:
    """The operation's options."""
    options: Options = {
        "name": {"type": "str", "required": True},
        "owner": {"type": "str", "default": "me"},
        "state": {"type": "str", "choices": ["present", "started", "stopped", "absent"], "default": "present"},
        "organization": {"type": "str"},
        "template": {"type": "str"},
        "template_version": {"type": "str", "aliases": ["version"]},
        "preset": {"type": "str"},
        "parameters": {"type": "dict"},
        "on_parameter_change": {"type": "str", "choices": ["ignore", "update", "fail"], "default": "ignore"},
        "allow_restart": {"type": "bool", "default": False},
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "duration", "default": "10m"},
    }
    return {"argument_spec": {**connection_spec(), **options}, "supports_check_mode": True}


def run(context: Context[WorkspaceParams]) -> dict[str, Any]:
    """Result: ``workspace`` (null when absent), ``created_by``, ``waited``, ``chats``, ``diff``."""
    check_options(context.params)
    return EnsureWorkspace(context).run()


def check_options(params: WorkspaceParams) -> None:
    """What can be known to be wrong before anything is sent. :raises CoderError: kind invalid."""
    given: Mapping[str, Any] = params
    for option in NAMES:
        if given[option] is not None and not given[option].strip():
            raise invalid(f"{option!r} is empty", "Give a name, or leave the option out, such as with default(omit).")
    if params["parameters"] and params["on_parameter_change"] == "update" and params["state"] == "stopped":
        raise invalid(
            "on_parameter_change=update does not go with state=stopped: Coder takes parameters with a start",
            "Use state=started, and stop the workspace in a second call.",
        )


class EnsureWorkspace:
    """One workspace on the way to its declared state."""

    def __init__(self, context: Context[WorkspaceParams]) -> None:
        params = context.params
        self._context = context
        self._params = params
        self._given = {name: as_text(name, value) for name, value in (params["parameters"] or {}).items()}
        self._wanted = Wanted(params["template"], params["organization"], params["template_version"], params["preset"])
        self._workspaces: WorkspacesBackend = context.session.workspaces
        self._waiter = waiter_for(
            context, WaitOptions(params["wait_timeout"], interval=context.poll_interval, wait=params["wait"])
        )
        self._owner, self._name = self._workspaces.refer(params["name"], params["owner"])
        if not names.is_uuid(self._name):
            names.check_name(self._name, "workspace")
        self._waits = params["wait"] and not context.check_mode
        self.changed = False
        self.created_by: str | None = None
        self._before: dict[str, str] = {}
        self._changing: dict[str, str] = {}

    def run(self) -> dict[str, Any]:
        with attempting(f"read the workspace {self._name}"):
            before = self._workspaces.find(self._owner, self._name)
        after: Workspace | None = None
        result: dict[str, Any] = {}
        if self._params["state"] == "absent":
            result["chats"] = self._ensure_absent(before)
        elif before is None:
            after = self._create()
            if self.created_by == SOMEONE_ELSE:
                # Somebody was faster: what stands there is treated as what was found.
                after = self._ensure_existing(after)
        else:
            after = self._ensure_existing(before)
        result.update(
            changed=self.changed,
            workspace=self._workspaces.with_reason(after) if after else None,
            created_by=self.created_by,
            waited=round(self._waiter.waited(), 1) if self._params["wait"] else 0.0,
        )
        if self._context.diff:
            result["diff"] = self._diff(before, after)
        return result

    # Absent

    def _ensure_absent(self, workspace: Workspace | None) -> list[BoundChat]:
        if workspace is None:
            self._ensure_removed()
            return []
        with attempting(f"delete the workspace {workspace['name']}"):
            self._refuse_a_tasks(workspace)
            chats = self._bound_chats(workspace)
            if self._context.check_mode:
                self.changed = True
                return chats
            self.changed = self._workspaces.delete(workspace, self._waiter)
            if self._waits:
                self._workspaces.wait_until_removed(workspace, self._waiter)
        return chats

    def _ensure_removed(self) -> None:
        """There is none: but its owner must exist, and an earlier removal must end."""
        if self._owner != "me":
            # Who does not exist has no workspace either, and a mistyped owner must not look like success.
            with attempting(f"look for the workspace {self._name}"):
                self._workspaces.check_owner(self._owner)
        if self._waits:
            with attempting(f"wait for the removal of {self._name}"):
                self._workspaces.wait_for_earlier_removal(self._owner, self._name, self._waiter)

    def _refuse_a_tasks(self, workspace: Workspace) -> None:
        """:raises CoderError: kind conflict, it is a task's, whose conversation would go with it."""
        if self._is_a_tasks(workspace):
            raise CoderError(
                "it belongs to a task, whose conversation would be lost with it", "conflict",
                hint="Archive the conversation, then delete the task with coder.tasks.task and state=absent.",
                result={"workspace": workspace},
            )

    def _is_a_tasks(self, workspace: Workspace) -> bool:
        """Whether the workspace is a task's, by its own word; where the server has none, by the list of tasks.

        :raises CoderError: that cannot be told, so nothing may be deleted.
        """
        if workspace["task_id"] or self._workspaces.tells_task(workspace):
            return workspace["task_id"] is not None
        tasks = self._context.session.tasks
        if tasks.presence() in ("none", "removed"):
            return False
        listed = tasks.list(Choice(workspace["owner_name"]), lambda _malformed: None)
        return any(task["workspace_id"] == workspace["id"] for task in listed)

    def _bound_chats(self, workspace: Workspace) -> list[BoundChat]:
        """The chats that work in it and stay without it; none where the server has none, or does not tell."""
        try:
            chats = self._context.session.chats.bound_to(workspace["id"])
        except CoderError as error:
            if error.kind != "unsupported":
                self._context.warn(f"Chats in the workspace {workspace['name']} could not be seen: {error.message}")
            return []
        return [{"id": chat["id"], "title": chat["title"], "owner_username": chat["owner_username"]} for chat in chats]

    # Create

    def _create(self) -> Workspace:
        name, template = self._name, self._wanted.template
        if names.is_uuid(name):
            hint = "Give a name to create one; ids are made by the server."
            raise CoderError(f"there is no workspace with the id {name}", "not_found", hint=hint)
        stopping = self._params["state"] == "stopped"
        with attempting(f"{'stop' if stopping else 'create'} the workspace {name}"):
            if stopping:
                hint = "state=stopped never creates a workspace; use state=present first."
                raise CoderError("it does not exist", "not_found", hint=hint)
            if not template:
                able = ", ".join(self._workspaces.template_names()) or "none"
                raise invalid("'template' is needed to create it", f"Templates: {able}.")
            choice = self._workspaces.choose_template(template, self._wanted, self._given)
            new = NewWorkspace(name, choice.version_id, choice.preset_id, self._given)
            self._changing = self._given
            if self._context.check_mode:
                self.changed, self.created_by = True, THIS_CALL
                status = "running" if self._params["wait"] else "pending"
                return self._workspaces.predicted(self._owner, new, choice, status)
            workspace, self.created_by = self._workspaces.create(self._owner, new, self._waiter)
        self.changed = self.created_by != SOMEONE_ELSE
        return self._wait_for(workspace, "running") if self.changed else workspace

    # An existing workspace

    def _ensure_existing(self, workspace: Workspace) -> Workspace:
        self._warn_of_fixed_options(workspace)
        self._changing = self._follow_parameters(workspace)
        state = self._params["state"]
        if state == "stopped":
            return self._ensure_stopped(workspace)
        if self._changing:
            return self._restart(workspace)
        if state == "started":
            return self._ensure_started(workspace)
        return self._wait_for(workspace, "settled" if is_stopping(workspace) else "running")

    def _warn_of_fixed_options(self, workspace: Workspace) -> None:
        """Say what of an existing workspace differs from what is declared and is not changed."""
        warn_of_differences(
            self._context,
            f"the workspace {workspace['name']}",
            lambda: self._workspaces.differences(workspace, self._wanted),
            "this module does not change",
        )

    def _follow_parameters(self, workspace: Workspace) -> dict[str, str]:
        """:returns: the values to apply. :raises CoderError: they differ and must not, or cannot be applied."""
        if not self._given:
            return {}
        name = workspace["name"]
        with attempting(f"compare the parameters of the workspace {name}"):
            self._before = self._workspaces.built_with(workspace)
            changed = self._workspaces.changed_parameters(workspace, self._given)
        if not changed:
            return {}
        listed = ", ".join(sorted(changed))
        if self._params["on_parameter_change"] == "ignore":
            self._context.warn(
                f"The parameters of the existing workspace {name} differ from those declared and are not changed "
                f"({listed}); see 'on_parameter_change'."
            )
            return {}
        with attempting(f"change the parameters of the workspace {name}"):
            if self._params["on_parameter_change"] == "fail":
                raise CoderError(
                    f"they differ ({listed}) and on_parameter_change=fail", "conflict",
                    hint="Use on_parameter_change=update or ignore.",
                )
            self._check_update(workspace, changed)
        return changed

    def _check_update(self, workspace: Workspace, changed: Mapping[str, str]) -> None:
        """:raises CoderError: a parameter is fixed, or the workspace may not be restarted or started for it."""
        known = self._workspaces.parameters(workspace)
        fixed = sorted(item["name"] for item in known if item["name"] in changed and not item["mutable"])
        if fixed:
            raise invalid(
                f"Coder never changes the value that {', '.join(fixed)} got at first",
                "Delete the workspace and create it anew.",
            )
        if is_stopping(workspace) and self._params["state"] == "present":
            raise CoderError(
                "it is stopped, and Coder takes parameters with a start", "conflict",
                hint="Use state=started, which starts it with them.",
            )
        if is_starting(workspace) and not self._params["allow_restart"]:
            raise CoderError(
                f"it is {workspace['status']}, and Coder takes parameters with a start", "conflict",
                hint="Set allow_restart=true to stop it and start it with them.",
            )

    def _restart(self, workspace: Workspace) -> Workspace:
        """Give it other parameters. Where it is not awaited, it is left stopping: the next call starts it."""
        if self._context.check_mode:
            self.changed = True
            return {**workspace, "status": "running", "transition": "start"}
        with attempting(f"change the parameters of the workspace {workspace['name']}"):
            if is_starting(workspace):
                self.changed = self._workspaces.stop(workspace, self._waiter)
                workspace = self._look(workspace)
            if is_stopping(workspace):
                # Coder takes one build at a time, so a restart is waited for whether or not the rest is.
                workspace = self._waiter.wait_for(self._workspaces, workspace, "stopped")
            if not self._workspaces.start(workspace, self._changing, self._waiter):
                raise CoderError("somebody else has started it meanwhile", "conflict", hint="Make the same call again.")
        self.changed = True
        return self._wait_for(self._look(workspace), "running")

    def _ensure_started(self, workspace: Workspace) -> Workspace:
        if not is_starting(workspace):
            if self._context.check_mode:
                self.changed = True
                return {**workspace, "status": "running", "transition": "start"}
            with attempting(f"start the workspace {workspace['name']}"):
                self.changed = self._workspaces.start(workspace, {}, self._waiter) or self.changed
            workspace = self._look(workspace)
        return self._wait_for(workspace, "running")

    def _ensure_stopped(self, workspace: Workspace) -> Workspace:
        if not is_stopping(workspace):
            if self._context.check_mode:
                self.changed = True
                return {**workspace, "status": "stopped", "transition": "stop", "agents": []}
            with attempting(f"stop the workspace {workspace['name']}"):
                self.changed = self._workspaces.stop(workspace, self._waiter) or self.changed
            workspace = self._look(workspace)
        return self._wait_for(workspace, "stopped")

    def _look(self, workspace: Workspace) -> Workspace:
        """The workspace as the server shows it now: the old status would end a wait at once."""
        return self._workspaces.refresh(workspace) or workspace

    def _wait_for(self, workspace: Workspace, goal: str) -> Workspace:
        return self._waiter.wait_for(self._workspaces, workspace, goal) if self._waits else workspace

    # Diff

    def _diff(self, before: Workspace | None, after: Workspace | None) -> dict[str, Any]:
        """Before and after in what a person would want to see change; equal when nothing was changed."""
        old = _shown(before, {name: self._before[name] for name in self._changing if name in self._before})
        return {"before": old, "after": _shown(after, self._changing) if self.changed else old}


def _shown(workspace: Mapping[str, Any] | None, parameters: Mapping[str, str]) -> dict[str, Any]:
    if not workspace:
        return {}
    shown = {name: workspace[name] for name in DIFF_FIELDS}
    return {**shown, "parameters": dict(parameters)} if parameters else shown
