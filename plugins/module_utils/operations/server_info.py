# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say what a server is, what it has, and what the token may see there. What one question meets takes no other away."""

from __future__ import annotations

from typing import Any, Callable, TypedDict, TypeVar

from ..coder.errors import REFUSALS, CoderError, attempting
from ..coder.server import Identity, Server
from ..coder.session import Session
from .connection import ConnectionParams, connection_spec
from .context import Context
from .spec import Spec

# What a token may read, by the server's name of it.
KINDS = {"tasks": "task", "chats": "chat", "workspaces": "workspace"}
LIMITS = ("prompt_bytes", "queued_messages", "attachments", "steps_per_turn")
RETENTION = ("retention_days", "auto_archive_days")

Answer = TypeVar("Answer")


class Reads(TypedDict):
    """Whether the token may read every one, wherever; null where the server did not say."""

    tasks: bool | None
    chats: bool | None
    workspaces: bool | None


class OrganizationRights(Reads):
    """The same in one organization."""

    id: str
    name: str


class Rights(Reads):
    """Of the whole deployment, and of each organization that the user is in."""

    organizations: list[OrganizationRights]


def spec() -> Spec:
    """The operation's options."""
    return {"argument_spec": connection_spec(), "supports_check_mode": True}


def run(context: Context[ConnectionParams]) -> dict[str, Any]:
    """Result: ``server``."""
    # A session of earlier calls knows the server as it was: it may have been upgraded since.
    context.session.server.forget(everything=True)
    with attempting("read what the server has"):
        return {"changed": False, "server": _server(context.session)}


def _server(session: Session) -> dict[str, Any]:
    version = session.server.version.text
    identity = _asked(session.server.identity)
    tasks, chats = session.tasks.presence(), session.chats.presence()
    has_chats = chats != "none"
    limits = session.chats.limits() if has_chats else {}
    retention = session.chats.retention() if has_chats else {}
    user = identity.user if identity else None
    return {
        "url": session.server.transport.base_url,
        "session_file": session.server.transport.connection.session_file,
        "version": version,
        "tasks": tasks,
        "chats": chats,
        "user": {"id": user["id"], "username": user["username"]} if user else None,
        "rights": _rights(session.server, identity),
        "limits": {
            "requests_per_minute": identity.requests_per_minute if identity else None,
            **{name: limits.get(name) for name in LIMITS},
        },
        "retention": {name: retention.get(name) for name in RETENTION},
        "features": {
            "tasks": (_asked(session.tasks.abilities) or {}) if tasks == "yes" else {},
            "chats": session.chats.abilities() if has_chats else {},
        },
    }


def _rights(server: Server, identity: Identity | None) -> Rights:
    """Asked with one request for all organizations."""
    visible = _asked(server.organizations) or []
    organizations = [each for each in visible if identity is None or each["id"] in identity.organization_ids]
    things = {kind: {"resource_type": name} for kind, name in KINDS.items()}
    for each in organizations:
        for kind, name in KINDS.items():
            things[f"{kind} {each['id']}"] = {"resource_type": name, "organization_id": each["id"]}
    told = _asked(lambda: server.may_read_each(things)) or dict.fromkeys(things)
    return {
        **_reads(told),
        "organizations": [
            {"id": each["id"], "name": each["name"], **_reads(told, f" {each['id']}")} for each in organizations
        ],
    }


def _reads(told: dict[str, bool | None], where: str = "") -> Reads:
    return {
        "tasks": told[f"tasks{where}"],
        "chats": told[f"chats{where}"],
        "workspaces": told[f"workspaces{where}"],
    }


def _asked(ask: Callable[[], Answer]) -> Answer | None:
    """The answer to a question; None where the server refuses it to this token."""
    try:
        return ask()
    except CoderError as error:
        if error.kind not in REFUSALS:
            raise
        return None
