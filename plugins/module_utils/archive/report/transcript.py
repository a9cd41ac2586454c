# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcript of one task, as a page and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .. import conversation, wholeness
from ..text import line, plain
from . import page
from .transcript_page import PAGE, SCRIPT

_FOLD_LINES = 40
_SHOWN_LINES = 24
_FOLD_CHARS = 6000


class _Block(NamedTuple):
    """A message as the page shows it; `rest` is folded away.

    seam: it stands between two lives of the agent. missing: what to say of ids that are left out before it.
    """

    number: int
    role: str
    time: str | None
    shown: str
    rest: str
    rest_lines: int
    seam: bool
    missing: str


def html(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    return page.render(
        PAGE,
        SCRIPT,
        entry=entry,
        task=task,
        title=_title(entry),
        status=line(entry["status"] or "unknown"),
        notes=page.notes(entry),
        word=wholeness.word(entry),
        why=", ".join(wholeness.lacks_of(entry)),
        state=(task.get("current_state") or {}).get("message"),
        blocks=[_block(*each) for each in _numbered(messages)],
        count=sum(not conversation.is_seam(message) for message in messages),
    )


def markdown(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    text = page.markdown_text
    facts = {
        "Owner": entry["owner"],
        "Template": entry["template"],
        "Status": entry["status"],
        "Created": page.clock(entry["created_at"]),
        "Source": entry["source"],
        "Log": wholeness.word(entry),
        "Messages": str(entry["messages"]),
        "Id": entry["id"],
    }
    parts = [f"# {text(_title(entry))}\n"]
    parts.append("".join(f"- **{name}:** {text(value) or '–'}\n" for name, value in facts.items()))
    parts += [f"> **Note:** {text(sentence)}\n" for _kind, sentence in page.notes(entry)]
    if task.get("initial_prompt"):
        parts += ["## Prompt\n", page.fenced(task["initial_prompt"])]
    for number, message, missing in _numbered(messages):
        if missing:
            parts.append(f"> {missing}\n")
        if conversation.is_seam(message):
            parts.append(f"---\n\n> {text(_SEAM)}\n")
            continue
        at = page.clock(message.get("time"))
        when = f" · {text(at)} UTC" if at else ""
        parts += [f"## {number}. {_role(message)}{when}\n", page.fenced(_content(message))]
    return "\n".join(parts)


_SEAM = "The agent was started anew here. What stands above is from before."


def _numbered(messages: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Each message with its number, seams not counted, and what to say of the ids that are left out before it."""
    number, last = 0, None
    for message in messages:
        if conversation.is_seam(message):
            last = None
            yield number, message, ""
        else:
            number += 1
            yield number, message, _missing(last, message.get("id"))
            last = message.get("id")


def _missing(last: Any, current: Any) -> str:
    """What to say of the ids between two messages."""
    if not isinstance(last, int) or not isinstance(current, int) or current <= last + 1:
        return ""
    if current == last + 2:
        return f"Message {last + 1} is missing here."
    return f"Messages {last + 1} to {current - 1} are missing here."


def _title(entry: dict[str, Any]) -> str:
    return str(entry["display_name"] or entry["name"] or entry["id"])


def _role(message: dict[str, Any]) -> str:
    return "User" if message.get("type") == "input" else "Agent"


def _content(message: dict[str, Any]) -> str:
    return str(message.get("content") or "")


def _block(number: int, message: dict[str, Any], missing: str) -> _Block:
    if conversation.is_seam(message):
        return _Block(number, "", None, _SEAM, "", 0, True, missing)
    text = plain(_content(message)).strip("\n")
    lines = text.split("\n")
    shown = text
    if len(lines) > _FOLD_LINES:
        shown = "\n".join(lines[:_SHOWN_LINES])
    if len(shown) > _FOLD_CHARS:
        shown = shown[:_FOLD_CHARS]
    rest = text[len(shown) :].lstrip("\n") if len(shown) < len(text) else ""
    return _Block(number, _role(message), message.get("time"), shown, rest, rest.count("\n") + 1, False, missing)
