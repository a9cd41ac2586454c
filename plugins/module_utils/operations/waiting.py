# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every waiting operation shares."""

from __future__ import annotations

from typing import Any, TypedDict

from ..coder.waiter import Waiter, WaitOptions
from .context import Context
from .spec import Options


class WaitingParams(TypedDict):
    """The options of waiting; durations in seconds."""

    wait: bool
    wait_for: str | None
    wait_timeout: float
    stable_idle: float


class HowLong(TypedDict):
    """The options that say how long to wait."""

    wait_timeout: float
    stable_idle: float


def waiting_spec(goals: list[str], stable_idle: str = "5s") -> Options:
    """Argument spec of waiting. :param goals: choices of ``wait_for``."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_for": {"type": "str", "choices": goals},
        "wait_timeout": {"type": "duration", "default": "10m"},
        "stable_idle": {"type": "duration", "default": stable_idle},
    }


def wait_options(context: Context[HowLong]) -> WaitOptions:
    """How long to wait, from the options."""
    return WaitOptions(context.params["wait_timeout"], context.params["stable_idle"], context.poll_interval)


def waiter_for(context: Context[Any], options: WaitOptions) -> Waiter:
    """A waiter whose time begins now."""
    return Waiter(context.clock, options, context.progress)
