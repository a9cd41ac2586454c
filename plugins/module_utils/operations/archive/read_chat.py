# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a chat as the archive takes it, and its sub-agents' chats, each a conversation of its own.

A chat is whole where neither its status nor the time of its last change moved while its messages were read, and no turn
was under way; one that does not come to rest is saved as it is, and marked.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any, Callable, cast

from ...archive.chat_log import files_of
from ...archive.record import ChatRecord, Record
from ...coder.chats.backend import ChatsBackend
from ...coder.chats.models import Chat, family
from ...coder.errors import CoderError, as_coder_error, attempting
from ...version import VERSION
from ..context import Context
from .outcome import Outcomes
from .progress import Progress, each
from .read import Reading, ReadParams, taken

# How often a chat that moved is read, in all.
READINGS = 3


def read_chats(
    context: Context[ReadParams],
    chats: list[Chat],
    outcomes: Outcomes,
    progress: Progress,
    settle: Callable[[Reading], None],
    asks_cost: Callable[[Chat], bool],
) -> None:
    """Read many families of chats at once. Empties the list: what was read of 10,000 need not stay in memory.

    :param settle: given each reading, from several threads; what it raises ends all.
    :param asks_cost: whether to ask what a chat cost.
    """
    backend = context.session.chats
    counts: deque[int] = deque()

    def work(root: Chat) -> None:
        readings = read_family(backend, root, asks_cost)
        outcomes.see(len(readings) - len(family(root)))
        for reading in readings:
            settle(reading)
        counts.append(len(readings))

    each(work, taken(chats), context.params["concurrency"], lambda: progress.step(counts.popleft()), progress.meanwhile)


def read_family(backend: ChatsBackend, root: Chat, asks_cost: Callable[[Chat], bool]) -> list[Reading]:
    """A chat, and those of its sub-agents that the server nests in it: first the root, then its children."""
    first, children = read_chat(backend, root, asks_cost)
    return [first, *(read_chat(backend, child, asks_cost)[0] for child in children)]


def read_chat(
    backend: ChatsBackend, chat: Chat, asks_cost: Callable[[Chat], bool]
) -> tuple[Reading, list[Chat]]:
    """One chat, with its messages, its queue and its cost. A failure is a reading, too.

    :param chat: as it was listed, maybe a while ago.
    :returns: what was read, and its sub-agents' chats.
    """
    try:
        with attempting(f"read the chat {backend.label(chat)}"):
            now, record = _settled(backend, chat)
            record["cost"] = _cost(backend, now) if asks_cost(now) else None
    except Exception as caught:  # noqa: BLE001  (an answer that nobody foresaw is this chat's failure alone)
        error = as_coder_error(caught)
        return Reading(cast(Record, _record(backend, chat, error_kind=error.kind)), error), chat["children"]
    return Reading(cast(Record, record)), now["children"]


def _settled(backend: ChatsBackend, chat: Chat) -> tuple[Chat, ChatRecord]:
    """A chat and its messages, read between two looks that show the same, or as they were at the last of them."""
    for _reading in range(READINGS):
        log = backend.messages(chat)
        now = backend.refresh(chat)
        if now is None:
            raise CoderError("it is gone: the server deletes chats that were archived for some time", "not_found")
        moved = (now["status"], now["updated_at"]) != (chat["status"], chat["updated_at"])
        chat = now
        if not moved:
            break
    record = _record(backend, chat, messages=log.raw, queue=log.raw_queue, running=moved or _is_at_work(chat))
    return chat, record


def _is_at_work(chat: Chat) -> bool:
    """Whether a turn is under way, also one that waits for what a tool of the user's answers."""
    return chat["busy"] or chat["status"] == "requires_action"


def _cost(backend: ChatsBackend, chat: Chat) -> dict[str, Any] | None:
    """What a family cost; None where the server does not tell. A sub-agent's is in its root's."""
    if chat["parent_chat_id"] or "cost" not in backend.features:
        return None
    with suppress(CoderError):  # the conversation counts, whatever became of its bill
        return backend.cost(chat)
    return None


def _record(
    backend: ChatsBackend,
    chat: Chat,
    *,
    messages: list[dict[str, Any]] | None = None,
    queue: list[dict[str, Any]] | None = None,
    running: bool = False,
    error_kind: str | None = None,
) -> ChatRecord:
    said, waiting = messages or [], queue or []
    about = {**chat, "children": [child["id"] for child in chat["children"]]}
    return {
        "kind": "chat",
        "task": about,
        "messages": said,
        "source": "none" if error_kind else "live",
        "snapshot_at": None,
        "error_kind": error_kind,
        "versions": {"coder": backend.version, "agentapi": None, "collection": VERSION},
        "running": running,
        "queue": waiting,
        "cost": None,
        "files": [] if error_kind else files_of(about, [*said, *waiting]),
    }
