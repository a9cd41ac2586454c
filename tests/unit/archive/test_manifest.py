# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else may have written into a manifest is no entry."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import manifest


@pytest.mark.parametrize(
    "wrong", [{"kind": 7}, {"kind": "mail"}, {"name": 7}, {"files": []}, {"owner": {}}, {"id": None}]
)
def test_an_entry_that_nobody_wrote_is_none(wrong: dict[str, Any]) -> None:
    needed = {key: (kind[0] if isinstance(kind, tuple) else kind)() for key, kind in manifest._NEEDED.items()}
    entry: Any = {**dict.fromkeys(manifest._NULLABLE), **needed}
    assert manifest.checked(entry) == entry
    with pytest.raises(ValueError, match="not an entry"):
        manifest.checked({**entry, **wrong})
