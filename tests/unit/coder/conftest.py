# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the clients' tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from recorded import Stub, recorded_server


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    """A server that gives the recorded answer that a test names."""
    with recorded_server() as server:
        yield server
