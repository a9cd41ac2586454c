# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed to the archive for one task, and the line about it in the manifest."""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple, TypedDict

from . import times

Task = dict[str, Any]
Message = dict[str, Any]
Entry = dict[str, Any]
"""A line of the manifest; see `entry` for its keys."""


class Record(TypedDict):
    """One task as it was just read from the server.

    :param source: "live", "snapshot", or "none" if there is no log.
    :param error_kind: why the log could not be read, or None.
    :param versions: of "coder", "agentapi" and "collection", None where unknown.
    """

    task: Task
    messages: list[Message]
    source: str
    snapshot_at: str | None
    error_kind: str | None
    versions: dict[str, str | None]


class Saved(NamedTuple):
    """A task as it lies in the archive.

    :param messages: the newest log, or those of every life, with a seam between two.
    """

    entry: Entry
    task: Task
    messages: list[Message]


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_UNSAFE = re.compile(r"[^a-z0-9]+")


def folder_name(task: Task) -> str:
    """A name for the task's folder that any file system takes, and that no other task has.

    Lower case, because some file systems do not tell cases apart; the id, or a hash of an odd one, keeps it unique.
    """
    task_id = str(task["id"])
    odd = hashlib.sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    unique = task_id if _UUID.match(task_id) else odd
    return "_".join((_safe(task.get("owner_name")), _safe(task.get("name")), unique))


def _safe(name: Any) -> str:
    return _UNSAFE.sub("-", str(name or "").lower())[:40].strip("-") or "unnamed"


def entry(record: Record, folder: str) -> Entry:
    """The manifest's line about a (redacted) record; `Folders` adds how whole it is, digests, redactions and files."""
    task, messages = record["task"], record["messages"]
    first, last = times.span(message.get("time") for message in messages)
    return {
        "id": task["id"],
        "name": task.get("name"),
        "display_name": task.get("display_name"),
        "owner": task.get("owner_name"),
        "owner_id": task.get("owner_id"),
        "organization_id": task.get("organization_id"),
        "template": task.get("template_name"),
        "template_id": task.get("template_id"),
        "status": task.get("status"),
        "url": task.get("url"),
        "created_at": task.get("created_at"),
        "updated_at": task.get("updated_at"),
        "folder": folder,
        "source": record["source"],
        "snapshot_at": record["snapshot_at"],
        "error_kind": record["error_kind"],
        "versions": record["versions"],
        "messages": len(messages),
        "first_time": first,
        "last_time": last,
    }
