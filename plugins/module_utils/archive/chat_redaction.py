# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the secrets out of a chat: out of what is said, and out of what its tools were given and answered.

What a tool is given and answers is data of any form. There no key is trusted to be harmless, and a value is also looked
at together with its key, as in ``{"password": "..."}``, because the value alone may look like a word.
"""

from __future__ import annotations

import json
from typing import Any

from .names import kind_of
from .record import Message
from .redact import Redactor, only_marks

# Ids, states and times are nobody's words, and an id looks like a key: the redaction leaves these values alone.
CHAT_STRUCTURE = frozenset((
    "id", "owner_id", "organization_id", "workspace_id", "build_id", "agent_id", "model_id", "root_chat_id",
    "parent_chat_id", "mcp_server_ids", "children", "created_at", "updated_at", "status", "purge_after", "chat_id",
))  # fmt: skip
_MESSAGE_STRUCTURE = frozenset((
    "id", "chat_id", "created_by", "model_config_id", "created_at", "role", "queued_message_id", "usage",
))  # fmt: skip
_PART_STRUCTURE = frozenset((
    "type", "tool_call_id", "file_id", "media_type", "mcp_server_config_id", "context_file_agent_id", "created_at",
    "completed_at",
))  # fmt: skip


def redacted_messages(messages: list[Message], redactor: Redactor | None) -> list[Message]:
    """The same messages as they are written; those in a queue too."""
    if redactor is None:
        return messages
    return [_message(message, redactor) for message in messages]


def _message(message: Message, redactor: Redactor) -> Message:
    return {
        key: value if key in _MESSAGE_STRUCTURE
        else [_part(part, redactor) for part in value] if key == "content" and isinstance(value, list)
        else _data(value, redactor, key)
        for key, value in message.items()
    }  # fmt: skip


def _part(part: Any, redactor: Redactor) -> Any:
    if not isinstance(part, dict):
        return _data(part, redactor)
    kept = {key: value for key, value in part.items() if key in _PART_STRUCTURE}
    return {redactor.redact(key).text: kept[key] if key in kept else _data(part[key], redactor, key) for key in part}


def _data(value: Any, redactor: Redactor, key: str = "") -> Any:
    if isinstance(value, str):
        return _text(value, redactor, key) if value else value
    if isinstance(value, dict):
        return {redactor.redact(name).text: _data(item, redactor, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_data(item, redactor, key) for item in value]
    return value


def _text(value: str, redactor: Redactor, key: str) -> str:
    text = redactor.redact(value).text
    if not key or not kind_of(key) or only_marks(text) == text:
        return text
    seen = redactor.redact(json.dumps({key: text}, ensure_ascii=False)).text
    try:
        (found,) = json.loads(seen).values()
    except ValueError:  # a mark took the quotes with it, as one of a user's rule for JSON does
        return only_marks(seen)
    return str(found)
