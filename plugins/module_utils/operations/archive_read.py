# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a task's log as the archive takes it; a log that cannot be had is a record, too."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..archive.record import Record
from ..coder.client import CoderClient, Log
from ..coder.errors import CoderError, attempting
from ..version import VERSION
from .task_logs_info import completeness, is_truncated

# States that a task stays in by itself; in each other one a missing log may come in a moment.
LASTING = ("paused", "error")


class Reading(NamedTuple):
    """What was read. error: why the log could not be; None also where the server says that there is none."""

    record: Record
    error: CoderError | None = None

    @property
    def passes(self) -> bool:
        """Whether there is no log only because the task is on its way from one state to another."""
        return self.record["error_kind"] == "conflict" and self.error is None


def read(client: CoderClient, task: dict[str, Any]) -> Reading:
    """One request; a second one where a state has no log, because the list may have told an older state."""
    try:
        with attempting("read the log of the task %s" % label(task)):
            log = client.logs(task)
            if log.source == "none" and task["status"] not in LASTING:
                task, log = _once_more(client, task, log)
    except CoderError as error:
        return Reading(_record(client, task, Log([], "none"), error.kind), error)
    kind = None
    if log.source == "none":
        kind = "no_log" if task["status"] in LASTING else "conflict"
    return Reading(_record(client, task, log, kind))


def _once_more(client: CoderClient, task: dict[str, Any], log: Log) -> tuple[dict[str, Any], Log]:
    now = client.refresh(task)
    if now is None:
        raise CoderError("it was deleted meanwhile", "not_found")
    if now["status"] in ("active", "paused") and now["status"] != task["status"]:
        log = client.logs(now)
    return now, log


def label(task: dict[str, Any]) -> str:
    return "%s/%s" % (task["owner_name"], task["name"])


def _record(client: CoderClient, task: dict[str, Any], log: Log, error_kind: str | None) -> Record:
    return {
        "task": task,
        "messages": log.messages,
        "source": log.source,
        "snapshot_at": log.snapshot_at,
        "complete": completeness(log) is True,
        "truncated": is_truncated(log.messages),
        "error_kind": error_kind,
        "versions": {"coder": client.version.text, "agentapi": None, "collection": VERSION},
    }
