# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same cases against an emulated server, so that they cannot rot: in one dialect, some, or all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator import Emulator
from emulator.chats_dialects import CHAT_DIALECTS
from emulator.dialects import DIALECTS
from live.deployment import Settings

# One with everything: tasks that can do all, and chats.
USUAL = "chats-2.35"


def dialects(chosen: str) -> list[str]:
    """Names of dialects that have tasks or chats. :raises SystemExit: one is unknown.

    :param chosen: names with commas between them, or ``all``.
    """
    known = [*(name for name, dialect in DIALECTS.items() if dialect.task_prefixes), *CHAT_DIALECTS]
    names = known if chosen == "all" else [name.strip() for name in chosen.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"There is no dialect {', '.join(unknown)}. Choose from: all, {', '.join(known)}.")
    return names


@contextmanager
def emulated(dialect: str, folder: Path) -> Iterator[tuple[Emulator, Settings]]:
    """A server on which others have a task and a chat already, and what an operator would say of it."""
    chats = dialect if dialect in CHAT_DIALECTS else ""
    with Emulator("" if chats else dialect, chats=chats, time_factor=0.02, rate_limit=0) as server:
        server.create_task("of-the-same-user")
        server.create_task("of-another-user", owner="bob")
        if chats:
            server.create_chat("Of the same user", labels={"coder.tasks/name": "of-the-same-user"})
        yield (
            server,
            Settings(
                url=server.url,
                token=server.token,
                template="ai",
                folder=folder,
                member_token=server.tokens["bob"],
                stable_idle=0.5,
            ),
        )
