# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read of a chat: tool calls with their results, reasoning, files, and hostile text that stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import wholeness
from ansible_collections.coder.tasks.plugins.module_utils.archive.attachments import Attachment, by_id, described
from ansible_collections.coder.tasks.plugins.module_utils.archive.chat_log import joined
from ansible_collections.coder.tasks.plugins.module_utils.archive.record import ChatRecord, chat_entry
from ansible_collections.coder.tasks.plugins.module_utils.archive.report import index, transcript, words
from ansible_collections.coder.tasks.plugins.module_utils.archive.report.chat_messages import spoken

from .samples import HOSTILE

ROOT, CHILD = "0b6ff1b5-5d0b-4c37-9a4d-000000000001", "0b6ff1b5-5d0b-4c37-9a4d-000000000002"
FILE = "0b6ff1b5-5d0b-4c37-9a4d-00000000000f"
TIME = "2026-06-01T12:00:00Z"


def said(number: int, role: str, *parts: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "role": role, "content": list(parts), "created_at": TIME}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "url": "", "file_id": None}


def call(name: str, args: Any, key: str = "c1") -> dict[str, Any]:
    return {"type": "tool-call", "tool_call_id": key, "tool_name": name, "args": args}


def result(value: Any, key: str = "c1", **more: Any) -> dict[str, Any]:
    return {"type": "tool-result", "tool_call_id": key, "tool_name": "execute", "result": value, **more}


def pages(messages: list[dict[str, Any]], files: list[Attachment] | None = None, **changes: Any) -> tuple[str, str]:
    chat = {"id": ROOT, "name": "fix", "title": "Fix it", "owner_username": "alice", "status": "waiting",
            "created_at": TIME, "updated_at": TIME, "url": "https://c/agents/x", "children": [CHILD],
            **changes}  # fmt: skip
    record: Any = {"task": chat, "messages": messages, "source": "live", "error_kind": None, "versions": {}}
    entry = chat_entry(ChatRecord(record), ROOT)
    lacks = wholeness.chat_lacks(messages, running=False, redacted=False, files_missing=False)
    entry.update(lacks=lacks, complete=True, earlier=0, redacted=False, redactions={}, bytes=1)
    read = spoken(messages, by_id(files or []))
    return transcript.html(entry, chat, read), transcript.markdown(entry, chat, read)


def whole(part: dict[str, Any]) -> str:
    return "\n".join(str(spoken_one.get("title")) + "|" + spoken_one["content"] for spoken_one in
                     spoken([said(1, "assistant", part)], {}))  # fmt: skip


def test_a_tool_call_stands_with_its_result() -> None:
    messages = [
        said(3, "user", text("Look")),
        said(7, "assistant", text("Calling"), text(" it."), call("execute", {"command": "ls -la"})),
        said(8, "tool", result({"output": "a.txt"})),
        said(9, "assistant", text("Done.")),
    ]
    found = spoken(messages, {})
    assert [(each["who"], each["title"], each["content"]) for each in found] == [
        ("User", "", "Look"), ("Agent", "", "Calling it."),
        ("Tool", "execute ls -la", "command: ls -la\n\nResult:\noutput: a.txt"), ("Agent", "", "Done."),
    ]  # fmt: skip
    page, markdown = pages(messages)
    assert "missing here" not in page + markdown, "ids of chats have gaps"
    assert re.search(r'<details class="fold"><summary><span [^>]*>execute ls -la</span>', page)
    assert markdown.index("*execute ls -la*") < markdown.index("output: a.txt") < markdown.index("Done.")
    assert words.said({}, found).count("a.txt") == 1


@pytest.mark.parametrize(("part", "shown"), [
    (call("execute", {"command": "ls"}), "execute (no result) ls"),
    (result("late", key="gone"), "Result:\nlate"),
    (result(None, key="gone"), "execute|Result:\n"),
    (result("boom", key="gone", is_error=True), "execute (failed)|Error:\nboom"),
    ({"type": "reasoning", "text": "Hm."}, "Reasoning|Hm."),
    ({"type": "context-file", "context_file_path": "AGENTS.md", "content": "Be"}, "context-file: AGENTS.md|Be"),
    ({"type": "file-reference", "file_name": "a.py", "start_line": 1, "end_line": 3, "content": "x"}, "lines 1–3|x"),
    ({"type": "from-the-future", "payload": {"a": 1}}, '"payload"'),
])  # fmt: skip
def test_every_part_is_shown(part: dict[str, Any], shown: str) -> None:
    assert shown in whole(part)


def test_files_are_linked_by_what_lies_beside() -> None:
    part = {"type": "file", "file_id": FILE, "media_type": "text/html", "name": "<b>x</b>.html"}
    file = described({"id": FILE, "name": "<b>x</b>.html", "media_type": "text/html"}, None)
    assert file["file"] is not None and file["file"].endswith(".bin"), "nothing that a browser would run"
    page, markdown = pages([said(1, "user", part)], [file])
    assert f'<a href="{file["file"]}"' in page and "<b>" not in page
    assert f"({file['file']})" in markdown
    lost = described({"id": FILE, "name": "x", "media_type": "", "error_kind": "not_found"}, None)
    page, markdown = pages([said(1, "user", part)], [lost])
    assert "could not be read" in page and "could not be read" in markdown
    page, markdown = pages([said(1, "user", {**part, "name": "notes"})])
    assert all("notes" in shown and "could not be read" in shown for shown in (page, markdown)), "nothing lies beside"


def test_a_chat_leads_to_its_relatives() -> None:
    page, markdown = pages([], parent_chat_id=CHILD)
    assert page.count(f'href="../{CHILD}/transcript.html"') == 2
    assert "Sub-agent of" in markdown and "Sub-agent 1" in markdown


def test_what_was_taken_out_is_marked() -> None:
    old = [said(1, "assistant", text("an old one")), said(2, "user", text("a"))]
    versions = [old, [said(5, "assistant", text("a new one"))]]
    page, markdown = pages(joined(versions))
    for shown in (page, markdown):
        assert shown.index("an old one") < shown.index("from message 1 on, was taken out") < shown.index("a new one")


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _value in attrs}


def test_hostile_text_stays_text() -> None:
    parts = [
        text(HOSTILE), {"type": "reasoning", "text": HOSTILE}, call(HOSTILE, {HOSTILE: HOSTILE}, HOSTILE),
        {"type": HOSTILE, HOSTILE: [HOSTILE]},
        {"type": "context-file", "context_file_path": HOSTILE, "content": HOSTILE},
        {"type": "file", "file_id": HOSTILE, "name": HOSTILE},
        {"type": "skill", "skill_name": HOSTILE, "content": HOSTILE},
    ]  # fmt: skip
    file = described({"id": HOSTILE, "name": HOSTILE, "media_type": HOSTILE}, None)
    messages = [said(1, "user", *parts), said(2, "assistant", *parts), said(3, "tool", result(HOSTILE, HOSTILE)),
                said(4, HOSTILE, *parts)]  # fmt: skip
    page, markdown = pages(messages, [file], title=HOSTILE, name=HOSTILE, children=[HOSTILE], parent_chat_id=HOSTILE)
    parsed = Tags(page)
    assert parsed.tags.count("script") == 1 and "img" not in parsed.tags and "onerror" not in parsed.attributes
    assert "\x1b" not in page + markdown and "\u202e" not in page
    assert not re.search(r"^# heading", re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", markdown), re.MULTILINE)


def test_the_list_of_all_says_what_is_a_chat() -> None:
    entry = {"kind": "chat", "folder": ROOT, "id": ROOT, "name": "x", "display_name": "x", "parent": ROOT}
    for key in ("owner", "template", "status", "source", "error_kind", "first_time", "last_time", "created_at", "url",
                "updated_at", "snapshot_at"):  # fmt: skip
        entry[key] = None  # type: ignore[assignment]
    rest: dict[str, Any] = {"complete": True, "truncated": False, "redacted": False, "messages": 1, "bytes": 1,
                            "redactions": {}, "versions": {}, "earlier": 0}  # fmt: skip
    made = {**entry, **rest}
    assert f'href="chats/{ROOT}/transcript.html"' in index.html([made]) and "chat of a sub-agent" in index.html([made])
    assert f"(chats/{ROOT}/transcript.md)" in index.markdown([made])
    assert index.csv_table([made]).splitlines()[1].endswith(",chat")
