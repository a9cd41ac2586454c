# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coder's chats in the one shape that every plugin returns, whatever the server's version. Pure functions."""

from __future__ import annotations

from typing import Any, TypedDict, cast

from ..answers import fields, number, sound_objects, text, text_or_none, texts

# The label that holds a chat's name; a title is made by a model, changes, and is not unique.
NAME_LABEL = "coder.tasks/name"
# The label that says when an archived chat was kept from being purged.
HELD_LABEL = "coder.tasks/held"
# The label that names the task a chat goes on from. It may be given: whoever migrates knows the task.
FROM_TASK_LABEL = "coder.tasks/from-task"
# Statuses in which a turn is under way or about to begin. Servers of 2.34 begin with `pending`.
BUSY = ("pending", "running", "interrupting")
# What `status` can be; `pending`, `paused` and `completed` up to 2.34 only.
STATUSES = (
    "waiting", "running", "interrupting", "requires_action", "error", "pending", "paused", "completed", "unknown",
)  # fmt: skip
ERROR_KINDS = (
    "generic", "overloaded", "rate_limit", "timeout", "startup_timeout", "stream_silence_timeout", "auth", "config",
    "usage_limit", "missing_key", "provider_disabled", "content_filter", "hook_dispatch_failed", "hook_denied",
)  # fmt: skip


class ChatError(TypedDict):
    """Why the last turn ended in an error. ``kind`` is one of :data:`ERROR_KINDS`."""

    message: str
    detail: str
    kind: str
    provider: str
    retryable: bool
    status_code: int | None


class ChatFields(TypedDict):
    """A chat. What a server does not tell is null; ``name`` is the label :data:`NAME_LABEL`, null without one.

    ``busy``: a turn is under way, or about to begin. ``queued_for_capacity``: it waits for a free slot of the
    deployment; only a look at the single chat tells, in a list it is null.
    """

    id: str
    name: str | None
    title: str
    status: str
    busy: bool
    queued_for_capacity: bool | None
    last_error: ChatError | None
    owner_id: str
    owner_username: str
    owner_name: str | None
    organization_id: str
    labels: dict[str, str]
    archived: bool
    shared: bool | None
    pin_order: int | None
    created_at: str
    updated_at: str
    root_chat_id: str | None
    parent_chat_id: str | None
    workspace_id: str | None
    build_id: str | None
    agent_id: str | None
    model_id: str | None
    reasoning_effort: str | None
    plan_mode: str | None
    mcp_server_ids: list[str]
    client_type: str | None
    has_unread: bool | None
    last_turn_summary: str | None
    summary: str | None
    diff_status: dict[str, Any] | None
    files: list[dict[str, Any]]
    warnings: list[Any]
    context: dict[str, Any] | None
    children: list[Any]


class Chat(ChatFields, total=False):
    """A chat as the plugins return it.

    ``url`` is its page; ``purge_after`` when the server may delete it, null where it never does; ``reason`` stands in
    one that is not well; ``queue`` and ``cost`` where they were asked for.
    """

    url: str
    purge_after: str | None
    reason: str
    queue: list[dict[str, Any]]
    cost: dict[str, Any] | None


CHAT_FIELDS = tuple(ChatFields.__annotations__)
# What a server calls otherwise.
_OTHER_NAMES = {"model_id": "last_model_config_id", "reasoning_effort": "last_reasoning_effort"}
_TEXTS = ("id", "title", "status", "owner_id", "organization_id", "created_at", "updated_at")


def chat_problem(data: Any) -> str | None:
    """Why this cannot be a chat of Coder's, such as a status that is no text; None if it can."""
    if not isinstance(data, dict):
        return "it is no object"
    for name in _TEXTS:
        if not isinstance(data.get(name), str):
            return f"its {name!r} is {type(data[name]).__name__ if name in data else 'missing'}"
    if not isinstance(data.get("archived"), bool):
        return "its 'archived' is neither true nor false"
    labels = data.get("labels") or {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        return "its 'labels' are no texts by name"
    children = data.get("children") or []
    if not isinstance(children, list):
        return "its 'children' are no list"
    for child in children:
        problem = chat_problem(child)
        if problem:
            return f"one of its 'children' is wrong: {problem}"
    return None


def chat_from(data: dict[str, Any], base_url: str, single: bool = False) -> Chat:
    """A chat with every field and its page.

    :param data: in which :func:`chat_problem` finds nothing.
    :param single: whether this is the answer to a look at this one chat, which tells what lists do not.
    """
    given: dict[str, Any] = {name: data.get(_OTHER_NAMES.get(name, name)) for name in CHAT_FIELDS}
    chat = cast(Chat, given)
    chat["labels"] = dict(data.get("labels") or {})
    chat["name"] = chat["labels"].get(NAME_LABEL)
    if chat["status"] not in STATUSES:
        chat["status"] = "unknown"
    chat["busy"] = chat["status"] in BUSY
    chat["queued_for_capacity"] = data.get("queued_for_capacity") is True if single else None
    chat["last_error"] = error_from(data.get("last_error"))
    chat["owner_username"] = text(data.get("owner_username"))
    for name in ("shared", "has_unread"):
        given[name] = given[name] if isinstance(given[name], bool) else None
    for name in (
        "owner_name", "root_chat_id", "parent_chat_id", "workspace_id", "build_id", "agent_id", "model_id", "plan_mode",
        "reasoning_effort", "client_type", "last_turn_summary", "summary",
    ):  # fmt: skip
        given[name] = text_or_none(given[name]) or None
    chat["pin_order"] = number(data.get("pin_order"))
    chat["mcp_server_ids"] = texts(data.get("mcp_server_ids"))
    chat["files"] = sound_objects(data.get("files"))
    chat["warnings"] = data["warnings"] if isinstance(data.get("warnings"), list) else []
    for name in ("diff_status", "context"):
        given[name] = fields(given[name]) or None
    chat["children"] = [chat_from(child, base_url) for child in data.get("children") or []]
    chat["url"] = f"{base_url}/agents/{chat['id']}"
    return chat


def error_from(value: Any) -> ChatError | None:
    """The error of the last turn. Servers of 2.33 tell it in a text; an unknown kind is a generic one."""
    if isinstance(value, str) and value:
        value = {"message": value}
    if not isinstance(value, dict) or not value:
        return None
    kind = text(value.get("kind"))
    return {
        "message": text(value.get("message")),
        "detail": text(value.get("detail")),
        "kind": kind if kind in ERROR_KINDS else "generic",
        "provider": text(value.get("provider")),
        "retryable": value.get("retryable") is True,
        "status_code": number(value.get("status_code")) or None,
    }


def age(chat: Chat) -> tuple[str, str, str]:
    """By what the oldest of several chats is told, by everybody alike: when it was created, then its id.

    Servers write a time without the zeros at its end, so its text alone does not sort.
    """
    whole, _dot, fraction = chat["created_at"].rstrip("Z").partition(".")
    return whole, fraction.ljust(9, "0"), chat["id"]


def family(chat: Chat) -> list[Chat]:
    """A chat and its sub-agents, which nest one level."""
    return [chat, *chat["children"]]
