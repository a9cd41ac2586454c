# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one task into its declared state: read, plan, apply, wait."""

from __future__ import annotations

from typing import Any

from ..coder import names
from ..coder.client import CoderClient
from ..coder.errors import CoderError, attempting, invalid
from ..coder.health import with_reason
from ..coder.models import TASK_FIELDS, is_stopping
from . import templates
from .connection import connection_spec
from .context import Context
from .lifecycle import SOMEONE_ELSE, THIS_CALL, Lifecycle
from .waiting import patience_from, waiting_spec

GOALS = {
    "present": ("ready", "idle", "complete"),
    "active": ("ready", "idle", "complete"),
    "paused": ("paused",),
    "absent": ("gone",),
}
AFTER_INTERRUPT = "What was begun goes on at the server; the same call waits for it."
# Options that hold a name: none is not the same as an empty one.
NAMES = ("name", "organization", "template", "template_version", "preset")
# What a person would want to see change; the rest moves by itself.
DIFF_FIELDS = ("name", "owner_name", "display_name", "template_name", "initial_prompt", "status")


def task_options() -> dict[str, Any]:
    """Options that describe one task; a fleet's items have the same."""
    return {
        "name": {"type": "str"},
        "owner": {"type": "str", "default": "me"},
        "state": {"type": "str", "choices": list(GOALS), "default": "present"},
        "organization": {"type": "str"},
        "template": {"type": "str"},
        "template_version": {"type": "str", "aliases": ["version"]},
        "preset": {"type": "str"},
        "input": {"type": "str"},
        "display_name": {"type": "str"},
        "on_input_change": {"type": "str", "choices": ["ignore", "update", "recreate", "fail"], "default": "ignore"},
        "allow_restart": {"type": "bool", "default": False},
        "discard_log": {"type": "bool", "default": False},
    }


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    options = dict(connection_spec(), **task_options())
    options["input_file"] = {"type": "path"}
    options.update(waiting_spec(["ready", "idle", "complete", "paused", "gone"]))
    return {
        "argument_spec": options,
        "mutually_exclusive": [["input", "input_file"]],
        "required_if": [["state", "absent", ["name"]], ["state", "paused", ["name"]]],
        "supports_check_mode": True,
    }


def run(context: Context) -> dict[str, Any]:
    """Result: ``task`` (null when absent), ``created_by``, ``waited``, ``diff``."""
    params = dict(context.params, input=input_text(context.params))
    check_options(params)
    goal = goal_of(params)
    return Ensure(context, params, goal).run()


def input_text(params: dict[str, Any]) -> str | None:
    """The input, from the option or the file. :raises CoderError: the file cannot be read."""
    path = params.get("input_file")
    if not path:
        return params["input"]
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return stream.read()
    except UnicodeDecodeError:
        raise CoderError(
            f"the file {path} in 'input_file' is not UTF-8 text", "io", hint="Save it as UTF-8."
        ) from None
    except OSError as error:
        raise CoderError(
            f"the file {path} in 'input_file' could not be read: {error.strerror or error}", "io",
            hint="Name a text file that can be read where the module runs.",
        ) from None


def check_options(params: dict[str, Any]) -> None:
    """What can be known to be wrong before anything is sent. :raises CoderError: kind invalid."""
    for option in NAMES:
        if params[option] is not None and not params[option].strip():
            raise invalid(f"{option!r} is empty", "Give a name, or leave the option out, such as with default(omit).")
    if params["name"] and not names.is_uuid(params["name"]) and "/" not in params["name"]:
        names.check_name(params["name"])
    if params["display_name"]:
        names.check_display_name(params["display_name"])
    if params["input"]:
        names.check_prompt(params["input"])
    if params["on_input_change"] == "recreate" and not params["discard_log"]:
        raise invalid(
            "on_input_change=recreate deletes the task with its whole conversation",
            "Set discard_log=true if that is meant, and archive the conversation before.",
        )


def goal_of(params: dict[str, Any]) -> str:
    """What to wait for; each state has its own goals. :raises CoderError: one that the state cannot reach."""
    goals = GOALS[params["state"]]
    goal = params["wait_for"] or goals[0]
    if goal not in goals:
        raise invalid(
            f"wait_for={goal} does not go with state={params['state']}", f"Choose from: {', '.join(goals)}."
        )
    return goal


class Ensure:
    """One task on the way to its declared state."""

    def __init__(self, context: Context, params: dict[str, Any], goal: str) -> None:
        self._context = context
        self._params = params
        self._goal = goal
        self._client: CoderClient = context.session
        self._life = Lifecycle(
            self._client, context.clock, patience_from(context), params["wait"], context.progress
        )
        self._owner, self._name = self._reference()
        self.changed = False
        self.created_by: str | None = None
        self._was_running = False

    def _reference(self) -> tuple[str, str | None]:
        """`owner/name` is accepted as a name; with no name at all one is made."""
        if not self._params["name"]:
            names.check_owner(self._params["owner"])
            return self._params["owner"], None
        owner, name = self._client.owner_and_name(self._params["name"], self._params["owner"])
        if not names.is_uuid(name):
            names.check_name(name)
        return owner, name

    def run(self) -> dict[str, Any]:
        return self.apply(self.find())

    def find(self) -> dict[str, Any] | None:
        """The task as it is; None where there is none, or where it has no name to find it by."""
        with attempting(f"read the task {self._name or ''}"):
            return self._client.find_task(self._name, self._owner) if self._name else None

    def apply(self, before: dict[str, Any] | None) -> dict[str, Any]:
        """From the task as it is, None for none, to the result."""
        state = self._params["state"]
        after: dict[str, Any] | None = None
        if state == "absent":
            self._ensure_absent(before)
        elif before is None:
            after = self._create()
        else:
            after = self._ensure_existing(before)
        if self.created_by == SOMEONE_ELSE:
            # Somebody was faster: what stands there is treated as what was found.
            after = self._ensure_existing(after) if after else after
        result = {
            "changed": self.changed,
            "task": with_reason(self._client, after) if after else None,
            "created_by": self.created_by,
            "waited": round(self._life.waited(), 1) if self._params["wait"] else 0.0,
        }
        if self._context.diff:
            result["diff"] = diff_of(before, after, self.changed)
        return result

    # Absent

    def _ensure_absent(self, task: dict[str, Any] | None) -> None:
        name = self._name or ""
        if task is None:
            if self._owner != "me":
                # Who does not exist has no task either, and a mistyped owner must not look like success.
                with attempting(f"look for the task {name}"):
                    self._client.user(self._owner)
            if self._params["wait"] and not self._context.check_mode:
                self._wait_for_earlier_removal(name)
            return
        if self._context.check_mode:
            self.changed = True
            return
        with attempting(f"delete the task {name}"):
            self.changed = self._life.delete(task)
            if self._params["wait"]:
                self._life.wait_until_removed(task["workspace_id"], task["name"])

    def _wait_for_earlier_removal(self, name: str) -> None:
        """The task is gone, its workspace may still be on the way: absent means that the name is free."""
        if names.is_uuid(name):
            return
        workspace = self._client.find_workspace(self._owner, name)
        if workspace and workspace["latest_build"]["transition"] == "delete":
            with attempting(f"wait for the removal of {name}"):
                self._life.wait_until_removed(workspace["id"], name)

    # Create

    def _create(self) -> dict[str, Any]:
        if self._name and names.is_uuid(self._name):
            raise CoderError(
                f"there is no task with the id {self._name}", "not_found",
                hint="Give a name to create one; ids are made by the server.",
            )
        name = self._name or names.make_name(self._params["input"] or "")
        with attempting(f"{'pause' if self._params['state'] == 'paused' else 'create'} the task {name}"):
            if self._params["state"] == "paused":
                raise CoderError(
                    "it does not exist", "not_found",
                    hint="state=paused never creates a task; use state=present first.",
                )
            body, origin = self._creation(name)
            if self._context.check_mode:
                self.changed = True
                self.created_by = THIS_CALL
                return self._predicted(body, origin)
            task, self.created_by = self._life.create(self._owner, body)
        self.changed = self.created_by != SOMEONE_ELSE
        if self.created_by == SOMEONE_ELSE:
            return task
        return self._life.wait_for(task, self._goal) if self._params["wait"] else task

    def _creation(self, name: str) -> tuple[dict[str, Any], templates.Origin]:
        if not self._params["template"]:
            able = ", ".join(sorted(item["name"] for item in self._client.templates())) or "none"
            raise invalid("'template' is needed to create it", f"Templates that can run tasks: {able}.")
        origin = templates.resolve(
            self._client, self._params["template"], self._params["organization"],
            self._params["template_version"], self._params["preset"],
        )
        body = {"template_version_id": origin.version_id, "name": name, "input": self._params["input"] or ""}
        if not body["input"].strip():
            self._context.warn(
                f"The task {name} gets an empty prompt, so its agent has nothing to do until somebody tells it; "
                "give 'input' or 'input_file'."
            )
        if origin.preset_id:
            body["template_version_preset_id"] = origin.preset_id
        if self._params["display_name"]:
            if self._client.dialect.display_name:
                body["display_name"] = self._params["display_name"]
            else:
                self._context.warn("This server knows no display name of a task; 'display_name' is ignored.")
        return body, origin

    def _predicted(self, body: dict[str, Any], origin: templates.Origin) -> dict[str, Any]:
        """The task as it would be; what only the server can make is null."""
        task: dict[str, Any] = dict.fromkeys(TASK_FIELDS)
        owner = self._client.user(self._owner)
        task.update(
            name=body["name"],
            display_name=body.get("display_name"),
            owner_id=owner["id"],
            owner_name=owner["username"],
            organization_id=origin.template["organization_id"],
            template_id=origin.template["id"],
            template_name=origin.template["name"],
            template_display_name=origin.template["display_name"],
            template_icon=origin.template["icon"],
            template_version_id=origin.version_id,
            workspace_name=body["name"],
            initial_prompt=body["input"],
            status="active" if self._params["wait"] else "pending",
            url=None,
        )
        return task

    # An existing task

    def _ensure_existing(self, task: dict[str, Any]) -> dict[str, Any]:
        self._warn_of_fixed_options(task)
        recreated = self._follow_input(task)
        if recreated is not None:
            return recreated
        if self.changed:
            task = self._look(task)
        state = self._params["state"]
        if state == "paused":
            return self._ensure_paused(task)
        if state == "active" or (self.changed and self._was_running):
            return self._ensure_running(task)
        if is_stopping(task) and self._params["wait"] and not self._context.check_mode:
            task = self._life.wait_for(task, "settled")
        return self._settle(task) if task["status"] != "paused" else self._stay_paused(task)

    def _look(self, task: dict[str, Any]) -> dict[str, Any]:
        if self._context.check_mode:
            return dict(task, initial_prompt=self._params["input"])
        return self._client.get_task(task["id"], task["owner_name"])

    def _warn_of_fixed_options(self, task: dict[str, Any]) -> None:
        """Say what of an existing task differs from what is declared and cannot be changed."""
        try:
            differing = templates.differences(
                self._client, task, self._params["template"], self._params["template_version"], self._params["preset"]
            )
        except CoderError as error:
            # What is only compared must not stand in the way of what is to be done.
            self._context.warn(f"What the task {task['name']} was made from could not be compared: {error.message}")
            differing = []
        for what, is_made_from, declared in differing:
            self._context.warn(
                f"The task {task['name']} was made from {what} {is_made_from!r}, which cannot be changed to "
                f"{declared!r}; delete and create it anew."
            )
        display_name = (self._params["display_name"] or "").strip()
        if display_name and task["display_name"] not in (None, display_name):
            self._context.warn(
                f"The display name of the task {task['name']} stays {task['display_name']!r}: Coder cannot change it."
            )

    def _follow_input(self, task: dict[str, Any]) -> dict[str, Any] | None:
        """Act on an input that differs from the task's prompt. :returns: the task that replaces it, if one does."""
        wanted = self._params["input"]
        if wanted is None or wanted == task["initial_prompt"]:
            return None
        how = self._params["on_input_change"]
        if how == "ignore":
            self._context.warn(
                f"The input differs from the prompt of the existing task {task['name']} and is not used; see "
                "'on_input_change'."
            )
            return None
        with attempting(f"change the prompt of the task {task['name']}"):
            if how == "fail":
                raise CoderError(
                    "the input differs from the task's prompt and on_input_change=fail", "conflict",
                    hint="Use on_input_change=update, recreate or ignore.",
                )
            if how == "recreate":
                return self._recreate(task)
            self._update(task)
        return None

    def _update(self, task: dict[str, Any]) -> None:
        if not self._client.dialect.update_input:
            raise CoderError(
                f"this server ({self._client.version.text}) cannot change the prompt of a task", "unsupported",
                hint="That needs Coder 2.29; with on_input_change=recreate the task is made anew.",
            )
        if not (self._params["input"] or "").strip():
            raise invalid("the prompt of an existing task cannot be empty")
        running = task["status"] != "paused" and not is_stopping(task)
        if running and not self._params["allow_restart"] and self._params["state"] != "paused":
            raise CoderError(
                f"it is {task['status']}, and Coder changes a prompt only while the task is paused", "conflict",
                hint="Set allow_restart=true to pause it, change the prompt and resume it.",
            )
        self._was_running = running
        if not self._context.check_mode:
            if running:
                self.changed = self._life.pause(task)
                task = self._look_after_switch(task)
            task = self._life.wait_for(task, "paused")
            self._client.update_input(task, self._params["input"])
        self.changed = True

    def _recreate(self, task: dict[str, Any]) -> dict[str, Any]:
        if self._params["state"] == "paused":
            raise invalid(
                "state=paused never creates a task, so on_input_change=recreate cannot make it anew",
                "Make it anew with state=present and pause it in a second call, or use on_input_change=update.",
            )
        self._name = self._name if self._name and not names.is_uuid(self._name) else task["name"]
        self._owner = task["owner_name"]
        self._params["template"] = self._params["template"] or task["template_id"]
        body, origin = self._creation(task["name"])
        if self._context.check_mode:
            self.changed = True
            self.created_by = THIS_CALL
            return self._predicted(body, origin)
        self.changed = self._life.delete(task)
        self._life.wait_until_removed(task["workspace_id"], task["name"])
        created, self.created_by = self._life.create(self._owner, body)
        self.changed = True
        return self._life.wait_for(created, self._goal) if self._params["wait"] else created

    # States

    def _ensure_paused(self, task: dict[str, Any]) -> dict[str, Any]:
        if task["status"] != "paused" and not is_stopping(task):
            if self._context.check_mode:
                self.changed = True
                return dict(task, status="paused")
            with attempting(f"pause the task {task['name']}"):
                self.changed = self._life.pause(task) or self.changed
                task = self._look_after_switch(task)
        return self._settle(task)

    def _ensure_running(self, task: dict[str, Any]) -> dict[str, Any]:
        failed = task["status"] == "error" and task["workspace_status"] in ("failed", "canceled", "stopped")
        if task["status"] == "paused" or failed or is_stopping(task):
            if self._context.check_mode:
                self.changed = True
                return dict(task, status="active")
            with attempting(f"resume the task {task['name']}"):
                self.changed = self._life.resume(task) or self.changed
                task = self._look_after_switch(task)
        return self._settle(task)

    def _look_after_switch(self, task: dict[str, Any]) -> dict[str, Any]:
        """The task as the server shows it now, or as it must be soon: the old status would end a wait at once."""
        return self._client.refresh(task) or task

    def _stay_paused(self, task: dict[str, Any]) -> dict[str, Any]:
        """`present` is content with a paused task, but not with waiting for what a paused task never does."""
        if self._params["wait"] and self._params["wait_for"] and not self._context.check_mode:
            raise CoderError(
                f"the task {task['name']} is paused and will not be {self._goal}", "conflict",
                hint="Use state=active to resume it.", result={"task": task},
            )
        return task

    def _settle(self, task: dict[str, Any]) -> dict[str, Any]:
        """The task in its final state, waited for if that was asked."""
        if self._context.check_mode:
            return task
        if self._params["wait"]:
            return self._life.wait_for(task, self._goal)
        return self._client.refresh(task) or task if self.changed else task


def diff_of(before: dict[str, Any] | None, after: dict[str, Any] | None, changed: bool) -> dict[str, Any]:
    """Before and after in the fields that a person would want to see change; equal when nothing was changed."""
    old = {name: before[name] for name in DIFF_FIELDS} if before else {}
    if not changed:
        return {"before": old, "after": old}
    return {"before": old, "after": {name: after[name] for name in DIFF_FIELDS} if after else {}}
