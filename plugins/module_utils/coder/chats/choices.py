# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a chat is made with, by the names that people know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..answers import text
from ..errors import CoderError, invalid
from ..names import is_uuid, split_reference
from .client import ChatsClient
from .model_list import ChatModel


def find_model(client: ChatsClient, model: str, organization_id: str) -> str:
    """The id of a model, by its id, its display name or its name at the provider.

    :raises CoderError: kind not_found, naming those that can be used; invalid, several have this name.
    """
    known = [entry for entry in client.models(organization_id) if entry["enabled"]]
    ids = sorted(entry["id"] for entry in known if model.lower() in _names(entry))
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise invalid(f"{len(ids)} models are called {model!r}", f"Give the id of one: {', '.join(ids)}.")
    usable = sorted({entry["display_name"] for entry in known if entry["usable"]})
    hint = f"Models that can be used: {', '.join(usable) or 'none'}."
    raise CoderError(f"there is no model {model!r} for chats", "not_found", hint=hint)


def _names(entry: ChatModel) -> set[str]:
    return {name.lower() for name in (entry["id"], entry["display_name"], entry["model"])}


def find_mcp_servers(client: ChatsClient, references: Iterable[str], organization_id: str) -> list[str]:
    """The ids of MCP servers, each by its slug, its display name or its UUID; one that is given twice once.

    :raises CoderError: kind not_found, naming those that there are; invalid, several have this name.
    """
    given = list(references)
    # A list is asked for only where a name is given: a UUID means the same without it.
    known = [] if all(map(is_uuid, given)) else client.mcp_servers(organization_id)
    return list(dict.fromkeys(_mcp_server_id(each, known) for each in given))


def _mcp_server_id(reference: str, known: list[dict[str, Any]]) -> str:
    if is_uuid(reference):
        return reference.lower()
    name = reference.strip().lower()
    ids = sorted(
        entry["id"] for entry in known if name in (text(entry.get(key)).lower() for key in ("slug", "display_name"))
    )
    if len(ids) == 1:
        return ids[0]
    if ids:
        raise invalid(f"{len(ids)} MCP servers are called {reference!r}", f"Give the id of one: {', '.join(ids)}.")
    there = ", ".join(sorted(text(entry.get("slug")) or entry["id"] for entry in known)) or "none"
    raise CoderError(f"there is no MCP server {reference!r}", "not_found", hint=f"Choose from: {there}.")


def provider_of(client: ChatsClient, model_id: str | None, organization_id: str) -> dict[str, Any] | None:
    """The state of a model's provider; None where the server does not tell.

    :returns: its type as ``provider``, whether the model is ``available``, and the ``reason`` if it is not.
    """
    for entry in client.models(organization_id):
        if entry["id"] == model_id:
            return {"provider": entry["provider"], "available": entry["usable"], "reason": entry["reason"]}
    return None


def find_workspace(client: ChatsClient, workspace: str) -> str:
    """The UUID of a workspace, by its name, ``owner/name`` or UUID. :raises CoderError: kind not_found."""
    if is_uuid(workspace):
        found = client.workspace(workspace)
    else:
        owner, name = split_reference(workspace, "me")
        found = client.find_workspace(owner, name)
    if found is None:
        raise CoderError(
            f"there is no workspace {workspace!r}, or this token may not see it", "not_found",
            hint="Give name, owner/name or UUID of one that is not deleted.",
        )  # fmt: skip
    return str(found["id"])
