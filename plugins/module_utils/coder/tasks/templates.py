# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the names that a user writes to the template version and preset that a task is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import CoderError, invalid
from ..models import LatestBuild, Preset
from ..names import is_uuid
from .client import TasksClient
from .models import Task
from .prompts import PROMPT_PARAMETER


class TemplateChoice(NamedTuple):
    """What a task is made from."""

    template: dict[str, Any]
    version_id: str
    preset_id: str | None


def resolve(
    client: TasksClient, template: str, organization: str | None, version: str | None, preset: str | None
) -> TemplateChoice:
    """Look everything up and check what the server would accept silently or refuse late.

    :raises CoderError: unknown, ambiguous, of another template, or with required parameters that nothing supplies;
        the message names what exists.
    """
    found = find_template(client, template, organization)
    version_id = _version_id(client, found, version)
    chosen = _preset(client, found, version_id, preset)
    _check_parameters(client, found, version_id, chosen)
    return TemplateChoice(found, version_id, chosen["id"] if chosen else None)


def find_template(client: TasksClient, template: str, organization: str | None = None) -> dict[str, Any]:
    """A template that can run tasks, by name or UUID. :raises CoderError: none, or several of that name."""
    listed = client.templates(organization)
    field = "id" if is_uuid(template) else "name"
    matches = [item for item in listed if item[field].lower() == template.lower()]
    if len(matches) > 1:
        where = ", ".join(sorted(item["organization_name"] for item in matches))
        raise invalid(f"the template {template!r} exists in several organizations: {where}", "Set 'organization'.")
    if matches:
        return matches[0]
    where = f" in the organization {organization!r}" if organization else ""
    raise CoderError(
        f"there is no template {template!r} that can run tasks{where}", "not_found",
        hint=f"Templates that can: {_listing(item['name'] for item in listed)}.",
    )


def _version_id(client: TasksClient, template: dict[str, Any], version: str | None) -> str:
    if not version:
        return template["active_version_id"]
    versions = client.template_versions(template["id"])
    field = "id" if is_uuid(version) else "name"
    for item in versions:
        if item[field].lower() == version.lower():
            return item["id"]
    raise CoderError(
        f"the template {template['name']!r} has no version {version!r}",
        "not_found",
        hint=f"Its versions: {_listing(item['name'] for item in versions)}.",
    )


def _preset(
    client: TasksClient, template: dict[str, Any], version_id: str, preset: str | None
) -> Preset | None:
    """The preset; `none` or nothing means none, `default` the template's default one."""
    if not preset or preset.lower() == "none":
        return None
    presets = client.presets(version_id)
    names = _listing(item["name"] for item in presets)
    for item in presets:
        # Servers accept the id of another template's preset silently: only these are looked at.
        if preset.lower() in (item["name"].lower(), item["id"].lower()):
            return item
    if preset.lower() == "default":
        for item in presets:
            if item["default"]:
                return item
        raise CoderError(
            f"the template {template['name']!r} has no default preset", "not_found", hint=f"Its presets: {names}."
        )
    raise CoderError(
        f"the template {template['name']!r} has no preset {preset!r}", "not_found", hint=f"Its presets: {names}."
    )


class Difference(NamedTuple):
    """what: such as `the preset`; made_from: what the task was made from; declared: what it is said to be."""

    what: str
    made_from: str
    declared: str


def differences(
    client: TasksClient, task: Task, template: str | None, version: str | None, preset: str | None
) -> list[Difference]:
    """In what an existing task was made from something else than what is declared; what is None is not compared.

    A version and a preset belong to a template, so they are compared only where that is the same. No preset is not
    compared either: the server itself takes one whose parameters are the defaults. Costs requests only where a version
    or a preset is given.

    :raises CoderError: what the task was made from cannot be read.
    """
    if template and template.lower() not in (str(task["template_name"]).lower(), task["template_id"]):
        return [Difference("the template", str(task["template_name"]), template)]
    if preset and preset.lower() == "none":
        preset = None
    if not version and not preset:
        return []
    found = []
    version_id = task["template_version_id"]
    build: LatestBuild = {} if version_id and not preset else _latest_build(client, task)
    version_id = version_id or build.get("template_version_id")
    if version and version_id:
        name = _name_of(client.template_versions(task["template_id"]), version_id)
        if version.lower() not in (name.lower(), version_id):
            found.append(Difference("the version", name, version))
    if preset and version_id:
        given = build.get("template_version_preset_id")
        presets = client.presets(build.get("template_version_id") or version_id)
        name = _name_of(presets, given) if given else "none"
        default = preset.lower() == "default" and any(item["default"] and item["id"] == given for item in presets)
        if not default and preset.lower() not in (name.lower(), given):
            found.append(Difference("the preset", name, preset))
    return found


def _latest_build(client: TasksClient, task: Task) -> LatestBuild:
    workspace = client.workspace(task["workspace_id"]) if task["workspace_id"] else None
    return workspace["latest_build"] if workspace else {}


def _name_of(items: Iterable[Mapping[str, Any]], identity: str) -> str:
    """The name of the one with this id; the id itself where it is not there any more."""
    return next((str(item["name"]) for item in items if item["id"] == identity), identity)


def _check_parameters(
    client: TasksClient, template: dict[str, Any], version_id: str, preset: Preset | None
) -> None:
    """Parameters cannot be passed to a task, so a required one must come from the preset."""
    given = preset["parameters"] if preset else {}
    # Where a task's prompt is stored as a parameter, the server fills that one from the input.
    filled = None if client.dialect.prompts == "task" else PROMPT_PARAMETER
    required = [item["name"] for item in client.parameters(version_id) if item["required"] and item["name"] != filled]
    missing = [name for name in required if name not in given]
    if not missing:
        return
    able = [item["name"] for item in client.presets(version_id) if set(required) <= set(item["parameters"])]
    lacking = ", ".join(map(repr, missing))
    raise invalid(
        f"the template {template['name']!r} requires {lacking}, and parameters cannot be passed to a task, only a "
        "preset gives them",
        f"Presets that do: {_listing(able)}.",
    )


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
