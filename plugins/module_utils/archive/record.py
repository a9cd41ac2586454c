# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed to the archive for one task, and the line about it in the manifest."""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple, TypedDict

from . import times
from .kinds import CHAT

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


class ChatRecord(Record):
    """One chat as it was just read from the server: what stands under ``task`` is the chat.

    :param kind: "chat".
    :param running: whether it changed, or was about to, while it was read.
    :param queue: the messages that wait for their turn.
    :param cost: what it cost so far with its sub-agents; None where the server does not tell, or was not asked.
    :param files: what it carries, see `chat_log.files_of`; those that had to be read with their ``data``, or with the
        ``error_kind`` for which they could not be, those that are gone also with ``gone``, see `attachments.Gone`.
    """

    kind: str
    running: bool
    queue: list[Message]
    cost: dict[str, Any] | None
    files: list[dict[str, Any]]


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


def chat_folder_name(chat: Task) -> str:
    """A name for a chat's folder. Its id alone: titles change, and a chat and its sub-agents link to one another."""
    chat_id = str(chat["id"])
    if _UUID.match(chat_id):
        return chat_id
    return hashlib.sha256(chat_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


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


def chat_entry(record: ChatRecord, folder: str) -> Entry:
    """The manifest's line about a (redacted) record of a chat, with the keys of a task's and some of its own."""
    chat, messages = record["task"], record["messages"]
    first, last = times.span(message.get("created_at") for message in messages)
    return {
        "kind": CHAT.name,
        "id": chat["id"],
        "name": chat.get("name") or chat.get("title"),
        "display_name": chat.get("title"),
        "owner": chat.get("owner_username"),
        "owner_id": chat.get("owner_id"),
        "organization_id": chat.get("organization_id"),
        "template": None,
        "template_id": None,
        "status": chat.get("status"),
        "archived": chat.get("archived"),
        "parent": chat.get("parent_chat_id"),
        "root": chat.get("root_chat_id"),
        "url": chat.get("url"),
        "created_at": chat.get("created_at"),
        "updated_at": chat.get("updated_at"),
        "folder": folder,
        "source": record["source"],
        "snapshot_at": None,
        "error_kind": record["error_kind"],
        "versions": record["versions"],
        "messages": len(messages),
        "first_time": first,
        "last_time": last,
        "life": None,
        "truncated": False,
    }
