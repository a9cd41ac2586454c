# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chat's messages as people read and search them: what was said, thought, and done with tools, one after the other.

Each becomes a message in the form that tasks have, ``id``, ``type``, ``content`` and ``time``, and with these beside:
``who`` says it; a ``title`` stands for what is folded away; ``links`` are files, see ``Link``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional

from ..attachments import Attachment
from ..chat_log import is_seam, parts_of
from ..text import line

USER, AGENT, REASONING, TOOL, SYSTEM, CONTEXT = "User", "Agent", "Reasoning", "Tool", "System", "Context"
_TITLE_CHARS = 100
# What comes from the workspace and was said by nobody.
_CONTEXT_PARTS = ("context-file", "skill")
_TYPES = {USER: "input", AGENT: "output", REASONING: "reasoning", TOOL: "tool", SYSTEM: "system", CONTEXT: "context"}

Spoken = dict[str, Any]
# Its text; its address in the folder, or None; and what to say where there is none.
Link = tuple[str, Optional[str], str]
_UNREAD, _GONE = "could not be read", "is gone from the server"


def spoken(messages: Iterable[dict[str, Any]], files: Mapping[str, Attachment]) -> list[Spoken]:
    """The messages of a chat to be read, with the seams between them.

    :param messages: redacted already.
    :param files: the files that the chat carries, by their ids.
    """
    messages = list(messages)
    results = {
        str(part.get("tool_call_id")): part
        for message in messages
        for part in parts_of(message)
        if part.get("type") == "tool-result"
    }
    calls = {
        str(part.get("tool_call_id"))
        for message in messages
        for part in parts_of(message)
        if part.get("type") == "tool-call"
    }
    found: list[Spoken] = []
    for message in messages:
        if is_seam(message):
            found.append(message)
        else:
            found.extend(_of_message(message, results, calls, files))
    return found


def _of_message(
    message: dict[str, Any], results: dict[str, Any], calls: set[str], files: Mapping[str, Attachment]
) -> Iterator[Spoken]:
    speaker = {"user": USER, "assistant": AGENT, "tool": TOOL}.get(str(message.get("role")), SYSTEM)
    said: list[str] = []
    links: list[Link] = []

    def flush() -> Iterator[Spoken]:
        if said or links:
            yield _spoken(message, speaker, "".join(said) if speaker == AGENT else "\n".join(said), links=list(links))
        said.clear()
        links.clear()

    for part in parts_of(message):
        kind = part.get("type")
        if kind == "text":
            said.extend([str(part.get("text"))] if part.get("text") else [])
        elif kind == "file":
            links.append(_link(part, files))
        elif kind == "tool-result" and str(part.get("tool_call_id")) in calls:
            continue  # which stands with its call
        else:
            yield from flush()
            yield _other(message, speaker, part, results)
    yield from flush()


def _other(message: dict[str, Any], speaker: str, part: dict[str, Any], results: dict[str, Any]) -> Spoken:
    """A part that is folded away."""
    kind = part.get("type")
    if kind == "reasoning":
        return _spoken(message, REASONING, str(part.get("text") or ""), title="Reasoning")
    if kind == "tool-call":
        return _tool(message, part, results.get(str(part.get("tool_call_id"))))
    if kind == "tool-result":
        return _tool(message, {**part, "args": None}, part)
    if kind in _CONTEXT_PARTS:
        title = f"{kind}: {line(str(part.get('context_file_path') or part.get('skill_name') or ''))}".rstrip(": ")
        return _spoken(message, CONTEXT, str(part.get("content") or ""), title=title)
    if kind in ("file-reference", "workspace-file-reference"):
        lines = f"{part.get('start_line')}–{part.get('end_line')}"
        title = f"{line(str(part.get('file_name') or kind))}, lines {lines}"
        return _spoken(message, speaker, str(part.get("content") or ""), title=title)
    shown = {key: value for key, value in part.items() if value not in (None, "", [], {})}
    return _spoken(message, speaker, _readable(shown), title=line(str(kind or "unknown part")))


def _tool(message: dict[str, Any], call: dict[str, Any], result: dict[str, Any] | None) -> Spoken:
    """A tool's call and what it answered, in one."""
    failed = result is not None and result.get("is_error") is True
    state = " (failed)" if failed else "" if result is not None else " (no result)"
    given = call.get("args")
    title = f"{line(str(call.get('tool_name') or 'tool'))}{state} {_short(given)}".strip()
    texts = [_readable(given)] if given not in (None, "", {}, []) else []
    if result is not None:
        texts.append(f"{'Error' if failed else 'Result'}:\n{_readable(result.get('result'))}")
    return _spoken(message, TOOL, "\n\n".join(texts), title=title)


def _short(given: Any) -> str:
    """The beginning of what a tool was given; of one value that value."""
    if isinstance(given, dict) and len(given) == 1:
        given = next(iter(given.values()))
    text = line(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False) if given else "")
    return f"{text[:_TITLE_CHARS].rstrip()}…" if len(text) > _TITLE_CHARS else text


def _readable(value: Any) -> str:
    """A value as a person reads it: text as it is, an object with only texts in it by their names, else JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, dict) and value and all(isinstance(item, str) for item in value.values()):
        return "\n".join(f"{name}:{' ' if chr(10) not in item else chr(10)}{item}" for name, item in value.items())
    return json.dumps(value, ensure_ascii=False, indent=2)


def _link(part: dict[str, Any], files: Mapping[str, Attachment]) -> Link:
    known = files.get(str(part.get("file_id")))
    if known is None:
        return line(str(part.get("name") or part.get("file_name") or part.get("file_id") or "file")), None, _UNREAD
    return line(known["name"] or known["id"]), known["file"], _GONE if known.get("gone") else _UNREAD


def _spoken(
    message: dict[str, Any],
    who: str,
    content: str,
    *,
    title: str = "",
    links: list[Link] | None = None,
) -> Spoken:
    return {
        "id": message.get("id"), "type": _TYPES[who], "content": content, "time": message.get("created_at"),
        "who": who, "title": title, "links": links or [],
    }  # fmt: skip
