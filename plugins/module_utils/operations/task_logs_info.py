# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the conversations of tasks, live or from their snapshots, bounded in bytes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ..archive.record import life as life_of
from ..coder.client import CoderClient, Log
from ..coder.errors import CoderError, as_coder_error, attempting, invalid
from ..snapshot.fit import fit
from ..snapshot.marks import is_cut
from .connection import connection_spec
from .context import Context
from .selection import choose, selection_spec, warning_of

# Kinds of what is wrong with the token, the connection or the server: every log would meet it.
OF_ALL = ("auth", "tls", "network", "rate_limited", "unsupported", "library")

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"logs": []}


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    options = dict(connection_spec(), **selection_spec())
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


def run(context: Context) -> dict[str, Any]:
    """Result: ``logs``, one entry a task, ``missing`` names and a ``summary``."""
    params = context.params
    if params["tail"] is not None and params["tail"] < 0:
        raise invalid(f"'tail' is {params['tail']}", "Give 0 or more.")
    tasks, missing = choose(context, warning_of(context))
    if missing and params["fail_on_unavailable"]:
        raise CoderError(f"there is no task {', '.join(repr(name) for name in missing)}", "not_found")
    with ThreadPoolExecutor(max(1, min(params["concurrency"], len(tasks) or 1))) as pool:
        read = list(pool.map(lambda task: _read(context.session, task, params["fail_on_unavailable"]), tasks))
    _tell(context, read)
    entries = [_entry(task, reading.log, params) for task, reading in zip(tasks, read)]
    return {"changed": False, "logs": entries, "missing": missing, "summary": _summary(entries)}


class Reading(NamedTuple):
    """A task's log; error: why it could not be read although its state should have one."""

    log: Log
    error: CoderError | None = None


def _read(client: CoderClient, task: dict[str, Any], fail: bool) -> Reading:
    """One log. What is wrong with it alone must not take the others with it.

    :raises CoderError: what is wrong with the token or the connection, and so with every log.
    """
    try:
        return Reading(read_log(client, task, fail))
    except Exception as caught:  # noqa: BLE001  (an answer of a shape that nobody foresaw)
        error = as_coder_error(caught)
        if fail or error.kind in OF_ALL:
            raise error from None
        return Reading(Log([], "none", reason=error.message), error)


def _tell(context: Context, read: list[Reading]) -> None:
    """Warn of what could not be read. :raises CoderError: nothing could."""
    errors = [reading.error for reading in read if reading.error]
    if errors and len(errors) == len(read):
        raise errors[0]
    for error in errors:
        context.warn(error.message)


def _entry(task: dict[str, Any], log: Log, params: dict[str, Any]) -> dict[str, Any]:
    messages = bounded(log.messages, params["tail"], params["max_bytes"])
    return {
        "task_id": task["id"],
        "name": task["name"],
        "owner_name": task["owner_name"],
        "status": task["status"],
        "messages": messages,
        "source": log.source,
        "snapshot_at": log.snapshot_at,
        "complete": completeness(log, task),
        "truncated": is_truncated(messages),
        "omitted": len(log.messages) - len(messages),
        "reason": log.reason,
    }


def read_log(client: CoderClient, task: dict[str, Any], fail: bool) -> Log:
    """The log, where a state that has none is a result too.

    :raises CoderError: the server refused for another reason, or ``fail`` is set and there is none.
    """
    with attempting(f"read the log of the task {task['name']}"):
        try:
            log = client.logs(task)
        except CoderError as error:
            # Not found: the task was deleted after it was chosen. Protocol: this log or task is not what Coder gives.
            if fail or error.kind not in ("unavailable", "timeout", "not_found"):
                raise
            return Log([], "none", reason=error.message)
        if fail and log.source == "none":
            raise CoderError(log.reason or "it has none", "unavailable", hint=f"The task is {task['status']}.")
    return log


def is_truncated(messages: list[dict[str, Any]]) -> bool:
    """Whether a hook cut a message to fit the snapshot: its mark stands in front of the content."""
    return any(is_cut(str(message.get("content") or "")) for message in messages)


def completeness(log: Log, task: dict[str, Any]) -> bool | str:
    """True, False or ``unknown``: whether this is the whole conversation.

    Ids count from 0, so messages that begin with 0 and leave no gap are all there are; a snapshot that begins later
    has lost its head. An agent that was started more than once may have forgotten what was said before.
    """
    if log.source == "none" or is_truncated(log.messages):
        return False
    ids = [message["id"] for message in log.messages]
    life = life_of(task, log.source)
    if ids and ids == list(range(len(ids))) and life is not None and life <= 1:
        return True
    first = ids[0] if ids else None
    return False if log.source == "snapshot" and isinstance(first, int) and first > 0 else "unknown"


def bounded(messages: list[dict[str, Any]], tail: int | None, max_bytes: int | None) -> list[dict[str, Any]]:
    """The newest messages within both limits, as the server gave them; ``tail: 0`` is none.

    :raises CoderError: a limit that nothing can keep.
    """
    if tail is not None:
        messages = messages[len(messages) - min(tail, len(messages)) :]
    if max_bytes is None:
        return messages
    try:
        return fit(messages, max_messages=0, max_bytes=max_bytes, shape="coder", keep_padding=True).messages
    except ValueError as error:
        raise invalid(str(error)) from None


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
