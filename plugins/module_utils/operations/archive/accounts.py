# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Save a server's own accounts of its chats, which an upgrade takes away: limits, costs per user, pull requests."""

from __future__ import annotations

from typing import Any

from ...archive.joined import AnyArchive
from ...coder.chats.backend import Told
from ...coder.errors import CoderError, attempting
from ..context import Context
from .outcome import Outcomes

SITE_OWNER = "site owner"


def collect_accounts(context: Context[Any], archive: AnyArchive, outcomes: Outcomes) -> list[dict[str, Any]]:
    """Ask for each account and save what is told.

    :returns: one line per account: its ``name``, its ``state``, and the ``role`` that reading it needs; none where the
        server has no chats.
    :raises CoderError: the archive cannot be written; a refusal is a state, all else a failure among ``outcomes``.
    """
    if context.session.chats.presence() == "none":
        return []
    return [
        {
            "name": told.name,
            "state": _settle(archive, outcomes, told),
            "role": SITE_OWNER if told.everybodys else None,
        }
        for told in context.session.chats.accounts()
    ]


def _settle(archive: AnyArchive, outcomes: Outcomes, told: Told) -> str:
    """Save an account. :returns: its state."""
    error = told.error
    if told.answer is not None:
        try:
            with attempting(f"save the account {told.name} of the server"):
                outcomes.changed |= archive.save_account(told.name, told.answer) != "unchanged"
            return "saved"
        except CoderError as caught:
            if caught.kind == "io":
                raise
            error = caught
    if error is None:
        return "absent"
    if error.kind == "forbidden":
        return "forbidden"
    outcomes.fail(told.name, error)
    return "failed"
