# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workspaces that chats are bound to, each with its chats: what an inventory makes hosts of."""

from __future__ import annotations

from typing import TypedDict

from ..coder.answers import Malformed
from ..coder.chats.models import Chat
from ..coder.errors import attempting
from .chat_selection import ChatSelectionParams, choose_chats
from .connection import ConnectionParams
from .context import Context


class ChatHostsParams(ConnectionParams, ChatSelectionParams):
    """The options of this operation."""


class WorkspaceFacts(TypedDict):
    """Of a workspace."""

    id: str
    name: str
    owner_name: str
    status: str | None


class ChatHost(TypedDict):
    """A workspace and its chats."""

    workspace: WorkspaceFacts
    chats: list[Chat]


def run(context: Context[ChatHostsParams]) -> list[ChatHost]:
    """One entry per workspace, by owner and name.

    Each has a ``workspace`` (``id``, ``name``, ``owner_name``, ``status``) and its ``chats``, the last changed first.
    Chats without a workspace, or with one that is gone, are in none.

    :raises CoderError: an option cannot be right, or the server refuses.
    """
    by_workspace: dict[str, list[Chat]] = {}
    for chat in choose_chats(context).chats:
        if chat["workspace_id"]:
            by_workspace.setdefault(chat["workspace_id"], []).append(chat)
    if not by_workspace:
        return []

    def told(problem: Malformed) -> None:
        context.warn(problem.message)

    with attempting("list the workspaces"):
        workspaces = context.session.server.list_workspaces(malformed=told)
    hosts: list[ChatHost] = [
        {
            "workspace": {
                "id": workspace["id"],
                "name": workspace["name"],
                "owner_name": workspace["owner_name"],
                "status": workspace["latest_build"].get("status"),
            },
            "chats": sorted(by_workspace[workspace["id"]], key=lambda chat: chat["updated_at"], reverse=True),
        }
        for workspace in workspaces
        if workspace["id"] in by_workspace
    ]
    return sorted(hosts, key=lambda host: (host["workspace"]["owner_name"], host["workspace"]["name"]))
