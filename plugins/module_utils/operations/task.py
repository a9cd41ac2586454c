# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring one task into its declared state: read, plan, apply, wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict, cast

from ..coder import names
from ..coder.builds import SOMEONE_ELSE, THIS_CALL
from ..coder.errors import CoderError, attempting, invalid
from ..coder.tasks.backend import TasksBackend
from ..coder.tasks.models import NewTask, Task, is_ended, is_stopping
from ..coder.templates import TemplateChoice, Wanted
from .connection import ConnectionParams, connection_spec
from .context import Context
from .made_from import warn_of_differences
from .spec import Options, Spec
from .text_file import text_option
from .waiting import HowLong, WaitingParams, wait_options, waiter_for, waiting_spec

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


class TaskOptions(TypedDict):
    """The options that describe one task; a fleet's items have the same."""

    name: str | None
    owner: str
    state: str
    organization: str | None
    template: str | None
    template_version: str | None
    preset: str | None
    input: str | None
    display_name: str | None
    on_input_change: str
    allow_restart: bool
    discard_log: bool


class Declared(TaskOptions):
    """One task as it is to be, and what to wait for."""

    wait: bool
    wait_for: str | None


class TaskParams(ConnectionParams, TaskOptions, WaitingParams):
    """The options of this operation."""

    input_file: str | None


def task_options() -> Options:
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


def input_file_option() -> Options:
    """The option that names a file with the input."""
    return {"input_file": {"type": "path", "read_as": "input"}}


def spec() -> Spec:
    """The operation's options."""
    options = {**connection_spec(), **task_options(), **input_file_option()}
    options.update(waiting_spec(["ready", "idle", "complete", "paused", "gone"]))
    return {
        "argument_spec": options,
        "mutually_exclusive": [["input", "input_file"]],
        "required_if": [["state", "absent", ["name"]], ["state", "paused", ["name"]]],
        "supports_check_mode": True,
    }


def run(context: Context[TaskParams]) -> dict[str, Any]:
    """Result: ``task`` (null when absent), ``created_by``, ``waited``, ``diff``."""
    declared = cast(Declared, {**context.params, "input": text_option(context.params, "input")})
    check_options(declared)
    goal = goal_of(declared)
    return Ensure(context, declared, goal).run()


def check_options(params: Declared) -> None:
    """What can be known to be wrong before anything is sent. :raises CoderError: kind invalid."""
    given: Mapping[str, Any] = params
    for option in NAMES:
        if given[option] is not None and not given[option].strip():
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


def goal_of(params: Declared) -> str:
    """What to wait for; each state has its own goals. :raises CoderError: one that the state cannot reach."""
    goals = GOALS[params["state"]]
    goal = params["wait_for"] or goals[0]
    if goal not in goals:
        raise invalid(
            f"wait_for={goal} does not go with state={params['state']}", f"Choose from: {', '.join(goals)}."
        )
    return goal


def wanted_of(params: TaskOptions) -> Wanted:
    """What a task is said to be made from."""
    return Wanted(params["template"], params["organization"], params["template_version"], params["preset"])


class Ensure:
    """One task on the way to its declared state."""

    def __init__(self, context: Context[HowLong], declared: Declared, goal: str) -> None:
        self._context = context
        self._declared = declared
        self._goal = goal
        self._tasks: TasksBackend = context.session.tasks
        self._waiter = waiter_for(context, replace(wait_options(context), wait=declared["wait"]))
        self._owner, self._name = self._reference()
        self.changed = False
        self.created_by: str | None = None
        self._was_running = False

    def _reference(self) -> tuple[str, str | None]:
        """`owner/name` is accepted as a name; with no name at all one is made."""
        if not self._declared["name"]:
            names.check_owner(self._declared["owner"])
            return self._declared["owner"], None
        owner, name = self._tasks.refer(self._declared["name"], self._declared["owner"])
        if not names.is_uuid(name):
            names.check_name(name)
        return owner, name

    def run(self) -> dict[str, Any]:
        return self.apply(self.find())

    def find(self) -> Task | None:
        """The task as it is; None where there is none, or where it has no name to find it by."""
        with attempting(f"read the task {self._name or ''}"):
            return self._tasks.find(self._name, self._owner) if self._name else None

    def apply(self, before: Task | None) -> dict[str, Any]:
        """From the task as it is, None for none, to the result."""
        state = self._declared["state"]
        after: Task | None = None
        if state == "absent":
            self._ensure_absent(before)
        elif before is None:
            after = self._create()
        else:
            after = self._ensure_existing(before)
        if self.created_by == SOMEONE_ELSE:
            # Somebody was faster: what stands there is treated as what was found.
            after = self._ensure_existing(after) if after else after
        result: dict[str, Any] = {
            "changed": self.changed,
            "task": self._tasks.with_reason(after) if after else None,
            "created_by": self.created_by,
            "waited": round(self._waiter.waited(), 1) if self._declared["wait"] else 0.0,
        }
        if self._context.diff:
            result["diff"] = diff_of(before, after, self.changed)
        return result

    # Absent

    def _ensure_absent(self, task: Task | None) -> None:
        name = self._name or ""
        if task is None:
            if self._owner != "me":
                # Who does not exist has no task either, and a mistyped owner must not look like success.
                with attempting(f"look for the task {name}"):
                    self._tasks.check_owner(self._owner)
            if self._declared["wait"] and not self._context.check_mode:
                with attempting(f"wait for the removal of {name}"):
                    self._tasks.wait_for_earlier_removal(self._owner, name, self._waiter)
            return
        if self._context.check_mode:
            self.changed = True
            return
        with attempting(f"delete the task {name}"):
            self.changed = self._tasks.delete(task, self._waiter)
            if self._declared["wait"]:
                self._tasks.wait_until_removed(task, self._waiter)

    # Create

    def _create(self) -> Task:
        if self._name and names.is_uuid(self._name):
            raise CoderError(
                f"there is no task with the id {self._name}", "not_found",
                hint="Give a name to create one; ids are made by the server.",
            )
        name = self._name or names.make_name(self._declared["input"] or "")
        pausing = self._declared["state"] == "paused"
        with attempting(f"{'pause' if pausing else 'create'} the task {name}"):
            if pausing:
                raise CoderError(
                    "it does not exist", "not_found",
                    hint="state=paused never creates a task; use state=present first.",
                )
            new, choice = self._creation(name)
            if self._context.check_mode:
                return self._would_create(new, choice)
            task, self.created_by = self._tasks.create(self._owner, new, self._waiter)
        self.changed = self.created_by != SOMEONE_ELSE
        if self.created_by == SOMEONE_ELSE:
            return task
        return self._wait_for(task, self._goal) if self._declared["wait"] else task

    def _would_create(self, new: NewTask, choice: TemplateChoice) -> Task:
        self.changed = True
        self.created_by = THIS_CALL
        return self._tasks.predicted(self._owner, new, choice, "active" if self._declared["wait"] else "pending")

    def _creation(self, name: str) -> tuple[NewTask, TemplateChoice]:
        if not self._declared["template"]:
            able = ", ".join(sorted(item["name"] for item in self._tasks.templates())) or "none"
            raise invalid("'template' is needed to create it", f"Templates that can run tasks: {able}.")
        choice = self._tasks.choose_template(self._declared["template"], wanted_of(self._declared))
        prompt = self._declared["input"] or ""
        if not prompt.strip():
            self._context.warn(
                f"The task {name} gets an empty prompt, so its agent has nothing to do until somebody tells it; "
                "give 'input' or 'input_file'."
            )
        display_name = self._declared["display_name"] or None
        if display_name and "display_name" not in self._tasks.features:
            self._context.warn("This server knows no display name of a task; 'display_name' is ignored.")
            display_name = None
        return NewTask(name, prompt, choice.version_id, choice.preset_id or None, display_name), choice

    # An existing task

    def _ensure_existing(self, task: Task) -> Task:
        self._warn_of_fixed_options(task)
        recreated = self._follow_input(task)
        if recreated is not None:
            return recreated
        if self.changed:
            task = self._look(task)
        state = self._declared["state"]
        if state == "paused":
            return self._ensure_paused(task)
        if state == "active" or (self.changed and self._was_running):
            return self._ensure_running(task)
        if is_stopping(task) and self._declared["wait"] and not self._context.check_mode:
            task = self._wait_for(task, "settled")
        return self._settle(task) if task["status"] != "paused" else self._stay_paused(task)

    def _look(self, task: Task) -> Task:
        if self._context.check_mode:
            return {**task, "initial_prompt": self._declared["input"] or ""}
        return self._tasks.get(task["id"], task["owner_name"])

    def _warn_of_fixed_options(self, task: Task) -> None:
        """Say what of an existing task differs from what is declared and cannot be changed."""
        warn_of_differences(
            self._context,
            f"the task {task['name']}",
            lambda: self._tasks.differences(task, wanted_of(self._declared)),
            "cannot be changed",
        )
        display_name = (self._declared["display_name"] or "").strip()
        if display_name and task["display_name"] not in (None, display_name):
            self._context.warn(
                f"The display name of the task {task['name']} stays {task['display_name']!r}: Coder cannot change it."
            )

    def _follow_input(self, task: Task) -> Task | None:
        """Act on an input that differs from the task's prompt. :returns: the task that replaces it, if one does."""
        wanted = self._declared["input"]
        if wanted is None or wanted == task["initial_prompt"]:
            return None
        how = self._declared["on_input_change"]
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

    def _update(self, task: Task) -> None:
        self._tasks.require("update_input")
        wanted = self._declared["input"] or ""
        if not wanted.strip():
            raise invalid("the prompt of an existing task cannot be empty")
        running = task["status"] != "paused" and not is_stopping(task)
        if running and not self._declared["allow_restart"] and self._declared["state"] != "paused":
            raise CoderError(
                f"it is {task['status']}, and Coder changes a prompt only while the task is paused", "conflict",
                hint="Set allow_restart=true to pause it, change the prompt and resume it.",
            )
        self._was_running = running
        if not self._context.check_mode:
            if running:
                self.changed = self._tasks.pause(task, self._waiter)
                task = self._look_after_switch(task)
            task = self._wait_for(task, "paused")
            self._tasks.update_input(task, wanted)
        self.changed = True

    def _recreate(self, task: Task) -> Task:
        if self._declared["state"] == "paused":
            raise invalid(
                "state=paused never creates a task, so on_input_change=recreate cannot make it anew",
                "Make it anew with state=present and pause it in a second call, or use on_input_change=update.",
            )
        self._name = self._name if self._name and not names.is_uuid(self._name) else task["name"]
        self._owner = task["owner_name"]
        self._declared["template"] = self._declared["template"] or task["template_id"]
        new, choice = self._creation(task["name"])
        if self._context.check_mode:
            return self._would_create(new, choice)
        self.changed = self._tasks.delete(task, self._waiter)
        self._tasks.wait_until_removed(task, self._waiter)
        created, self.created_by = self._tasks.create(self._owner, new, self._waiter)
        self.changed = True
        return self._wait_for(created, self._goal) if self._declared["wait"] else created

    # States

    def _ensure_paused(self, task: Task) -> Task:
        if task["status"] != "paused" and not is_stopping(task):
            if self._context.check_mode:
                self.changed = True
                return {**task, "status": "paused"}
            with attempting(f"pause the task {task['name']}"):
                self.changed = self._tasks.pause(task, self._waiter) or self.changed
                task = self._look_after_switch(task)
        return self._settle(task)

    def _ensure_running(self, task: Task) -> Task:
        if task["status"] == "paused" or is_ended(task) or is_stopping(task):
            if self._context.check_mode:
                self.changed = True
                return {**task, "status": "active"}
            with attempting(f"resume the task {task['name']}"):
                self.changed = self._tasks.resume(task, self._waiter) or self.changed
                task = self._look_after_switch(task)
        return self._settle(task)

    def _look_after_switch(self, task: Task) -> Task:
        """The task as the server shows it now, or as it must be soon: the old status would end a wait at once."""
        return self._tasks.refresh(task) or task

    def _stay_paused(self, task: Task) -> Task:
        """`present` is content with a paused task, but not with waiting for what a paused task never does."""
        if self._declared["wait"] and self._declared["wait_for"] and not self._context.check_mode:
            raise CoderError(
                f"the task {task['name']} is paused and will not be {self._goal}", "conflict",
                hint="Use state=active to resume it.", result={"task": task},
            )
        return task

    def _settle(self, task: Task) -> Task:
        """The task in its final state, waited for if that was asked."""
        if self._context.check_mode:
            return task
        if self._declared["wait"]:
            return self._wait_for(task, self._goal)
        return self._tasks.refresh(task) or task if self.changed else task

    def _wait_for(self, task: Task, goal: str) -> Task:
        return self._waiter.wait_for(self._tasks, task, goal)


def diff_of(before: Task | None, after: Task | None, changed: bool) -> dict[str, Any]:
    """Before and after in the fields that a person would want to see change; equal when nothing was changed."""
    old = _shown(before)
    return {"before": old, "after": _shown(after) if changed else old}


def _shown(task: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: task[name] for name in DIFF_FIELDS} if task else {}
