# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for every test that needs a server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from emulator import DIALECTS, Emulator

# How long an example takes says what else the machine does, and nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Whoever runs the tests may be logged in somewhere.
os.environ["CODER_CONFIG_DIR"] = os.path.join(os.sep, "nonexistent", "coder")
# A shell has what it starts in the background ignore the keys, and so would every process of a test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEASURED = [name for name, dialect in DIALECTS.items() if dialect.measured]


@pytest.fixture
def emulator() -> Iterator[Callable[..., Emulator]]:
    """Starts emulated servers: emulator(dialect="2.34", time_factor=0.02, **options)."""
    started: list[Emulator] = []

    def start(dialect: str = "2.34", *, time_factor: float = 0.02, **options: Any) -> Emulator:
        started.append(Emulator(dialect, time_factor=time_factor, **options).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture(params=MEASURED)
def dialect(request: pytest.FixtureRequest) -> str:
    """Each measured dialect."""
    return str(request.param)
