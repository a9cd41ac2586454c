# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prove that the archive holds what the server holds, and delete from the server only what is proven."""

from __future__ import annotations

import os
import threading
from typing import Any, NamedTuple

from ..archive import files
from ..archive.record import Entry
from ..archive.store import Archive
from ..coder.errors import CoderError, attempting
from ..coder.wait import Patience
from .archive_outcome import Outcomes
from .archive_progress import Progress, each
from .archive_read import Reading, label, read
from .context import Context
from .lifecycle import Lifecycle

# What an operator can declare good enough to delete the original of.
ACCEPTABLE = ("snapshot", "cut", "none", "redacted")


class Verdict(NamedTuple):
    """kind: one of archive_outcome.VERDICTS. reasons: classes that are not accepted, or the kind of an error."""

    kind: str
    reasons: tuple[str, ...] = ()


def classes(entry: Entry) -> tuple[str, ...]:
    """In what an entry is less than its original; empty if it was read live, whole and untouched."""
    held = {
        "snapshot": entry["source"] == "snapshot",
        "cut": entry["truncated"],
        "none": entry["source"] == "none",
        "redacted": entry["redacted"],
    }
    return tuple(name for name in ACCEPTABLE if held[name])


class Verification:
    """Hashes every file again and reads every task again."""

    verb = "verified"

    def __init__(self, context: Context, archive: Archive, outcomes: Outcomes) -> None:
        self._context = context
        self._client = context.session
        self._archive = archive
        self._outcomes = outcomes
        self._intact: frozenset[str] = frozenset()
        self._lines: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def check(self, tasks: list[dict[str, Any]]) -> None:
        """:raises CoderError: the archive cannot be read or was written with another key."""
        found = self._archive.verify_files()
        self._intact = found.intact
        self._outcomes.files = {
            "intact": found.ok,
            "damaged": sorted(path for paths in found.damaged.values() for path in paths)[:20],
            "top": found.top,
            "stray": found.stray[:20],
        }
        if not found.ok:
            reason = "files of the archive are damaged, missing or not its own"
            self._outcomes.fail(self._archive.path, CoderError(reason, "io", hint="See 'files'; collect again."))
        self._check_report()
        progress = Progress(self._context, self._archive.path, self.verb, self._outcomes)
        try:
            each(self._one, tasks, self._context.params["concurrency"], progress.step)
        finally:
            progress.close()
            self._write_report()

    def _one(self, task: dict[str, Any]) -> None:
        reading = read(self._client, task)
        error = reading.error
        try:
            verdict = self._verdict(reading)
        except CoderError as problem:
            verdict, error = Verdict("unreadable", (problem.kind,)), problem
        if error:
            self._outcomes.fail(label(task), error)
        self._outcomes.judge(label(task), verdict.kind, verdict.reasons)
        action = self._act(reading, verdict)
        name = self._archive.redacted(label(task))
        line = {"id": task["id"], "task": name, "verdict": verdict.kind, "reasons": verdict.reasons, "action": action}
        with self._lock:
            self._lines.append(line)

    def _verdict(self, reading: Reading) -> Verdict:
        record = reading.record
        entry = self._archive.entry(record["task"]["id"])
        if entry is None:
            return Verdict("missing")
        if entry["id"] not in self._intact:
            return Verdict("damaged")
        # What cannot be read may well be there: only the server's own word that there is no log counts as none.
        if record["error_kind"] not in (None, "no_log"):
            return Verdict("unreadable", (str(record["error_kind"]),))
        if not self._archive.matches(entry, record["messages"]):
            return Verdict("drifted")
        unaccepted = tuple(name for name in classes(entry) if name not in self._context.params["accept"])
        return Verdict("incomplete", unaccepted) if unaccepted else Verdict("safe_to_delete")

    def _act(self, reading: Reading, verdict: Verdict) -> str | None:
        """What was done about the task; here nothing."""
        return None

    def _check_report(self) -> None:
        """Before anything is done that could not be told."""
        path = self._report
        if path:
            with files.io_errors("write the report"):
                files.write_new(files.draft_of(path), b"")
                os.unlink(files.draft_of(path))

    def _write_report(self) -> None:
        if self._report:
            with files.io_errors("write the report"):
                files.replace(self._report, files.json_lines(sorted(self._lines, key=lambda line: str(line["task"]))))

    @property
    def _report(self) -> str | None:
        return None if self._context.check_mode else self._context.params["report"]


class Evacuation(Verification):
    """Deletes each task right after the reading that proved it safe; one that is not as saved is saved again."""

    verb = "evacuated"

    def _act(self, reading: Reading, verdict: Verdict) -> str | None:
        task = reading.record["task"]
        try:
            if verdict.kind in ("missing", "damaged", "drifted"):
                outcome = self._archive.save(reading.record)
                self._outcomes.save(outcome, task["id"], self._archive.entry(task["id"]))
                return "saved"
            if verdict.kind == "safe_to_delete":
                return self._delete(task)
        except CoderError as error:
            if error.kind == "io":
                raise
            if not reading.error:
                self._outcomes.fail(label(task), error)
            return "failed"
        return None

    def _delete(self, task: dict[str, Any]) -> str:
        if not self._context.check_mode:
            patience = Patience(self._context.params["wait_timeout"], 0.0, self._context.poll_interval)
            life = Lifecycle(self._client, self._context.clock, patience, False, self._context.progress)
            with attempting("delete the task %s" % label(task)):
                life.delete(task)
        self._outcomes.delete()
        return "deleted"
