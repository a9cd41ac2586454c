# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent inside a workspace calls, with its own token."""

from __future__ import annotations

from typing import Any

from emulator import gojson
from emulator.answers import Answer, ApiError, empty, not_found
from emulator.auth import require_agent
from emulator.builds import Report
from emulator.dialects import Dialect
from emulator.gojson import DecodeError, parse_uuid
from emulator.request import Request
from emulator.router import Router
from emulator.world import Snapshot

SNAPSHOT_LIMIT = 65_536
_DECODE = "Failed to decode request payload."


def add_routes(router: Router, dialect: Dialect) -> None:
    me = router.group("/api/v2/workspaceagents/me", require_agent)
    me.route("PATCH", "app-status", _app_status)
    if dialect.log_snapshot:
        me.route("POST", "tasks/{task}/log-snapshot", _log_snapshot)


async def _app_status(request: Request) -> Answer:
    fields = {"app_slug": "string", "state": "string", "message": "string", "uri": "string"}
    body = request.json("agentsdk.PatchAppStatus", fields)
    workspace = request.workspace
    assert workspace is not None
    if body.get("app_slug") not in ("preview", "ccw"):
        raise ApiError(400, "Failed to get workspace app.", "No app found with slug.")
    if len(body.get("message", "").encode()) > 160:
        problem = "Message must be less than 160 characters."
        raise ApiError(400, "Message is too long.", problem, {"message": problem})
    state = body.get("state", "")
    if state not in ("working", "idle", "complete", "failure"):
        message, detail, problem = request.dialect.state_error
        raise ApiError(400, message, detail.format(state=state), {"state": problem} if problem else None)
    now = request.world.clock.now()
    workspace.reports.append(Report(now, state, body.get("message", ""), body.get("uri", "")))
    return Answer(200, b"null\n", {"Content-Type": "application/json; charset=utf-8"})


async def _log_snapshot(request: Request) -> Answer:
    try:
        identity = str(parse_uuid(request.params["task"]))
    except DecodeError as error:
        raise ApiError(400, "Invalid task ID format.", str(error)) from None
    _check_query(request)
    task = request.world.tasks.get(identity)
    if task is None or not request.world.is_visible(task) or task.workspace is not request.workspace:
        raise not_found()
    messages = _messages(request.body)
    if any("\0" in str(value) for message in messages for value in message.values()):
        raise ApiError(500, "Internal error storing snapshot.", "pq: unsupported Unicode escape sequence")
    task.snapshots = [Snapshot(request.world.clock.now(), messages)]
    return empty(204)


def _check_query(request: Request) -> None:
    given, message = request.query.getlist("format"), "Invalid query parameters."
    unknown = {key: f'"{key}" is not a valid query param' for key in request.query if key != "format"}
    if not given or given == [""]:
        unknown["format"] = 'Query param "format" is required and cannot be empty'
    if len(given) > 1:
        unknown["format"] = (
            f'Query param "format" provided more than once, found {len(given)} times. '
            "Only provide 1 instance of this query param."
        )
    if unknown:
        raise ApiError(400, message, validations=unknown)
    if given != ["agentapi"]:
        detail = f'Only "agentapi" format is currently supported, got "{given[0]}".'
        raise ApiError(400, "Invalid format parameter.", detail)


def _messages(body: bytes) -> list[dict[str, Any]]:
    fields = {"$schema": "string", "messages": "[]gen.Message"}
    message_fields = {"id": "int64", "content": "string", "role": "string", "time": "time"}
    try:
        payload = gojson.struct(gojson.loads(body, SNAPSHOT_LIMIT), "gen.MessagesResponseBody", fields)
        if "messages" not in payload:
            raise ApiError(400, "Invalid agentapi payload structure.", 'Missing required "messages" field.')
        stored = []
        for item in payload["messages"]:
            message = gojson.struct(item, "gen.Message", message_fields, path="messages.", go_name="Message")
            empty_message = {"id": 0, "content": "", "role": "", "time": "0001-01-01T00:00:00Z"}
            stored.append({**empty_message, **message})
    except DecodeError as error:
        headers = {"Connection": "close"} if len(body) > 4 * SNAPSHOT_LIMIT else None
        raise ApiError(400, _DECODE, str(error), headers=headers) from None
    return stored
