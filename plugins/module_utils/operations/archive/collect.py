# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the conversations of tasks and chats into the archive."""

from __future__ import annotations

from typing import NamedTuple

from ...archive.attachments import Fetch
from ...archive.joined import AnyArchive
from ...archive.record import Record
from ...coder.chats.models import Chat
from ...coder.errors import CoderError, as_coder_error, attempting
from ...coder.tasks.models import Task
from ...coder.waiter import Waiter, WaitOptions
from ..context import Context
from ..waiting import waiter_for
from .files import file_reader
from .outcome import Outcomes
from .progress import Progress, each
from .read import Reader, Reading, ReadParams, label, read
from .read_chat import read_chats
from .resumed import Resumed


class CollectParams(ReadParams):
    """The options that collecting looks at."""

    on_partial: str
    resume_concurrency: int


class Partial(NamedTuple):
    """A paused task whose log is not whole here. last_id: of the last message that its snapshot held, if any."""

    task: Task
    last_id: int | None


class Collector:
    """Reads each task and saves it; then sees to those that need patience, or a resume."""

    def __init__(self, context: Context[CollectParams], archive: AnyArchive, outcomes: Outcomes) -> None:
        self._context = context
        self._tasks = context.session.tasks
        self._archive = archive
        self._outcomes = outcomes
        self._partial: list[Partial] = []
        self._resumes = context.params["on_partial"] == "resume" and not context.check_mode
        self._resumed_now = Resumed(archive.path)

    def collect(self, tasks: list[Task], chats: list[Chat]) -> None:
        """Empties the lists: what was read of 10,000 tasks need not stay in memory.

        :raises CoderError: the archive cannot be written; all else is an outcome.
        """
        if not self._context.check_mode:
            self._resumed_now.warn_of_others(self._context.warn)
        progress = Progress(self._context, self._archive.path, self._outcomes)
        Reader(self._context, self._settle).read(tasks, progress)
        read_chats(self._context, chats, self._outcomes, progress, self._settle, self._asks_cost)
        if self._resumes:
            each(self._resumed, self._partial, self._context.params["resume_concurrency"], meanwhile=progress.meanwhile)
        progress.close()

    def _asks_cost(self, chat: Chat) -> bool:
        """A chat costs nothing more while it does not change."""
        entry = self._archive.entry(chat["id"])
        return entry is None or entry["updated_at"] != chat["updated_at"]

    def _settle(self, reading: Reading) -> None:
        """Save what was read, and note what was not."""
        record = reading.record
        if reading.error:
            self._outcomes.fail(reading.label, reading.error)
        try:
            self._save(record, file_reader(self._context, self._outcomes, reading))
        except Exception as caught:
            error = as_coder_error(caught)
            if error.kind == "io":
                raise
            if not reading.error:
                self._outcomes.fail(reading.label, error)
            return
        if reading.is_chat:
            return
        entry = self._archive.entry(record["task"]["id"])
        # An archive can hold the whole log of which the server shows only the end.
        whole = reading.error or not entry or entry["complete"]
        if self._resumes and record["task"]["status"] == "paused" and not whole:
            last_id = record["messages"][-1]["id"] if record["messages"] else None
            self._partial.append(Partial(reading.task, last_id))

    def _save(self, record: Record, fetch: Fetch | None = None) -> None:
        outcome = self._archive.save(record, fetch)
        self._outcomes.save(outcome, record["task"]["id"], self._archive.entry(record["task"]["id"]))

    # Logs that are whole only while their task runs

    def _resumed(self, partial: Partial) -> None:
        """Read a paused task's log in full: resume it, read, pause it again."""
        task = partial.task
        waiter = self._waiter()
        try:
            with self._resumed_now.noted(self._archive.redacted(label(task))), attempting(
                f"read the whole log of the task {label(task)}"
            ):
                resumed = self._tasks.resume(task, waiter)
                try:
                    full = read(self._tasks, waiter.wait_for(self._tasks, task, "ready"))
                    if full.error:
                        raise full.error
                    kept = self._keep_if_whole(partial, full.record)
                finally:
                    if resumed:
                        self._pause_again(task)
        except CoderError as error:
            if error.kind == "io":
                raise
            self._outcomes.fail(label(task), error)
            return
        if resumed and kept:
            # From now on the server shows the snapshot that this pause made: it has to be known as a part of the log.
            self._save(read(self._tasks, self._now(task)).record)

    def _keep_if_whole(self, partial: Partial, full: Record) -> bool:
        """Ids count from 0, so a log that ends earlier than the snapshot is that of an agent which has forgotten."""
        last_id = full["messages"][-1]["id"] if full["messages"] else -1
        if partial.last_id is not None and last_id < partial.last_id:
            self._warn_of(partial.task, "has forgotten its conversation; what its snapshot held is kept")
            return False
        if partial.last_id is None and not any(message["type"] == "input" for message in full["messages"]):
            # A greeting, most likely; without a snapshot there is nothing else to tell by.
            self._warn_of(partial.task, "may have forgotten its conversation; nobody says anything in it")
        self._save(full)
        return True

    def _warn_of(self, task: Task, what: str) -> None:
        self._context.warn(f"The agent of the task {label(task)} {what}.")

    def _pause_again(self, task: Task) -> None:
        waiter = self._waiter()
        with attempting(f"pause the task {label(task)} again, which was resumed to be read"):
            self._tasks.pause(task, waiter)
            waiter.wait_for(self._tasks, self._now(task), "paused")

    def _now(self, task: Task) -> Task:
        return self._tasks.refresh(task) or task

    def _waiter(self) -> Waiter:
        """For writes that have a time of their own."""
        options = WaitOptions(self._context.params["wait_timeout"], 0.0, self._context.poll_interval)
        return waiter_for(self._context, options)
