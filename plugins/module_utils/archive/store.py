# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive's folder: one folder per task, and at the top what is derived from them.

A run that is killed at any moment leaves a whole archive. A task's folder is made beside its place and then renamed, an
older one is moved aside first, and the next `Archive` puts right what was under way. The mark `.unfinished` says that
the manifest is older than the folders; without it the manifest is the truth. An unchanged task is hashed again and not
written.

What tells an archive from any other folder is `archive.json`: the version of its format, and the seal over everything.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Callable, NamedTuple, cast

from ..coder.errors import CoderError, invalid
from . import files, manifest, search
from .accounts import FOLDER, Accounts
from .attachments import Fetch
from .folder import Evidence, NewFolder
from .kinds import NEWEST_FORMAT, TASK, kind_of, place_of
from .processes import Helpers
from .record import ChatRecord, Entry, Message, Record, Saved
from .redact import Redactor
from .report import pages
from .rooms import Rooms
from .seal import Seal

_LOCK = ".lock"
_UNFINISHED = ".unfinished"
_NEW, _OLD = ".new-", ".old-"
_SYNC_THREADS = 16
# The files at the top that the seal is about: all that have a checksum but the seal's own.
_SEALED = (*pages.INDEXES, manifest.MANIFEST)
# What may stand in a folder that is empty otherwise: what file systems put into their root, and a repository.
_NOTHING = frozenset(("lost+found", ".snapshot", ".zfs", ".git"))


class FileCheck(NamedTuple):
    """What re-hashing found. Paths are relative to the archive.

    :param damaged: by task id, the files that are missing or differ.
    :param top: files at the top that are missing or differ.
    :param stray: files that nothing accounts for.
    :param seal: "intact"; "broken" where somebody without the key has changed something; "other_key" where it was made
        with another key, or "absent", so that nobody can tell here.
    """

    damaged: dict[str, list[str]]
    top: list[str]
    stray: list[str]
    seal: str

    @property
    def ok(self) -> bool:
        return not (self.damaged or self.top or self.stray) and self.seal != "broken"


class Archive:
    """An archive at `path`, made if it is not there. Use it as a context manager: it is locked until closed.

    `save` may be called from several threads, for different tasks.

    :param redactor: None keeps secrets as they are.
    :param read_only: make, lock and write nothing; `save` only says what it would do.
    :param helpers: how many processes redact and compute what `save` writes; see `useful_helpers`.
    :param key: seals what is written; None leaves it unsealed.
    :param upgrades: whether what an older version wrote may be written to, which makes it one of this version.
    :param note_write: told of what was written, relative to the archive.
    :raises CoderError: `busy` if another run holds the lock, `io` if a file cannot be read or written, `invalid` for a
        folder that is not an archive, or one of a newer version.
    """

    manifest = manifest.MANIFEST

    def __init__(
        self,
        path: str,
        redactor: Redactor | None,
        read_only: bool = False,
        helpers: int = 0,
        key: bytes | None = None,
        upgrades: bool = True,
        note_write: Callable[[str], None] = lambda what: None,
    ) -> None:
        self.path = os.path.abspath(path)
        self._note_write = note_write
        self._seal = Seal(key) if key else None
        self._rooms = Rooms(self.path, redactor, self._seal)
        self._accounts = Accounts(self.path, redactor, self._seal)
        self._redactor = redactor
        self._read_only = read_only
        self._unfinished = False
        self._about: dict[str, Any] = {}
        self._format = TASK.format
        self._written: list[str] = []  # places
        # One thread at a time: several would only hand the interpreter to each other at every call of the file system.
        self._turn = threading.Lock()
        self._lock: int | None = None
        self._compute = Helpers(self._rooms.compute, helpers)  # before the lock, which no helper is to keep
        try:
            with files.io_errors("open the archive"):
                self._entries = self._open()
                self._read_only = read_only or (self.is_outdated and not upgrades)
                for room in self._rooms:
                    room.hold()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let others write."""
        self._compute.close()
        self._rooms.close()
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
        """A saved task with its newest log, or None."""
        entry = self._entries.get(task_id)
        if entry is None:
            return None
        with files.io_errors("read the archive"):
            return self._rooms.of(entry).read(entry)

    def entry(self, task_id: str) -> Entry | None:
        """The manifest's line about a task, or None."""
        return self._entries.get(task_id)

    def said(self, entry: Entry) -> str | None:
        """All that was said in a conversation, as the page of all tasks searches it; None where that is damaged."""
        return self._rooms.of(entry).said(entry)

    def examine(self, task_id: str) -> Evidence | None:
        """A task's files as they lie there now, held against the manifest and the seal; None if it was not saved."""
        entry = self._entries.get(task_id)
        return None if entry is None else self._rooms.of(entry).examine(entry)

    def check_place(self) -> None:
        """See that the folder that was opened still lies at its path.

        :raises CoderError: `io` if it does not.
        """
        held = [room.hold() for room in self._rooms]
        if not any(held):
            raise CoderError(f"there is no archive at {self.path}", "io", hint="Nothing is deleted.")
        for folder in held:
            if folder is not None:
                folder.check()

    @property
    def is_outdated(self) -> bool:
        """Whether an older version of this collection wrote something in it; only collecting upgrades that."""
        return any(map(_is_outdated, self._entries.values()))

    @property
    def is_written_otherwise(self) -> bool:
        """Whether a task in it was saved with another key."""
        own = self._seal.fingerprint if self._seal else None
        keys = {entry.get("sealed_by") or entry["redaction_key"] for entry in self._entries.values()}
        return bool(keys - {own, None})

    def seal(self) -> str:
        """What can be said of the seal over everything, as in `FileCheck`, by the checksums as they stand there."""
        found: dict[str, Any] = self._about.get("seal") or {}
        if self._has(_UNFINISHED):
            return "absent"
        if not found:
            return "broken" if any(entry.get("seal") for entry in self._entries.values()) else "absent"
        if self._seal is None or found.get("key") != self._seal.fingerprint:
            return "other_key"
        with suppress(OSError):
            sums = self._sums()
            sealed = {**{name: sums.get(name) for name in _SEALED}, **_of_accounts(sums)}
            if self._seal.fits(found.get("digest"), self._sealed(sealed)):
                return "intact"
        return "broken"

    def redacted(self, value: Any) -> Any:
        """Plain data, such as a task's name, as it is written to a file."""
        return self._rooms.tasks.redacted(value)

    def shown(self, given: Record) -> list[Message]:
        """The messages of a record as they would be written to a file."""
        messages: list[Message] = self._compute("shown", given)
        return messages

    def damaged_top(self) -> list[str]:
        """The files at the top that are missing, or not what the checksums say; the accounts aside.

        :raises OSError: the checksums cannot be read.
        """
        sums, names = self._sums(), self._top()
        lies = self._top_sums(names)
        held = any(map(self._has, (*names, manifest.SUMS)))
        return [name for name in names if lies.get(name) != sums.get(name)] if self._entries or held else []

    def verify_files(self) -> FileCheck:
        """Hash every file again and compare with the manifest and SHA256SUMS.

        Where there is no archive, nothing is wrong with it.
        """
        if not self._rooms.present():
            return FileCheck({}, [], [], "absent")
        with files.io_errors("verify the archive"):
            return self._verify()

    # --- writing ---

    def save(self, given: Record, fetch: Fetch | None = None) -> str:
        """Save a conversation, unless it lies there already.

        A read that brought no log never replaces one: the saved log stays, and the error is noted. A partial snapshot
        never replaces a log that holds it, but adds to it. When messages that were saved are no longer the beginning
        of the log, they are kept as messages.<n>.jsonl, and conversation.jsonl joins all. Damaged files are written
        again.

        :param fetch: gives the files that a chat carries; it is asked for those that do not lie there undamaged.
        :returns: "created", "changed" or "unchanged".
        :raises CoderError: `io`, or `conflict` where the damaged log is the only one left, or somebody without the key
            has changed it.
        """
        entry, room = self._entries.get(given["task"]["id"]), self._rooms.of(given)
        with files.io_errors(f"save the {room.kind.name} {given['task'].get('name')}"):
            evidence = None
            if fetch is not None:
                with self._turn:
                    evidence = room.examine(entry) if entry else None
                given = self._rooms.chats.with_files(cast(ChatRecord, given), evidence, fetch)
            with self._turn:
                if entry and room.holds(entry, given, evidence):
                    return "unchanged"
            if not self._read_only:
                made: NewFolder = self._compute("compose", given, entry)
                with self._turn:
                    self._place(made)
                self._entries[made.entry["id"]] = manifest.shared(made.entry)
        return "changed" if entry else "created"

    def save_account(self, name: str, answer: Any) -> str:
        """Save what the server answered to a question about all of it. See `Accounts.save`.

        :raises CoderError: `io`, or `conflict` where somebody without the key has changed what was saved.
        """
        with files.io_errors(f"save the account {name}"):
            outcome = self._accounts.save(name, answer, write=False)
            if outcome != "unchanged" and not self._read_only:
                self._mark_unfinished()
                self._accounts.save(name, answer)
                self._note_write(f"{FOLDER}/{name}.json")
        return outcome

    def upgrade(self) -> bool:
        """Write anew what an older version wrote and this run did not see, so that all of it is of one format.

        :returns: whether there was something.
        """
        outdated = self.is_outdated
        if self._read_only:
            return outdated
        for entry in self.entries():
            room = self._rooms.of(entry)
            if _is_outdated(entry) and room.examine(entry).problem == "unsealed":
                with files.io_errors(f"upgrade the {room.kind.name} {entry['name']}"):
                    made = room.upgraded(entry)
                    self._place(made)
                self._entries[entry["id"]] = manifest.shared(made.entry)
        return outdated

    def settle(self) -> None:
        """Have everything that was saved on the disk, also by a run that was killed before it could see to that."""
        if not self._read_only and os.path.exists(self._at(_UNFINISHED)):
            self._write_top()

    def finish(self) -> bool:
        """Write what is derived from the folders, if anything changed: the checksums last, then the search index.

        :returns: whether there is a search index; a Python without SQLite's FTS5 cannot make one.
        """
        self._compute.close()  # what follows needs their memory, and not their help
        if self._read_only:
            return self._has(search.DATABASE)
        if self._format < self._format_needed() or os.path.exists(self._at(_UNFINISHED)) or not self._top_is_whole():
            self._write_top()
        return search.refresh(self.path, self._search_source())

    def _write_top(self) -> None:
        with files.io_errors("write the manifest"):
            entries = self.entries()
            self._sync()
            said = (self._rooms.of(entry).said(entry) for entry in entries)
            top = {**pages.indexes(entries, said), manifest.MANIFEST: manifest.manifest(entries)}
            accounts = self._accounts.sums(self._sums())
            self._format = self._format_needed()
            self._about = {"format": self._format, "seal": None}
            if self._seal:
                sums = {name: files.sha256(top[name]) for name in _SEALED}
                digest = self._seal.of(self._sealed({**sums, **accounts}))
                self._about["seal"] = {"key": self._seal.fingerprint, "digest": digest}
            top[manifest.ABOUT] = files.json_pretty(self._about)
            for name, data in top.items():
                files.replace(self._at(name), data)
                self._note_write(name)
            files.replace(self._at(manifest.SUMS), manifest.sums(entries, top, accounts))
            files.sync(self.path)
            with suppress(FileNotFoundError):
                os.unlink(self._at(_UNFINISHED))
            self._unfinished = False

    def _format_needed(self) -> int:
        """The version of the format of an archive with these conversations."""
        accounts = [NEWEST_FORMAT] if self._accounts.names() else []
        return max([TASK.format, *accounts, *(kind_of(entry).format for entry in self._entries.values())])

    def _sealed(self, sums: dict[str, str | None]) -> dict[str, Any]:
        """What the seal over everything is about: the files at the top, and by the manifest those of each task."""
        return {"format": self._about.get("format"), "files": sums}

    # --- the parts ---

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name)

    def _open(self) -> dict[str, Entry]:
        self._about = self._read_about()
        self._format = self._about.get("format", 1 if self._has(manifest.MANIFEST) else TASK.format)
        if self._format > NEWEST_FORMAT:
            raise invalid(
                f"the archive {self.path} was written by a newer version of this collection (format {self._format})",
                f"Update the collection; this one knows the formats up to {NEWEST_FORMAT}.",
            )
        if os.path.lexists(self.path) and not os.path.isdir(self.path):
            raise invalid(f"{self.path} is not a folder", "Give the folder of the archive.")
        if self._is_foreign():
            raise invalid(
                f"the folder {self.path} is not empty and is not an archive",
                "Give a folder of its own, or one that is not there yet.",
            )
        if self._read_only:
            return self._load() if self._rooms.present() else {}
        # One that is there already keeps its mode: it may be somebody else's, and everybody's.
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        self._lock = take_lock(self.path)
        os.makedirs(self._rooms.tasks.path, mode=0o700, exist_ok=True)
        self._recover()
        return self._load()

    def _read_about(self) -> dict[str, Any]:
        """What archive.json says; nothing of it where it is damaged or not there."""
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
            about = json.loads(files.read(self._at(manifest.ABOUT)))
            if isinstance(about, dict) and isinstance(about.get("format"), int):
                return about
        return {}

    def _is_foreign(self) -> bool:
        """Whether the folder holds something and is not an archive. A checkout of one from git has no dot files."""
        if any(map(self._has, (_LOCK, _UNFINISHED, manifest.MANIFEST, manifest.ABOUT))):
            return False
        return os.path.lexists(self.path) and not set(os.listdir(self.path)) <= _NOTHING

    def _has(self, name: str) -> bool:
        return os.path.lexists(self._at(name))

    def _recover(self) -> None:
        """Put right what a killed run had under way."""
        for room in self._rooms.present():
            for name in os.listdir(room.path):
                path = room.at(name)
                if name.startswith(_OLD):
                    place = room.at(name[len(_OLD) :])
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
        for room in self._rooms.present():
            for name in sorted(os.listdir(room.path)):
                with suppress(ValueError, KeyError, TypeError, FileNotFoundError, NotADirectoryError,
                              IsADirectoryError):  # fmt: skip
                    entry = room.entry(name)
                    found[entry["id"]] = manifest.shared(entry)
        if found and not self._read_only:
            self._mark_unfinished()
            self._written = list(map(place_of, found.values()))
        return found

    def _place(self, made: NewFolder) -> None:
        """Replace a conversation's folder: at each step the old or the new one is whole, in its place or beside it."""
        self._mark_unfinished()
        folder, room = made.entry["folder"], self._rooms.of(made.entry)
        os.makedirs(room.path, mode=0o700, exist_ok=True)
        place, new, old = (room.at(prefix + folder) for prefix in ("", _NEW, _OLD))
        try:
            os.mkdir(new, 0o700)
            for name, data in made.contents.items():
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
        written = place_of(made.entry)
        self._written.append(written)
        self._note_write(written)

    def _sync(self) -> None:
        """Have what cannot be made again on the disk before the checksums say that it is there."""

        def sync(written: str) -> None:
            place = self._at(written)
            for name in os.listdir(place):
                if not name.startswith(pages.TRANSCRIPT):
                    files.sync(os.path.join(place, name))
            files.sync(place)

        with ThreadPoolExecutor(_SYNC_THREADS) as pool:  # the disk serves many at once in the time of one
            list(pool.map(sync, self._written))
        for room in self._rooms.present():
            files.sync(room.path)
        self._written = []

    def _sums(self) -> dict[str, str]:
        path = self._at(manifest.SUMS)
        return manifest.read_sums(files.read(path)) if os.path.exists(path) else {}

    def _top_is_whole(self) -> bool:
        """Whether the files at the top are those that were written about these entries."""
        with files.io_errors("read the archive"):
            try:
                top = {name: files.read(self._at(name)) for name in self._top()}
                accounts = self._accounts.sums(self._sums())
                return files.read(self._at(manifest.SUMS)) == manifest.sums(self.entries(), top, accounts)
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
                yield self._rooms.of(entry).readable(entry)

    def _top(self) -> tuple[str, ...]:
        """Names of the files at the top that have checksums."""
        return (*_SEALED, *((manifest.ABOUT,) if self._format > 1 else ()))

    def _verify(self) -> FileCheck:
        sums, top = self._sums(), self.damaged_top()
        accounts, known_accounts = self._accounts.hashes(), _of_accounts(sums)
        top += [path for path, digest in sorted(known_accounts.items()) if accounts.get(path) != digest]
        damaged = {}
        known: set[str] = set()
        seal = self.seal()
        for entry in self.entries():
            place = f"{place_of(entry)}/"
            known.update(place + name for name in entry["files"])
            unlisted = {name for name, file in entry["files"].items() if file["sha256"] != sums.get(place + name)}
            evidence = self._rooms.of(entry).examine(entry)
            wrong = unlisted.union(evidence.damaged)
            if wrong:
                damaged[entry["id"]] = [place + name for name in sorted(wrong)]
            elif evidence.problem == "tampered":
                seal = "broken"
        stray = [path for path in self._task_files() if path not in known]
        stray += [path for path in map(f"{FOLDER}/{{}}".format, self._accounts.names()) if path not in known_accounts]
        return FileCheck(damaged, top, stray, seal)

    def _task_files(self) -> Iterator[str]:
        for room in self._rooms.present():
            for folder in sorted(os.listdir(room.path)):
                place = f"{room.kind.room}/{folder}"
                if os.path.isdir(room.at(folder)):
                    yield from (f"{place}/{name}" for name in sorted(os.listdir(room.at(folder))))
                else:
                    yield place

    def _top_sums(self, names: tuple[str, ...]) -> dict[str, str]:
        """Checksums of those files at the top that can be read."""
        return next((room.top_sums(names) for room in self._rooms if room.hold() is not None), {})


def take_lock(path: str) -> int:
    """Keep other runs from writing to an archive until the descriptor is closed.

    :raises CoderError: `busy`, another run writes to it. :raises OSError: the lock cannot be made.
    """
    descriptor = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise CoderError(
            f"another run is writing to the archive {path}", "busy",
            hint="Wait until it has ended, or give each shard a folder of its own.",
        ) from error
    return descriptor


def _of_accounts(sums: dict[str, str]) -> dict[str, str]:
    """Those checksums that are of the server's accounts."""
    return {path: digest for path, digest in sums.items() if path.startswith(f"{FOLDER}/")}


def _is_outdated(entry: Entry) -> bool:
    return bool(entry.get("format", 1) < kind_of(entry).format)
