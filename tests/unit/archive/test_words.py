# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor
from ansible_collections.coder.tasks.plugins.module_utils.archive.report import pages, words
from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive

from . import samples
from .samples import message, record


def read(index: words.Index) -> dict[str, list[int]]:
    """The index read back, as its docstring says it is written."""
    assert index.words is not None and index.places is not None
    found = {}
    for word, places in zip(index.words.split("\n"), index.places.split("\n")):
        rows, row, number, shift = [], -1, 0, 0
        for digit in map(words.DIGITS.index, places):
            number |= (digit & 31) << shift
            shift += 5
            if not digit & 32:
                row += number + 1
                rows.append(row)
                number, shift = 0, 0
        found[word] = rows
    return found


@given(st.lists(st.none() | st.text("aAbBé0_ .<&\n日本語テ\u0301🎉\x1b[", max_size=30), max_size=6))
def test_every_word_is_found_where_it_is_said_and_nowhere_else(texts: list[str | None]) -> None:
    expected: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        for word in words.words(text or ""):
            expected.setdefault(word, []).append(row)
    index = words.index(texts)
    assert {word: rows for word, rows in read(index).items() if word} == expected
    assert list(expected) == [] or index.words == "\n".join(sorted(expected))


@given(st.sets(st.integers(0, 70_000), max_size=8), st.just("a"))
def test_distances_of_any_size(rows: set[int], word: str) -> None:
    texts = (word if row in rows else None for row in range(max(rows, default=0) + 1))
    assert read(words.index(texts)).get(word, []) == sorted(rows)


@pytest.mark.parametrize(("text", "expected"), [
    ("The login-test FAILS: src/app.py", {"the", "login", "test", "fails", "src", "app", "py"}),
    ("token_count=5", {"token_count", "5"}),
    ("ログイン失敗。修正", {"ログ", "グイ", "イン", "ン失", "失敗", "修正"}),
    ("字", {"字"}),
    ("ＦＵＬＬ width\u00a0e\u0301", {"full", "width", "é"}),
    ("اختبار תודה हिन्दी", {"اختبار", "תודה", "हिन्दी"}),
    ("a🎉b 👍", {"a🎉b", "👍"}),
    ("\x1b[31mred\x1b[0m", {"red"}),
    ("x" * 200, {"x" * words.LONGEST_WORD}),
    ("<script>&amp;</script>", {"script", "amp"}),
    ("— … «quoted» \u201cso\u201d", {"quoted", "so"}),
])  # fmt: skip
def test_what_is_a_word(text: str, expected: set[str]) -> None:
    assert words.words(text) == expected


def test_no_word_can_end_an_element() -> None:
    every = "".join(map(chr, range(1, 0x3100))) + samples.HOSTILE
    index = words.index([every])
    assert not set("<>&\"'\r\x00") & set(str(index.words) + str(index.places))


def test_an_archive_that_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "ROOM", 500)
    given_ = [record(number) for number in range(3)]
    entries = list(map(samples.entry_of, given_))
    said = [f"some words {number} and others {number * 7}" for number in range(3)]
    page = pages.indexes(entries, said)["index.html"].decode()
    assert "too many to be searched" in page and '<template id="words">' not in page


def test_the_index_has_the_words_of_all_lives_and_no_secret(tmp_path: Path) -> None:
    secret = "gh" + "p_" + "a1B2" * 9
    with Archive(str(tmp_path), Redactor(samples.KEY)) as store:
        store.save(record(1, [message(0, f"first life {secret}", "input"), message(1, "gone")]))
        store.save(record(1, [message(0, "second life")], task_changes={"workspace_build_number": 3}))
        store.finish()
    page = (tmp_path / "index.html").read_text()
    found = page.split('<template id="words">')[1].split("</template>")[0].split("\n")
    assert {"first", "second", "gone", "please", "github", "redacted"} <= set(found)
    assert secret[4:].lower() not in page.lower()


def test_a_task_that_cannot_be_read_leaves_its_row_without_words(tmp_path: Path) -> None:
    with Archive(str(tmp_path), Redactor(samples.KEY)) as store:
        for number in range(3):
            store.save(record(number, [message(0, f"number{number}")]))
        next((tmp_path / "tasks").glob("*task-1_*/messages.jsonl")).write_text("{damaged")
        store.finish()
    page = (tmp_path / "index.html").read_text()
    texts = [page.split(f'<template id="{name}">')[1].split("</template>")[0] for name in ("words", "places")]
    found = read(words.Index(*texts))
    rows = [page.split("<tbody>")[1].find(f">task-{number}<") for number in range(3)]
    order = sorted(range(3), key=rows.__getitem__)
    assert "number1" not in found
    assert found["number0"] == [order.index(0)] and found["number2"] == [order.index(2)]
