# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bodies of chat requests have in common: how large they may be, content, models, limits."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.answers import ApiError, json_answer, not_found
from emulator.chats_objects import title_of
from emulator.chats_parts import file_part, text_part
from emulator.clock import go_time
from emulator.request import Request
from emulator.world import User, as_uuid

if TYPE_CHECKING:
    from emulator.chats import Chats
    from emulator.chats_objects import Chat

ZERO = str(uuid.UUID(int=0))
BODY_LIMIT = 256 * 1024
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_NUL = 'pq: invalid byte sequence for encoding "UTF8": 0x00'


def forbidden() -> ApiError:
    """The 403 of somebody who lacks a permission."""
    return ApiError(
        403,
        "Forbidden.",
        "You don't have permission to view this content. If you believe this is a mistake, please contact your "
        "administrator or try signing in with different credentials.",
    )


def require_owner(request: Request) -> None:
    """Guard: only a site owner may.

    :raises ApiError: 403.
    """
    if request.caller is None or not request.caller.owner:
        raise forbidden()


def shown_chat(request: Request) -> Chat:
    """The chat that the guard found."""
    assert request.chat is not None
    return request.chat


def changeable_chat(request: Request) -> Chat:
    """The chat, for a caller who may change it: a reader may not, and nobody while its state is invalid.

    :raises ApiError: 404 or 409.
    """
    chat = owned_chat(request)
    if chat.invalid:
        raise ApiError(409, "Chat is in an invalid state.")
    return chat


def owned_chat(request: Request) -> Chat:
    """The chat, for its owner and for a site owner.

    :raises ApiError: 404.
    """
    chat = shown_chat(request)
    assert request.caller is not None
    if not request.chats.may_change(request.caller, chat):
        raise not_found()
    return chat


def require_gateway(request: Request) -> None:
    """Refuse a change while the AI Gateway, which newer servers need, is off.

    :raises ApiError: 503.
    """
    if request.chats.dialect.gateway and not request.chats.ai_gateway:
        raise ApiError(503, "AI Gateway is disabled. Chats need it: set CODER_AI_GATEWAY_ENABLED.")


def refused_transition(
    chat: Chat, transition: str, message: str, where: str = "execute transaction", why: str = ""
) -> ApiError:
    """The 409 of a change that a chat's state does not allow."""
    detail = f"{where}: chat state transition {transition} not allowed from state {_state(chat)}{why}"
    return ApiError(409, message, detail)


def _state(chat: Chat) -> str:
    """The state as Coder abbreviates it: X for archived; 1 with a queue, else 0."""
    letter = {"waiting": "W", "error": "E", "running": "R", "pending": "P", "interrupting": "I"}.get(chat.status, "A")
    queue = "" if letter == "W" else str(int(bool(chat.queue)))
    return f"{'X' if chat.archived else ''}{letter}{queue}"


def decode(request: Request, name: str, fields: dict[str, str]) -> dict[str, Any]:
    """The body as a Go struct.

    :raises ApiError: when it is refused.
    """
    if len(request.body) > BODY_LIMIT and request.chats.dialect.body_limit_status == 413:
        raise ApiError(413, "Request body too large.", f"Maximum request body size is {BODY_LIMIT} bytes.")
    return request.json(name, fields, BODY_LIMIT)


def input_parts(request: Request, body: dict[str, Any], author: User) -> list[dict[str, Any]]:
    """The content of a message as it is stored.

    :raises ApiError: 400.
    """
    content = body.get("content") or []
    if not content:
        raise ApiError(400, "Content is required.", "Content cannot be empty.")
    return [_input_part(request, part, f"content[{index}]", author) for index, part in enumerate(content)]


def _input_part(request: Request, part: Any, where: str, author: User) -> dict[str, Any]:
    def refuse(problem: str) -> ApiError:
        return ApiError(400, "Invalid input part.", f"{where}.{problem}")

    given = part if isinstance(part, dict) else {}
    kind = str(given.get("type") or "")
    if kind.lower() == "text":
        text = str(given.get("text") or "").strip()
        if not text:
            raise refuse("text cannot be empty.")
        return text_part(text)
    if kind.lower() == "file":
        if not given.get("file_id"):
            raise refuse("file_id is required for file parts.")
        file = request.chats.files.get(as_uuid(str(given["file_id"])) or "")
        if file is None or file.owner is not author:
            raise refuse("file_id references a file that does not exist.")
        return file_part(file)
    if kind.lower() == "file-reference":
        if not given.get("file_name"):
            raise refuse("file_name cannot be empty for file-reference.")
        kept = {key: given[key] for key in ("file_name", "start_line", "end_line", "content") if key in given}
        return {"type": "file-reference", **kept}
    raise refuse(f'type "{kind}" is not supported.')


def input_title(content: list[dict[str, Any]]) -> str:
    """The first title of a chat that begins with this content."""
    texts = []
    for part in content:
        if part["type"] == "text":
            texts.append(part["text"])
        elif part["type"] == "file-reference":
            name = part["file_name"]
            lines = f"{part.get('start_line', 0)}-{part.get('end_line', 0)}"
            texts.append(f"[file-reference] {name}:{lines}\n```{name}\n{part.get('content', '')}\n```")
    return title_of(" ".join(texts))


def check_no_nul(message: str, content: list[dict[str, Any]]) -> None:
    """The database takes no NUL.

    :raises ApiError: 500.
    """
    if any("\0" in str(value) for part in content for value in part.values()):
        raise ApiError(500, message, f"execute transaction: insert chat: {_NUL}")


def check_plan_mode(body: dict[str, Any]) -> None:
    """Refuse what is not allowed.

    :raises ApiError: 400.
    """
    if body.get("plan_mode", "") not in ("", "plan"):
        raise ApiError(400, "Invalid plan_mode value.")


def mcp_servers(request: Request, body: dict[str, Any]) -> list[str]:
    """The MCP servers of a new chat.

    :raises ApiError: 400.
    """
    given = [str(each) for each in body.get("mcp_server_ids", [])]
    known = {server["id"] for server in request.chats.mcp_servers if server["enabled"]}
    wrong = [each for each in given if each not in known]
    if wrong:
        raise ApiError(400, request.chats.dialect.mcp_error, f"Invalid IDs: {', '.join(wrong)}")
    return given


def reasoning_effort(request: Request, body: dict[str, Any]) -> str:
    """What the body asks for; older servers ignore it.

    :raises ApiError: 400.
    """
    if not request.chats.dialect.summary:
        return ""
    effort = body.get("reasoning_effort", "")
    if effort and effort not in _EFFORTS:
        detail = f'Invalid value "{effort}", must be one of {", ".join(_EFFORTS)}'
        raise ApiError(400, "Invalid reasoning_effort value.", detail)
    return str(effort)


def model_of(request: Request, body: dict[str, Any], *, creating: bool = False, current: str = "") -> str:
    """The id of the model that a body asks for, else the current one, else the default one.

    :raises ApiError: 400.
    """
    chats: Chats = request.chats
    if "model_config_id" not in body or (current and str(body["model_config_id"]) == ZERO):
        default = chats.default_model()
        if current or default is not None:
            return current or (default.id if default else "")
        if chats.dialect.organization_models:
            raise ApiError(400, "No model is available to you in this organization.")
        raise ApiError(400, "No default chat model config is configured.")
    wanted = str(body["model_config_id"])
    model = chats.models.get(wanted)
    if chats.dialect.checks_model:
        if model is None or not model.enabled:
            raise ApiError(400, "Invalid model_config_id: model config not found or disabled.")
    elif model is None and wanted not in chats.gone_models:
        key = 'insert or update on table "chats" violates foreign key constraint "chats_last_model_config_id_fkey"'
        detail = f"execute transaction: insert chat: pq: {key}" if creating and wanted != ZERO else ""
        raise ApiError(400, "Invalid model config ID.", detail)
    return wanted


def check_usage(request: Request, owner: User) -> None:
    """Refuse what a user has no money left for.

    :raises ApiError: 409.
    """
    chats = request.chats
    spent = spent_by(request, owner)
    if chats.usage_limit is None or spent < chats.usage_limit:
        return
    error = ApiError(409, "Chat usage limit exceeded.")
    if chats.dialect.usage_details:
        details = {"spent_micros": spent, "limit_micros": chats.usage_limit, "resets_at": usage_period(request)[1]}
        error.answer = json_answer(409, {"message": "Chat usage limit exceeded.", **details})
    raise error


def spent_by(request: Request, user: User) -> int:
    """Micros that the chats of a user cost so far."""
    return sum(chat.spent for chat in request.chats.all() if chat.owner is user)


def usage_period(request: Request) -> tuple[str, str]:
    """Begin and end of the current period of the usage limit."""
    today = request.world.clock.wall().replace(hour=0, minute=0, second=0, microsecond=0)
    if request.chats.usage_period == "day":
        return go_time(today), go_time(today + timedelta(days=1))
    first = today.replace(day=1)
    return go_time(first), go_time((first + timedelta(days=32)).replace(day=1))
