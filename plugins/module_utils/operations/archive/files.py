# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the files that chats carry, as the archive asks for them."""

from __future__ import annotations

from typing import Any

from ...archive.store import Fetch
from ...coder.errors import CoderError
from ..context import Context
from .outcome import Outcomes
from .read import Reading


def file_reader(context: Context[Any], outcomes: Outcomes, reading: Reading) -> Fetch | None:
    """What reads a file of a chat, and notes one that cannot be read; None of what carries none."""
    if not reading.is_chat:
        return None

    def fetch(file_id: str) -> bytes:
        try:
            return context.session.chats.file(file_id)
        except CoderError as error:
            outcomes.fail(reading.label, error.but(attempt=f"read a file of the chat {reading.label}"))
            raise

    return fetch
