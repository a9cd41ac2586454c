# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating a workspace that is no task's. Read in Coder's source, not recorded; the refusals that tasks share were."""

from __future__ import annotations

from emulator.answers import Answer, ApiError, json_answer
from emulator.api_tasks import chosen_preset, may_not_create, name_in_use, name_problem
from emulator.api_workspaces import check_values, given_values
from emulator.request import Request
from emulator.router import Router
from emulator.views import Views
from emulator.world import NameTaken, Preset, Template, Version

_CREATE = {
    "template_id": "uuid.UUID",
    "template_version_id": "uuid.UUID",
    "template_version_preset_id": "uuid.UUID",
    "name": "string",
    "rich_parameter_values": "[]object",
}


def add_routes(router: Router) -> None:
    router.extend("/api/v2/users/{user}", "POST", "workspaces", _create)


async def _create(request: Request) -> Answer:
    world, owner, caller = request.world, request.user, request.caller
    assert owner is not None and caller is not None
    body = request.json("codersdk.CreateWorkspaceRequest", _CREATE)
    name = body.get("name", "")
    if name_problem(name):
        problem = f'Validation failed for tag "workspace_name" with value: "{name}"'
        raise ApiError(400, "Validation failed.", validations={"name": problem})
    template, version = _made_from(request, body)
    if not caller.may_access(owner):
        raise may_not_create(request)
    if template.deprecated:
        text = f'Template "{template.name}" has been deprecated, and cannot be used to create a new workspace.'
        raise ApiError(400, text, template.deprecated)
    if world.workspace_named(owner, name) is not None:
        raise name_in_use(name)
    preset = chosen_preset(request, body)
    given = given_values(body.get("rich_parameter_values"))
    check_values(version, given)
    _check_required(version, given, preset)
    await world.clock.sleep(world.settings.create_time)
    try:
        workspace = world.create_workspace(
            owner, version, name=name, preset=preset, parameters=given, initiator=caller
        )
    except NameTaken:
        detail = 'insert workspace: pq: duplicate key value violates unique constraint "workspaces_owner_id_lower_idx"'
        raise ApiError(500, "Internal server error", detail) from None
    return json_answer(201, Views(world).workspace(workspace))


def _made_from(request: Request, body: dict[str, str]) -> tuple[Template, Version]:
    """What of the two the body names. Raises ApiError 400."""
    wanted = [str(body[key]) for key in ("template_id", "template_version_id") if key in body]
    if len(wanted) != 1:
        tag = "excluded_with" if wanted else "required_without"
        problem = f'Validation failed for tag "{tag}" with value: ""'
        raise ApiError(400, "Validation failed.", validations={"template_id": problem})
    templates = request.world.templates
    found = next((template.active_version for template in templates if template.id == wanted[0]), None)
    version = found or request.world.find_version(wanted[0])
    if version is None:
        text = f'Template version "{wanted[0]}" doesn\'t exist.'
        raise ApiError(400, text, validations={"template_version_id": "template not found"})
    return version.template, version


def _check_required(version: Version, given: dict[str, str], preset: Preset | None) -> None:
    known = {**given, **(preset.parameters if preset else {})}
    missing = [p.name for p in version.parameters if p.required and p.name not in known]
    if missing:
        problem = "Required parameter not provided; parameter value is null"
        raise ApiError(400, "Unable to validate parameters", validations=dict.fromkeys(missing, problem))
