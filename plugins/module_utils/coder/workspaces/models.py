# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workspaces that stand for themselves, in the one shape that the layers above see. Pure functions."""

from __future__ import annotations

from typing import Any, TypedDict

from ..answers import fields, number, sound_objects, text, text_or_none
from ..models import LatestBuild
from ..models import Workspace as Given


class Agent(TypedDict):
    """An agent of a workspace, without those that an agent has started itself."""

    id: str
    name: str
    status: str | None
    lifecycle: str | None
    healthy: bool
    reason: str | None


class WorkspaceFields(TypedDict):
    """What is known of a workspace. ``status`` is Coder's own word; ``agents`` are there while it runs."""

    id: str
    name: str
    owner_id: str
    owner_name: str
    organization_id: str
    template_id: str
    template_name: str
    template_version_id: str | None
    preset_id: str | None
    status: str
    transition: str
    build_number: int | None
    agents: list[Agent]
    task_id: str | None
    outdated: bool
    dormant_at: str | None
    created_at: str | None
    url: str | None


class Workspace(WorkspaceFields, total=False):
    """A workspace as the module returns it; ``reason`` stands in one that is not well."""

    reason: str


def workspace_from(data: Given, base_url: str) -> Workspace:
    """:param data: as :func:`..models.workspace_from` gives it. :param base_url: of the server."""
    given: dict[str, Any] = dict(data)
    build = data["latest_build"]
    return {
        "id": text(data["id"]),
        "name": text(data["name"]),
        "owner_id": text(given.get("owner_id")),
        "owner_name": text(data["owner_name"]),
        "organization_id": text(given.get("organization_id")),
        "template_id": text(given.get("template_id")),
        "template_name": text(given.get("template_name")),
        "template_version_id": text_or_none(build.get("template_version_id")),
        "preset_id": text_or_none(build.get("template_version_preset_id")),
        "status": _status(build),
        "transition": text(build.get("transition")),
        "build_number": number(fields(given["latest_build"]).get("build_number")),
        "agents": _agents(build),
        "task_id": text_or_none(given.get("task_id")),
        "outdated": given.get("outdated") is True,
        "dormant_at": text_or_none(given.get("dormant_at")),
        "created_at": text_or_none(given.get("created_at")),
        "url": f"{base_url}/@{data['owner_name']}/{data['name']}",
    }


def _status(build: LatestBuild) -> str:
    return text(build.get("status")) or text(fields(build.get("job")).get("status")) or "pending"


def _agents(build: LatestBuild) -> list[Agent]:
    agents = [agent for resource in sound_objects(build.get("resources")) for agent in _top(resource)]
    return [_agent(agent) for agent in agents]


def _top(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [agent for agent in sound_objects(resource.get("agents")) if not agent.get("parent_id")]


def _agent(data: dict[str, Any]) -> Agent:
    health = fields(data.get("health"))
    return {
        "id": text(data.get("id")),
        "name": text(data.get("name")),
        "status": text_or_none(data.get("status")),
        "lifecycle": text_or_none(data.get("lifecycle_state")),
        "healthy": health.get("healthy") is not False,
        "reason": text_or_none(health.get("reason")),
    }


def is_leaving(workspace: WorkspaceFields) -> bool:
    """Whether its removal was asked for, and has not failed: it is as good as gone, but for its name."""
    return workspace["transition"] == "delete" and workspace["status"] in ("pending", "deleting", "deleted")


def is_stopping(workspace: WorkspaceFields) -> bool:
    """Whether a stop is queued, runs or has ended."""
    return workspace["transition"] == "stop" and workspace["status"] in ("pending", "stopping", "stopped")


def is_starting(workspace: WorkspaceFields) -> bool:
    """Whether a start is queued, runs or has ended."""
    return workspace["transition"] == "start" and workspace["status"] in ("pending", "starting", "running")


def has_failed(workspace: WorkspaceFields) -> bool:
    """Whether its last build failed or was canceled, so that it is neither what it was nor what it was to be."""
    return workspace["status"] in ("failed", "canceled", "canceling")
