# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key is made once, and a short one refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import redaction_key
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError


def test_a_short_key_in_the_file_is_refused_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction_key, "key_path", lambda: str(tmp_path / "key"))
    made = redaction_key.redaction_key(None)
    assert redaction_key.redaction_key(None) == made and len(made) >= 16
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(CoderError, match=f"{tmp_path}/key has fewer than 16"):
        redaction_key.redaction_key(None)
