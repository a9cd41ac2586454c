# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of `make fuzz-proof` and `make fuzz-chats`."""

from __future__ import annotations

import pytest
from fuzz import chats
from fuzz.proof import fuzz

ROUNDS = 60


@pytest.mark.slow
def test_no_change_makes_an_evacuation_delete_what_the_archive_lacks() -> None:
    kinds, with_deletions, deletions = fuzz(ROUNDS, seed=20)
    assert with_deletions * 3 >= ROUNDS and deletions > ROUNDS
    assert len(kinds) > 10, "changes of many kinds"


@pytest.mark.slow
def test_no_change_makes_an_archive_lose_what_was_said_in_chats() -> None:
    kinds, proven = chats.fuzz(40, seed=20)
    assert proven > 40 and len(kinds) > 10, "changes of many kinds"
