# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(fit_messages): the newest messages of a conversation that fit into a number of bytes."""

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ..module_utils.snapshot import fit


def fit_messages(
    messages: list[Any],
    max_bytes: int = fit.MAX_BYTES,
    max_messages: int = 0,
    partial: bool = False,
    shape: str = "coder",
) -> list[dict[str, Any]]:
    """The newest of the messages, repaired, whose JSON takes at most max_bytes; see `snapshot.fit.fit`.

    :raises AnsibleFilterError: an argument cannot be used.
    """
    if not isinstance(messages, (list, tuple)):
        raise AnsibleFilterError(f"fit_messages: expected a list of messages, got {type(messages).__name__}.")
    try:
        return fit.fit(messages, int(max_messages), int(max_bytes), bool(partial), shape).messages
    except ValueError as error:
        raise AnsibleFilterError(f"fit_messages: {error}") from error


class FilterModule:
    """Tells Ansible the filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fit_messages": fit_messages}
