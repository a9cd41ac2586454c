# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The messages of a chat: typed parts, tool calls with their results, and the text as it was said. Pure functions."""

from __future__ import annotations

from typing import Any, TypedDict

from ..answers import number, sound_objects, text, text_or_none
from ..backend import Message

# What each type of part has of its own. Servers give every part all the keys that any type has, mostly empty.
PARTS = {
    "text": ("text",),
    "reasoning": ("text", "created_at", "completed_at"),
    "tool-call": ("tool_call_id", "tool_name", "args"),
    "tool-result": ("tool_call_id", "tool_name", "result", "is_error"),
    "source": ("url", "text"),
    "file": ("file_id", "file_name", "media_type", "url"),
    "file-reference": ("file_name", "start_line", "end_line", "content"),
    "workspace-file-reference": ("file_name", "start_line", "end_line", "content"),
    "context-file": ("context_file_path", "context_file_agent_id", "content"),
    "skill": ("skill_name", "content"),
}
# What a person said or attached; other parts of a user's message come from the workspace.
_INPUT = ("text", "file", "file-reference", "workspace-file-reference")

Part = dict[str, Any]


class ChatMessage(TypedDict):
    """One message of a chat. ``role``: user, assistant, tool or system.

    ``text`` is what it says, its text parts joined; ``parts`` are typed, each with the keys of :data:`PARTS`, and those
    of an unknown type as the server gave them. A tool call has the ``result`` and ``is_error`` of the message that
    answers it, null while there is none. ``input``: whether a person, or a program for one, said it.
    """

    id: int
    role: str
    text: str
    parts: list[Part]
    input: bool
    created_at: str
    created_by: str | None
    model_id: str | None
    queued_message_id: int | None
    usage: dict[str, Any] | None


def message_problem(data: dict[str, Any]) -> str | None:
    """Why this cannot be a message of a chat; None if it can."""
    if number(data.get("id")) is None:
        return "its 'id' is no number"
    if not isinstance(data.get("role"), str):
        return "its 'role' is no text"
    content = data.get("content")
    if content is not None and not (isinstance(content, list) and all(isinstance(part, dict) for part in content)):
        return "its 'content' is no list of parts"
    return None


def messages_from(data: list[dict[str, Any]]) -> list[ChatMessage]:
    """The messages of a chat, oldest first, tool calls with their results.

    :param data: as the server gave them, in any order; :func:`message_problem` finds nothing in them.
    """
    ordered = sorted(data, key=lambda entry: int(entry["id"]))
    results = {
        text(part.get("tool_call_id")): part
        for entry in ordered
        for part in sound_objects(entry.get("content"))
        if part.get("type") == "tool-result"
    }
    return [_message_from(entry, results) for entry in ordered]


def _message_from(data: dict[str, Any], results: dict[str, Part]) -> ChatMessage:
    parts = [_part_from(part, results) for part in sound_objects(data.get("content"))]
    if data["role"] == "assistant":
        parts = _joined(parts)
    return {
        "id": data["id"],
        "role": data["role"],
        "text": "\n".join(part["text"] for part in parts if part["type"] == "text" and part["text"]),
        "parts": parts,
        "input": data["role"] == "user" and any(part["type"] in _INPUT for part in parts),
        "created_at": text(data.get("created_at")),
        "created_by": text_or_none(data.get("created_by")),
        "model_id": text_or_none(data.get("model_config_id")),
        "queued_message_id": number(data.get("queued_message_id")),
        "usage": data["usage"] if isinstance(data.get("usage"), dict) else None,
    }


def _part_from(data: Part, results: dict[str, Part]) -> Part:
    kind = text(data.get("type"))
    if kind not in PARTS:
        return {**data, "type": kind}
    part: Part = {"type": kind, **{name: data.get(name) for name in PARTS[kind]}}
    if "text" in part:
        part["text"] = text(part["text"])
    if kind == "tool-call":
        answer = results.get(text(data.get("tool_call_id")))
        part["result"] = answer.get("result") if answer else None
        part["is_error"] = answer.get("is_error") is True if answer else None
    if kind == "tool-result":
        part["is_error"] = part["is_error"] is True
    return part


def _joined(parts: list[Part]) -> list[Part]:
    """The parts of an answer; one that was interrupted has a text part per chunk of the model's stream."""
    joined: list[Part] = []
    for part in parts:
        if joined and part["type"] == "text" == joined[-1]["type"]:
            joined[-1] = {**joined[-1], "text": joined[-1]["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


def plain(messages: list[ChatMessage]) -> list[Message]:
    """What was said, as a conversation of whatever agent: without tools, and with the words of each message."""
    return [
        {
            "id": message["id"], "content": message["text"], "time": message["created_at"],
            "type": "input" if message["input"] else "output",
        }
        for message in messages
        if message["role"] == "assistant" or message["input"]
    ]  # fmt: skip


def queued_from(data: dict[str, Any]) -> dict[str, Any]:
    """A message that waits for its turn."""
    parts = [_part_from(part, {}) for part in sound_objects(data.get("content"))]
    return {
        "id": number(data.get("id")),
        "text": "\n".join(part["text"] for part in parts if part["type"] == "text"),
        "created_at": text(data.get("created_at")),
    }
