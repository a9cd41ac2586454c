# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's folder holds, made from what was just read and from what was saved before. Writes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple, cast

from ..coder.errors import CoderError
from ..coder.tasks.wholeness import life as life_of
from . import conversation, files, manifest, record, wholeness
from .held import HeldFolder
from .record import Entry, Message, Record, Saved, Task
from .redact import Redactor, marks
from .report import pages, words
from .seal import Seal

FORMAT = 2
"""Version of what is written. 1, of collection 0.1.0, has no seal and does not know all classes."""

LOG = "messages.jsonl"
CONVERSATION = "conversation.jsonl"
TASK = "task.json"
# Ids, states and times are nobody's words, and an id looks like a key: the redaction leaves these values alone.
_STRUCTURE = frozenset((
    "id", "owner_id", "organization_id", "template_id", "template_version_id", "workspace_id", "workspace_agent_id",
    "workspace_app_id", "created_at", "updated_at", "status", "state", "timestamp", "time", "type", "role",
))


class TaskFolder(NamedTuple):
    """A task's folder as it is to be written.

    :param entry: the manifest's line about it.
    :param contents: its files by name.
    """

    entry: Entry
    contents: dict[str, bytes]


class Evidence(NamedTuple):
    """A task's files as they were just read: what they hold, or what is wrong with them.

    :param problem: None, or one of "damaged" (missing, or not what the manifest says), "tampered" (not what was
        sealed), "unsealed" (written by an older version, or without a key), "other_key", "other_rules" (redacted
        otherwise).
    :param damaged: names of the files that are missing or differ.
    """

    problem: str | None
    task: Task
    messages: list[Message]
    damaged: tuple[str, ...] = ()


class _Before(NamedTuple):
    """What lies in a folder.

    :param entry: None where nothing accounts for it.
    :param log: None where it is damaged.
    """

    folder: str
    entry: Entry | None
    versions: list[list[Message]]
    log: list[Message] | None


class Folders:
    """The folders of the tasks, all in the folder at `path`.

    :param redactor: None keeps secrets as they are.
    :param seal: None seals nothing.
    """

    def __init__(self, path: str, redactor: Redactor | None, seal: Seal | None) -> None:
        self.path = path
        self._held: HeldFolder | None = None
        self._redactor = redactor
        self._seal = seal
        self._configuration = redactor.configuration if redactor else None

    def at(self, name: str) -> str:
        """The path of a folder."""
        return os.path.join(self.path, name)

    def hold(self) -> HeldFolder | None:
        """The archive's folder, held open from now on; None if there is none yet. Each process has its own."""
        if self._held is None:
            with suppress(OSError):
                self._held = HeldFolder(os.path.dirname(self.path), os.path.basename(self.path), manifest.MANIFEST)
        return self._held

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    # --- reading ---

    def read(self, entry: Entry, all_lives: bool = False) -> Saved:
        """A task as it lies there.

        :param all_lives: with the logs of all lives joined, and not only the newest one.
        :raises OSError: a file cannot be read.
        :raises ValueError: a file is damaged; or KeyError.
        """
        name = CONVERSATION if all_lives and CONVERSATION in entry["files"] else LOG
        log = files.read(os.path.join(self.at(entry["folder"]), name))
        return Saved(entry, self._task(entry), files.parse_lines(log))

    def said(self, entry: Entry) -> str | None:
        """All that was said in a task, in all lives of its agent; None where that is not what the manifest says."""
        log, held = CONVERSATION if CONVERSATION in entry["files"] else LOG, self.hold()
        data = held.read(entry["folder"], (TASK, log)) if held else {}
        if not all(_is_intact(entry, name, data.get(name)) for name in (TASK, log)):
            return None
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            return words.said(json.loads(data[TASK])["task"], files.parse_lines(data[log]))
        return None

    def entry(self, name: str) -> Entry:
        """The manifest's line about a folder, from its task.json.

        :raises OSError: it cannot be read.
        :raises ValueError: it is damaged; or KeyError.
        """
        data = files.read(os.path.join(self.at(name), TASK))
        return manifest.checked(_complete(json.loads(data)["archive"], data))

    def holds(self, entry: Entry, given: Record) -> bool:
        """Whether saving this record again would make the same folder, and every file of it is there undamaged."""
        fine = (None,) if self._seal else (None, "unsealed")
        return entry["record_digest"] == self._record_digest(given) and self.examine(entry).problem in fine

    def examine(self, entry: Entry) -> Evidence:
        """Read every file of a task anew, and hold it against the manifest's line and against the seal."""
        return self._evidence(entry, self._files(entry))

    def _evidence(self, entry: Entry, data: dict[str, bytes]) -> Evidence:
        damaged = tuple(name for name in entry["files"] if not _is_intact(entry, name, data.get(name)))
        if damaged or not {TASK, LOG} <= set(entry["files"]):
            return Evidence("damaged", {}, [], damaged)
        try:
            about = json.loads(data[TASK])
            task, messages = about["task"], files.parse_lines(data[LOG])
        except (ValueError, KeyError, TypeError):
            return Evidence("damaged", {}, [])
        return Evidence(self._problem(entry, about, data[TASK]), task, messages)

    def top_sums(self, names: Iterable[str]) -> dict[str, str]:
        """Checksums of those files beside the folders that can be read."""
        held = self.hold()
        return {name: files.sha256(data) for name, data in held.read_top(names).items()} if held else {}

    def _files(self, entry: Entry) -> dict[str, bytes]:
        """The files of a task that can be read, by name."""
        held = self.hold()
        return held.read(entry["folder"], entry["files"]) if held else {}

    def _problem(self, entry: Entry, about: dict[str, Any], task_json: bytes) -> str | None:
        """What speaks against files that are as the manifest says.

        :param about: what task.json holds.
        """
        if entry.get("format", 1) < FORMAT or entry.get("seal") is None or self._seal is None:
            return "unsealed"
        if entry.get("sealed_by") != self._seal.fingerprint:
            return "other_key"
        if not self._seal.fits(entry["seal"], _sealed(about["archive"], about["task"])):
            return "tampered"
        if _complete(about["archive"], task_json) != entry:
            return "tampered"  # the manifest says what the task's own folder does not
        return None if entry["redaction"] == self._configuration else "other_rules"

    def redacted(self, value: Any) -> Any:
        """Plain data as it is written."""
        return self._redactor.redact_data(value, _STRUCTURE) if self._redactor else value

    # --- writing ---

    def compose(self, given: Record, saved: Entry | None) -> TaskFolder:
        """The folder of a task that was just read.

        :param saved: the entry of the one that lies there.
        :raises OSError: what was saved cannot be read.
        :raises CoderError: `conflict` where what was saved was changed by somebody without the key, or where nothing
            was read and the saved log is damaged.
        """
        clean = cast(Record, {**given, "task": self.redacted(given["task"]),
                              "messages": self.redacted(given["messages"])})  # fmt: skip
        before = self._before(saved["folder"] if saved else record.folder_name(clean["task"]), saved)
        said, life, restarted = self._merged(clean, before)
        versions = self._earlier([*before.versions, before.log or []], said["messages"])
        contents = {_version(number): files.json_lines(lines) for number, lines in enumerate(versions, 1)}
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
        return self._sealed(entry, said["task"], contents)

    def upgraded(self, entry: Entry) -> TaskFolder:
        """The folder of a task that an older version saved, as this one writes it.

        :raises OSError: as for `compose`.
        :raises CoderError: as for `compose`.
        :raises ValueError: its task.json is damaged; or KeyError.
        """
        nothing_new = {
            "task": self._task(entry), "messages": [], "source": "none", "snapshot_at": None,
            "error_kind": entry["error_kind"], "versions": entry["versions"],
        }  # fmt: skip
        return self.compose(cast(Record, nothing_new), entry)

    def _sealed(self, entry: Entry, task: Task, contents: dict[str, bytes]) -> TaskFolder:
        entry["files"] = {
            name: {"bytes": len(data), "sha256": files.sha256(data)} for name, data in sorted(contents.items())
        }
        entry["sealed_by"] = self._seal.fingerprint if self._seal else None
        entry["seal"] = self._seal.of(_sealed(entry, task)) if self._seal else None
        contents[TASK] = files.json_pretty({"archive": entry, "task": task})
        return TaskFolder(_complete(entry, contents[TASK]), contents)

    def _merged(self, clean: Record, before: _Before) -> tuple[Record, int | None, bool]:
        """What the folder says from now on, of which life that is, and whether its agent may have forgotten something.

        A reading that brought no message, for whatever reason, never takes the place of what was saved.
        """
        saved, log = before.entry, before.log
        if not clean["messages"] and (saved["messages"] if saved else log or any(before.versions)):
            if saved is None or log is None:
                raise _only_log_is_damaged(self.at(before.folder))
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
        """A task as it was saved.

        :raises OSError: it cannot be read.
        :raises ValueError: it is damaged; or KeyError.
        """
        return cast(Task, json.loads(files.read(os.path.join(self.at(entry["folder"]), TASK)))["task"])

    def _record_digest(self, given: Record) -> str:
        data = files.json_line([given, FORMAT, self._configuration, self._seal.fingerprint if self._seal else None])
        return self._redactor.digest(data) if self._redactor else f"sha256:{hashlib.sha256(data).hexdigest()}"

    def _provenance(self, given: Record) -> dict[str, Any]:
        """What an entry says of how it was made, by which the next run knows that it need not be made again."""
        return {
            "record_digest": self._record_digest(given),
            "redaction": self._configuration,
            "redaction_key": self._redactor.fingerprint if self._redactor else None,
            "scanner": self._redactor.scanner if self._redactor else None,
            "format": FORMAT,
        }

    def _before(self, folder: str, saved: Entry | None) -> _Before:
        if saved is None:
            return _Before(folder, None, *self._unaccounted(folder))
        data = self._files(saved)
        if self._evidence(saved, data).problem == "tampered":
            raise _was_tampered_with(self.at(folder))

        def log(name: str) -> list[Message] | None:
            return files.parse_lines(data[name]) if _is_intact(saved, name, data.get(name)) else None

        # What was lost or damaged must not keep the rest from being saved.
        versions = [log(_version(number)) for number in range(1, saved["earlier"] + 1)]
        return _Before(folder, saved, [version for version in versions if version is not None], log(LOG))

    def _unaccounted(self, folder: str) -> tuple[list[list[Message]], list[Message]]:
        """The logs in a folder whose task.json, which would account for them, is damaged or not there."""
        place = self.at(folder)
        if not os.path.isdir(place):
            return [], []
        count = len(os.listdir(place))
        found = [_parsed(os.path.join(place, _version(number))) for number in range(1, count)]
        return [version for version in found if version], _parsed(os.path.join(place, LOG))

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


def _version(number: int) -> str:
    return f"messages.{number}.jsonl"


def _is_intact(entry: Entry, name: str, data: bytes | None) -> bool:
    """Whether a file is what the manifest says."""
    return data is not None and name in entry["files"] and files.sha256(data) == entry["files"][name]["sha256"]


def _parsed(path: str) -> list[Message]:
    """The messages of a file that nothing vouches for; none if it cannot be read."""
    with suppress(OSError, ValueError):
        return files.parse_lines(files.read(path))
    return []


def _sealed(archive: dict[str, Any], task: Task) -> dict[str, Any]:
    """What a task's seal is about: all of its task.json but the seal itself."""
    return {"archive": {key: value for key, value in archive.items() if key != "seal"}, "task": task}


def _only_log_is_damaged(folder: str) -> CoderError:
    return CoderError(
        f"what was saved in {folder} is damaged, and the server has no other log", "conflict",
        hint="Restore that folder from a backup; nothing was changed.",
    )


def _was_tampered_with(folder: str) -> CoderError:
    return CoderError(
        f"what was saved in {folder} was changed by somebody who does not have the archive's key", "conflict",
        hint="See what was changed, then move that folder out of the archive and collect again.",
    )


def _continued(snapshot: Record, saved: Entry, messages: list[Message]) -> Record:
    """The record of a saved log that goes on in a snapshot; it is still what it was if nothing is new."""
    record = cast(Record, {**snapshot, "messages": messages})
    if len(messages) == saved["messages"]:
        record.update({"source": saved["source"], "snapshot_at": saved["snapshot_at"]})
    return record


def _complete(entry: Entry, task_json: bytes) -> Entry:
    """The manifest's line: what task.json says, and the checksum of task.json itself."""
    all_files = {**entry["files"], TASK: {"bytes": len(task_json), "sha256": files.sha256(task_json)}}
    total = sum(file["bytes"] for file in all_files.values())
    return {**entry, "files": dict(sorted(all_files.items())), "bytes": total}
