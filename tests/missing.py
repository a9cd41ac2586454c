# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test needs and this machine does not have."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, command: str) -> NoReturn:
    """Skip a test that cannot run here, with the command that would change that. CI has everything: there it fails.

    The table that ``make test`` ends with shows both.
    """
    reason = f"NOT TESTED: {what}: {command}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
