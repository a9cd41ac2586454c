# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of `make fuzz-proof`."""

from __future__ import annotations

import pytest
from fuzz.proof import fuzz

ROUNDS = 60


@pytest.mark.slow
def test_no_change_makes_an_evacuation_delete_what_the_archive_lacks() -> None:
    kinds, with_deletions, deletions = fuzz(ROUNDS, seed=20)
    assert with_deletions * 3 >= ROUNDS and deletions > ROUNDS
    assert len(kinds) > 10, "changes of many kinds"
