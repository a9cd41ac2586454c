# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coder's workspaces, builds and templates in the one shape that the layers above see. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from .answers import an_object, fields, number, objects, sound_objects, text, text_or_none


class User(TypedDict):
    """As far as it is used."""

    id: str
    username: str


class Organization(TypedDict):
    """As far as it is used."""

    id: str
    name: str


class Build(TypedDict):
    """A workspace build, as far as it explains a state. ``status`` is that of its job."""

    id: str
    number: int | None
    transition: str | None
    status: str | None
    error: str | None
    reason: str | None


class LatestBuild(TypedDict, total=False):
    """A build whole as the server gives it; held against its shape by :func:`workspace_from`."""

    id: str
    transition: str
    status: str
    job: dict[str, Any] | None
    resources: list[dict[str, Any]] | None
    template_version_id: str | None
    template_version_preset_id: str | None


class Workspace(TypedDict, total=False):
    """A workspace whole as the server gives it: ``id``, ``name``, ``owner_name`` and ``latest_build`` are there."""

    id: str
    name: str
    owner_name: str
    latest_build: LatestBuild
    task_id: str | None
    dormant_at: str | None
    outdated: bool
    template_require_active_version: bool


class NewWorkspace(NamedTuple):
    """A workspace to be created."""

    name: str
    version_id: str
    preset_id: str | None
    parameters: Mapping[str, str]


class Preset(TypedDict):
    """A preset of a template version."""

    id: str
    name: str
    default: bool
    description: str
    icon: str
    parameters: dict[str, str]


class Parameter(TypedDict):
    """A parameter of a template version."""

    name: str
    display_name: str
    description: str
    type: str | None
    default: str | None
    required: bool
    mutable: bool
    ephemeral: bool
    options: list[str]


def workspace_from(data: Any, path: str) -> Workspace:
    """A workspace with its latest build and, where they run, agents and apps.

    :param path: of the request, for the error. :raises CoderError: it is none.
    """
    found: Any = an_object(data, path, "id", "name", "owner_name", "latest_build")
    build = an_object(found["latest_build"], path, "transition")
    an_object(build.get("job") or {}, path)
    for resource in objects(build.get("resources"), path):
        for agent in objects(resource.get("agents"), path):
            objects(agent.get("apps"), path)
    workspace: Workspace = found
    return workspace


def build_from(data: Any) -> Build:
    """A workspace build of the server's."""
    job = fields(data.get("job"))
    return {
        "id": text(data.get("id")),
        "number": number(data.get("build_number")),
        "transition": text_or_none(data.get("transition")),
        "status": text_or_none(job.get("status")),
        "error": text(job.get("error")) or None,
        "reason": text_or_none(data.get("reason")),
    }


def app_health(workspace: Workspace | None, app_id: str | None) -> str | None:
    """Health of one app of a workspace: disabled, initializing, healthy or unhealthy; None if it is not there."""
    for resource in sound_objects(fields((workspace or {}).get("latest_build")).get("resources")):
        for agent in sound_objects(resource.get("agents")):
            for app in sound_objects(agent.get("apps")):
                if app.get("id") == app_id:
                    return text_or_none(app.get("health"))
    return None


def preset_from(data: dict[str, Any]) -> Preset:
    """A preset; the API spells its keys with capitals and gives null for no parameters."""
    parameters = sound_objects(data.get("Parameters"))
    return {
        "id": text(data.get("ID")),
        "name": text(data.get("Name")),
        "default": data.get("Default") is True,
        "description": text(data.get("Description")),
        "icon": text(data.get("Icon")),
        "parameters": {text(item.get("Name")): text(item.get("Value")) for item in parameters},
    }


def parameter_from(data: dict[str, Any]) -> Parameter:
    """A parameter of a template version."""
    return {
        "name": text(data.get("name")),
        "display_name": text(data.get("display_name")),
        "description": text(data.get("description_plaintext")) or text(data.get("description")),
        "type": text_or_none(data.get("type")),
        "default": text_or_none(data.get("default_value")),
        "required": data.get("required") is True,
        "mutable": data.get("mutable") is not False,
        "ephemeral": data.get("ephemeral") is True,
        "options": [text(option.get("value")) for option in sound_objects(data.get("options"))],
    }
