# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the files that chats carry, as the archive asks for them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, cast

from ...archive.attachments import Fetch, Gone
from ...coder.chats.models import Chat
from ...coder.errors import CoderError
from ..context import Context
from .outcome import Outcomes
from .read import Reading


def file_reader(context: Context[Any], outcomes: Outcomes, reading: Reading) -> Fetch | None:
    """What reads a file of a chat, and notes one that cannot be read; None of what carries none.

    One that is gone is no failure: no later run could do better. The chat tells of it.
    """
    if not reading.is_chat:
        return None
    backend = context.session.chats

    def fetch(file_id: str) -> bytes | Gone:
        try:
            return _read(file_id)
        except CoderError as error:
            outcomes.fail(reading.label, error.but(attempt=f"read a file of the chat {reading.label}"))
            raise

    def _read(file_id: str) -> bytes | Gone:
        try:
            return backend.file(file_id)
        except CoderError as error:
            said = backend.word_of_gone_file(cast(Chat, reading.task), error)
            if said is None:
                raise
            now = datetime.fromtimestamp(backend.now(), timezone.utc)
            return Gone(since=f"{now:%Y-%m-%dT%H:%M:%SZ}", said=said)

    return fetch
