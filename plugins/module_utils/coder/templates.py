# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the names that a user writes to the template version, preset and parameters that a workspace is made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .answers import text
from .errors import CoderError, invalid
from .models import LatestBuild, Parameter, Preset
from .names import is_uuid
from .parameters import check_values
from .server import Server


class Wanted(NamedTuple):
    """What a workspace is said to be made from, by name or UUID; None where nothing is said."""

    template: str | None
    organization: str | None
    version: str | None
    preset: str | None


class TemplateChoice(NamedTuple):
    """What a workspace is made from."""

    template: dict[str, Any]
    version_id: str
    preset_id: str | None


class Origin(NamedTuple):
    """What a workspace was made from. What is None is read from the workspace where it is needed."""

    template_id: str
    template_name: str
    version_id: str | None
    workspace_id: str | None
    build: LatestBuild | None = None


def resolve(
    client: Server, template: str, wanted: Wanted, parameters: Mapping[str, str] | None, filled: str | None = None
) -> TemplateChoice:
    """Look everything up and check what the server would accept silently or refuse late.

    :param template: the template that is ``wanted``.
    :param parameters: values by name; None where none can be passed, as to a task.
    :param filled: a parameter to which the server itself gives a value.
    :raises CoderError: unknown, ambiguous, of another template, or with required parameters that nothing supplies;
        the message names what exists.
    """
    found = find_template(client, template, wanted.organization)
    version_id = _version_id(client, found, wanted.version)
    chosen = _preset(client, found, version_id, wanted.preset)
    known = client.parameters(version_id)
    check_values(known, parameters or {}, f"the template {found['name']!r}", chosen)
    _check_required(client, found, version_id, chosen, known, parameters, filled)
    return TemplateChoice(found, version_id, chosen["id"] if chosen else None)


def find_template(client: Server, template: str, organization: str | None = None) -> dict[str, Any]:
    """One of the templates that the client offers, by name or UUID.

    :raises CoderError: none, or several of that name.
    """
    listed = client.templates(organization)
    field = "id" if is_uuid(template) else "name"
    matches = [item for item in listed if item[field].lower() == template.lower()]
    if len(matches) > 1:
        where = ", ".join(sorted(text(item.get("organization_name")) or item["organization_id"] for item in matches))
        raise invalid(f"the template {template!r} exists in several organizations: {where}", "Set 'organization'.")
    if matches:
        return matches[0]
    where = f" in the organization {organization!r}" if organization else ""
    raise CoderError(
        f"there is no template {template!r}{client.templates_that}{where}", "not_found",
        hint=f"Templates{' that can' if client.templates_that else ''}: {_listing(item['name'] for item in listed)}.",
    )


def _version_id(client: Server, template: dict[str, Any], version: str | None) -> str:
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
    client: Server, template: dict[str, Any], version_id: str, preset: str | None
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
    """what: such as `the preset`; made_from: what the workspace was made from; declared: what it is said to be."""

    what: str
    made_from: str
    declared: str


def differences(client: Server, origin: Origin, wanted: Wanted) -> list[Difference]:
    """In what an existing workspace was made from something else than what is declared; what is None is not compared.

    A version and a preset belong to a template, so they are compared only where that is the same. No preset is not
    compared either: the server itself takes one whose parameters are the defaults. Costs requests only where a version
    or a preset is given.

    :raises CoderError: what it was made from cannot be read.
    """
    template, version, preset = wanted.template, wanted.version, wanted.preset
    if template and template.lower() not in (origin.template_name.lower(), origin.template_id):
        return [Difference("the template", origin.template_name, template)]
    if preset and preset.lower() == "none":
        preset = None
    if not version and not preset:
        return []
    found = []
    version_id = origin.version_id
    build: LatestBuild = {} if version_id and not preset else _latest_build(client, origin)
    version_id = version_id or build.get("template_version_id")
    if version and version_id:
        name = _name_of(client.template_versions(origin.template_id), version_id)
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


def _latest_build(client: Server, origin: Origin) -> LatestBuild:
    if origin.build is not None:
        return origin.build
    workspace = client.workspace(origin.workspace_id) if origin.workspace_id else None
    return workspace["latest_build"] if workspace else {}


def _name_of(items: Iterable[Mapping[str, Any]], identity: str) -> str:
    """The name of the one with this id; the id itself where it is not there any more."""
    return next((str(item["name"]) for item in items if item["id"] == identity), identity)


def _check_required(
    client: Server,
    template: dict[str, Any],
    version_id: str,
    preset: Preset | None,
    known: list[Parameter],
    parameters: Mapping[str, str] | None,
    filled: str | None,
) -> None:
    """:raises CoderError: a required parameter gets no value."""
    given = {*(preset["parameters"] if preset else ()), *(parameters or ()), *([filled] if filled else ())}
    required = {item["name"] for item in known if item["required"]} - {filled}
    missing = [item["name"] for item in known if item["name"] in required - given]
    if not missing:
        return
    able = [item["name"] for item in client.presets(version_id) if required <= set(item["parameters"])]
    why = ", and parameters cannot be passed to a task, only a preset gives them" if parameters is None else ""
    how = "Presets that do" if parameters is None else "Give 'parameters', or a preset that has them. Presets that do"
    lacking = ", ".join(map(repr, missing))
    raise invalid(f"the template {template['name']!r} requires {lacking}{why}", f"{how}: {_listing(able)}.")


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
