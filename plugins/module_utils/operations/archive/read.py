# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a task's log as the archive takes it; a log that cannot be had is a record, too.

Only one answer is the server's word that there is no log: an empty list that is marked as a snapshot, of a task that
stays as it is. All else may come from an agent that is restarting, from a proxy, or from missing rights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, NamedTuple, TypedDict, cast

from ...archive.kinds import CHAT, kind_of
from ...archive.record import Record
from ...coder.backend import Log
from ...coder.errors import CoderError, as_coder_error, attempting
from ...coder.tasks.backend import TasksBackend
from ...coder.tasks.health import has_failed_build
from ...coder.tasks.models import Task
from ...version import VERSION
from ..context import Context
from .progress import Progress, each

# The kind of a record whose log the server keeps nowhere: before 2.31.1 a paused task has none.
NOT_KEPT = "unsupported"


class Reading(NamedTuple):
    """What was read. error: why the log could not be; None also where there is none that could be."""

    record: Record
    error: CoderError | None = None

    @property
    def task(self) -> Task:
        """The task that was read."""
        return cast(Task, self.record["task"])

    @property
    def is_chat(self) -> bool:
        """Whether a chat was read, and no task."""
        return kind_of(self.record) is CHAT

    @property
    def label(self) -> str:
        """Owner and name of what was read."""
        about = self.record["task"]
        if self.is_chat:
            return f"{about['owner_username']}/{about['name'] or about['title']}"
        return label(self.task)

    @property
    def passes(self) -> bool:
        """Whether there is no log only because of a state that may pass; else nothing is gained by asking again."""
        return self.record["error_kind"] == "conflict" and self.error is None

    @property
    def is_word_of_none(self) -> bool:
        """Whether the server itself says that it has no log."""
        return self.record["error_kind"] == "no_log"


def read(backend: TasksBackend, task: Task, settled: bool = False) -> Reading:
    """One request; a second one where a state has no log, because the list may have told an older state.

    :param settled: whether a log that is not live counts only while the task is paused: one that is being started shows
        the snapshot of before, and its agent something else a moment later.
    """
    try:
        with attempting(f"read the log of the task {label(task)}"):
            if settled and task["status"] != "active":
                task = _now(backend, task)  # the list may be minutes old
            task, log = _log(backend, task)
            if settled and log.source != "live" and task["status"] != "paused":
                task, log = _now(backend, task), Log([], "none", refused=True)
    except Exception as caught:  # noqa: BLE001  (an answer that nobody foresaw is this task's failure alone)
        error = as_coder_error(caught)
        return Reading(_record(backend, task, Log([], "none"), error.kind), error)
    if log.source == "live" or log.messages:
        return Reading(_record(backend, task, log, None))
    record = _record(backend, task, Log([], "none", snapshot_at=log.snapshot_at), _kind_of_none(backend, task, log))
    # No agent comes back after a build that failed, until somebody builds anew.
    hopeless = record["error_kind"] == "conflict" and has_failed_build(task)
    return Reading(record, _not_now(task, "Its workspace's build failed; see the task.") if hopeless else None)


def _log(backend: TasksBackend, task: Task) -> tuple[Task, Log]:
    log = backend.log(task)
    if log.messages or (log.source != "live" and task["status"] == "paused" and not log.refused):
        return task, log
    if log.source == "live" and task["status"] == "active":
        return task, log
    now = _now(backend, task)
    if now["status"] in ("active", "paused") and now["status"] != task["status"]:
        log = backend.log(now)
    if log.source == "live" and not log.messages and now["status"] != "active":
        raise CoderError(
            f"it is {now['status']}, and yet the server says that its running agent shows no message", "protocol",
            hint="Check any proxy before the server.",
        )
    return now, log


def _now(backend: TasksBackend, task: Task) -> Task:
    now = backend.refresh(task)
    if now is None:
        raise CoderError("it was deleted meanwhile", "not_found")
    return now


def _kind_of_none(backend: TasksBackend, task: Task, log: Log) -> str:
    if task["status"] != "paused":
        return "conflict"
    if not log.refused:
        return "no_log"
    return "conflict" if "snapshots" in backend.features else NOT_KEPT


def label(task: Task) -> str:
    """Owner and name."""
    return f"{task['owner_name']}/{task['name']}"


def _record(backend: TasksBackend, task: Task, log: Log, error_kind: str | None) -> Record:
    return cast(Record, {
        "task": task,
        "messages": log.messages,
        "source": log.source,
        "snapshot_at": log.snapshot_at,
        "error_kind": error_kind,
        "versions": {"coder": backend.version, "agentapi": None, "collection": VERSION},
    })  # fmt: skip


class ReadParams(TypedDict):
    """The options that reading many tasks looks at."""

    concurrency: int
    wait_timeout: float


class Reader:
    """Reads many tasks at once; what passes from one state to another is read again until ``wait_timeout``."""

    def __init__(self, context: Context[ReadParams], settle: Callable[[Reading], None], settled: bool = False) -> None:
        """settle: given each reading, from several threads; what it raises ends all. settled: as of `read`."""
        self._context = context
        self._settle = settle
        self._settled = settled
        self._passing: list[Task] = []
        self._started = context.clock.monotonic()

    def read(self, tasks: list[Task], progress: Progress) -> None:
        """Empties the list: what was read of 10,000 tasks need not stay in memory."""
        threads = self._context.params["concurrency"]
        each(self._first, taken(tasks), threads, progress.step, progress.meanwhile)
        while self._passing:
            late = self._context.clock.monotonic() - self._started >= self._context.params["wait_timeout"]
            if not late:
                self._context.clock.sleep(self._context.poll_interval)
                progress.meanwhile()
            tasks, self._passing = self._passing, []
            each(self._last if late else self._first, tasks, threads, meanwhile=progress.meanwhile)

    def _first(self, task: Task) -> None:
        reading = read(self._context.session.tasks, task, self._settled)
        if reading.passes:
            self._passing.append(reading.task)
        else:
            self._settle(reading)

    def _last(self, task: Task) -> None:
        reading = read(self._context.session.tasks, task, self._settled)
        if reading.passes:
            error = _not_now(reading.task, "Collect again later, or raise 'wait_timeout'.")
            reading = Reading(reading.record, error)
        self._settle(reading)


def _not_now(task: Task, hint: str) -> CoderError:
    error = CoderError(f"its log cannot be read while it is in status {task['status']}", "conflict", hint=hint)
    return error.but(attempt=f"read the log of the task {label(task)}")


def taken(tasks: list[Any]) -> Iterator[Any]:
    """The same tasks or chats, let go of one by one."""
    tasks.reverse()
    while tasks:
        yield tasks.pop()
