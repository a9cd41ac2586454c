# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive's folder: a folder a task, and at the top what is derived from them.

Killed at any moment, it is whole. A task's folder is made beside its place and then renamed, an older one is moved
aside first, and the next `Archive` puts right what was under way. The mark `.unfinished` says that the manifest is
older than the folders; without it the manifest is the truth. An unchanged task is hashed again and not written.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, cast

from ..coder.errors import CoderError
from . import files, manifest, record, search, splice
from .record import Entry, Message, Record, Saved
from .redact import Redactor
from .report import pages

TASKS = "tasks"
_LOCK = ".lock"
_UNFINISHED = ".unfinished"
_NEW, _OLD = ".new-", ".old-"
_FORMAT = 1
_SYNC_THREADS = 16


class FileCheck(NamedTuple):
    """What re-hashing found. Paths are relative to the archive.

    intact: ids of tasks whose every file is what the manifest says. damaged: by task id, the files that are missing or
    differ. top: files at the top that are missing or differ. stray: files that nothing accounts for.
    """

    intact: frozenset[str]
    damaged: dict[str, list[str]]
    top: list[str]
    stray: list[str]

    @property
    def ok(self) -> bool:
        return not (self.damaged or self.top or self.stray)


class Archive:
    """An archive at `path`, made if it is not there. Use it as a context manager: it is locked until closed.

    redactor: None keeps secrets as they are. read_only: make, lock and write nothing; `save` only says what it would
    do. `save` may be called from several threads, for different tasks.
    Raises CoderError: `busy` if another run holds the lock, `io` if a file cannot be read or written.
    """

    def __init__(self, path: str, redactor: Redactor | None, read_only: bool = False) -> None:
        self.path = os.path.abspath(path)
        self._redactor = redactor
        self._configuration = redactor.configuration if redactor else None
        self._read_only = read_only
        self._unfinished = False
        self._written: list[str] = []
        self._lock: int | None = None
        with files.io_errors("open the archive"):
            if read_only:
                self._entries = self._load() if os.path.isdir(self._at(TASKS)) else {}
                return
            if not os.path.isdir(self.path):
                files.make_folder(self.path)
            self._lock = self._take_lock()
            try:
                files.make_folder(self._at(TASKS))
                self._recover()
                self._entries = self._load()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Let others write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- reading ---

    def entries(self) -> list[Entry]:
        """The manifest's lines, those of this run included."""
        return manifest.ordered(self._entries.values())

    def read(self, task_id: str) -> Saved | None:
        """A saved task, or None."""
        entry = self._entries.get(task_id)
        if entry is None:
            return None
        with files.io_errors("read the archive"):
            return _read_folder(self._folder(entry["folder"]), entry)

    def entry(self, task_id: str) -> Entry | None:
        """The manifest's line about a task, or None."""
        return self._entries.get(task_id)

    def matches(self, entry: Entry, messages: list[Message]) -> bool:
        """Whether these messages are what the server gave when the entry was saved.

        Raises CoderError, `invalid`, if the entry was saved with another redaction key: nobody can tell then.
        """
        fingerprint = self._redactor.fingerprint if self._redactor else None
        if entry["redaction_key"] is None:
            return bool(entry["raw_digest"] == _plain_digest(files.json_line(messages)))
        if entry["redaction_key"] != fingerprint:
            raise CoderError(
                f"the archive {self.path} was written with another redaction key ({entry['redaction_key']})", "invalid",
                hint="Give the key it was written with, or collect again with this one.",
            )
        return bool(entry["raw_digest"] == self._digest(messages))

    def verify_files(self) -> FileCheck:
        """Hash every file again and compare with the manifest and SHA256SUMS. Of no archive every file is as it was."""
        if not os.path.isdir(self._at(TASKS)):
            return FileCheck(frozenset(), {}, [], [])
        with files.io_errors("verify the archive"):
            return self._verify()

    # --- writing ---

    def save(self, given: Record) -> str:
        """Save a task: "created", "changed", or "unchanged" if it lies there already.

        A read that brought no log never replaces one: the saved log stays, and the error is noted. A partial snapshot
        never replaces a log that holds it, but adds to it. When messages that
        were saved are no longer the beginning of the log, they are kept as messages.<n>.jsonl. Damaged files are
        written again. Raises CoderError: `io`, or `conflict` where the damaged log is the only one left.
        """
        task_id = given["task"]["id"]
        digest = self._digest([given, _FORMAT, self._configuration])
        entry = self._entries.get(task_id)
        if entry and entry["record_digest"] == digest and self._is_whole(entry):
            return "unchanged"
        if self._read_only:
            return "changed" if entry else "created"
        with files.io_errors(f"save the task {given['task'].get('name')}"):
            self._entries[task_id] = self._write(given, digest, entry)
        return "changed" if entry else "created"

    def finish(self) -> bool:
        """Write what is derived from the folders, if anything changed: the checksums last, then the search index.

        :returns: whether there is a search index; a Python without SQLite's FTS5 cannot make one.
        """
        if self._read_only:
            return True
        complete = all(os.path.exists(self._at(name)) for name in (*pages.INDEXES, manifest.MANIFEST, manifest.SUMS))
        if complete and not os.path.exists(self._at(_UNFINISHED)):
            return search.refresh(self.path, self._search_source())
        with files.io_errors("write the manifest"):
            entries = self.entries()
            self._sync()
            top = {**pages.indexes(entries), manifest.MANIFEST: manifest.manifest(entries)}
            for name, data in top.items():
                files.replace(self._at(name), data)
            files.replace(self._at(manifest.SUMS), manifest.sums(entries, top))
            files.sync(self.path)
            with suppress(FileNotFoundError):
                os.unlink(self._at(_UNFINISHED))
            self._unfinished = False
        return search.refresh(self.path, self._search_source())

    # --- the parts ---

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _folder(self, name: str) -> str:
        return os.path.join(self.path, TASKS, name)

    def _take_lock(self) -> int:
        descriptor = os.open(self._at(_LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise CoderError(
                f"another run is writing to the archive {self.path}", "busy",
                hint="Wait until it has ended, or give each shard a folder of its own.",
            ) from error
        return descriptor

    def _recover(self) -> None:
        """Put right what a killed run had under way."""
        for name in os.listdir(self._at(TASKS)):
            path = self._folder(name)
            if name.startswith(_OLD):
                place = self._folder(name[len(_OLD) :])
                if os.path.isdir(place):
                    shutil.rmtree(path)
                else:
                    os.rename(path, place)
            elif name.startswith(_NEW):
                shutil.rmtree(path)

    def _load(self) -> dict[str, Entry]:
        """The entries by task id: from the manifest, or from the folders if it is older than they are."""
        path = self._at(manifest.MANIFEST)
        if os.path.exists(path) and not os.path.exists(self._at(_UNFINISHED)):
            with suppress(ValueError, KeyError):
                return {entry["id"]: entry for entry in manifest.read_manifest(files.read(path))}
        found = {}
        for name in sorted(os.listdir(self._at(TASKS))):
            with suppress(ValueError, KeyError, FileNotFoundError):
                entry = _entry_of(self._folder(name))
                found[entry["id"]] = entry
        if found and not self._read_only:
            self._mark_unfinished()
            self._written = [entry["folder"] for entry in found.values()]
        return found

    def _digest(self, value: Any) -> str:
        data = files.json_line(value)
        return self._redactor.digest(data) if self._redactor else _plain_digest(data)

    def _is_whole(self, entry: Entry) -> bool:
        """Whether every file is what the manifest says."""
        return all(self._intact(entry, name) is not None for name in entry["files"])

    def _intact(self, entry: Entry, name: str) -> bytes | None:
        """A task's file, if it is what the manifest says."""
        with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError):
            data = files.read(os.path.join(self._folder(entry["folder"]), name))
            if name in entry["files"] and files.sha256(data) == entry["files"][name]["sha256"]:
                return data
        return None

    def _saved_messages(self, entry: Entry, name: str = "messages.jsonl") -> list[Message] | None:
        """A saved log, None if it is damaged or lost."""
        data = self._intact(entry, name)
        return None if data is None else files.parse_lines(data)

    def _redact(self, value: Any) -> tuple[Any, dict[str, int]]:
        return self._redactor.redact_data(value) if self._redactor else (value, {})

    def _write(self, given: Record, digest: str, saved: Entry | None) -> Entry:
        """Make the task's folder and put it in its place."""
        clean: Record
        (clean, counts), raw_digest = self._redact(given), self._digest(given["messages"])
        log = self._saved_messages(saved) if saved else []
        if saved and saved["messages"] and given["source"] == "none":
            if log is None:
                raise _only_log_is_damaged(os.path.join(self._folder(saved["folder"]), "messages.jsonl"))
            kept = {key: saved[key] for key in ("source", "snapshot_at", "complete", "truncated")}
            clean = cast(Record, {**clean, **kept, "messages": self._redact(log)[0]})
            clean["error_kind"] = given["error_kind"] or "no_log"
            counts, raw_digest = saved["redactions"], saved["raw_digest"]
        elif saved and log and given["source"] == "snapshot" and not given["complete"]:
            longer = splice.spliced(self._redact(log)[0], clean["messages"])
            if longer is not None:
                clean, counts = _continued(clean, saved, longer), {**counts, **saved["redactions"]}

        folder = saved["folder"] if saved else record.folder_name(clean["task"])
        entry = record.entry(clean, folder)
        contents = self._earlier(saved, log or [], clean["messages"])
        entry.update(
            earlier=len(contents),
            raw_digest=raw_digest,
            record_digest=digest,
            redacted=bool(counts),
            redactions=counts,
            redaction_key=self._redactor.fingerprint if self._redactor else None,
        )
        contents["messages.jsonl"] = files.json_lines(clean["messages"])
        contents.update(pages.transcripts(entry, clean["task"], clean["messages"]))
        entry["files"] = {
            name: {"bytes": len(data), "sha256": files.sha256(data)} for name, data in sorted(contents.items())
        }
        contents["task.json"] = files.json_pretty({"archive": entry, "task": clean["task"]})
        self._place(folder, contents)
        return _complete(entry, contents["task.json"])

    def _earlier(self, saved: Entry | None, log: list[Message], messages: list[Message]) -> dict[str, bytes]:
        """The earlier versions of the log, redacted by today's rules; the saved one too unless the log begins so."""
        if saved is None:
            return {}
        numbers = range(1, saved["earlier"] + 1)
        read = [self._saved_messages(saved, f"messages.{number}.jsonl") for number in numbers]
        # What was lost or damaged must not keep the rest from being saved.
        versions = [self._redact(version)[0] for version in [*read, log] if version is not None]
        if versions[-1] == messages[: len(versions[-1])]:
            versions.pop()
        return {f"messages.{number}.jsonl": files.json_lines(lines) for number, lines in enumerate(versions, 1)}

    def _place(self, folder: str, contents: dict[str, bytes]) -> None:
        """Replace a task's folder: at each step the old or the new one is whole, in its place or beside it."""
        self._mark_unfinished()
        place, new, old = (self._folder(prefix + folder) for prefix in ("", _NEW, _OLD))
        try:
            os.mkdir(new, 0o700)
            for name, data in contents.items():
                files.write_new(os.path.join(new, name), data)
            try:
                os.rename(new, place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                os.rename(place, old)
                os.rename(new, place)
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if os.path.isdir(old) and not os.path.isdir(place):
                os.rename(old, place)
            raise
        self._written.append(folder)

    def _sync(self) -> None:
        """Have what cannot be made again on the disk before the checksums say that it is there."""

        def sync(folder: str) -> None:
            place = self._folder(folder)
            for name in os.listdir(place):
                if name.endswith((".json", ".jsonl")):
                    files.sync(os.path.join(place, name))
            files.sync(place)

        with ThreadPoolExecutor(_SYNC_THREADS) as pool:  # the disk serves many at once in the time of one
            list(pool.map(sync, self._written))
        files.sync(self._at(TASKS))
        self._written = []

    def _mark_unfinished(self) -> None:
        if not self._unfinished:
            files.write_new(self._at(_UNFINISHED), b"")
            self._unfinished = True

    def _search_source(self) -> Iterator[Saved]:
        for entry in self.entries():
            yield _read_folder(self._folder(entry["folder"]), entry)

    def _verify(self) -> FileCheck:
        path = self._at(manifest.SUMS)
        sums = manifest.read_sums(files.read(path)) if os.path.exists(path) else {}
        tops = (*pages.INDEXES, manifest.MANIFEST)
        top = [name for name in tops if self._hash(name) != sums.get(name)]
        damaged = {}
        known: set[str] = set()
        for entry in self.entries():
            paths = {f"{TASKS}/{entry['folder']}/{name}": file["sha256"] for name, file in entry["files"].items()}
            known.update(paths)
            wrong = [path for path, digest in paths.items() if not digest == sums.get(path) == self._hash(path)]
            if wrong:
                damaged[entry["id"]] = wrong
        stray = [
            f"{TASKS}/{folder}/{name}"
            for folder in sorted(os.listdir(self._at(TASKS)))
            for name in sorted(os.listdir(self._folder(folder)))
            if f"{TASKS}/{folder}/{name}" not in known
        ]
        return FileCheck(frozenset(self._entries) - set(damaged), damaged, top, stray)

    def _hash(self, name: str) -> str:
        try:
            return files.sha256_file(self._at(name))
        except FileNotFoundError:
            return "missing"


def _only_log_is_damaged(path: str) -> CoderError:
    return CoderError(
        f"the saved log {path} is damaged, and the server has no other", "conflict",
        hint="Restore that file from a backup; nothing was changed.",
    )


def _plain_digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _continued(snapshot: Record, saved: Entry, messages: list[Message]) -> Record:
    """The record of a saved log that goes on in a snapshot; it is still what it was if nothing is new."""
    record = cast(Record, {**snapshot, "messages": messages, "complete": saved["complete"]})
    record["truncated"] = any(map(splice.is_cut, messages))
    if len(messages) == saved["messages"]:
        record["source"], record["snapshot_at"] = saved["source"], saved["snapshot_at"]
    return record


def _complete(entry: Entry, task_json: bytes) -> Entry:
    """The manifest's line: what task.json says, and the checksum of task.json itself."""
    all_files = {**entry["files"], "task.json": {"bytes": len(task_json), "sha256": files.sha256(task_json)}}
    total = sum(file["bytes"] for file in all_files.values())
    return {**entry, "files": dict(sorted(all_files.items())), "bytes": total}


def _entry_of(folder: str) -> Entry:
    """Raises ValueError or KeyError if task.json is damaged."""
    data = files.read(os.path.join(folder, "task.json"))
    return _complete(json.loads(data)["archive"], data)


def _read_folder(folder: str, entry: Entry) -> Saved:
    task = json.loads(files.read(os.path.join(folder, "task.json")))["task"]
    return Saved(entry, task, files.parse_lines(files.read(os.path.join(folder, "messages.jsonl"))))
