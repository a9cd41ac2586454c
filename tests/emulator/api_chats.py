# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of chats: making, listing, reading and changing them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator import api_chat_files, api_chat_messages, api_chat_models, api_chat_settings, chats_sockets
from emulator.answers import Answer, ApiError, empty, json_answer, not_found
from emulator.api_general import uuid_param
from emulator.auth import require_user
from emulator.chats_dialects import ChatDialect
from emulator.chats_objects import created_diff
from emulator.chats_requests import (
    ZERO,
    changeable_chat,
    check_no_nul,
    check_plan_mode,
    check_usage,
    decode,
    forbidden,
    input_parts,
    input_title,
    mcp_servers,
    model_of,
    owned_chat,
    reasoning_effort,
    refused_transition,
    require_gateway,
    shown_chat,
)  # fmt: skip
from emulator.chats_search import listed
from emulator.chats_views import ChatViews
from emulator.dialects import EXPERIMENTAL
from emulator.request import Request
from emulator.router import Group, Router
from emulator.world import User, as_uuid

if TYPE_CHECKING:
    from emulator.chats_objects import Chat

_CREATE = {
    "organization_id": "uuid.UUID",
    "owner_id": "uuid.UUID",
    "content": "[]codersdk.ChatInputPart",
    "system_prompt": "string",
    "workspace_id": "uuid.UUID",
    "model_config_id": "uuid.UUID",
    "mcp_server_ids": "[]uuid.UUID",
    "labels": "map[string]string",
    "unsafe_dynamic_tools": "[]codersdk.DynamicTool",
    "plan_mode": "string",
    "client_type": "string",
    "reasoning_effort": "string",
}
_UPDATE = {
    "title": "string",
    "labels": "map[string]string",
    "workspace_id": "uuid.UUID",
    "plan_mode": "string",
    "archived": "bool",
    "pin_order": "int64",
    "read": "bool",
}
_LABEL_KEY = "^[a-zA-Z0-9][a-zA-Z0-9._/-]*$"
_NO_WORKSPACE = "Workspace not found or you do not have access to this resource"
_AT_MOST_WORKSPACES = 25


def add_routes(router: Router, dialect: ChatDialect) -> None:
    """Add the routes that this version has, under each of its prefixes."""
    for prefix in dialect.prefixes:
        chats = router.group(f"{prefix}/chats", require_user)
        chats.route("GET", "", _list)
        chats.route("POST", "", _create)
        router.group(f"{prefix}/chats/by-workspace", require_user).route("GET", "", _by_workspace)
        chat = router.group(f"{prefix}/chats/{{chat}}", require_user, _find_chat)
        _add_chat(chat, dialect, prefix)
        api_chat_messages.add_routes(chat, dialect)
        chats_sockets.add_routes(router, chat, prefix)
        api_chat_files.add_routes(router, dialect, prefix)
        api_chat_settings.add_routes(router, dialect, prefix)
        api_chat_models.add_chat_routes(router, dialect, prefix)
    api_chat_models.add_routes(router, dialect)


def _add_chat(chat: Group, dialect: ChatDialect, prefix: str) -> None:
    chat.route("GET", "", _get)
    chat.route("PATCH", "", _patch)
    chat.route("POST", "interrupt", _interrupt)
    chat.route("GET", "acl", _acl)
    chat.route("PATCH", "acl", _patch_acl)
    chat.route("GET", "diff", _diff)
    chat.route("POST", "title/propose", _propose_title)
    if dialect.title_regenerate:
        chat.route("POST", "title/regenerate", _regenerate_title)
    if prefix == EXPERIMENTAL:
        chat.route("GET", "debug/runs", _debug_runs)
    if dialect.reconcile:
        chat.route("POST", "reconcile-invalid", _reconcile)
    if dialect.cost:
        chat.route("GET", "cost", _cost)
        chat.route("POST", "compact", _compact)
    if dialect.clear:
        chat.route("POST", "clear", _clear)


def _find_chat(request: Request) -> None:
    """Guard: the {chat} of the path, if the caller may see it.

    :raises ApiError: when it is refused.
    """
    assert request.caller is not None
    chat = request.chats.chats.get(uuid_param(request, "chat"))
    if chat is None or not request.chats.may_see(request.caller, chat):
        raise not_found()
    request.chat = chat


# Listing and reading


async def _list(request: Request) -> Answer:
    views = ChatViews(request.chats)
    return json_answer(200, [views.chat(chat, listed=True) for chat in listed(request)])


async def _get(request: Request) -> Answer:
    return json_answer(200, ChatViews(request.chats).chat(shown_chat(request), single=True))


async def _by_workspace(request: Request) -> Answer:
    """The newest chat of each workspace that is not archived."""
    given = [text for text in request.query.get("workspace_ids", "").split(",") if text]
    wrong = next((text for text in given if as_uuid(text) is None), None)
    if wrong is not None:
        raise ApiError(400, f'Invalid workspace ID "{wrong}": invalid UUID length: {len(wrong)}')
    if len(given) > _AT_MOST_WORKSPACES:
        raise ApiError(400, f"Too many workspace IDs, at most {_AT_MOST_WORKSPACES}.")
    assert request.caller is not None
    found: dict[str, str] = {}
    for chat in sorted(request.chats.all(), key=lambda chat: chat.updated):
        if (
            chat.workspace_id in map(as_uuid, given)
            and not chat.archived
            and request.chats.may_see(request.caller, chat)
        ):
            found[chat.workspace_id] = chat.id
    return json_answer(200, found)


async def _diff(request: Request) -> Answer:
    return json_answer(200, {"chat_id": shown_chat(request).id})


async def _debug_runs(request: Request) -> Answer:
    shown_chat(request)
    return json_answer(200, [])


async def _cost(request: Request) -> Answer:
    """Money of a family. Beside the turns, the making of title and summary are requests too."""
    family = shown_chat(request).family()
    made = sum(chat.requests + (2 if chat.requests else 0) for chat in family)
    spent = sum(chat.spent for chat in family)
    unpriced = 0 if spent else made
    counts = {"total_cost_micros": spent, "request_count": made, "unpriced_request_count": unpriced}
    return json_answer(200, {"chat_id": shown_chat(request).id, **counts})


# Creating


async def _create(request: Request) -> Answer:
    chats, caller = request.chats, request.caller
    assert caller is not None
    dialect = chats.dialect
    body = decode(request, "codersdk.CreateChatRequest", _CREATE)
    organization = str(body.get("organization_id", ZERO))
    if organization == ZERO:
        raise ApiError(400, "organization_id is required.")
    if organization != request.world.organization["id"]:
        raise ApiError(403, "You are not a member of the specified organization.")
    if not chats.may_use(caller):
        raise forbidden()
    require_gateway(request)
    owner = _owner(request, body, caller)
    content = [] if dialect.empty_create and not body.get("content") else input_parts(request, body, owner)
    check_plan_mode(body)
    client = body.get("client_type", "api")
    if client not in ("ui", "api"):
        raise ApiError(400, "Invalid client_type.", f'got "{client}", want one of [ui api]')
    prompt = body.get("system_prompt", "")
    if dialect.prompt_limit and len(prompt) > dialect.prompt_limit:
        limit = f"System prompt must be at most {dialect.prompt_limit} characters, got {len(prompt)}."
        raise ApiError(400, "System prompt exceeds maximum length.", limit)
    tools = _dynamic_tools(body)
    effort = reasoning_effort(request, body)
    workspace = _workspace(request, body["workspace_id"], owner) if "workspace_id" in body else ""
    servers = mcp_servers(request, body)
    labels = _valid_labels(body.get("labels", {}))
    check_usage(request, owner)
    model = model_of(request, body, creating=True)
    check_no_nul("Failed to create chat.", content)
    chat = chats.insert(owner, model, input_title(content) or "New Chat")
    chat.plan_mode, chat.client_type, chat.system_prompt = body.get("plan_mode", ""), client, prompt
    chat.dynamic_tools, chat.reasoning_effort, chat.workspace_id = tools, effort, workspace
    chat.labels, chat.mcp_server_ids = labels, servers
    chats.audit[-1].diff, chats.audit[-1].user = created_diff(chat), caller
    if content:
        api_chat_messages.take_files(request, chat, content)
        chats.turns.open(chat, content)
        chats.turns.plan_title(chat)
    return json_answer(201, ChatViews(chats).chat(chat))


def _owner(request: Request, body: dict[str, Any], caller: User) -> User:
    """Whose chat it becomes. Older servers ignore what the body says."""
    wanted = str(body.get("owner_id", ZERO))
    if not request.chats.dialect.owner_id or wanted in (ZERO, caller.id):
        return caller
    if not (caller.owner or caller.service_account):
        raise forbidden()
    owner = next((user for user in request.world.users if user.id == wanted), None)
    if owner is None or owner.status != "active" or owner.service_account:
        raise ApiError(400, "Invalid owner_id: the owner must be an active member of the organization.")
    return owner


def _dynamic_tools(body: dict[str, Any]) -> list[str]:
    names: list[str] = []
    for tool in body.get("unsafe_dynamic_tools", []):
        name = tool.get("name", "") if isinstance(tool, dict) else ""
        if not name:
            raise ApiError(400, "Dynamic tool name is required.")
        if name in names:
            raise ApiError(400, "Duplicate dynamic tool name.", f'Tool "{name}" appears more than once.')
        names.append(name)
    return names


def _workspace(request: Request, identity: Any, owner: User) -> str:
    """A workspace that a chat may be bound to.

    :raises ApiError: 400.
    """
    workspace = request.world.workspaces.get(str(identity))
    if workspace is None or not owner.may_access(workspace.owner):
        raise ApiError(400, _NO_WORKSPACE)
    return workspace.id


def _valid_labels(labels: dict[str, str]) -> dict[str, str]:
    problem = _label_problem(labels)
    if problem:
        raise ApiError(400, "Invalid labels.", validations={"labels": problem})
    return labels


def _label_problem(labels: dict[str, str]) -> str:
    if len(labels) > 50:
        return f"too many labels ({len(labels)}); maximum is 50"
    for key, value in labels.items():
        if not key:
            return "label key must not be empty"
        if len(key.encode()) > 64:
            return f'label key "{key}" exceeds maximum length of 64 bytes'
        if not re.fullmatch(_LABEL_KEY[1:-1], key):
            return f'label key "{key}" contains invalid characters; must match {_LABEL_KEY}'
        if not value:
            return f'label value for key "{key}" must not be empty'
        if len(value.encode()) > 256:
            return f'label value for key "{key}" exceeds maximum length of 256 bytes'
    return ""


# Changing


async def _patch(request: Request) -> Answer:
    """Apply the fields one after another: what comes before a wrong one stays changed."""
    chat = changeable_chat(request)
    body = decode(request, "codersdk.UpdateChatRequest", _UPDATE)
    steps: dict[str, Callable[[Request, Chat, Any], None]] = {
        "title": _set_title,
        "labels": _set_labels,
        "workspace_id": _bind,
        "plan_mode": _set_plan_mode,
        "archived": _set_archived,
        "pin_order": _pin,
    }
    if request.chats.dialect.read:
        steps["read"] = _set_read
    for name, step in steps.items():
        if name in body:
            step(request, chat, body[name])
    return empty(204)


def _set_title(request: Request, chat: Chat, value: str) -> None:
    title = value.strip()
    if not title:
        raise ApiError(400, "Title cannot be empty.")
    if len(title) > 200:
        raise ApiError(400, "Title must be at most 200 characters.")
    if "\0" in title:
        raise ApiError(500, "Failed to update chat title.", 'pq: invalid byte sequence for encoding "UTF8": 0x00')
    chat.title = title
    request.chats.turns.events.watch("title_change", chat)


def _set_labels(request: Request, chat: Chat, value: dict[str, str]) -> None:
    assert request.caller is not None
    old, chat.labels = chat.labels, _valid_labels(value)
    chat.updated = request.chats.now()
    request.chats.record_write(request.caller, chat, "labels", old, chat.labels)


def _bind(request: Request, chat: Chat, value: Any) -> None:
    chat.workspace_id = "" if str(value) == ZERO else _workspace(request, value, chat.owner)
    chat.build_id = chat.agent_id = ""
    chat.updated = request.chats.now()


def _set_plan_mode(request: Request, chat: Chat, value: str) -> None:
    check_plan_mode({"plan_mode": value})
    chat.plan_mode = value


def _set_archived(request: Request, chat: Chat, value: bool) -> None:
    chats, turns = request.chats, request.chats.turns
    assert request.caller is not None
    if chat.parent is not None and not chats.dialect.archives_anything:
        raise ApiError(400, "Chat archive state can only be changed on the root chat.")
    if chat.archived == value:
        raise ApiError(400, f"Chat is already {'' if value else 'not '}archived.")
    busy = next((member for member in chat.family() if member.busy), None) if value else None
    if busy is not None and not chats.dialect.archives_anything:
        raise refused_transition(
            busy,
            "SetArchived",
            "Cannot archive an active chat. Interrupt or wait for the chat to finish first.",
            "execute transaction: execute transaction",
        )
    for member in chat.family() if busy is not None else ():
        turns.interrupt_at_once(member)
    chats.set_archived(chat, value)
    chats.record_write(request.caller, chat, "archived", not value, value)
    for member in chat.family():
        turns.events.watch("deleted" if value else "created", member)


def _pin(request: Request, chat: Chat, value: int) -> None:
    if value < 0:
        raise ApiError(400, "Pin order must be non-negative.")
    if value and chat.archived:
        raise ApiError(400, "Cannot pin an archived chat.")
    chat.pin_order = value


def _set_read(request: Request, chat: Chat, value: bool) -> None:
    chat.last_read = chat.messages[-1].id if value and chat.messages else 0


async def _interrupt(request: Request) -> Answer:
    chat, chats = changeable_chat(request), request.chats
    if chats.dialect.interrupts_anything:
        if chat.status != "pending":
            chats.turns.interrupt_at_once(chat)
    elif chat.archived or chat.status not in ("running", "requires_action"):
        raise refused_transition(chat, "Interrupt", "Chat is not in an interruptible state.")
    else:
        chats.turns.interrupt(chat)
    return json_answer(200, ChatViews(chats).chat(chat))


async def _reconcile(request: Request) -> Answer:
    """Make an error of a state that cannot be."""
    chat = owned_chat(request)
    if chat.invalid:
        chat.invalid = False
        chat.fail("The chat was in an invalid state.")
        return json_answer(200, ChatViews(request.chats).chat(chat))
    why = ": reconcile is only valid for invalid states"
    raise refused_transition(chat, "ReconcileInvalidState", "Chat is not in an invalid state.", why=why)


async def _compact(request: Request) -> Answer:
    chat, chats = changeable_chat(request), request.chats
    if request.caller is not chat.owner:
        raise ApiError(403, "Only the chat owner may compact the chat.")
    if chat.archived:
        raise ApiError(400, "Cannot compact an archived chat.")
    require_gateway(request)
    if chat.busy:
        raise refused_transition(chat, "StartCompaction", "Cannot compact an active chat.")
    if not chat.messages or chat.messages[-1].id <= chat.compacted:
        text = "The chat has no conversation to summarize after the latest compaction."
        raise ApiError(409, "Nothing to compact.", text)
    chats.turns.compact(chat)
    return json_answer(200, ChatViews(chats).chat(chat))


async def _clear(request: Request) -> Answer:
    """Forget the conversation. Read, not measured."""
    chat = changeable_chat(request)
    if chat.busy or chat.archived:
        raise refused_transition(chat, "Clear", "Cannot clear an active or archived chat.")
    chat.messages.clear()
    chat.updated = request.chats.now()
    return json_answer(200, ChatViews(request.chats).chat(chat))


async def _regenerate_title(request: Request) -> Answer:
    chat = changeable_chat(request)
    chat.title = "Fake generated title"
    return json_answer(200, ChatViews(request.chats).chat(chat))


async def _propose_title(request: Request) -> Answer:
    changeable_chat(request)
    return json_answer(200, {"title": "Fake generated title"})


# Sharing


async def _acl(request: Request) -> Answer:
    chat = shown_chat(request)
    names = {user.id: user.username for user in request.world.users}
    users = [{"id": key, "username": names.get(key, ""), "role": role} for key, role in chat.readers.items()]
    return json_answer(200, {"users": users, "groups": []})


async def _patch_acl(request: Request) -> Answer:
    chat = changeable_chat(request)
    body = request.json(
        "codersdk.UpdateChatACL", {"user_roles": "map[string]string", "group_roles": "map[string]string"}
    )
    for user, role in body.get("user_roles", {}).items():
        if role not in ("", "read"):
            raise ApiError(
                400, "Invalid ACL update.", validations={"user_roles": f'role "{role}" is not a valid chat role'}
            )
        if role:
            chat.readers[user] = role
        else:
            chat.readers.pop(user, None)
    return empty(204)
