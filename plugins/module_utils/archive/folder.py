# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's folder holds, made from what was just read and from what was saved before. Writes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from typing import Any, NamedTuple, cast

from ..coder.errors import CoderError
from . import files, record, splice
from .record import Entry, Message, Record, Saved
from .redact import Redactor, marks
from .report import pages

LOG = "messages.jsonl"
_TASK = "task.json"
_FORMAT = 1
# Values that are no words of anybody's, and that a rule for keys of their shape must not take out.
_STRUCTURE = frozenset((
    "id", "owner_id", "organization_id", "template_id", "template_version_id", "workspace_id", "workspace_agent_id",
    "workspace_app_id", "created_at", "updated_at", "status", "state", "timestamp", "time", "type", "role",
))


class Draft(NamedTuple):
    """A folder to be written. entry: the manifest's line about it. contents: its files by name."""

    entry: Entry
    contents: dict[str, bytes]


class Folders:
    """The folders of the tasks, all in one at `path`. redactor: None keeps secrets as they are."""

    def __init__(self, path: str, redactor: Redactor | None) -> None:
        self.path = path
        self._redactor = redactor
        self._configuration = redactor.configuration if redactor else None

    def at(self, name: str) -> str:
        """The path of a folder."""
        return os.path.join(self.path, name)

    def read(self, entry: Entry) -> Saved:
        """A task as it lies there. Raises OSError, ValueError, KeyError."""
        task = json.loads(files.read(os.path.join(self.at(entry["folder"]), _TASK)))["task"]
        return Saved(entry, task, files.parse_lines(files.read(os.path.join(self.at(entry["folder"]), LOG))))

    def entry(self, name: str) -> Entry:
        """The manifest's line about a folder, from its task.json. Raises OSError, ValueError, KeyError."""
        data = files.read(os.path.join(self.at(name), _TASK))
        return _complete(json.loads(data)["archive"], data)

    def holds(self, entry: Entry, given: Record) -> bool:
        """Whether saving this record again would make the same folder, and every file of it is there undamaged."""
        same = entry["record_digest"] == self._record_digest(given)
        return same and all(self._intact(entry, name) is not None for name in entry["files"])

    def matches(self, entry: Entry, messages: list[Message]) -> bool:
        """Whether these messages are what the server gave when the entry was saved.

        Raises CoderError, `invalid`, if the entry was saved with another redaction key: nobody can tell then.
        """
        fingerprint = self._redactor.fingerprint if self._redactor else None
        if entry["redaction_key"] is None:
            return bool(entry["raw_digest"] == _plain_digest(files.json_line(messages)))
        if entry["redaction_key"] != fingerprint:
            raise CoderError(
                f"the archive {os.path.dirname(self.path)} was written with another redaction key "
                f"({entry['redaction_key']})", "invalid",
                hint="Give the key it was written with, or collect again with this one.",
            )
        return bool(entry["raw_digest"] == self._digest(messages))

    def draft(self, given: Record, saved: Entry | None) -> Draft:
        """The folder of a task that was just read; saved: the entry of the one that lies there.

        Raises OSError, and CoderError (`conflict`) where nothing was read and the saved log is damaged.
        """
        clean, raw_digest = self._clean(given), self._digest(given["messages"])
        folder = saved["folder"] if saved else record.folder_name(clean["task"])
        versions, log = self._logs(folder, saved)
        if given["source"] == "none" and (saved["messages"] if saved else log or any(versions)):
            if saved is None or log is None:
                raise _only_log_is_damaged(self.at(folder))
            kept = {key: saved[key] for key in ("source", "snapshot_at", "complete", "truncated")}
            clean = cast(Record, {**clean, **kept, "messages": self._redact(log)})
            clean["error_kind"], raw_digest = given["error_kind"] or "no_log", saved["raw_digest"]
        elif saved and log and given["source"] == "snapshot":
            longer = splice.spliced(self._redact(log), clean["messages"])
            if longer is not None:
                clean = _continued(clean, saved, longer)

        counts: dict[str, int] = {}
        if self._redactor or (saved and saved["redacted"]):
            counts = marks([clean["task"], clean["messages"]])
        entry = record.entry(clean, folder)
        contents = self._earlier([*versions, log or []], clean["messages"])
        entry.update(
            earlier=len(contents),
            raw_digest=raw_digest,
            record_digest=self._record_digest(given),
            redacted=bool(counts),
            redactions=counts,
            redaction_key=self._redactor.fingerprint if self._redactor else None,
        )
        contents[LOG] = files.json_lines(clean["messages"])
        contents.update(pages.transcripts(entry, clean["task"], clean["messages"]))
        entry["files"] = {
            name: {"bytes": len(data), "sha256": files.sha256(data)} for name, data in sorted(contents.items())
        }
        contents[_TASK] = files.json_pretty({"archive": entry, "task": clean["task"]})
        return Draft(_complete(entry, contents[_TASK]), contents)

    def _record_digest(self, given: Record) -> str:
        return self._digest([given, _FORMAT, self._configuration])

    def _digest(self, value: Any) -> str:
        data = files.json_line(value)
        return self._redactor.digest(data) if self._redactor else _plain_digest(data)

    def _clean(self, given: Record) -> Record:
        return cast(Record, {**given, "task": self._redact(given["task"]), "messages": self._redact(given["messages"])})

    def _redact(self, value: Any) -> Any:
        return self._redactor.redact_data(value, _STRUCTURE) if self._redactor else value

    def _intact(self, entry: Entry, name: str) -> bytes | None:
        """A task's file, if it is what the manifest says."""
        with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            data = files.read(os.path.join(self.at(entry["folder"]), name))
            if name in entry["files"] and files.sha256(data) == entry["files"][name]["sha256"]:
                return data
        return None

    def _messages(self, entry: Entry, name: str = LOG) -> list[Message] | None:
        """A saved log, None if it is damaged or lost."""
        data = self._intact(entry, name)
        return None if data is None else files.parse_lines(data)

    def _logs(self, folder: str, saved: Entry | None) -> tuple[list[list[Message]], list[Message] | None]:
        """What lies in a folder: the earlier versions that can be read, and the log; None if that is damaged."""
        if saved:
            read = [self._messages(saved, _version(number)) for number in range(1, saved["earlier"] + 1)]
            # What was lost or damaged must not keep the rest from being saved.
            return [version for version in read if version is not None], self._messages(saved)
        place = self.at(folder)
        if not os.path.isdir(place):
            return [], []
        # Its task.json, which would account for it, is damaged.
        count = len(os.listdir(place))
        found = [_parsed(os.path.join(place, _version(number))) for number in range(1, count)]
        return [version for version in found if version], _parsed(os.path.join(place, LOG))

    def _earlier(self, versions: list[list[Message]], messages: list[Message]) -> dict[str, bytes]:
        """The earlier versions of the log, redacted by today's rules; the last one too unless the log begins so."""
        versions = [self._redact(version) for version in versions]
        if versions[-1] == messages[: len(versions[-1])]:
            versions.pop()
        return {_version(number): files.json_lines(lines) for number, lines in enumerate(versions, 1)}


def _version(number: int) -> str:
    return f"messages.{number}.jsonl"


def _parsed(path: str) -> list[Message]:
    """The messages of a file that nothing vouches for; none if it cannot be read."""
    with suppress(OSError, ValueError):
        return files.parse_lines(files.read(path))
    return []


def _only_log_is_damaged(folder: str) -> CoderError:
    return CoderError(
        f"what was saved in {folder} is damaged, and the server has no other log", "conflict",
        hint="Restore that folder from a backup; nothing was changed.",
    )


def _plain_digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _continued(snapshot: Record, saved: Entry, messages: list[Message]) -> Record:
    """The record of a saved log that goes on in a snapshot; it is still what it was if nothing is new."""
    record = cast(Record, {**snapshot, "messages": messages})
    record["complete"] = saved["complete"] or snapshot["complete"]
    record["truncated"] = any(map(splice.is_cut, messages))
    if len(messages) == saved["messages"]:
        for key in ("source", "snapshot_at", "complete"):
            record[key] = saved[key]
    return record


def _complete(entry: Entry, task_json: bytes) -> Entry:
    """The manifest's line: what task.json says, and the checksum of task.json itself."""
    all_files = {**entry["files"], _TASK: {"bytes": len(task_json), "sha256": files.sha256(task_json)}}
    total = sum(file["bytes"] for file in all_files.values())
    return {**entry, "files": dict(sorted(all_files.items())), "bytes": total}
