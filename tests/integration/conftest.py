# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything here starts processes, so all of it counts as slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.snapshot.servers import FakeAgentAPI, conversation

from emulator import Emulator

from .role_workspace import Workspace

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def workspace(emulator: Callable[..., Emulator], tmp_path: Path) -> Iterator[Workspace]:
    with FakeAgentAPI(conversation("Hello", "Fix it", "Fixed")) as agentapi:
        yield Workspace(emulator(), tmp_path, agentapi)
