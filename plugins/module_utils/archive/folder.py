# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation's folder as it lies there, and what is common to making one. Writes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

from ..coder.errors import CoderError
from . import files, manifest
from .held import HeldFolder
from .kinds import Kind, kind_of
from .record import Entry, Message, Record, Saved, Task
from .redact import Redactor
from .report import words
from .seal import Seal

LOG = "messages.jsonl"
CONVERSATION = "conversation.jsonl"


class NewFolder(NamedTuple):
    """A conversation's folder as it is to be written.

    :param entry: the manifest's line about it.
    :param contents: its files by name.
    """

    entry: Entry
    contents: dict[str, bytes]


class Evidence(NamedTuple):
    """A conversation's files as they were just read: what they hold, or what is wrong with them.

    :param problem: None, or one of "damaged" (missing, or not what the manifest says), "tampered" (not what was
        sealed), "unsealed" (written by an older version, or without a key), "other_key", "other_rules" (redacted
        otherwise).
    :param damaged: names of the files that are missing or differ.
    :param about: all that the file about the conversation holds.
    """

    problem: str | None
    task: Task
    messages: list[Message]
    damaged: tuple[str, ...] = ()
    about: Mapping[str, Any] = MappingProxyType({})


class Before(NamedTuple):
    """What lies in a folder.

    :param entry: None where nothing accounts for it.
    :param log: None where it is damaged.
    """

    folder: str
    entry: Entry | None
    versions: list[list[Message]]
    log: list[Message] | None


class Folders:
    """The folders of one kind of conversations, all in the folder at `path`.

    :param redactor: None keeps secrets as they are.
    :param seal: None seals nothing.
    """

    kind: Kind

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
        """A conversation as it lies there.

        :param all_lives: with the logs of all lives joined, and not only the newest one.
        :raises OSError: a file cannot be read.
        :raises ValueError: a file is damaged; or KeyError.
        """
        return self._read(entry, self.about(entry), all_lives)

    def _read(self, entry: Entry, about: Mapping[str, Any], all_lives: bool) -> Saved:
        name = CONVERSATION if all_lives and CONVERSATION in entry["files"] else LOG
        log = files.read(os.path.join(self.at(entry["folder"]), name))
        return Saved(entry, about[self.kind.name], files.parse_lines(log))

    def readable(self, entry: Entry) -> Saved:
        """A conversation as people read and search it, of all lives. :raises OSError: as for `read`; or ValueError."""
        about = self.about(entry)
        saved = self._read(entry, about, all_lives=True)
        return saved._replace(messages=self._readable(saved.messages, about))

    def said(self, entry: Entry) -> str | None:
        """All that was said in a conversation, in all lives; None where that is not what the manifest says."""
        log, held, about = CONVERSATION if CONVERSATION in entry["files"] else LOG, self.hold(), self.kind.about
        data = held.read(entry["folder"], (about, log)) if held else {}
        if not all(is_intact(entry, name, data.get(name)) for name in (about, log)):
            return None
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            tells = json.loads(data[about])
            return words.said(tells[self.kind.name], self._readable(files.parse_lines(data[log]), tells))
        return None

    def _readable(self, messages: list[Message], about: Mapping[str, Any]) -> list[Message]:
        """The messages with texts for people."""
        return messages

    def entry(self, name: str) -> Entry:
        """The manifest's line about a folder, from the file in it that tells of the conversation.

        :raises OSError: it cannot be read.
        :raises ValueError: it is damaged; or KeyError.
        """
        data = files.read(os.path.join(self.at(name), self.kind.about))
        entry = manifest.checked(self._complete(json.loads(data)["archive"], data))
        if kind_of(entry) is not self.kind:
            raise ValueError("a conversation of another kind")
        return entry

    def holds(self, entry: Entry, given: Record, evidence: Evidence | None = None) -> bool:
        """Whether saving this record again would make the same folder, and every file of it is there undamaged.

        :param evidence: its files, if they were just examined.
        """
        fine = (None,) if self._seal else (None, "unsealed")
        if entry["record_digest"] != self._record_digest(given):
            return False
        # A log whose checksum is sealed is what was written: only who wants its messages has to take it apart.
        evidence = evidence or self._evidence(entry, self._files(entry), parses_log=self._seal is None)
        return evidence.problem in fine

    def examine(self, entry: Entry) -> Evidence:
        """Read every file of a conversation anew, and hold it against the manifest's line and against the seal."""
        return self._evidence(entry, self._files(entry))

    def _evidence(self, entry: Entry, data: dict[str, bytes], parses_log: bool = True) -> Evidence:
        damaged = tuple(name for name in entry["files"] if not is_intact(entry, name, data.get(name)))
        if damaged or not {self.kind.about, LOG} <= set(entry["files"]):
            return Evidence("damaged", {}, [], damaged)
        try:
            about = json.loads(data[self.kind.about])
            task, messages = about[self.kind.name], files.parse_lines(data[LOG]) if parses_log else []
            about["archive"].items()  # an object: somebody may have written anything there
        except (ValueError, KeyError, TypeError, AttributeError):
            return Evidence("damaged", {}, [])
        return Evidence(self._problem(entry, about, data[self.kind.about]), task, messages, about=about)

    def top_sums(self, names: Iterable[str]) -> dict[str, str]:
        """Checksums of those files beside the folders that can be read."""
        held = self.hold()
        return {name: files.sha256(data) for name, data in held.read_top(names).items()} if held else {}

    def _files(self, entry: Entry) -> dict[str, bytes]:
        """The files of a conversation that can be read, by name."""
        held = self.hold()
        return held.read(entry["folder"], entry["files"]) if held else {}

    def _problem(self, entry: Entry, about: dict[str, Any], about_json: bytes) -> str | None:
        """What speaks against files that are as the manifest says.

        :param about: what the file about the conversation holds.
        """
        if entry.get("format", 1) < self.kind.format or entry.get("seal") is None or self._seal is None:
            return "unsealed"
        if entry.get("sealed_by") != self._seal.fingerprint:
            return "other_key"
        if not self._seal.fits(entry["seal"], _sealed(about)):
            return "tampered"
        if self._complete(about["archive"], about_json) != entry:
            return "tampered"  # the manifest says what the conversation's own folder does not
        return None if entry["redaction"] == self._configuration else "other_rules"

    def redacted(self, value: Any) -> Any:
        """Plain data as it is written: all but ids and states, whose names the kind knows."""
        raise NotImplementedError

    def shown(self, given: Record) -> list[Message]:
        """The messages of a record as they would be written."""
        return self._redacted_log(given["messages"])

    def _redacted_log(self, messages: list[Message]) -> list[Message]:
        redacted: list[Message] = self.redacted(messages)
        return redacted

    # --- writing ---

    def compose(self, given: Record, saved: Entry | None) -> NewFolder:
        """The folder of a conversation that was just read.

        :param saved: the entry of the one that lies there.
        :raises OSError: what was saved cannot be read.
        :raises CoderError: `conflict` where what was saved was changed by somebody without the key, or where nothing
            was read and the saved log is damaged.
        """
        raise NotImplementedError

    def upgraded(self, entry: Entry) -> NewFolder:
        """The folder of a conversation that an older version saved, as this one writes it.

        :raises OSError: as for `compose`.
        :raises CoderError: as for `compose`.
        :raises ValueError: the file about it is damaged; or KeyError.
        """
        raise NotImplementedError

    def _finished(self, entry: Entry, about: dict[str, Any], contents: dict[str, bytes]) -> NewFolder:
        """The folder with the file about the conversation, which is sealed.

        :param about: what that file holds, but for the manifest's line.
        """
        entry["files"] = {
            name: {"bytes": len(data), "sha256": files.sha256(data)} for name, data in sorted(contents.items())
        }
        entry["sealed_by"] = self._seal.fingerprint if self._seal else None
        about = {**about, "archive": entry}
        entry["seal"] = self._seal.of(_sealed(about)) if self._seal else None
        contents[self.kind.about] = files.json_pretty(about)
        return NewFolder(self._complete(entry, contents[self.kind.about]), contents)

    def _complete(self, entry: Entry, about_json: bytes) -> Entry:
        """The manifest's line: what the file about the conversation says, and the checksum of that file itself."""
        itself = {"bytes": len(about_json), "sha256": files.sha256(about_json)}
        all_files = {**entry["files"], self.kind.about: itself}
        total = sum(file["bytes"] for file in all_files.values())
        return {**entry, "files": dict(sorted(all_files.items())), "bytes": total}

    def about(self, entry: Entry) -> dict[str, Any]:
        """What the file about a conversation holds.

        :raises OSError: it cannot be read.
        :raises ValueError: it is damaged; or KeyError.
        """
        about: dict[str, Any] = json.loads(files.read(os.path.join(self.at(entry["folder"]), self.kind.about)))
        return about

    def _record_digest(self, given: Record) -> str:
        sealed_by = self._seal.fingerprint if self._seal else None
        data = files.json_line([given, self.kind.format, self._configuration, sealed_by])
        return self._redactor.digest(data) if self._redactor else f"sha256:{hashlib.sha256(data).hexdigest()}"

    def _provenance(self, given: Record) -> dict[str, Any]:
        """What an entry says of how it was made, by which the next run knows that it need not be made again."""
        return {
            "record_digest": self._record_digest(given),
            "redaction": self._configuration,
            "redaction_key": self._redactor.fingerprint if self._redactor else None,
            "scanner": self._redactor.scanner if self._redactor else None,
            "format": self.kind.format,
        }

    def _before(self, folder: str, saved: Entry | None) -> Before:
        if saved is None:
            return Before(folder, None, *self._unaccounted(folder))
        data = self._files(saved)
        if self._evidence(saved, data).problem == "tampered":
            raise _was_tampered_with(self.at(folder))

        def log(name: str) -> list[Message] | None:
            return files.parse_lines(data[name]) if is_intact(saved, name, data.get(name)) else None

        # What was lost or damaged must not keep the rest from being saved.
        versions = [log(version_name(number)) for number in range(1, saved["earlier"] + 1)]
        return Before(folder, saved, [version for version in versions if version is not None], log(LOG))

    def _unaccounted(self, folder: str) -> tuple[list[list[Message]], list[Message]]:
        """The logs in a folder whose file about it, which would account for them, is damaged or not there."""
        place = self.at(folder)
        if not os.path.isdir(place):
            return [], []
        count = len(os.listdir(place))
        found = [_parsed(os.path.join(place, version_name(number))) for number in range(1, count)]
        return [version for version in found if version], _parsed(os.path.join(place, LOG))


def version_name(number: int) -> str:
    """The file of an earlier version of a log, counted from 1."""
    return f"messages.{number}.jsonl"


def is_intact(entry: Entry, name: str, data: bytes | None) -> bool:
    """Whether a file is what the manifest says."""
    return data is not None and name in entry["files"] and files.sha256(data) == entry["files"][name]["sha256"]


def _parsed(path: str) -> list[Message]:
    """The messages of a file that nothing vouches for; none if it cannot be read."""
    with suppress(OSError, ValueError):
        return files.parse_lines(files.read(path))
    return []


def _sealed(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a conversation's seal is about: all of the file about it but the seal itself."""
    return {**about, "archive": {key: value for key, value in about["archive"].items() if key != "seal"}}


def only_log_is_damaged(folder: str) -> CoderError:
    """Of a conversation that was not read, so that nothing can take the place of what is damaged."""
    return CoderError(
        f"what was saved in {folder} is damaged, and the server has no other log", "conflict",
        hint="Restore that folder from a backup; nothing was changed.",
    )


def only_file_is_damaged(path: str) -> CoderError:
    """Of a file that the server does not have any more, so that nothing can take the place of what is damaged."""
    return CoderError(
        f"what was saved in {path} is damaged, and the file is gone from the server", "conflict",
        hint="Restore it from a backup, or move its folder out of the archive and collect again. Nothing was changed.",
    )


def _was_tampered_with(folder: str) -> CoderError:
    return CoderError(
        f"what was saved in {folder} was changed by somebody who does not have the archive's key", "conflict",
        hint="See what was changed, then move that folder out of the archive and collect again.",
    )
