# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Join the shards that several machines have collected into one archive, if they are the whole of one deployment."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime
from typing import Any, TypedDict

from ...archive import files, joined, last_run, manifest
from ...archive.redaction_key import key_path, redaction_key
from ...archive.report.pages import INDEXES
from ...archive.seal import Seal
from ...archive.shards import Shard, objections
from ...archive.store import Archive
from ...coder.errors import CoderError, invalid
from ..context import Context
from ..spec import Spec

_SEALS = {
    "broken": "was changed by somebody who does not have the key",
    "other_key": "was sealed with another key; give 'redaction_key' the one that it was collected with",
    "absent": "has no seal: its last run was ended before it was done; collect it again",
}


class JoinParams(TypedDict):
    """The options of this operation."""

    path: str
    redaction_key: str | None
    stale_after: float


def spec() -> Spec:
    """The operation's options."""
    return {
        "argument_spec": {
            "path": {"type": "path", "required": True},
            "redaction_key": {"type": "str", "no_log": True},
            "stale_after": {"type": "duration", "default": "12h"},
        },
        "supports_check_mode": True,
    }


def run(context: Context[JoinParams]) -> dict[str, Any]:
    """Result: where the top of the archive lies, and ``shards``, one line for each.

    :raises CoderError: kind conflict, the folders are not the whole of one deployment: each reason is told; or one
        cannot be read, or the top cannot be written.
    """
    path = os.path.abspath(context.params["path"])
    key = _key(context.params["redaction_key"])
    with ExitStack() as stack, files.io_errors("read the shards"):
        if not os.path.isdir(path):
            raise invalid(f"there is no folder {path}", "Give the folder that has a folder for each shard.")
        archives = {
            name: stack.enter_context(Archive(os.path.join(path, name), None, read_only=True, key=key))
            for name in _folders(path)
        }
        found, against = _read(path, archives, Seal(key))
        against += objections(found, context.params["stale_after"]) if found or not against else []
        if against:
            raise CoderError(
                f"the shards in {path} are not one whole archive: {' '.join(against)}", "conflict",
                hint="Collect what is missing or stale again, with its shard_index and shard_count; move away what is "
                "not a part of it.",
                result={"objections": against},
            )  # fmt: skip
        lines = joined.lines_of(path, archives)
        for line in lines:
            run = last_run.read(os.path.join(path, line["folder"]))
            if run and run["failed"]:
                context.warn(f"The last run of {line['folder']} could not read or save {run['failed']} conversations.")
        changed = joined.join(path, archives, key, write=not context.check_mode)
        if changed and not context.check_mode:
            context.journal.note(joined.SHARDS)
    return {"changed": changed, "archive": _archive(path, lines), "shards": lines}


def _key(given: str | None) -> bytes:
    if given is None and not os.path.exists(key_path()):
        raise invalid("no key is given, and none is kept here", "Give 'redaction_key' that of the shards.")
    return redaction_key(given)


def _folders(path: str) -> list[str]:
    """The folders in it that are archives, or begun to be some."""
    signs = (manifest.ABOUT, manifest.MANIFEST, last_run.LAST_RUN)
    return sorted(
        entry.name
        for entry in os.scandir(path)
        if entry.is_dir() and any(os.path.exists(os.path.join(entry.path, sign)) for sign in signs)
    )


def _read(path: str, archives: dict[str, Archive], seal: Seal) -> tuple[list[Shard], list[str]]:
    """What the folders tell of themselves, and what stands against those that cannot be believed."""
    found, against = [], []
    for name, archive in archives.items():
        run = last_run.read(os.path.join(path, name), seal)
        state = archive.seal()
        if run is None and state != "other_key":
            against.append(
                f"{name} does not say which shard it is; collect it again, with its shard_index and shard_count."
            )
        elif run is None or (run["ended"] and state != "intact"):
            against.append(f"{name} {_SEALS[state]}.")
        elif run["ended"] and archive.damaged_top():
            against.append(f"{name} is damaged ({', '.join(archive.damaged_top())}); collect it again.")
        else:
            ids = frozenset(entry["id"] for entry in archive.entries())
            found.append(
                Shard(
                    name, run["index"], run["count"], run["server"], seal.fingerprint, run["chosen"],
                    _time(run["begun"]), _time(run["ended"]) if run["ended"] else None, ids,
                )
            )  # fmt: skip
    return found, against


def _time(text: str) -> datetime:
    return datetime.strptime(text, last_run.TIME)


def _archive(path: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"manifest": joined.SHARDS, "checksums": manifest.SUMS, "index": INDEXES[1]}
    return {
        **{key: os.path.join(path, name) for key, name in names.items()}, "path": path,
        **{key: sum(line[key] for line in lines) for key in ("tasks", "chats", "bytes")},
    }  # fmt: skip
