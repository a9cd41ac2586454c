# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A search that cannot be made leaves no draft."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import search


@pytest.mark.parametrize(("said", "has_one"), [("no such module: fts5", False), ("disk I/O error", None)])
def test_a_search_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, has_one: bool | None
) -> None:
    def broken(*_arguments: object) -> None:
        raise sqlite3.OperationalError(said)

    place = tmp_path / "search.sqlite"
    monkeypatch.setattr(search, "_build", broken)
    if has_one is None:
        with pytest.raises(OSError, match=said):
            search._replace(str(place), "1", [])
    else:
        assert search._replace(str(place), "1", []) is has_one
    assert os.listdir(tmp_path) == [], "and no draft is left"
