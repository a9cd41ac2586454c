# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both ways of running an operation on Coder share. The module's way is :func:`run_module`."""

from __future__ import annotations

from typing import Any

from .operation_module import bad_arguments, failed, module_arguments, outcome, run_operation
from .operations.connection import open_session, secrets_in

__all__ = ["bad_arguments", "failed", "module_arguments", "outcome", "run_module"]


def run_module(operation: Any) -> None:
    """The whole main of a module that calls Coder with a user's token."""
    run_operation(operation, open_session, secrets_in)
