# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are durations. Ansible has no type for them, so to it they are text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..coder.durations import seconds
from .spec import DURATION, Options


def with_seconds(spec: Options, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with every duration in seconds, as operations use them. Seconds stay what they are.

    :param spec: an operation's argument spec.
    :raises CoderError: kind invalid, one is no duration.
    """
    given = {name: params[name] for name, option in spec.items() if option.get("type") == DURATION and name in params}
    return {**params, **{name: seconds(value, name) for name, value in given.items() if value is not None}}
