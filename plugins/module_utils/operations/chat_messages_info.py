# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the messages of chats: typed parts, tool calls with their results, bounded in bytes."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ..coder.chats.backend import ChatsBackend
from ..coder.chats.messages import ChatMessage
from ..coder.chats.models import Chat, family
from ..coder.errors import CoderError, as_coder_error, attempting, invalid
from .at_once import at_once
from .chat_selection import ChatSelectionParams, chat_exclusions, chat_selection_spec, choose_chats
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .log import OF_ALL, check_tail, newest, tell_of
from .spec import Options, Spec

FIELDS = (
    "chat_id", "parent_chat_id", "name", "title", "owner_username", "status", "busy", "archived", "messages",
    "last_answer", "queue", "complete", "omitted", "reason",
)  # fmt: skip
# What a person looks for first.
BRIEF = ("name", "title", "status", "complete", "reason", "last_answer")
# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"conversations": []}


class ChatMessagesParams(ConnectionParams, ChatSelectionParams, FieldsParams):
    """The options of this operation."""

    since_id: int | None
    tail: int | None
    max_bytes: int | None
    children: bool


class Reading(NamedTuple):
    """The messages of a chat; ``error``: why they could not be read."""

    messages: list[ChatMessage]
    queue: list[dict[str, Any]]
    error: CoderError | None = None


def spec() -> Spec:
    """The operation's options."""
    own: Options = {
        "since_id": {"type": "int"},
        "tail": {"type": "int"},
        "max_bytes": {"type": "int"},
        "children": {"type": "bool", "default": False},
    }
    return {
        "argument_spec": {**connection_spec(), **chat_selection_spec(), **own, **fields_spec()},
        "mutually_exclusive": chat_exclusions(),
        "supports_check_mode": True,
    }


def run(context: Context[ChatMessagesParams]) -> dict[str, Any]:
    """Result: ``conversations``, one entry per chat, ``missing`` ids and names, ``summary`` and ``scope``."""
    params = context.params
    check_tail(params["tail"])
    names = chosen_fields(params["fields"], BRIEF, FIELDS)
    for name, limit in (("since_id", params["since_id"]), ("max_bytes", params["max_bytes"])):
        if limit is not None and limit < 0:
            raise invalid(f"{name!r} is {limit}", "Give 0 or more.")
    chosen = choose_chats(context)
    backend = context.session.chats
    chats = [each for chat in chosen.chats for each in (family(chat) if params["children"] else [chat])]
    read = at_once(lambda chat: _read(backend, chat, params["since_id"]), chats, params["concurrency"])
    tell_of(context, [reading.error for reading in read])
    entries = [_entry(backend, chat, reading, params) for chat, reading in zip(chats, read)]
    result: dict[str, Any] = {
        "changed": False,
        "conversations": [pick(entry, names) for entry in entries],
        "missing": chosen.missing,
        "summary": _summary(entries),
        "scope": chosen.scope,
    }
    if chosen.audit_log is not None:
        result["audit_log"] = chosen.audit_log
    return result


def _read(backend: ChatsBackend, chat: Chat, since_id: int | None) -> Reading:
    """One conversation. What is wrong with it alone must not take the others with it.

    :raises CoderError: what is wrong with the token or the connection, and so with every one.
    """
    try:
        with attempting(f"read the messages of the chat {backend.label(chat)}"):
            log = backend.messages(chat, since_id)
    except Exception as caught:  # noqa: BLE001  (an answer of a shape that nobody foresaw)
        error = as_coder_error(caught)
        if error.kind in OF_ALL:
            raise error from None
        return Reading([], [], error)
    return Reading(log.messages, log.queue)


def _entry(backend: ChatsBackend, chat: Chat, reading: Reading, params: ChatMessagesParams) -> dict[str, Any]:
    messages = _within(newest(reading.messages, params["tail"]), params["max_bytes"])
    answers = [message["text"] for message in reading.messages if message["role"] == "assistant" and message["text"]]
    return {
        "chat_id": chat["id"],
        "parent_chat_id": chat["parent_chat_id"],
        "name": chat["name"],
        "title": chat["title"],
        "owner_username": chat["owner_username"],
        "status": chat["status"],
        "busy": chat["busy"],
        "archived": chat["archived"],
        "messages": messages,
        "last_answer": answers[-1] if answers else None,
        "queue": reading.queue,
        "complete": reading.error is None and not chat["busy"] and not params["since_id"],
        "omitted": len(reading.messages) - len(messages),
        "reason": reading.error.message if reading.error else None,
    }


def _within(messages: list[ChatMessage], max_bytes: int | None) -> list[ChatMessage]:
    """The newest messages whose JSON takes so many bytes at most, each whole."""
    if max_bytes is None:
        return messages
    kept: list[ChatMessage] = []
    left = max_bytes
    for message in reversed(messages):
        left -= _size(message)
        if left < 0:
            break
        kept.insert(0, message)
    return kept


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "total": len(entries),
        "complete": sum(entry["complete"] for entry in entries),
        "messages": sum(len(entry["messages"]) for entry in entries),
        "bytes": sum(_size(entry["messages"]) for entry in entries),
    }
