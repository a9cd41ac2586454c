# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints about the deployment: version, users, organizations, templates."""

from __future__ import annotations

from emulator import gojson
from emulator.answers import Answer, ApiError, json_answer, not_found
from emulator.auth import require_user
from emulator.gojson import DecodeError, parse_uuid
from emulator.paging import page
from emulator.request import Request
from emulator.router import Router
from emulator.search import check_organization, parse
from emulator.views import Views
from emulator.world import Template, Version

_TEMPLATE_QUERY = "Invalid template search query."
_TEMPLATE_KEYS = ("has-ai-task", "organization", "exact_name", "name", "display_name", "deprecated", "deleted")


def add_routes(router: Router) -> None:
    root = router.group("/api/v2")
    root.route("GET", "", _hello)
    root.route("GET", "buildinfo", _buildinfo)
    router.group("/api/experimental")
    router.group("/api/v2/authcheck", require_user).route("POST", "", _authcheck)

    users = router.group("/api/v2/users", require_user)
    users.route("GET", "", _users)
    user = router.group("/api/v2/users/{user}", require_user, find_user)
    user.route("GET", "", _user)

    organizations = router.group("/api/v2/organizations", require_user)
    organizations.route("GET", "", _organizations)
    organization = router.group("/api/v2/organizations/{organization}", require_user, find_organization)
    organization.route("GET", "", _organization)
    organization.route("GET", "templates", _templates)
    organization.route("GET", "templates/{template}", _template_by_name)
    organization.route("GET", "templates/{template}/versions/{version}", _version_by_name)

    templates = router.group("/api/v2/templates", require_user)
    templates.route("GET", "", _templates)
    template = router.group("/api/v2/templates/{template}", require_user, _check_template)
    template.route("GET", "", _template)
    template.route("GET", "versions", _versions)
    template.route("GET", "versions/{version}", _version_of_template)

    version = router.group("/api/v2/templateversions/{version}", require_user, _check_version)
    version.route("GET", "", _version)
    version.route("GET", "presets", _presets)
    version.route("GET", "rich-parameters", _rich_parameters)


def find_user(request: Request) -> None:
    """Guard: the {user} of the path. Raises ApiError."""
    text, caller = request.params["user"], request.caller
    assert caller is not None
    user = request.world.find_user(text, caller)
    for_tasks = request.path.startswith(tuple(f"{prefix}/tasks" for prefix in request.dialect.task_prefixes))
    if for_tasks and user is not None and not caller.may_access(user):
        if request.dialect.create_for_other == "not_found":
            raise not_found()
    elif user is None or not caller.may_access(user):
        if request.dialect.user_error == "bad_request":
            text = f'queried user="{text}"'
            raise ApiError(400, '"user" must be an existing uuid or username.', text)
        raise not_found()
    request.user = user


async def _hello(_request: Request) -> Answer:
    return json_answer(200, {"message": "👋"})


async def _buildinfo(request: Request) -> Answer:
    return json_answer(200, Views(request.world).buildinfo(request.base_url))


async def _authcheck(request: Request) -> Answer:
    """What the token may do; measured for the reading of tasks, so for all else the answer is no."""
    caller = request.caller
    assert caller is not None
    body = gojson.loads(request.body)
    answers = {}
    for name, check in (body.get("checks") or {}).items():
        about = check.get("object") or {}
        wide = caller.owner
        in_organization = caller.organization_admin and bool(about.get("organization_id") or about.get("any_org"))
        reads_tasks = about.get("resource_type") == "task" and check.get("action") == "read"
        answers[name] = reads_tasks and (wide or in_organization)
    return json_answer(200, answers)


async def _users(request: Request) -> Answer:
    words = [word for word in request.query.get("q", "").lower().split() if ":" not in word]
    caller = request.caller
    assert caller is not None
    found = [
        user
        for user in request.world.users
        if caller.may_access(user) and all(word in f"{user.username} {user.email}".lower() for word in words)
    ]
    views = Views(request.world)
    return json_answer(200, {"users": [views.user(user) for user in page(request, found)], "count": len(found)})


async def _user(request: Request) -> Answer:
    assert request.user is not None
    return json_answer(200, Views(request.world).user(request.user))


def find_organization(request: Request) -> None:
    """Guard: the {organization} of the path, by id or name. Raises ApiError 404."""
    organization = request.world.organization
    known = ("default", organization["id"], organization["name"].lower(), "00000000-0000-0000-0000-000000000000")
    if request.params["organization"].lower() not in known:
        raise not_found()


async def _organizations(request: Request) -> Answer:
    return json_answer(200, [Views(request.world).organization()])


async def _organization(request: Request) -> Answer:
    return json_answer(200, Views(request.world).organization())


async def _templates(request: Request) -> Answer:
    world = request.world
    query = parse(request.query.get("q", ""), _TEMPLATE_QUERY, _TEMPLATE_KEYS, "display_name")
    if "organization" in query:
        check_organization(world, query["organization"], _TEMPLATE_QUERY)

    def matches(template: Template) -> bool:
        wanted = {
            "has-ai-task": lambda value: template.task == (value == "true"),
            "exact_name": lambda value: template.name.lower() == value,
            "name": lambda value: value in template.name.lower(),
            "display_name": lambda value: value in template.display_name.lower(),
            "deprecated": lambda value: bool(template.deprecated) == (value == "true"),
        }
        return all(wanted[key](value) for key, value in query.items() if key in wanted)

    return json_answer(200, [Views(world).template(template) for template in world.templates if matches(template)])


def _named_template(request: Request) -> Template:
    name = request.params["template"].lower()
    found = next((template for template in request.world.templates if template.name.lower() == name), None)
    if found is None:
        raise not_found()
    return found


async def _template_by_name(request: Request) -> Answer:
    return json_answer(200, Views(request.world).template(_named_template(request)))


async def _version_by_name(request: Request) -> Answer:
    return _version_named(request, _named_template(request))


async def _version_of_template(request: Request) -> Answer:
    return _version_named(request, _template_by_id(request))


def _version_named(request: Request, template: Template) -> Answer:
    name = request.params["version"]
    version = next((version for version in template.versions if version.name == name), None)
    if version is None:
        raise ApiError(404, f'No template version found by name "{name}".')
    return json_answer(200, Views(request.world).version(version))


def uuid_param(request: Request, name: str) -> str:
    """A UUID of the path. Raises ApiError 400."""
    text = request.params[name]
    try:
        return str(parse_uuid(text))
    except DecodeError as error:
        raise ApiError(400, f'Invalid UUID "{text}".', str(error)) from None


def _template_by_id(request: Request) -> Template:
    identity = uuid_param(request, "template")
    found = next((template for template in request.world.templates if template.id == identity), None)
    if found is None:
        raise not_found()
    return found


def _check_template(request: Request) -> None:
    _template_by_id(request)


async def _template(request: Request) -> Answer:
    return json_answer(200, Views(request.world).template(_template_by_id(request)))


async def _versions(request: Request) -> Answer:
    return json_answer(200, [Views(request.world).version(version) for version in _template_by_id(request).versions])


def _version_by_id(request: Request) -> Version:
    found = request.world.find_version(uuid_param(request, "version"))
    if found is None:
        raise not_found()
    return found


def _check_version(request: Request) -> None:
    _version_by_id(request)


async def _version(request: Request) -> Answer:
    return json_answer(200, Views(request.world).version(_version_by_id(request)))


async def _presets(request: Request) -> Answer:
    return json_answer(200, [Views.preset(preset) for preset in _version_by_id(request).presets] or None)


async def _rich_parameters(request: Request) -> Answer:
    return json_answer(200, Views.parameters(_version_by_id(request)))
