# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read: a transcript of each task, and an index of all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import index, transcript, words

INDEXES = ("index.csv", "index.html", "index.md")


def indexes(entries: list[dict[str, Any]], said: Iterable[str | None] = ()) -> dict[str, bytes]:
    """The pages about all tasks, by file name.

    :param entries: the manifest's lines in order.
    :param said: what is said in each task (`words.said`), in the same order and redacted already; None where it cannot
        be read.
    """
    texts = (index.csv_table(entries), index.html(entries, words.index(said)), index.markdown(entries))
    return {name: text.encode("utf-8", "replace") for name, text in zip(INDEXES, texts)}


def transcripts(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, bytes]:
    """The pages about one task, by file name. All arguments are redacted already."""
    pages = {
        "transcript.html": transcript.html(entry, task, messages),
        "transcript.md": transcript.markdown(entry, task, messages),
    }
    return {name: text.encode("utf-8", "replace") for name, text in pages.items()}
