# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task endpoints."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any, TypeVar

from emulator.agentapi import AppError
from emulator.answers import JSON, Answer, ApiError, empty, json_answer, not_found
from emulator.api_general import find_user
from emulator.api_workspaces import start_build, workspace_tasks
from emulator.auth import require_user
from emulator.builds import Agent
from emulator.clock import go_time
from emulator.dialects import EXPERIMENTAL, Dialect
from emulator.gojson import DecodeError, parse_uuid
from emulator.request import Request
from emulator.router import Router
from emulator.search import check_organization, find_owner, parse
from emulator.status import TASK_STATUSES, task_status
from emulator.views import Views
from emulator.world import NameTaken, Preset, Task, Version, generated_names, missing_parameters

Result = TypeVar("Result")

_CREATE = {
    "template_version_id": "uuid.UUID",
    "template_version_preset_id": "uuid.UUID",
    "input": "string",
    "name": "string",
    "display_name": "string",
}


_TASK_QUERY = "Invalid task search query."
_ZERO = "00000000-0000-0000-0000-000000000000"


def add_routes(router: Router, dialect: Dialect) -> None:
    """Add the task routes that this version has."""
    for prefix in dialect.task_prefixes:
        _add_tasks(router, dialect, prefix)
    if dialect.prompts:
        router.group(f"{EXPERIMENTAL}/aitasks", require_user).route("GET", "prompts", _prompts)


def _add_tasks(router: Router, dialect: Dialect, prefix: str) -> None:
    tasks = router.group(f"{prefix}/tasks", require_user)
    tasks.route("GET", "", _list)
    user = router.group(f"{prefix}/tasks/{{user}}", require_user, find_user)
    user.route("POST", "", _create)
    if dialect.task_by_name:
        # The task is looked up before its routes are: an unknown task hides an unknown route.
        task, at = router.group(f"{prefix}/tasks/{{user}}/{{task}}", require_user, find_user, _find_task), ""
    else:
        task, at = user, "{task}"
    task.route("GET", at, _get)
    task.route("DELETE", at, _delete)
    task.route("POST", f"{at}/send", _send)
    task.route("GET", f"{at}/logs", _logs)
    if dialect.patch_input:
        task.route("PATCH", f"{at}/input", _patch_input)
    if dialect.pause_resume:
        task.route("POST", f"{at}/pause", _pause)
        task.route("POST", f"{at}/resume", _resume)


def _find_task(request: Request) -> None:
    """Guard: the {task} of the path, by id or, where that is accepted, by name. Raises ApiError."""
    text, world = request.params["task"], request.world
    assert request.caller is not None and request.user is not None
    try:
        identity = str(parse_uuid(text))
    except DecodeError as error:
        if not request.dialect.task_by_name:
            detail = str(error) if request.dialect.task_uuid_detail else ""
            raise ApiError(400, request.dialect.task_uuid_text.format(task=text), detail) from None
        if "\0" in text:
            detail = 'fetch task by name: fetch object: pq: invalid byte sequence for encoding "UTF8": 0x00'
            raise ApiError(500, "Internal error fetching task.", detail) from None
        task = world.task_named(request.user, text)
    else:
        task = world.tasks.get(identity)
        task = task if task and world.is_visible(task) else None
    if task is None or not request.caller.may_access(task.owner):
        raise not_found()
    request.task = task


def _task(request: Request) -> Task:
    if request.task is None:
        _find_task(request)
    assert request.task is not None
    return request.task


# Listing


async def _list(request: Request) -> Answer:
    world, caller = request.world, request.caller
    assert caller is not None
    if world.dialect.paged_list:
        tasks = workspace_tasks(request)
    else:
        tasks = [task for task in world.visible_tasks() if caller.may_access(task.owner)]
        tasks = _filtered(request, tasks)
    views = Views(world)
    return json_answer(200, {"tasks": [views.task(task) for task in tasks], "count": len(tasks)})


def _filtered(request: Request, tasks: list[Task]) -> list[Task]:
    world, caller = request.world, request.caller
    assert caller is not None
    query = parse(request.query.get("q", ""), _TASK_QUERY, ("owner", "organization", "status"), "owner")
    if "organization" in query:
        check_organization(world, query["organization"], _TASK_QUERY)
    if "owner" in query:
        owner = find_owner(world, query["owner"], caller, _TASK_QUERY)
        tasks = [task for task in tasks if task.owner is owner]
    if "status" in query:
        status = query["status"]
        if status not in TASK_STATUSES:
            detail = f'fetch object: pq: invalid input value for enum task_status: "{status}"'
            raise ApiError(500, "Internal error fetching tasks.", detail)
        tasks = [task for task in tasks if task_status(task.workspace, world.dialect) == status]
    return tasks


# Creating


async def _create(request: Request) -> Answer:
    world, dialect, owner, caller = request.world, request.dialect, request.user, request.caller
    assert owner is not None and caller is not None
    body = request.json("codersdk.CreateTaskRequest", _CREATE)
    version = world.find_version(str(body.get("template_version_id", _ZERO)))
    if version is None:
        raise ApiError(*dialect.version_error)
    if not version.template.task:
        raise ApiError(400, dialect.not_ai_error)
    prompt = body.get("input", "")
    name, display_name = _names(request, body, prompt)
    if not caller.may_access(owner):
        raise may_not_create(request)
    preset = chosen_preset(request, body)
    if version.template.deprecated:
        text = f'Template "{version.template.name}" has been deprecated, and cannot be used to create a new workspace.'
        raise ApiError(400, text)
    if "\0" in prompt:
        raise ApiError(500, *dialect.nul_error)
    if world.workspace_named(owner, name) is not None:
        raise name_in_use(name)
    _check_parameters(version, preset, dialect)
    await world.clock.sleep(world.settings.create_time)
    try:
        task = world.create_task(
            owner, version, name=name, prompt=prompt, display_name=display_name, preset=preset, initiator=caller
        )
    except NameTaken:
        if dialect.task_is_workspace:
            raise name_in_use(name) from None
        detail = 'pq: duplicate key value violates unique constraint "tasks_owner_id_name_unique_idx"'
        raise ApiError(500, "Internal error creating task.", detail) from None
    return json_answer(201, Views(world).task(task, just_created=True))


def _names(request: Request, body: dict[str, str], prompt: str) -> tuple[str, str]:
    generated, title = generated_names(prompt, from_prompt=not request.dialect.task_is_workspace)
    name = body.get("name", "")
    if name:
        problem = name_problem(name)
        if problem:
            raise ApiError(400, "Unable to create a Task with the provided name.", problem)
    display_name = body.get("display_name", "").strip() if request.dialect.display_name else ""
    if len(display_name.encode()) > 64:
        raise ApiError(400, "Display name must be 64 characters or less.")
    return name or generated, display_name or title


def name_problem(name: str) -> str:
    """What Coder says against a name, or nothing."""
    if len(name.encode()) > 32:
        return "must be <= 32 characters"
    if name in ("new", "create"):
        return f'cannot use "{name}" as a name'
    return "" if re.fullmatch("[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*", name) else "must be alphanumeric with hyphens"


def may_not_create(request: Request) -> ApiError:
    """The refusal of a workspace for somebody else."""
    if request.dialect.create_for_other == "not_found":
        return not_found()
    return ApiError(
        403,
        "Unauthorized to create workspace.",
        "You are unable to create a workspace in this organization. It is possible to have access to the template, "
        "but not be able to create a workspace. Please contact an administrator about your permissions if you feel "
        "this is an error.",
    )


def chosen_preset(request: Request, body: dict[str, str]) -> Preset | None:
    """The preset of the body: any version's, the server does not compare."""
    identity = str(body.get("template_version_preset_id", _ZERO))
    if identity == _ZERO:
        return None
    preset = request.world.find_preset(identity)
    if preset is None:
        detail = "failed to get preset parameters: sql: no rows in result set"
        raise ApiError(500, "failed to fetch preset parameter values", detail)
    return preset


def name_in_use(name: str) -> ApiError:
    """The refusal of a name that another workspace has."""
    taken = {"name": "This value is already in use and should be unique."}
    return ApiError(409, f'Workspace "{name}" already exists.', validations=taken)


def _check_parameters(version: Version, preset: Preset | None, dialect: Dialect) -> None:
    missing = missing_parameters(version, preset)
    if dialect.prompt_filled and "AI Prompt" in missing:
        missing.remove("AI Prompt")
    if missing:
        problem = "Required parameter not provided; parameter value is null"
        raise ApiError(400, "Unable to validate parameters", validations=dict.fromkeys(missing, problem))


# One task


async def _get(request: Request) -> Answer:
    return json_answer(200, Views(request.world).task(_task(request)))


async def _delete(request: Request) -> Answer:
    task, world = _task(request), request.world
    if world.dialect.task_is_workspace:
        if not task.workspace.has_app():
            raise not_found()  # the build has not said yet that this is a task
        start_build(request, task.workspace, "delete")
        return empty(202)
    start_build(request, task.workspace, "delete")
    task.deleted = world.clock.now()
    return empty(202)


async def _patch_input(request: Request) -> Answer:
    task = _task(request)
    text = request.json("codersdk.UpdateTaskInputRequest", {"input": "string"}).get("input", "")
    if not text.strip():
        raise ApiError(400, "Task input is required.")
    if task.status != "paused":
        detail = "Please stop the task's workspace before updating the input."
        raise ApiError(409, "Unable to update task input, task must be paused.", detail)
    if "\0" in text:
        raise ApiError(500, "Failed to update task input.", 'pq: invalid byte sequence for encoding "UTF8": 0x00')
    task.prompt = text
    return Answer(204, headers={"Content-Type": JSON})


async def _pause(request: Request) -> Answer:
    workspace = _task(request).workspace
    build = start_build(request, workspace, "stop", "task_manual_pause")
    return json_answer(202, {"workspace_build": Views(request.world).build(workspace, build, fresh=True)})


async def _resume(request: Request) -> Answer:
    workspace = _task(request).workspace
    if workspace.status() == "running":
        raise ApiError(409, "Task workspace is already running.", 'Workspace status is "running".')
    build = start_build(request, workspace, "start", "task_resume")
    return json_answer(202, {"workspace_build": Views(request.world).build(workspace, build, fresh=True)})


# Talking to the agent


async def _send(request: Request) -> Answer:
    task = _task(request)
    text = request.json("codersdk.TaskSendRequest", {"input": "string"}).get("input", "")
    if not text:
        raise ApiError(400, "Task input is required.")
    agent = _reachable_agent(request, task)
    await _dial(request, agent)
    await _app_answers(request, agent)
    try:
        status = await _call(agent, agent.api.status)
    except AppError as error:
        raise ApiError(502, "Failed to get status from task app.", str(error)) from None
    if status != "stable":
        text = f"Status: {status}"
        raise ApiError(request.dialect.busy_status, "Task app is not ready to accept input.", text)
    await _app_answers(request, agent)
    try:
        await _call(agent, request.world.send, task, text)
    except AppError as error:
        raise ApiError(502, "Task app rejected the message.", str(error)) from None
    return empty(204)


async def _logs(request: Request) -> Answer:
    task, world = _task(request), request.world
    assert request.caller is not None
    if not request.caller.may_connect(task.owner):
        raise not_found()
    if world.dialect.snapshot_logs:
        if task.status in ("paused", "pending", "initializing"):
            return _snapshot_logs(task)
        if task.status != "active":
            detail = f'Task status is "{task.status}".'
            raise ApiError(409, "Cannot fetch logs for task in current state.", detail)
    agent = _reachable_agent(request, task)
    await _dial(request, agent)
    await _app_answers(request, agent)
    try:
        messages = [vars(message) for message in await _call(agent, agent.api.messages)]
    except AppError as error:
        raise ApiError(502, "Failed to get messages from task app.", str(error)) from None
    return json_answer(200, {"logs": _entries(messages, 502, *world.dialect.role_error)})


def _entries(messages: list[dict[str, Any]], status: int, message: str, detail: str) -> list[dict[str, Any]]:
    """Messages in Coder's form; a role that it does not know is an error with this status and these texts."""
    entries = []
    for entry in messages:
        if entry["role"] not in ("user", "agent"):
            raise ApiError(status, message, detail.format(role=entry["role"]))
        kind = "input" if entry["role"] == "user" else "output"
        entries.append({"id": entry["id"], "content": entry["content"], "type": kind, "time": entry["time"]})
    return entries


def _snapshot_logs(task: Task) -> Answer:
    snapshot = task.snapshot()
    if snapshot is None:
        return json_answer(200, {"logs": [], "snapshot": True})
    logs = _entries(snapshot.messages, 500, "Invalid snapshot data.", 'invalid agentapi message role "{role}"')
    at = go_time(task.workspace.clock.wall(snapshot.time))
    return json_answer(200, {"logs": logs, "snapshot": True, "snapshot_at": at})


def _reachable_agent(request: Request, task: Task) -> Agent:
    """The agent to talk to, if the task's state allows. Raises ApiError."""
    gate = {"sidebar": _sidebar_gate, "active": _active_gate, "snapshot": _status_gate}[request.dialect.app_gate]
    gate(task)
    agent = task.workspace.agent()
    assert agent is not None
    return agent


def _sidebar_gate(task: Task) -> None:
    workspace, agent = task.workspace, task.workspace.agent()
    if not workspace.has_app():
        raise ApiError(400, "Task is not configured with a sidebar app.")
    if agent is None:
        raise ApiError(400, "Task sidebar app not found in latest build.")
    if agent.app_health() == "initializing":
        raise ApiError(503, "Task sidebar app is initializing. Try again shortly.")
    if agent.app_health() == "unhealthy":
        raise ApiError(503, "Task sidebar app is unhealthy.")


def _must_be_active(message: str, status: str) -> ApiError:
    detail = f'Task status is "{status}", it must be "active" to interact with the task.'
    return ApiError(400, message, detail)


def _active_gate(task: Task) -> None:
    if task.status != "active":
        raise _must_be_active("Task status must be active.", task.status)


def _status_gate(task: Task) -> None:
    status = task.status
    if status in ("pending", "initializing"):
        detail = "The task is resuming. Wait for the task to become active before sending messages."
        raise ApiError(409, f"Task is {status}.", detail)
    if status == "paused":
        raise ApiError(409, "Task is paused.", "Resume the task to send messages.")
    if status != "active":
        raise _must_be_active("Task must be active.", status)


async def _dial(request: Request, agent: Agent) -> None:
    if agent.is_dead():
        await request.world.clock.sleep(request.world.settings.dead_agent_delay)
        raise ApiError(502, "Failed to reach task app endpoint.", "agent is unreachable")


async def _app_answers(request: Request, agent: Agent) -> None:
    """Wait as long as the AgentAPI takes; for ever while it is frozen."""
    if agent.api.delay():
        await request.world.clock.sleep(agent.api.delay())
    await request.wait_while(lambda: agent.api.behaviour.mode == "frozen")


async def _call(agent: Agent, function: Callable[..., Result], *arguments: Any) -> Result:
    """Ask the AgentAPI; while a process takes its time, the server goes on."""
    return await asyncio.to_thread(function, *arguments) if agent.api.blocking else function(*arguments)


# Prompts


async def _prompts(request: Request) -> Answer:
    text = request.query.get("build_ids", "")
    if not text:
        raise ApiError(400, "build_ids query parameter is required")
    wanted = []
    for part in text.split(","):
        try:
            wanted.append(str(parse_uuid(part.strip())))
        except DecodeError as error:
            raise ApiError(400, f"Invalid build ID format: {part.strip()}", str(error)) from None
    caller = request.caller
    assert caller is not None
    prompts = {
        build.id: workspace.task.prompt
        for workspace in request.world.workspaces.values()
        if workspace.task is not None and caller.may_access(workspace.owner)
        for build in workspace.builds
        if build.id in wanted
    }
    return json_answer(200, {"prompts": prompts})
