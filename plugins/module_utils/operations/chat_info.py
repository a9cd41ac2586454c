# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read one chat or many, and why those that are not well are not."""

from __future__ import annotations

from typing import Any

from ..coder.chats.backend import ChatsBackend
from ..coder.chats.models import CHAT_FIELDS, Chat, family
from ..coder.errors import CoderError
from .at_once import at_once
from .chat_selection import (
    ChatSelectionParams,
    chat_exclusions,
    chat_selection_spec,
    choose_chats,
    summarize_chats,
)
from .connection import ConnectionParams, connection_spec
from .context import Context
from .fields import FieldsParams, chosen_fields, fields_spec, pick
from .spec import Options, Spec

# In the result of a failure, so that whoever tries again until something is there can ask for it.
IF_FAILED: dict[str, Any] = {"chats": []}
# What a person looks for first.
BRIEF = ("name", "title", "owner_username", "status", "reason", "updated_at", "purge_after", "url")
FIELDS = (*CHAT_FIELDS, "url", "purge_after", "reason", "queue", "cost")


class ChatInfoParams(ConnectionParams, ChatSelectionParams, FieldsParams):
    """The options of this operation."""

    children: str
    queue: bool
    cost: bool


def spec() -> Spec:
    """The operation's options."""
    own: Options = {
        "children": {"type": "str", "choices": ["nested", "flat"], "default": "nested"},
        "queue": {"type": "bool", "default": False},
        "cost": {"type": "bool", "default": False},
    }
    return {
        "argument_spec": {**connection_spec(), **chat_selection_spec(), **fields_spec(), **own},
        "mutually_exclusive": chat_exclusions(),
        "supports_check_mode": True,
    }


def run(context: Context[ChatInfoParams]) -> dict[str, Any]:
    """Result: ``chats``, ``missing`` ids and names, ``summary``, ``scope``, and ``audit_log`` of a whole deployment."""
    params = context.params
    names = chosen_fields(params["fields"], BRIEF, FIELDS)
    chosen = choose_chats(context)
    backend = context.session.chats
    wanted = chosen.chats
    if params["children"] == "flat":
        wanted = [each for chat in chosen.chats for each in family(chat)]
    chats = at_once(lambda chat: _told(backend, chat, params), wanted, params["concurrency"])
    result: dict[str, Any] = {
        "changed": False,
        "chats": [pick(chat, names) for chat in chats],
        "missing": chosen.missing,
        "summary": summarize_chats(chosen.chats),
        "scope": chosen.scope,
    }
    if chosen.audit_log is not None:
        result["audit_log"] = chosen.audit_log
    return result


def _told(backend: ChatsBackend, chat: Chat, params: ChatInfoParams) -> Chat:
    """The chat with what was asked for beside it."""
    told = backend.with_reason({**chat, "purge_after": backend.purge_after(chat)})
    if params["children"] == "flat":
        told["children"] = []
    else:
        bare: ChatInfoParams = {**params, "queue": False, "cost": False}
        told["children"] = [_told(backend, child, bare) for child in chat["children"]]
    if params["queue"]:
        told["queue"] = backend.queue(chat)
    if params["cost"]:
        told["cost"] = _cost(backend, chat)
    return told


def _cost(backend: ChatsBackend, chat: Chat) -> dict[str, Any] | None:
    """What it cost; None where this server does not tell, or not to this token."""
    try:
        return backend.cost(chat)
    except CoderError as error:
        if error.kind not in ("unsupported", "not_found", "forbidden"):
            raise
        return None
