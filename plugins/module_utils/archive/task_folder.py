# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's folder holds, made from what was just read and from what was saved before. Writes nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from ..coder.tasks.wholeness import life as life_of
from . import conversation, files, record, wholeness
from .folder import CONVERSATION, LOG, Before, Folders, NewFolder, only_log_is_damaged, version_name
from .kinds import TASK
from .record import Entry, Message, Record, Task
from .redact import marks
from .report import pages

# Ids, states and times are nobody's words, and an id looks like a key: the redaction leaves these values alone.
_STRUCTURE = frozenset((
    "id", "owner_id", "organization_id", "template_id", "template_version_id", "workspace_id", "workspace_agent_id",
    "workspace_app_id", "created_at", "updated_at", "status", "state", "timestamp", "time", "type", "role",
))


class TaskFolders(Folders):
    """The folders of tasks."""

    kind = TASK

    def redacted(self, value: Any) -> Any:
        """Plain data as it is written."""
        return self._redactor.redact_data(value, _STRUCTURE) if self._redactor else value

    def compose(self, given: Record, saved: Entry | None) -> NewFolder:
        """See :meth:`Folders.compose`."""
        clean = cast(Record, {**given, "task": self.redacted(given["task"]),
                              "messages": self.redacted(given["messages"])})  # fmt: skip
        before = self._before(saved["folder"] if saved else record.folder_name(clean["task"]), saved)
        said, life, restarted = self._merged(clean, before)
        versions = self._earlier([*before.versions, before.log or []], said["messages"])
        contents = {version_name(number): files.json_lines(lines) for number, lines in enumerate(versions, 1)}
        entry = {
            **record.entry(said, before.folder),
            **_log_facts(said, restarted, is_redacted=bool(self._redactor or (saved and saved["redacted"]))),
            "life": life,
            "earlier": len(versions),
            **self._provenance(given),
        }
        whole = conversation.joined([*versions, said["messages"]])
        if versions:
            contents[CONVERSATION] = files.json_lines(whole)
        contents[LOG] = files.json_lines(said["messages"])
        contents.update(pages.transcripts(entry, said["task"], whole))
        return self._finished(entry, {TASK.name: said["task"]}, contents)

    def upgraded(self, entry: Entry) -> NewFolder:
        """See :meth:`Folders.upgraded`."""
        nothing_new = {
            "task": self._task(entry), "messages": [], "source": "none", "snapshot_at": None,
            "error_kind": entry["error_kind"], "versions": entry["versions"],
        }  # fmt: skip
        return self.compose(cast(Record, nothing_new), entry)

    def _merged(self, clean: Record, before: Before) -> tuple[Record, int | None, bool]:
        """What the folder says from now on, of which life that is, and whether its agent may have forgotten something.

        A reading that brought no message, for whatever reason, never takes the place of what was saved.
        """
        saved, log = before.entry, before.log
        if not clean["messages"] and (saved["messages"] if saved else log or any(before.versions)):
            if saved is None or log is None:
                raise only_log_is_damaged(self.at(before.folder))
            error = clean["error_kind"] or ("no_log" if clean["source"] == "none" else None)
            kept = {"source": saved["source"], "snapshot_at": saved["snapshot_at"], "error_kind": error}
            return cast(Record, {**clean, **kept, "messages": self.redacted(log)}), *self._standing(saved)
        life, before_it = life_of(clean["task"], clean["source"]), self.redacted(log or [])
        restarted = wholeness.is_restarted(saved, before_it, clean["source"], clean["messages"], life)
        if saved and before_it and clean["source"] == "snapshot":
            longer = conversation.spliced(before_it, clean["messages"])
            if longer is not None:
                clean = _continued(clean, saved, longer)
        return clean, life, restarted

    def _standing(self, saved: Entry) -> tuple[int | None, bool]:
        """Of which life a saved log is, and whether its agent may have forgotten; an older version did not say."""
        if "lacks" in saved:
            return saved["life"], "restarted" in saved["lacks"]
        life = None
        with suppress(OSError, ValueError, KeyError, TypeError):
            life = life_of(self._task(saved), saved["source"])
        return life, life is None or life > 1

    def _task(self, entry: Entry) -> Task:
        """A task as it was saved. :raises OSError: as for `about`; or ValueError, KeyError."""
        return cast(Task, self.about(entry)[TASK.name])

    def _earlier(self, versions: list[list[Message]], messages: list[Message]) -> list[list[Message]]:
        """The earlier versions of the log, redacted by today's rules; the last one too unless the log begins so."""
        versions = [self.redacted(version) for version in versions]
        if versions[-1] == messages[: len(versions[-1])]:
            versions.pop()
        return versions


def _log_facts(said: Record, restarted: bool, is_redacted: bool) -> dict[str, Any]:
    """What an entry says of how whole its log is."""
    messages = said["messages"]
    counts = marks([said["task"], messages]) if is_redacted else {}
    lacks = wholeness.lacks(
        said["source"], messages, no_log=said["error_kind"] == "no_log", restarted=restarted, redacted=bool(counts)
    )
    return {
        "lacks": lacks,
        "complete": wholeness.is_complete(lacks, messages),
        "truncated": "cut" in lacks,
        "redacted": bool(counts),
        "redactions": counts,
    }


def _continued(snapshot: Record, saved: Entry, messages: list[Message]) -> Record:
    """The record of a saved log that goes on in a snapshot; it is still what it was if nothing is new."""
    record = cast(Record, {**snapshot, "messages": messages})
    if len(messages) == saved["messages"]:
        record.update({"source": saved["source"], "snapshot_at": saved["snapshot_at"]})
    return record
