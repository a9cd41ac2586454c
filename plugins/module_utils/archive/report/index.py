# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of all tasks, as a page, as Markdown and as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

from .. import times, wholeness
from ..kinds import CHAT, kind_of, place_of
from ..text import line
from . import page, timeline, words
from .index_page import PAGE, SCRIPT

_COLUMNS = ("id", "owner", "name", "display_name", "template", "status", "source", "complete", "truncated", "redacted",
            "error_kind", "messages", "first_time", "last_time", "created_at", "bytes", "folder", "url", "kind")
_FILTERS = (("owner", "owner", "owners"), ("template", "template", "templates"), ("status", "status", "statuses"),
            ("source", "source", "sources"), ("coverage", "log", "logs"))
_SERVER = re.compile(r"(https?://[^\s/?#]+[^\s?#]*?)/(?:tasks|agents)/")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def html(entries: list[dict[str, Any]], said: words.Index = words.NOTHING) -> str:
    """The page.

    :param said: the words of the entries' conversations, in the same order.
    """
    rows = [
        {
            "parent": None, **entry,
            "kind": kind_of(entry).name, "place": place_of(entry), "coverage": wholeness.word(entry),
        }
        for entry in entries
    ]
    return page.render(
        PAGE,
        SCRIPT,
        rows=rows,
        has_chats=any(row["kind"] == CHAT.name for row in rows),
        about=_about(entries),
        messages=sum(entry["messages"] for entry in entries),
        coverages=wholeness.count(entries),
        meanings=wholeness.WORDS,
        failures=sum(entry["error_kind"] not in (None, "no_log") for entry in entries),
        redactions=sum(sum(entry["redactions"].values()) for entry in entries),
        filters=_FILTERS,
        choices={key: sorted({str(row[key]) for row in rows if row[key]}) for key, _label, _plural in _FILTERS},
        chart=timeline.chart(entries),
        said=said,
    )


def markdown(entries: list[dict[str, Any]]) -> str:
    text = page.markdown_text
    head = [
        "# Coder tasks archive\n",
        *(f"- **{name}:** {text(value)}" for name, value in _about(entries)),
        "",
        f"{len(entries)} tasks" + "".join(f", {n} {word}" for word, n in wholeness.count(entries).items() if n) + ".\n",
        "| Task | Owner | Template | Status | Source | Log | Messages | Last message (UTC) |",
        "|---|---|---|---|---|---|---:|---|",
    ]
    rows = [
        f"| [{text(entry['display_name'] or entry['name'])}]({place_of(entry)}/transcript.md)"
        f" | {text(entry['owner'])} | {text(entry['template'])} | {text(entry['status'])} | {entry['source']}"
        f" | {wholeness.word(entry)} | {entry['messages']} | {text(page.clock(entry['last_time']))} |"
        for entry in entries
    ]
    return "\n".join([*head, *rows]) + "\n"


def _about(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Where and when all this is from, by name; nothing that is unknown.

    The time is the newest that the server or an agent gave, and not the clock's: the same input gives the same page.
    """
    servers = {match[1] for entry in entries for match in [_SERVER.match(entry["url"] or "")] if match}
    versions = {
        name: {str(entry["versions"][name]) for entry in entries if entry["versions"].get(name)}
        for name in ("coder", "collection")
    }
    _first, newest = times.span(
        entry[key] for entry in entries for key in ("created_at", "updated_at", "last_time", "snapshot_at")
    )
    found = {
        "Server": ", ".join(sorted(servers)),
        "Coder": ", ".join(sorted(versions["coder"])),
        "Saved by coder.tasks": ", ".join(sorted(versions["collection"])),
        "Newest event": f"{page.clock(newest)} UTC" if newest else "",
    }
    return [(name, value) for name, value in found.items() if value]


def csv_table(entries: list[dict[str, Any]]) -> str:
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for entry in entries:
        row = {**entry, "kind": kind_of(entry).name}
        if "within" in entry:  # a folder's name alone would not say in which shard to look
            row["folder"] = place_of(entry)
        writer.writerow([_cell(row[column]) for column in _COLUMNS])
    return output.getvalue()


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text, not for a formula (OWASP, CSV injection)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = line(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
