# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read: a transcript of each conversation, and an index of all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import index, transcript, words

INDEXES = ("index.csv", "index.html", "index.md")
# What the files of a transcript begin with: they can be made again from the others.
TRANSCRIPT = "transcript."


def indexes(entries: list[dict[str, Any]], said: Iterable[str | None] = ()) -> dict[str, bytes]:
    """The pages about all conversations, by file name.

    :param entries: the manifest's lines in order.
    :param said: what is said in each of them (`words.said`), in the same order and redacted already; None where it
        cannot be read.
    """
    texts = (index.csv_table(entries), index.html(entries, words.index(said)), index.markdown(entries))
    return {name: text.encode("utf-8", "replace") for name, text in zip(INDEXES, texts)}


def transcripts(entry: dict[str, Any], task: dict[str, Any], messages: list[dict[str, Any]]) -> dict[str, bytes]:
    """The pages about one conversation, by file name. All arguments are redacted already.

    :param task: the task, or the chat.
    :param messages: as people read them.
    """
    pages = {
        f"{TRANSCRIPT}html": transcript.html(entry, task, messages),
        f"{TRANSCRIPT}md": transcript.markdown(entry, task, messages),
    }
    return {name: text.encode("utf-8", "replace") for name, text in pages.items()}
