# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that a message consists of, with the keys that are not empty; the views add the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.chats_objects import File


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def tool_call(call: str, name: str, arguments: Any, **more: Any) -> dict[str, Any]:
    """A call of a tool; more: created_at as a moment, parsed_commands."""
    return {"type": "tool-call", "tool_call_id": call, "tool_name": name, "args": arguments, **more}


def tool_result(call: str, name: str, result: Any, *, is_error: bool = False, **more: Any) -> dict[str, Any]:
    part = {"type": "tool-result", "tool_call_id": call, "tool_name": name, "result": result}
    return {**part, **({"is_error": True} if is_error else {}), **more}


def file_part(file: File) -> dict[str, Any]:
    return {"type": "file", "media_type": file.media_type, "name": file.name, "file_id": file.id}


def context_part(agent: str) -> dict[str, Any]:
    """What a workspace tells the model of itself; the emulated ones have no files for that."""
    return {"type": "context-file", "context_file_agent_id": agent}


def text_of(content: list[dict[str, Any]]) -> str:
    """The text of a message, as prompts tell it."""
    return " ".join(part["text"] for part in content if part["type"] == "text")


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Streamed chunks as the message that a finished answer becomes: neighbours of one type in one part."""
    whole: list[dict[str, Any]] = []
    for part in parts:
        if whole and whole[-1]["type"] == part["type"] and "text" in part:
            whole[-1] = {**whole[-1], "text": whole[-1]["text"] + part["text"]}
        else:
            whole.append(part)
    return whole


def parsed_commands(command: str) -> list[list[str]]:
    """The programs of a shell command, each with its first argument that is no option."""
    found = []
    for piece in re.split(r";|&&|\|\|?", command):
        words = [word for word in piece.split() if not word.startswith("-")]
        if words:
            found.append(words[:2])
    return found
