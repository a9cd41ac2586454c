# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards as one archive: a folder that has one folder per shard, and at the top what is derived from them.

At the top lie the pages about all conversations, `shards.jsonl` (a manifest of manifests: one line per shard, with the
checksum of its checksums and with its seal), `archive.json` with a seal over these, and SHA256SUMS of all of it. What
is read, saved and proven is read, saved and proven in the shard that a conversation belongs to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Callable, Union

from ..coder.errors import CoderError, invalid
from . import files, last_run, manifest
from .attachments import Fetch
from .folder import Evidence
from .kinds import CHAT, kind_of
from .record import Entry, Message, Record
from .redact import Redactor
from .report import pages
from .seal import Seal
from .shards import in_shard
from .store import Archive, FileCheck, take_lock

SHARDS = "shards.jsonl"
# The version of the format of an archive with shards; one that knows no shards refuses it.
FORMAT = 4
_SEALED = (*pages.INDEXES, SHARDS)
# From the worst to the best, as far as the whole is concerned.
_SEALS = ("broken", "other_key", "absent", "intact")


class JoinedArchive:
    """The shards at `path` as one archive. Used as :class:`Archive`, whose arguments and errors it has.

    A new conversation is saved in the shard that it belongs to, so that no other run saves it elsewhere.
    """

    manifest = SHARDS

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
        """:param helpers: taken for the sake of :class:`Archive`; shards are opened with none."""
        self.path = os.path.abspath(path)
        self._read_only = read_only
        self._note_write = note_write
        self._seal = Seal(key) if key else None
        self._lock: int | None = None
        self._shards: dict[str, Archive] = {}
        self._numbers: dict[str, tuple[int, int]] = {}
        try:
            with files.io_errors("open the archive"):
                if not read_only:
                    self._lock = take_lock(self.path)
                for line in read_lines(self.path):
                    folder = line["folder"]
                    self._numbers[folder] = line["index"], line["count"]
                    self._shards[folder] = self._opened(folder, redactor, key, upgrades)
            self._home = {entry["id"]: shard for shard in self._shards.values() for entry in shard.entries()}
        except BaseException:
            self.close()
            raise

    def _opened(self, folder: str, redactor: Redactor | None, key: bytes | None, upgrades: bool) -> Archive:
        place = os.path.join(self.path, folder)
        if not os.path.isdir(place):
            raise CoderError(
                f"the shard {folder} of the archive {self.path} is not there", "io",
                hint="Bring it back, or collect it again and join anew.",
            )

        def note(what: str) -> None:
            self._note_write(f"{folder}/{what}")

        return Archive(place, redactor, read_only=self._read_only, key=key, upgrades=upgrades, note_write=note)

    def close(self) -> None:
        """Let others write."""
        for shard in self._shards.values():
            shard.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> JoinedArchive:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # --- reading ---

    def entries(self) -> list[Entry]:
        """The lines of all manifests."""
        return manifest.ordered(entry for shard in self._shards.values() for entry in shard.entries())

    def entry(self, task_id: str) -> Entry | None:
        """See :meth:`Archive.entry`."""
        home = self._home.get(task_id)
        return home.entry(task_id) if home else None

    def examine(self, task_id: str) -> Evidence | None:
        """See :meth:`Archive.examine`."""
        home = self._home.get(task_id)
        return home.examine(task_id) if home else None

    def check_place(self) -> None:
        """See :meth:`Archive.check_place`."""
        for shard in self._shards.values():
            shard.check_place()

    @property
    def is_outdated(self) -> bool:
        """See :attr:`Archive.is_outdated`."""
        return any(shard.is_outdated for shard in self._shards.values())

    @property
    def is_written_otherwise(self) -> bool:
        """See :attr:`Archive.is_written_otherwise`."""
        return any(shard.is_written_otherwise for shard in self._shards.values())

    def seal(self) -> str:
        """The worst that can be said of a seal, of the top's or of a shard's."""
        return _worst([self._top_seal(), *(shard.seal() for shard in self._shards.values())])

    def redacted(self, value: Any) -> Any:
        """See :meth:`Archive.redacted`."""
        return self._any.redacted(value)

    def shown(self, given: Record) -> list[Message]:
        """See :meth:`Archive.shown`."""
        return self._any.shown(given)

    def verify_files(self) -> FileCheck:
        """See :meth:`Archive.verify_files`; those of a shard that was written since the join count as damaged."""
        with files.io_errors("verify the archive"):
            found = FileCheck({}, self._differing(), [], self._top_seal())
        for folder, shard in self._shards.items():
            found = _with_shard(found, folder, shard.verify_files())
        return found

    # --- writing ---

    def save(self, given: Record, fetch: Fetch | None = None) -> str:
        """See :meth:`Archive.save`."""
        task_id = given["task"]["id"]
        home = self._home.get(task_id) or self._home_of(given)
        outcome = home.save(given, fetch)
        if not self._read_only:
            self._home[task_id] = home
        return outcome

    def save_account(self, name: str, answer: Any) -> str:
        """See :meth:`Archive.save_account`. They are of no conversation, and lie in the first shard."""
        return self._any.save_account(name, answer)

    def upgrade(self) -> bool:
        """See :meth:`Archive.upgrade`."""
        outdated = self.is_outdated
        for shard in self._shards.values():
            shard.upgrade()
        return outdated

    def settle(self) -> None:
        """See :meth:`Archive.settle`."""
        for shard in self._shards.values():
            shard.settle()

    def finish(self) -> bool:
        """Write what is derived, of each shard and of the whole.

        :returns: False: each shard has a search index of its own, and the whole has none.
        """
        for shard in self._shards.values():
            shard.finish()
        if not self._read_only and self._differing():
            with files.io_errors("write the top of the archive"):
                self._write_top()
        return False

    def is_current(self) -> bool:
        """Whether the top is sealed, and about the shards as they are now."""
        return self._top_seal() == "intact" and not self._differing()

    def _differing(self) -> list[str]:
        """What is not as the checksums at the top say."""
        sums = manifest.read_sums(_read(self.path, manifest.SUMS) or b"")
        names = (*_SEALED, manifest.ABOUT, *(f"{folder}/{manifest.SUMS}" for folder in self._shards))
        return [name for name in names if sums.get(name) != self._sum_of(name)]

    def _write_top(self) -> None:
        lines = [_line(self.path, folder, *self._numbers[folder], shard) for folder, shard in self._shards.items()]
        write_top(self.path, lines, self._shards, self._seal)
        self._note_write(SHARDS)

    # --- the parts ---

    @property
    def _any(self) -> Archive:
        return next(iter(self._shards.values()))

    def _home_of(self, given: Record) -> Archive:
        """The shard that a new conversation belongs to."""
        root = given["task"].get("root_chat_id") or given["task"]["id"]
        return next(self._shards[folder] for folder, number in self._numbers.items() if in_shard(root, *number))

    def _sum_of(self, name: str) -> str | None:
        data = _read(self.path, name)
        return None if data is None else files.sha256(data)

    def _top_seal(self) -> str:
        found = _seal_at(self.path)
        if not found:
            return "broken" if self._seal else "absent"
        if self._seal is None or found.get("key") != self._seal.fingerprint:
            return "other_key"
        sums = {name: self._sum_of(name) for name in _SEALED}
        return "intact" if self._seal.fits(found.get("digest"), _about_all(sums)) else "broken"


AnyArchive = Union[Archive, JoinedArchive]


def open_archive(path: str, redactor: Redactor | None, **options: Any) -> AnyArchive:
    """The archive at `path`, of one piece or of joined shards. Arguments and errors as for :class:`Archive`."""
    kind = JoinedArchive if os.path.lexists(os.path.join(path, SHARDS)) else Archive
    return kind(path, redactor, **options)


def read_lines(path: str) -> list[dict[str, Any]]:
    """The manifest of manifests, in the order of the shards.

    :raises CoderError: `invalid`, it is damaged. :raises OSError: it cannot be read.
    """
    try:
        lines = files.parse_lines(files.read(os.path.join(path, SHARDS)))
        known = all(
            os.path.basename(line["folder"]) == line["folder"] and 1 <= line["index"] <= line["count"] for line in lines
        )
        if known and sorted(line["index"] for line in lines) == list(range(1, lines[0]["count"] + 1)):
            return lines
    except (ValueError, KeyError, TypeError, IndexError):
        pass
    raise invalid(f"{os.path.join(path, SHARDS)} is damaged", "Join the shards again.")


def join(path: str, shards: dict[str, Archive], key: bytes, write: bool = True) -> bool:
    """Write the top of an archive of shards that were found to be a whole, unless it lies there already.

    :param shards: by the name of the folder, opened; each with its last run. :param write: False only looks.
    :returns: whether it was written, or would be.
    :raises CoderError: `busy` if another run holds the lock, `io` if a file cannot be read or written.
    """
    with files.io_errors("write the top of the archive"):
        lines = lines_of(path, shards)
        if _lies_joined(path, lines, key):
            return False
        if write:
            lock = take_lock(path)
            try:
                write_top(path, lines, shards, Seal(key))
            finally:
                os.close(lock)
        return True


def lines_of(path: str, shards: dict[str, Archive]) -> list[dict[str, Any]]:
    """The manifest of manifests as it has to be. :raises OSError: a shard cannot be read."""
    runs = {folder: last_run.read(os.path.join(path, folder)) for folder in shards}
    numbers = {folder: (run["index"], run["count"]) for folder, run in runs.items() if run}
    ordered = sorted(numbers, key=numbers.__getitem__)
    return [_line(path, folder, *numbers[folder], shards[folder]) for folder in ordered]


def _lies_joined(path: str, lines: list[dict[str, Any]], key: bytes) -> bool:
    """Whether it was joined before, and nothing has changed since."""
    if _read(path, SHARDS) != files.json_lines(lines):
        return False
    with JoinedArchive(path, None, read_only=True, key=key) as joined:
        return joined.is_current()


def _line(path: str, folder: str, index: int, count: int, shard: Archive) -> dict[str, Any]:
    """A line of the manifest of manifests."""
    entries = shard.entries()
    chats = sum(kind_of(entry) is CHAT for entry in entries)
    place = os.path.join(path, folder)
    sums = {name: files.sha256(files.read(os.path.join(place, name))) for name in (manifest.SUMS, manifest.MANIFEST)}
    return {
        "folder": folder, "index": index, "count": count, "tasks": len(entries) - chats, "chats": chats,
        "bytes": sum(entry["bytes"] for entry in entries), "checksums": sums[manifest.SUMS],
        "manifest": sums[manifest.MANIFEST], "seal": _seal_at(place),
    }  # fmt: skip


def write_top(path: str, lines: list[dict[str, Any]], shards: dict[str, Archive], seal: Seal | None) -> None:
    """Write pages, manifest of manifests, seal and checksums. :raises OSError: it cannot be written."""
    entries = manifest.ordered(
        {**entry, "within": folder} for folder, shard in shards.items() for entry in shard.entries()
    )
    top = {**pages.indexes(entries, _said(entries, shards)), SHARDS: files.json_lines(lines)}
    sums = {name: files.sha256(top[name]) for name in _SEALED}
    sealed = seal and {"key": seal.fingerprint, "digest": seal.of(_about_all(sums))}
    top[manifest.ABOUT] = files.json_pretty({"format": FORMAT, "seal": sealed})
    for name, data in top.items():
        files.replace(os.path.join(path, name), data)
    below = {f"{line['folder']}/{manifest.SUMS}": line["checksums"] for line in lines}
    files.replace(os.path.join(path, manifest.SUMS), manifest.sums([], top, below))
    files.sync(path)


def _said(entries: Iterable[Entry], shards: dict[str, Archive]) -> Iterator[str | None]:
    return (shards[entry["within"]].said(entry) for entry in entries)


def _about_all(sums: dict[str, str | None] | dict[str, str]) -> dict[str, Any]:
    """What the seal over the top is about; by the manifest of manifests, all that is in the shards."""
    return {"format": FORMAT, "files": sums}


def _with_shard(found: FileCheck, folder: str, shard: FileCheck) -> FileCheck:
    """What was found of the whole, with what was found of a shard."""

    def below(paths: Iterable[str]) -> list[str]:
        return [f"{folder}/{path}" for path in paths]

    damaged = {task_id: below(paths) for task_id, paths in shard.damaged.items()}
    return FileCheck(
        {**found.damaged, **damaged}, [*found.top, *below(shard.top)], [*found.stray, *below(shard.stray)],
        _worst([found.seal, shard.seal]),
    )  # fmt: skip


def _worst(seals: list[str]) -> str:
    return min(seals, key=_SEALS.index)


def _seal_at(path: str) -> Mapping[str, Any] | None:
    """The seal in the archive.json of a folder; None where there is none that can be read."""
    with suppress(ValueError, AttributeError):
        found = json.loads(_read(path, manifest.ABOUT) or b"{}").get("seal")
        return found if isinstance(found, dict) else None
    return None


def _read(path: str, name: str) -> bytes | None:
    """A file, if it can be read."""
    with suppress(OSError):
        return files.read(os.path.join(path, name))
    return None
