# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcript of one task, as a page and as Markdown."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..text import line, plain
from . import page
from .transcript_page import PAGE, SCRIPT

_FOLD_LINES = 40
_SHOWN_LINES = 24
_FOLD_CHARS = 6000


class _Block(NamedTuple):
    """A message as the page shows it; `rest` is folded away."""

    number: int
    role: str
    time: str | None
    shown: str
    rest: str
    rest_lines: int


def html(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    return page.render(
        PAGE,
        SCRIPT,
        entry=entry,
        task=task,
        title=_title(entry),
        status=line(entry["status"] or "unknown"),
        notes=page.notes(entry),
        state=(task.get("current_state") or {}).get("message"),
        blocks=[_block(number, message) for number, message in enumerate(messages, 1)],
    )


def markdown(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    text = page.markdown_text
    facts = {
        "Owner": entry["owner"],
        "Template": entry["template"],
        "Status": entry["status"],
        "Created": page.clock(entry["created_at"]),
        "Source": entry["source"],
        "Messages": str(entry["messages"]),
        "Id": entry["id"],
    }
    parts = [f"# {text(_title(entry))}\n"]
    parts.append("".join(f"- **{name}:** {text(value) or '–'}\n" for name, value in facts.items()))
    parts += [f"> **Note:** {text(sentence)}\n" for _kind, sentence in page.notes(entry)]
    if task.get("initial_prompt"):
        parts += ["## Prompt\n", page.fenced(task["initial_prompt"])]
    for number, message in enumerate(messages, 1):
        when = f" · {text(page.clock(message['time']))} UTC" if message.get("time") else ""
        parts += [f"## {number}. {_role(message)}{when}\n", page.fenced(_content(message))]
    return "\n".join(parts)


def _title(entry: dict[str, Any]) -> str:
    return str(entry["display_name"] or entry["name"] or entry["id"])


def _role(message: dict[str, Any]) -> str:
    return "User" if message.get("type") == "input" else "Agent"


def _content(message: dict[str, Any]) -> str:
    return str(message.get("content") or "")


def _block(number: int, message: dict[str, Any]) -> _Block:
    text = plain(_content(message)).strip("\n")
    lines = text.split("\n")
    shown = text
    if len(lines) > _FOLD_LINES:
        shown = "\n".join(lines[:_SHOWN_LINES])
    if len(shown) > _FOLD_CHARS:
        shown = shown[:_FOLD_CHARS]
    rest = text[len(shown) :].lstrip("\n") if len(shown) < len(text) else ""
    return _Block(number, _role(message), message.get("time"), shown, rest, rest.count("\n") + 1)
