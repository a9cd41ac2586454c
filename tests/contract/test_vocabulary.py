# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How whole a log is, is said in the same words wherever it is said, and they stand in `wholeness`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import documents
import pytest
from jinja2 import Environment

from ansible_collections.coder.tasks.plugins.module_utils.archive import wholeness
from ansible_collections.coder.tasks.plugins.module_utils.archive.report import index, page, style, transcript
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import archive

ROOT = Path(__file__).parents[2]
MODULES = ("archive", "archive_info")
# An entry of each word.
EXAMPLES: dict[str, dict[str, Any]] = {
    "complete": {"complete": True, "messages": 3, "error_kind": None},
    "partial": {"complete": False, "messages": 3, "error_kind": "conflict"},
    "empty": {"complete": False, "messages": 0, "error_kind": "no_log"},
    "unreadable": {"complete": False, "messages": 0, "error_kind": "forbidden"},
}


def entry(word: str, **changes: Any) -> dict[str, Any]:
    """A whole line of the manifest."""
    texts = dict.fromkeys(("name", "display_name", "owner", "template", "status", "url", "created_at", "updated_at",
                           "snapshot_at", "first_time", "last_time"))  # fmt: skip
    whole = {"id": word, "folder": word, "source": "live", "versions": {}, "redacted": False, "redactions": {},
             "truncated": False, "earlier": 0, "bytes": 0, "lacks": []}  # fmt: skip
    return {**texts, **whole, **EXAMPLES[word], **changes}


def table(document: str, head: str) -> dict[str, str]:
    """The rows of the table in docs/ that begins so: first cell without its backticks, and second."""
    text = (ROOT / "docs" / document).read_text().split(head)[1]
    rows = re.match(r"\n\|[-|]+\|\n((?:\|.*\n)+)", text)
    assert rows, head
    cells = [line.strip("|").split("|") for line in rows[1].splitlines()]
    return {name.strip(" `"): meaning.strip() for name, meaning in cells}


def test_every_word_is_one_that_an_entry_can_have() -> None:
    assert {word: wholeness.word(entry(word)) for word in EXAMPLES} == {word: word for word in wholeness.WORDS}
    assert wholeness.count(map(entry, EXAMPLES)) == dict.fromkeys(wholeness.WORDS, 1)


def test_the_documents_have_the_words_and_the_classes() -> None:
    assert table("archive.md", "| word | the log |") == wholeness.WORDS
    assert list(table("archive.md", "| class | the log |")) == list(wholeness.CLASSES)


@pytest.mark.parametrize("module", MODULES)
def test_the_modules_return_the_words(module: str) -> None:
    logs = documents.returned(module)["archive"]["contains"]["logs"]["contains"]
    meanings = {word: key["description"].rstrip(".") for word, key in logs.items()}
    assert meanings == {word: meaning[0].upper() + meaning[1:] for word, meaning in wholeness.WORDS.items()}
    assert archive.proof_options()["accept"]["choices"] == list(wholeness.CLASSES)


def test_a_report_names_the_words() -> None:
    tasks = documents.returned("archive_info")["tasks"]["contains"]["held"]["contains"]["log"]["description"]
    assert re.findall(r"V\((\w+)\)", str(tasks)) == list(wholeness.WORDS)


def test_the_index_has_the_words() -> None:
    html = index.html([entry(word) for word in wholeness.WORDS])
    assert re.findall(r"<dt>Logs (\w+)</dt><dd>1</dd>", html) == list(wholeness.WORDS)
    assert set(re.findall(r'data-label="Log"><span class="chip (\w+)"', html)) == set(wholeness.WORDS)
    choices = html.split('<select id="coverage">')[1].split("</select>")[0]
    assert set(re.findall(r'value="(\w+)"', choices)) == set(wholeness.WORDS)
    assert dict(re.findall(r"<dt>(\w+)</dt><dd>([^<]+)</dd>", html.split('class="meanings"')[1])) == wholeness.WORDS
    counts = ", ".join(f"1 {word}" for word in wholeness.WORDS)
    assert f"4 tasks, {counts}." in index.markdown([entry(word) for word in wholeness.WORDS])


@pytest.mark.parametrize("word", wholeness.WORDS)
def test_a_transcript_has_its_word_and_the_classes(word: str) -> None:
    given = entry(word, lacks=["cut", "gaps"])
    task = {"initial_prompt": None}
    html = transcript.html(given, task, [])
    assert re.search(rf'class="chip {word}"\s+title="{re.escape(wholeness.WORDS[word])}">{word}</span>', html)
    assert "<small>cut, gaps</small>" in html
    assert f"- **Log:** {word}\n" in transcript.markdown(given, task, [])
    assert f".chip.{word}" in style.STYLE


@pytest.mark.parametrize("name", wholeness.CLASSES)
def test_a_page_says_what_each_class_means(name: str) -> None:
    given = entry("partial", lacks=[name], redacted=name == "redacted", redactions={"jwt": 1})
    without = entry("partial")
    assert len(page.notes({**given, "error_kind": None})) == len(page.notes({**without, "error_kind": None})) + 1


def test_the_evacuation_says_the_words() -> None:
    source = (ROOT / "playbooks" / "templates" / "evacuation.txt.j2").read_text()
    line = next(line for line in source.splitlines() if line.startswith("logs "))
    saved = {"archive": {"logs": {word: number for number, word in enumerate(wholeness.WORDS)}}}
    said = Environment(autoescape=True).from_string(line).render(evacuate_saved=saved)
    assert said.split(None, 1) == ["logs", ", ".join(f"{number} {word}" for number, word in enumerate(wholeness.WORDS))]


def test_the_collection_says_the_words() -> None:
    source = (ROOT / "playbooks" / "collect.yml").read_text()
    assert re.findall(r"collected\.archive\.logs\.(\w+)", source) == list(wholeness.WORDS)
