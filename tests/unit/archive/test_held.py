# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of another file system are none of the archive."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.coder.tasks.plugins.module_utils.archive.held import HeldFolder


def test_a_folder_of_another_file_system_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "tasks" / "one").mkdir(parents=True)
    (tmp_path / "tasks" / "one" / "task.json").write_text("{}")
    (tmp_path / "archive.json").write_text("{}")
    held = HeldFolder(str(tmp_path), "tasks", "archive.json")
    try:
        assert held.read("one", ["task.json"]) == {"task.json": b"{}"}
        held._device += 1
        assert held.read("one", ["task.json"]) == {}
    finally:
        held.close()
