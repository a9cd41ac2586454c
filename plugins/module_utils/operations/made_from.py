# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what something that exists was made from, where that is not what is declared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable

from ..coder.errors import CoderError
from ..coder.templates import Difference
from .context import Context


def warn_of_differences(
    context: Context[Any], label: str, differences: Callable[[], Iterable[Difference]], fixed: str
) -> None:
    """Warn of each difference, and never fail: what is only compared must not stand in the way of what is to be done.

    :param label: of what exists, such as "the task fix-login".
    :param differences: reads them. :param fixed: as in "which ... to", that nobody changes them.
    """
    try:
        differing = list(differences())
    except CoderError as error:
        context.warn(f"What {label} was made from could not be compared: {error.message}")
        return
    for what, is_made_from, declared in differing:
        context.warn(
            f"{label[0].upper()}{label[1:]} was made from {what} {is_made_from!r}, which {fixed} to {declared!r}; "
            "delete and create it anew."
        )
