# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcript of one conversation, as a page and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .. import conversation, wholeness
from ..kinds import CHAT, kind_of
from ..record import chat_folder_name
from ..text import line
from . import colours, page
from .chat_messages import Link
from .markdown import rendered
from .transcript_page import PAGE, SCRIPT

_FOLD_LINES = 40
_SHOWN_LINES = 24
_FOLD_CHARS = 6000
# Characters of one conversation that are rendered as Markdown; what comes after is shown as it is.
_MOST_RENDERED = 60_000
_OUTLINE_CHARS = 90


class _Body(NamedTuple):
    """What a message says, as text or as Html.

    :param kind: "text" or "markdown".
    :param rest: what is folded away.
    """

    kind: str
    shown: str
    rest: str = ""
    rest_lines: int = 0


class _Block(NamedTuple):
    """A message as the page shows it.

    :param seam: it stands between two lives of the agent.
    :param missing: what to say of ids that are left out before it.
    :param begins: the first line that it says.
    :param title: what stands for a message that is folded away whole.
    :param links: the files that it carries, see `chat_messages.Link`.
    """

    number: int
    role: str
    time: str | None
    body: _Body
    begins: str
    seam: bool
    missing: str
    title: str = ""
    links: tuple[Link, ...] = ()


def html(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    blocks, word = list(_blocks(messages)), wholeness.word(entry)
    return page.render(
        PAGE,
        SCRIPT,
        entry=entry,
        prompt=task.get("initial_prompt"),
        title=_title(entry),
        status=line(entry["status"] or "unknown"),
        notes=page.notes(entry),
        word=word,
        meaning=wholeness.WORDS[word],
        why=", ".join(wholeness.lacks_of(entry)),
        state=(task.get("current_state") or {}).get("message"),
        blocks=blocks,
        family=_family(entry, task),
        rendered=any(block.body.kind == "markdown" for block in blocks),
        outline=[block for block in blocks if block.role == "User"],
        count=sum(not block.seam for block in blocks),
    )


def markdown(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> str:
    text = page.markdown_text
    facts = {
        "Owner": entry["owner"],
        **({} if _is_chat(entry) else {"Template": entry["template"]}),
        "Status": entry["status"],
        "Created": page.clock(entry["created_at"]),
        "Source": entry["source"],
        "Log": wholeness.word(entry),
        "Messages": str(entry["messages"]),
        "Id": entry["id"],
        **{name: f"{chat} (../{folder}/transcript.md)" for name, chat, folder in _family(entry, task)},
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
            parts.append(f"---\n\n> {text(_seam(message))}\n")
            continue
        at = page.clock(message.get("time"))
        when = f" · {text(at)} UTC" if at else ""
        parts.append(f"## {number}. {_role(message)}{when}\n")
        if message.get("title"):
            parts.append(f"*{text(message['title'])}*\n")
        if _content(message) or not message.get("links"):
            parts.append(page.fenced(_content(message)))
        for name, address, why in message.get("links") or ():
            parts.append(f"- [{text(name)}]({address})\n" if address else f"- {text(name)} ({why})\n")
    return "\n".join(parts)


_SEAM = "The agent was started anew here. What stands above is from before."


def _seam(message: dict[str, Any]) -> str:
    return str(message.get("note") or _SEAM)


def _is_chat(entry: dict[str, Any]) -> bool:
    return kind_of(entry) is CHAT


def _family(entry: dict[str, Any], task: dict[str, Any]) -> list[tuple[str, str, str]]:
    """A chat's relatives: what each is, its id, and its folder beside this one."""
    if not _is_chat(entry):
        return []
    parent = [("Sub-agent of", task["parent_chat_id"])] if task.get("parent_chat_id") else []
    children = [(f"Sub-agent {number}", child) for number, child in enumerate(task.get("children") or [], 1)]
    return [(what, str(chat), chat_folder_name({"id": chat})) for what, chat in [*parent, *children]]


def _numbered(messages: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Each message with its number, seams not counted, and what to say of the ids that are left out before it."""
    number, last = 0, None
    for message in messages:
        if conversation.is_seam(message):
            last = None
            yield number, message, ""
        else:
            number += 1
            # The ids of chats come from a sequence of the whole server.
            yield number, message, "" if "who" in message else _missing(last, message.get("id"))
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
    return str(message.get("who") or ("User" if message.get("type") == "input" else "Agent"))


def _content(message: dict[str, Any]) -> str:
    return str(message.get("content") or "")


def _blocks(messages: list[dict[str, Any]]) -> Iterator[_Block]:
    left = _MOST_RENDERED
    for number, message, missing in _numbered(messages):
        if conversation.is_seam(message):
            yield _Block(number, "", None, _Body("text", _seam(message)), "", True, missing)
            continue
        content = _content(message)
        title = str(message.get("title") or "")
        body = _folded(content) if title else _body(content, renders=len(content) <= left)
        left -= len(content) if body.kind == "markdown" else 0
        role = _role(message)
        begins = _shortened(content) if role == "User" else ""
        links = tuple(message.get("links") or ())
        yield _Block(number, role, message.get("time"), body, begins, False, missing, title, links)


def _folded(content: str) -> _Body:
    """All of a message folded away, as of what a tool was given and answered."""
    text, spans = colours.coloured(content)
    text = text.rstrip("\n")
    return _Body("text", "", colours.marked(text, spans, 0, len(text)), text.count("\n") + 1 if text else 0)


def _body(content: str, renders: bool) -> _Body:
    text, spans = colours.coloured(content)
    start = len(text) - len(text.lstrip("\n"))
    end = max(start, len(text.rstrip("\n")))
    found = rendered(text[start:end], _SHOWN_LINES, _FOLD_LINES) if renders and not spans else None
    if found:
        return _Body("markdown", *found)
    cut = _cut(text, start, end)
    rest = cut + len(text[cut:end]) - len(text[cut:end].lstrip("\n"))
    shown, folded = colours.marked(text, spans, start, cut), colours.marked(text, spans, rest, end)
    return _Body("text", shown, folded, text.count("\n", rest, end) + 1)


def _cut(text: str, start: int, end: int) -> int:
    """Where a message is folded: after some lines of many, or some characters; its end if it is short."""
    cut = end
    if text.count("\n", start, end) >= _FOLD_LINES:
        cut = start
        for _line in range(_SHOWN_LINES):
            cut = text.index("\n", cut) + 1
        cut -= 1
    return min(cut, start + _FOLD_CHARS)


def _shortened(content: str) -> str:
    """The first line that says something."""
    text = line(content[: 4 * _OUTLINE_CHARS].strip().partition("\n")[0])
    return f"{text[:_OUTLINE_CHARS].rstrip()}…" if len(text) > _OUTLINE_CHARS else text or "(no text)"
