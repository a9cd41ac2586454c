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
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple

from ..coder.errors import CoderError, invalid
from . import files, manifest, search
from .folder import Draft, Folders
from .processes import Helpers
from .record import Entry, Message, Record, Saved
from .redact import Redactor
from .report import pages

TASKS = "tasks"
_LOCK = ".lock"
_UNFINISHED = ".unfinished"
_NEW, _OLD = ".new-", ".old-"
_SYNC_THREADS = 16
_TOP = (*pages.INDEXES, manifest.MANIFEST)


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
    do. `save` may be called from several threads, for different tasks. helpers: processes that compute what `save`
    writes; see `useful_helpers`.
    Raises CoderError: `busy` if another run holds the lock, `io` if a file cannot be read or written.
    """

    def __init__(self, path: str, redactor: Redactor | None, read_only: bool = False, helpers: int = 0) -> None:
        self.path = os.path.abspath(path)
        self._folders = Folders(self._at(TASKS), redactor)
        self._redactor = redactor
        self._read_only = read_only
        self._unfinished = False
        self._written: list[str] = []
        # Threads side by side in the file system would only take turns with Python's one interpreter at every call.
        self._turn = threading.Lock()
        self._lock: int | None = None
        self._draft = Helpers(self._folders.draft, helpers)  # before the lock, which no helper is to keep
        try:
            with files.io_errors("open the archive"):
                self._entries = self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others write."""
        self._draft.close()
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
            return self._folders.read(entry)

    def entry(self, task_id: str) -> Entry | None:
        """The manifest's line about a task, or None."""
        return self._entries.get(task_id)

    def matches(self, entry: Entry, messages: list[Message]) -> bool:
        """Whether these messages are what the server gave when the entry was saved.

        Raises CoderError, `invalid`, if the entry was saved with another redaction key: nobody can tell then.
        """
        return self._folders.matches(entry, messages)

    def redacted(self, text: str) -> str:
        """Text, such as a task's name, as it may be written to a file."""
        return self._redactor.redact(text).text if self._redactor else text

    def verify_files(self) -> FileCheck:
        """Hash every file again and compare with the manifest and SHA256SUMS. Of no archive every file is as it was."""
        if not os.path.isdir(self._folders.path):
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
        entry = self._entries.get(task_id)
        with files.io_errors(f"save the task {given['task'].get('name')}"):
            with self._turn:
                if entry and self._folders.holds(entry, given):
                    return "unchanged"
            if not self._read_only:
                draft = self._draft(given, entry)
                with self._turn:
                    self._place(draft)
                self._entries[task_id] = manifest.lean(draft.entry)
        return "changed" if entry else "created"

    def finish(self) -> bool:
        """Write what is derived from the folders, if anything changed: the checksums last, then the search index.

        :returns: whether there is a search index; a Python without SQLite's FTS5 cannot make one.
        """
        if self._read_only:
            return self._has(search.DATABASE)
        if not os.path.exists(self._at(_UNFINISHED)) and self._top_is_whole():
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

    def _open(self) -> dict[str, Entry]:
        if self._read_only:
            return self._load() if os.path.isdir(self._folders.path) else {}
        if self._is_foreign():
            raise invalid(
                f"the folder {self.path} holds files of the names that an archive has, and is none",
                "Give a folder of its own, or one that is not there yet.",
            )
        files.make_folder(self.path)
        self._lock = self._take_lock()
        files.make_folder(self._folders.path)
        self._recover()
        return self._load()

    def _is_foreign(self) -> bool:
        """Whether somebody else's files would be overwritten. An archive out of git has none that begins with a dot."""
        marks = (_LOCK, _UNFINISHED, manifest.MANIFEST)
        names = (*pages.INDEXES, manifest.SUMS, TASKS)
        return not any(map(self._has, marks)) and any(map(self._has, names))

    def _has(self, name: str) -> bool:
        return os.path.lexists(self._at(name))

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
        for name in os.listdir(self._folders.path):
            path = self._folders.at(name)
            if name.startswith(_OLD):
                place = self._folders.at(name[len(_OLD) :])
                if os.path.exists(place):
                    files.remove(path)
                else:
                    os.rename(path, place)
            elif name.startswith(_NEW):
                files.remove(path)

    def _load(self) -> dict[str, Entry]:
        """The entries by task id: from the manifest, or from the folders if it is older than they are."""
        path = self._at(manifest.MANIFEST)
        if os.path.exists(path) and not os.path.exists(self._at(_UNFINISHED)):
            data = files.read(path)
            with suppress(ValueError, KeyError):
                if self._sums().get(manifest.MANIFEST) == files.sha256(data):
                    return {entry["id"]: entry for entry in manifest.read_manifest(data)}
        found = {}
        for name in sorted(os.listdir(self._folders.path)):
            with suppress(ValueError, KeyError, TypeError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
                entry = self._folders.entry(name)
                found[entry["id"]] = manifest.lean(entry)
        if found and not self._read_only:
            self._mark_unfinished()
            self._written = [entry["folder"] for entry in found.values()]
        return found

    def _place(self, draft: Draft) -> None:
        """Replace a task's folder: at each step the old or the new one is whole, in its place or beside it."""
        self._mark_unfinished()
        folder = draft.entry["folder"]
        place, new, old = (self._folders.at(prefix + folder) for prefix in ("", _NEW, _OLD))
        try:
            os.mkdir(new, 0o700)
            for name, data in draft.contents.items():
                files.write_new(os.path.join(new, name), data)
            try:
                os.rename(new, place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise
                os.rename(place, old)
                os.rename(new, place)
                files.remove(old)
        except OSError:
            files.remove(new)
            if os.path.exists(old) and not os.path.exists(place):
                os.rename(old, place)
            raise
        self._written.append(folder)

    def _sync(self) -> None:
        """Have what cannot be made again on the disk before the checksums say that it is there."""

        def sync(folder: str) -> None:
            place = self._folders.at(folder)
            for name in os.listdir(place):
                if name.endswith((".json", ".jsonl")):
                    files.sync(os.path.join(place, name))
            files.sync(place)

        with ThreadPoolExecutor(_SYNC_THREADS) as pool:  # the disk serves many at once in the time of one
            list(pool.map(sync, self._written))
        files.sync(self._folders.path)
        self._written = []

    def _sums(self) -> dict[str, str]:
        path = self._at(manifest.SUMS)
        return manifest.read_sums(files.read(path)) if os.path.exists(path) else {}

    def _top_is_whole(self) -> bool:
        """Whether the files at the top are those that were written about these entries."""
        with files.io_errors("read the archive"):
            try:
                top = {name: files.read(self._at(name)) for name in _TOP}
                return files.read(self._at(manifest.SUMS)) == manifest.sums(self.entries(), top)
            except (FileNotFoundError, IsADirectoryError):
                return False

    def _mark_unfinished(self) -> None:
        if not self._unfinished:
            files.write_new(self._at(_UNFINISHED), b"")
            self._unfinished = True

    def _search_source(self) -> Iterator[Saved]:
        """What can be read; what cannot is for `verify_files` to tell."""
        for entry in self.entries():
            with suppress(OSError, ValueError, KeyError, TypeError):
                yield self._folders.read(entry)

    def _verify(self) -> FileCheck:
        sums = self._sums()
        held = any(os.path.exists(self._at(name)) for name in (*_TOP, manifest.SUMS))
        top = [name for name in _TOP if self._hash(name) != sums.get(name)] if self._entries or held else []
        damaged = {}
        known: set[str] = set()
        for entry in self.entries():
            paths = {f"{TASKS}/{entry['folder']}/{name}": file["sha256"] for name, file in entry["files"].items()}
            known.update(paths)
            wrong = [path for path, digest in paths.items() if not digest == sums.get(path) == self._hash(path)]
            if wrong:
                damaged[entry["id"]] = wrong
        stray = [path for path in self._task_files() if path not in known]
        return FileCheck(frozenset(self._entries) - set(damaged), damaged, top, stray)

    def _task_files(self) -> Iterator[str]:
        for folder in sorted(os.listdir(self._folders.path)):
            if os.path.isdir(self._folders.at(folder)):
                yield from (f"{TASKS}/{folder}/{name}" for name in sorted(os.listdir(self._folders.at(folder))))
            else:
                yield f"{TASKS}/{folder}"

    def _hash(self, name: str) -> str:
        try:
            return files.sha256_file(self._at(name))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return "missing"
