# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's own accounts of its chats, as they lie in one folder beside the index: one file per question.

Nothing that was saved is lost to a later answer: where that says less, as after a purge, the earlier one stays beside
it with a number. A file has a seal of its own, so that what somebody else has changed is not sealed again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..coder.errors import CoderError
from . import files, manifest
from .held import HeldFolder
from .redact import Redactor
from .seal import Seal

FOLDER = "accounts"
# Ids, names of people and models, and times are no secrets, and an id looks like a key.
_STRUCTURE = frozenset((
    "user_id", "username", "model_config_id", "root_chat_id", "chat_id", "group_id", "id", "start_date", "end_date",
    "period_start", "period_end", "updated_at", "created_at", "merged_at", "date", "period",
))  # fmt: skip
# The time that was asked about moves with every question.
_MOVES = ("start_date", "end_date")


class Accounts:
    """The accounts of the archive at `path`. Arguments as for `Folders`."""

    def __init__(self, path: str, redactor: Redactor | None, seal: Seal | None) -> None:
        self._top = path
        self._path = os.path.join(path, FOLDER)
        self._redactor = redactor
        self._seal = seal

    def save(self, name: str, answer: Any, write: bool = True) -> str:
        """Keep what a server answered to a question.

        :param name: of the question. :param write: False only says what would be done.
        :returns: "created", "changed" or "unchanged".
        :raises OSError: it cannot be read or written.
        :raises CoderError: `conflict`, somebody without the key has changed what lies there.
        """
        clean = self._redactor.redact_data(answer, _STRUCTURE) if self._redactor else answer
        made = self._sealed({"answer": clean, "question": name})
        place = f"{name}.json"
        data = self._read([place]).get(place)
        if data is None:
            outcome, earlier = "created", None
        else:
            earlier = self._checked(place, data)
            if _is_same(earlier["answer"], clean) and earlier.get("sealed_by") == made["sealed_by"]:
                return "unchanged"
            outcome = "changed"
        if write:
            os.makedirs(self._path, mode=0o700, exist_ok=True)
            if earlier and data and _says_less(clean, earlier["answer"]):
                files.replace(os.path.join(self._path, self._free_name(name)), data)
            files.replace(os.path.join(self._path, place), files.json_pretty(made))
        return outcome

    def sums(self, known: Mapping[str, str]) -> dict[str, str]:
        """The checksum of each file by its path in the archive.

        :param known: as they were written the last time; what was lost or changed since keeps that one.
        """
        found = {path: digest for path, digest in known.items() if path.startswith(f"{FOLDER}/")}
        for name, data in self._read(self.names()).items():
            if self._is_own(data):
                found[f"{FOLDER}/{name}"] = files.sha256(data)
        return found

    def hashes(self) -> dict[str, str]:
        """The checksum of each file that lies there, whatever it holds."""
        return {f"{FOLDER}/{name}": files.sha256(data) for name, data in self._read(self.names()).items()}

    def names(self) -> list[str]:
        """What lies there."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return sorted(name for name in os.listdir(self._path) if not name.startswith("."))
        return []

    def _read(self, names: list[str]) -> dict[str, bytes]:
        """The files that can be read: regular ones of this archive, and no links."""
        if not os.path.isdir(self._path):
            return {}
        held = HeldFolder(self._top, os.curdir, manifest.MANIFEST)
        try:
            return held.read(FOLDER, names)
        finally:
            held.close()

    def _free_name(self, name: str) -> str:
        taken = set(self.names())
        return next(each for number in range(1, len(taken) + 2) if (each := f"{name}.{number}.json") not in taken)

    def _sealed(self, value: dict[str, Any]) -> dict[str, Any]:
        if self._seal is None:
            return {**value, "sealed_by": None, "seal": None}
        value = {**value, "sealed_by": self._seal.fingerprint}
        return {**value, "seal": self._seal.of(value)}

    def _checked(self, name: str, data: bytes) -> dict[str, Any]:
        """What a file holds. :raises CoderError: `conflict`, it is not as it was written."""
        with suppress(ValueError, KeyError, TypeError):
            found: dict[str, Any] = json.loads(data)
            other = self._seal is None or found["sealed_by"] != self._seal.fingerprint
            if "answer" in found and (other or self._is_own(data)):
                return found
        raise CoderError(
            f"what was saved in {os.path.join(self._path, name)} is damaged, or somebody without the archive's key has "
            "changed it", "conflict", hint="Restore it from a backup, or move it out of the archive and collect again.",
        )  # fmt: skip

    def _is_own(self, data: bytes) -> bool:
        """Whether a file is as it was written with this key; without a key nobody can tell."""
        if self._seal is None:
            return True
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            found = json.loads(data)
            return self._seal.fits(found["seal"], {key: value for key, value in found.items() if key != "seal"})
        return False


def _is_same(before: Any, now: Any) -> bool:
    return _lasting(before) == _lasting(now)


def _lasting(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {key: value for key, value in answer.items() if key not in _MOVES}
    return answer


def _says_less(now: Any, before: Any) -> bool:
    """Whether something that was told is told no more: a key, a thing of a list, or a part of an amount."""
    if isinstance(before, dict):
        if not isinstance(now, dict):
            return True
        return any(key not in now or _says_less(now[key], value) for key, value in before.items() if key not in _MOVES)
    if isinstance(before, list):
        if not isinstance(now, list):
            return bool(before)
        there = {_identity(item): item for item in now}
        return any(_identity(item) not in there or _says_less(there[_identity(item)], item) for item in before)
    if isinstance(before, (int, float)) and not isinstance(before, bool):
        return not isinstance(now, (int, float)) or now < before
    return before is not None and now is None


def _identity(item: Any) -> str:
    """What tells a thing of a list: its id, where it has one, else all of it."""
    if isinstance(item, dict):
        for key in ("user_id", "model_config_id", "root_chat_id", "chat_id", "group_id", "date", "id"):
            if item.get(key):
                return f"{key} {item[key]}"
    return json.dumps(item, sort_keys=True)
