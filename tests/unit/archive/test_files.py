# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the archive are removed as far as that is possible, and nothing beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import files


def test_what_cannot_be_removed_stays_and_the_rest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, kept, file = tmp_path / "old", tmp_path / "old" / "busy", tmp_path / "file"
    kept.mkdir(parents=True)
    (folder / "messages.jsonl").write_text("x")
    file.write_text("x")

    def refuse(path: str, *_more: object, **_options: object) -> None:
        raise PermissionError(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        files.remove(str(folder))
        assert os.listdir(folder) == ["busy"]
        patch.setattr(os, "unlink", refuse)
        files.remove(str(file))
        assert file.exists()
    files.remove(str(folder))
    files.remove(str(file))
    assert os.listdir(tmp_path) == []


def test_a_link_goes_and_what_it_points_at_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("x")
    for target in ("elsewhere", "elsewhere/file", "nowhere"):
        (tmp_path / "link").symlink_to(tmp_path / target)
        files.remove(str(tmp_path / "link"))
        assert not os.path.lexists(tmp_path / "link")
    assert (tmp_path / "elsewhere" / "file").read_text() == "x"
    files.remove(str(tmp_path / "nothing"))
