# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of all tasks, as a page, as Markdown and as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

from .. import wholeness
from ..text import line
from . import page, timeline
from .index_page import PAGE, SCRIPT

_COLUMNS = ("id", "owner", "name", "display_name", "template", "status", "source", "complete", "truncated", "redacted",
            "error_kind", "messages", "first_time", "last_time", "created_at", "bytes", "folder", "url")
_FILTERS = (("owner", "owner", "owners"), ("template", "template", "templates"), ("status", "status", "statuses"),
            ("source", "source", "sources"), ("coverage", "log", "logs"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def html(entries: list[dict[str, Any]]) -> str:
    rows = [{**entry, "coverage": wholeness.word(entry)} for entry in entries]
    return page.render(
        PAGE,
        SCRIPT,
        rows=rows,
        messages=sum(entry["messages"] for entry in entries),
        coverages=Counter(row["coverage"] for row in rows),
        failures=sum(entry["error_kind"] not in (None, "no_log") for entry in entries),
        redactions=sum(sum(entry["redactions"].values()) for entry in entries),
        filters=_FILTERS,
        choices={key: sorted({str(row[key]) for row in rows if row[key]}) for key, _label, _plural in _FILTERS},
        chart=timeline.chart(entries),
    )


def markdown(entries: list[dict[str, Any]]) -> str:
    text = page.markdown_text
    counts = Counter(map(wholeness.word, entries))
    head = [
        "# Coder tasks archive\n",
        f"{len(entries)} tasks" + "".join(f", {number} {kind}" for kind, number in sorted(counts.items())) + ".\n",
        "| Task | Owner | Template | Status | Source | Log | Messages | Last message (UTC) |",
        "|---|---|---|---|---|---|---:|---|",
    ]
    rows = [
        f"| [{text(entry['display_name'] or entry['name'])}](tasks/{entry['folder']}/transcript.md)"
        f" | {text(entry['owner'])} | {text(entry['template'])} | {text(entry['status'])} | {entry['source']}"
        f" | {wholeness.word(entry)} | {entry['messages']} | {text(page.clock(entry['last_time']))} |"
        for entry in entries
    ]
    return "\n".join([*head, *rows]) + "\n"


def csv_table(entries: list[dict[str, Any]]) -> str:
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(entry[column]) for column in _COLUMNS] for entry in entries)
    return output.getvalue()


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for text, not for a formula (OWASP, CSV injection)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = line(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
