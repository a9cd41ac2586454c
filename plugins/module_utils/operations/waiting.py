# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every waiting operation shares."""

from __future__ import annotations

from typing import Any

from ..coder.wait import Patience
from .context import Context


def waiting_spec(goals: list[str], stable_idle: str = "5s") -> dict[str, Any]:
    """Argument spec of waiting. :param goals: choices of ``wait_for``."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_for": {"type": "str", "choices": goals},
        "wait_timeout": {"type": "duration", "default": "10m"},
        "stable_idle": {"type": "duration", "default": stable_idle},
    }


def patience_from(context: Context) -> Patience:
    """How long to wait, from the options."""
    return Patience(context.params["wait_timeout"], context.params["stable_idle"], context.poll_interval)
