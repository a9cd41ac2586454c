# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run an operation on Coder as a module."""

from __future__ import annotations

from typing import Any

from .operation_module import run_operation
from .operations.connection import open_session, secrets_in


def run_module(operation: Any) -> None:
    """The whole main of a module that calls Coder with a user's token."""
    run_operation(operation, open_session, secrets_in)
