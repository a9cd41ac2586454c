# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the conversations of tasks, live or from their snapshots, bounded in bytes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ..coder.backend import Log
from ..coder.errors import CoderError, as_coder_error, attempting
from ..coder.tasks.backend import TasksBackend
from ..coder.tasks.models import Task
from ..snapshot.marks import is_cut
from .at_once import at_once
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .log import OF_ALL, bounded, check_tail, newest, tell_of
from .selection import SelectionParams, choose, selection_spec, warning_of
from .spec import Spec

FIELDS = (
    "task_id", "name", "owner_name", "status", "messages", "source", "snapshot_at", "complete", "truncated", "omitted",
    "reason",
)  # fmt: skip
# What a person looks for first.
BRIEF = ("name", "owner_name", "status", "source", "complete", "reason", "messages")
# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"logs": []}


class LogsParams(ConnectionParams, SelectionParams, FieldsParams):
    """The options of this operation."""

    tail: int | None
    max_bytes: int | None
    fail_on_unavailable: bool
    concurrency: int


def spec() -> Spec:
    """The operation's options."""
    options = {**connection_spec(), **selection_spec(), **fields_spec()}
    options.update(
        tail={"type": "int"},
        max_bytes={"type": "int"},
        fail_on_unavailable={"type": "bool", "default": False},
        concurrency={"type": "int", "default": 8},
    )
    return {
        "argument_spec": options,
        "mutually_exclusive": [["name", "all_owners"], ["name", "organization"]],
        "supports_check_mode": True,
    }


def run(context: Context[LogsParams]) -> dict[str, Any]:
    """Result: ``logs``, one entry per task, ``missing`` names and a ``summary``."""
    params = context.params
    check_tail(params["tail"])
    names = chosen_fields(params["fields"], BRIEF, FIELDS)
    tasks, missing = choose(context, warning_of(context))
    if missing and params["fail_on_unavailable"]:
        raise CoderError(f"there is no task {', '.join(repr(name) for name in missing)}", "not_found")
    backend, fail = context.session.tasks, params["fail_on_unavailable"]
    read = at_once(lambda task: _read(backend, task, fail), tasks, params["concurrency"])
    tell_of(context, [reading.error for reading in read])
    entries = [_entry(task, reading.log, params) for task, reading in zip(tasks, read)]
    picked = [pick(entry, names) for entry in entries]
    return {"changed": False, "logs": picked, "missing": missing, "summary": _summary(entries)}


class Reading(NamedTuple):
    """A task's log; error: why it could not be read although its state should have one."""

    log: Log
    error: CoderError | None = None


def _read(backend: TasksBackend, task: Task, fail: bool) -> Reading:
    """One log. What is wrong with it alone must not take the others with it.

    :raises CoderError: what is wrong with the token or the connection, and so with every log.
    """
    try:
        return Reading(_log(backend, task, fail))
    except Exception as caught:  # noqa: BLE001  (an answer of a shape that nobody foresaw)
        error = as_coder_error(caught)
        if fail or error.kind in OF_ALL:
            raise error from None
        return Reading(Log([], "none", reason=error.message), error)


def _entry(task: Task, log: Log, params: LogsParams) -> dict[str, Any]:
    messages: list[Any] = [*newest(log.messages, params["tail"])]
    if params["max_bytes"] is not None:
        messages = bounded(messages, params["max_bytes"], keep_padding=True).messages
    return {
        "task_id": task["id"],
        "name": task["name"],
        "owner_name": task["owner_name"],
        "status": task["status"],
        "messages": messages,
        "source": log.source,
        "snapshot_at": log.snapshot_at,
        "complete": log.complete,
        "truncated": any(is_cut(message["content"]) for message in messages),
        "omitted": len(log.messages) - len(messages),
        "reason": log.reason,
    }


def _log(backend: TasksBackend, task: Task, fail: bool) -> Log:
    """The log, where a state that has none is a result too.

    :raises CoderError: the server refused for another reason, or ``fail`` is set and there is none.
    """
    with attempting(f"read the log of the task {task['name']}"):
        try:
            log = backend.log(task)
        except CoderError as error:
            # Not found: the task was deleted after it was chosen. Protocol: this log or task is not what Coder gives.
            if fail or error.kind not in ("unavailable", "timeout", "not_found"):
                raise
            return Log([], "none", reason=error.message)
        if fail and log.source == "none":
            raise CoderError(log.reason or "it has none", "unavailable", hint=f"The task is {task['status']}.")
    return log


def _summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    def count(source: str) -> int:
        return sum(1 for entry in entries if entry["source"] == source)

    return {
        "total": len(entries),
        "live": count("live"),
        "snapshot": count("snapshot"),
        "none": count("none"),
        "messages": sum(len(entry["messages"]) for entry in entries),
        "bytes": sum(len(json.dumps(entry["messages"], ensure_ascii=False).encode()) for entry in entries),
    }
