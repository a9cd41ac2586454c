# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workspaces, their builds and agents, as users see them."""

from __future__ import annotations

from collections.abc import Callable

from emulator.answers import Answer, ApiError, json_answer, not_found
from emulator.api_general import find_user, uuid_param
from emulator.auth import require_user
from emulator.builds import Build, Workspace
from emulator.paging import number, page
from emulator.request import Request
from emulator.router import Router
from emulator.search import check_organization, parse
from emulator.views import Views
from emulator.world import Task, Version

_INVALID = "Unable to validate parameters"
_QUERY = "Invalid workspace search query."
_KEYS = (
    "owner", "template", "name", "id", "status", "has-agent", "dormant", "last_used_after", "last_used_before",
    "outdated", "has-ai-task", "has_external_agent", "organization", "shared", "param", "deleted",
)  # fmt: skip
_STATUSES = (
    "pending", "starting", "running", "stopping", "stopped", "failed", "canceling", "canceled", "deleting", "deleted",
)  # fmt: skip


def add_routes(router: Router) -> None:
    router.group("/api/v2/workspaces", require_user).route("GET", "", _list)
    workspace = router.group("/api/v2/workspaces/{workspace}", require_user, _find_workspace)
    workspace.route("GET", "", _get)
    workspace.route("GET", "builds", _builds)
    workspace.route("POST", "builds", _create_build)
    named = router.group("/api/v2/users/{user}/workspace/{name}", require_user, find_user)
    named.route("GET", "", _get_named)
    build = router.group("/api/v2/workspacebuilds/{build}", require_user, _find_build)
    build.route("GET", "", _get_build)
    build.route("GET", "logs", _build_logs)
    build.route("GET", "parameters", _build_parameters)
    build.route("PATCH", "cancel", _cancel_build)
    agent = router.group("/api/v2/workspaceagents/{agent}", require_user, _find_agent)
    agent.route("GET", "", _get_agent)


def given_values(values: list[dict[str, str]] | None) -> dict[str, str]:
    """The rich parameter values of a body by name."""
    return {item["name"]: item["value"] for item in values or []}


def check_values(version: Version, given: dict[str, str]) -> None:
    """Raises ApiError 400 for a value that is none of its parameter's options."""
    wrong = [p.name for p in version.parameters if p.options and p.name in given]
    wrong = [name for name in wrong if given[name] not in _options(version, name)]
    if wrong:
        raise ApiError(400, _INVALID, validations=dict.fromkeys(wrong, "Value must be a valid option"))


def _options(version: Version, name: str) -> list[str]:
    return [option["value"] for p in version.parameters if p.name == name for option in p.options]


def start_build(
    request: Request,
    workspace: Workspace,
    transition: str,
    reason: str = "initiator",
    parameters: dict[str, str] | None = None,
) -> Build:
    """Begin a build for the caller. Raises ApiError 409 while another one is active."""
    assert request.caller is not None
    if workspace.latest.is_active(request.world.clock.now()):
        text = "A workspace build is already active."
        raise ApiError(409, text, text)
    return request.world.build(workspace, transition, request.caller, reason=reason, parameters=parameters)


def _find_workspace(request: Request) -> None:
    assert request.caller is not None
    workspace = request.world.workspaces.get(uuid_param(request, "workspace"))
    if workspace is None or not request.caller.may_access(workspace.owner):
        raise not_found()
    request.workspace = workspace


async def _get(request: Request) -> Answer:
    assert request.workspace is not None
    return _show(request, request.workspace)


def _show(request: Request, workspace: Workspace) -> Answer:
    hint = request.dialect.deleted_hint
    wanted = any(request.query.get(name) == "true" for name in ("include_deleted", "deleted"))
    if workspace.is_deleted() and not wanted:
        text = (
            f'Workspace "{workspace.id}" was deleted, you can view this workspace by specifying '
            f"'?{hint}=true' and trying again."
        )
        raise ApiError(410, text)
    return json_answer(200, Views(request.world).workspace(workspace))


async def _get_named(request: Request) -> Answer:
    assert request.user is not None and request.caller is not None
    workspace = request.world.workspace_named(request.user, request.params["name"])
    if workspace is None and request.query.get("include_deleted") == "true":
        name = request.params["name"].lower()
        named = (w for w in reversed(request.world.workspaces.values()) if w.name.lower() == name)
        workspace = next((w for w in named if w.owner is request.user), None)
    if workspace is None or not request.caller.may_access(workspace.owner):
        raise not_found()
    return json_answer(200, Views(request.world).workspace(workspace))


async def _list(request: Request) -> Answer:
    found = _search(request)
    views = Views(request.world)
    return json_answer(
        200, {"workspaces": [views.workspace(workspace) for workspace in page(request, found)], "count": len(found)}
    )


def workspace_tasks(request: Request) -> list[Task]:
    """One page of the tasks whose workspaces a query finds (era S). Raises ApiError 400."""
    return page(request, [workspace.task for workspace in _search(request) if workspace.task is not None])


def _search(request: Request) -> list[Workspace]:
    world, caller = request.world, request.caller
    assert caller is not None
    query = parse(request.query.get("q", ""), _QUERY, _KEYS, "name")
    if "/" in query.get("name", ""):
        query["owner"], _slash, query["name"] = query["name"].partition("/")
    if "status" in query and query["status"] not in _STATUSES:
        detail = f'Query param "status" has invalid value: "{query["status"]}" is not a valid value'
        raise ApiError(400, _QUERY, validations={"status": detail})
    if "organization" in query:
        check_organization(world, query["organization"], _QUERY)
    owner = caller.username if query.get("owner") == "me" else query.get("owner", "")
    wanted: dict[str, Callable[[Workspace], bool]] = {
        "owner": lambda workspace: workspace.owner.username.lower() == owner.lower(),
        "template": lambda workspace: workspace.template.name.lower() == query["template"],
        "name": lambda workspace: query["name"] in workspace.name.lower(),
        "id": lambda workspace: workspace.id == query["id"],
        "status": lambda workspace: workspace.status() == query["status"],
    }
    shown = query.get("deleted") == "true" or query.get("status") == "deleted"
    found = [
        workspace
        for workspace in list(world.workspaces.values())
        if caller.may_access(workspace.owner)
        and (shown or not workspace.is_deleted())
        and all(test(workspace) for key, test in wanted.items() if key in query)
    ]
    running_first = sorted(found, key=lambda workspace: (workspace.owner.username, workspace.name.lower()))
    return sorted(running_first, key=lambda workspace: workspace.status() != "running")


# Builds


async def _builds(request: Request) -> Answer:
    workspace = request.workspace
    assert workspace is not None
    views = Views(request.world)
    return json_answer(200, [views.build(workspace, build) for build in reversed(workspace.builds)])


async def _create_build(request: Request) -> Answer:
    workspace = request.workspace
    assert workspace is not None
    fields = {"transition": "string", "rich_parameter_values": "[]object"}
    body = request.json("codersdk.CreateWorkspaceBuildRequest", fields)
    transition = body.get("transition", "")
    if transition not in ("start", "stop", "delete"):
        problem = {"transition": f'Validation failed for tag "oneof" with value: "{transition}"'}
        raise ApiError(400, "Validation failed.", validations=problem)
    given = given_values(body.get("rich_parameter_values"))
    check_values(workspace.version, given)
    fixed = [p.name for p in workspace.version.parameters if not p.mutable and p.name in given]
    if any(given[name] != workspace.latest.parameters.get(name) for name in fixed):
        raise ApiError(400, _INVALID, validations=dict.fromkeys(fixed, "Parameter is not mutable."))
    build = start_build(request, workspace, transition, parameters=given)
    return json_answer(201, Views(request.world).build(workspace, build, fresh=True))


def _find_build(request: Request) -> None:
    identity = uuid_param(request, "build")
    assert request.caller is not None
    workspace = request.world.workspace_of_build(identity)
    if workspace is None or not request.caller.may_access(workspace.owner):
        raise not_found()
    request.workspace = workspace


def _build(request: Request) -> tuple[Workspace, Build]:
    identity, workspace = uuid_param(request, "build"), request.workspace
    assert workspace is not None
    return workspace, next(build for build in workspace.builds if build.id == identity)


async def _get_build(request: Request) -> Answer:
    return json_answer(200, Views(request.world).build(*_build(request)))


async def _build_logs(request: Request) -> Answer:
    _workspace, build = _build(request)
    return json_answer(200, Views(request.world).build_logs(build, number(request, "after")))


async def _build_parameters(request: Request) -> Answer:
    return json_answer(200, Views(request.world).build_parameters(_build(request)[1]))


async def _cancel_build(request: Request) -> Answer:
    _workspace, build = _build(request)
    now = request.world.clock.now()
    if not build.is_active(now):
        raise ApiError(400, "Job has already completed!")
    build.canceled = now
    build.completed = min(build.completed, now + request.dialect.walk.stop)
    return json_answer(200, {"message": "Job has been marked as canceled..."})


# Agents


def _find_agent(request: Request) -> None:
    identity = uuid_param(request, "agent")
    assert request.caller is not None
    for workspace in list(request.world.workspaces.values()):
        agent = workspace.agent()
        if agent is not None and agent.id == identity and request.caller.may_access(workspace.owner):
            request.workspace, request.agent = workspace, agent
            return
    raise not_found()


async def _get_agent(request: Request) -> Answer:
    assert request.workspace is not None and request.agent is not None
    return json_answer(200, Views(request.world).agent(request.workspace, request.agent))
