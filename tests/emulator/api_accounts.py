# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site owner does to users, as far as it matters to their chats; and the audit log, which tells of those."""

from __future__ import annotations

from typing import Any

from emulator.answers import Answer, ApiError, json_answer
from emulator.api_general import find_organization, find_user
from emulator.auth import require_user
from emulator.chats_requests import forbidden, require_owner
from emulator.chats_views import ChatViews
from emulator.paging import number
from emulator.request import Request
from emulator.router import Router
from emulator.search import parse
from emulator.views import Views
from emulator.world import User, as_uuid

_AGENTS_ACCESS = "agents-access"
_AUDIT_QUERY = "Invalid audit search query."
_AUDIT_KEYS = ("resource_type", "resource_id", "action", "username", "email", "date_from", "date_to", "organization")
_SCOPES = ("all", "application_connect", "coder:all", "task:read", "task:*", "workspace:read", "user:read")
_COUNT_CAP = 2000


def add_routes(router: Router) -> None:
    """Add the routes."""
    # The same groups as elsewhere, with what only a server with chats is asked.
    router.extend("/api/v2/users", "POST", "", _create_user)
    router.extend("/api/v2/users/{user}", "DELETE", "", _delete_user)
    router.extend("/api/v2/users/{user}", "GET", "roles", _roles)
    router.extend("/api/v2/users/{user}", "PUT", "status/suspend", _suspend)
    router.extend("/api/v2/users/{user}", "PUT", "status/activate", _activate)
    router.extend("/api/v2/users/{user}", "POST", "keys/tokens", _mint_token)
    member = router.group(
        "/api/v2/organizations/{organization}/members/{user}", require_user, find_organization, find_user
    )
    member.route("PUT", "roles", _set_roles)
    router.group("/api/v2/audit", require_user, require_owner).route("GET", "", _audit)


def _user(request: Request) -> User:
    assert request.user is not None
    return request.user


async def _create_user(request: Request) -> Answer:
    require_owner(request)
    body = request.json(
        "codersdk.CreateUserRequestWithOrgs", {"username": "string", "email": "string", "name": "string"}
    )
    name = body.get("username", "")
    if not name:
        raise ApiError(400, "Validation failed.", validations={"username": 'Validation failed for tag "required"'})
    if any(user.username.lower() == name.lower() for user in request.world.users):
        raise ApiError(409, "User already exists.")
    more = {key: body[key] for key in ("email", "name") if body.get(key)}
    user = request.world.create_user(name, **more)
    return json_answer(201, {**Views(request.world).user(user), "last_seen_at": "0001-01-01T00:00:00Z"})


async def _delete_user(request: Request) -> Answer:
    require_owner(request)
    request.world.delete_user(_user(request))
    return json_answer(200, {"message": "User has been deleted!"})


async def _suspend(request: Request) -> Answer:
    return _with_status(request, "suspended")


async def _activate(request: Request) -> Answer:
    return _with_status(request, "active")


def _with_status(request: Request, status: str) -> Answer:
    require_owner(request)
    user = _user(request)
    user.status = status
    return json_answer(200, Views(request.world).user(user))


async def _roles(request: Request) -> Answer:
    user = _user(request)
    organization = request.world.organization["id"]
    roles = [_AGENTS_ACCESS] if user.agents_access else []
    return json_answer(200, {"roles": ["owner"] if user.owner else [], "organization_roles": {organization: roles}})


async def _set_roles(request: Request) -> Answer:
    require_owner(request)
    user, views = _user(request), Views(request.world)
    roles = request.json("codersdk.UpdateRoles", {"roles": "[]string"}).get("roles", [])
    user.agents_access = _AGENTS_ACCESS in roles
    organization = request.world.organization["id"]
    shown = [{"name": role, "display_name": _display_name(role), "organization_id": organization} for role in roles]
    times = {key: views.user(user)[key] for key in ("created_at", "updated_at")}
    return json_answer(200, {"user_id": user.id, "organization_id": organization, **times, "roles": shown})


def _display_name(role: str) -> str:
    return "Coder Agents User" if role == _AGENTS_ACCESS else role.replace("-", " ").title()


async def _mint_token(request: Request) -> Answer:
    """Make a token; one of a suspended user is made too, and works as little as his others."""
    caller, user = request.caller, _user(request)
    if caller is not user and not (caller and caller.owner):
        raise forbidden()
    body = (
        request.json("codersdk.CreateTokenRequest", {"scope": "string", "scopes": "[]string"}) if request.body else {}
    )
    wanted = [scope for scope in (body.get("scope"), *body.get("scopes", [])) if scope]
    wrong = next((scope for scope in wanted if scope not in _SCOPES), None)
    if wrong is not None:
        raise ApiError(400, "Failed to create API key.", f'invalid or unsupported API key scope: "{wrong}"')
    return json_answer(201, {"key": request.world.mint_token(user)})


async def _audit(request: Request) -> Answer:
    """The audit log, newest first. It tells of chats alone."""
    query = parse(request.query.get("q", ""), _AUDIT_QUERY, _AUDIT_KEYS, "resource_type")
    limit, offset = number(request, "limit") or 100, number(request, "offset")
    tests: list[Any] = []
    if "resource_type" in query:
        tests.append(lambda _entry: query["resource_type"] == "chat")
    if "resource_id" in query:
        tests.append(lambda entry: entry.chat_id == as_uuid(query["resource_id"]))
    if "action" in query:
        tests.append(lambda entry: entry.action == query["action"])
    if "username" in query:
        tests.append(lambda entry: entry.user.username.lower() == query["username"])
    found = [entry for entry in reversed(request.chats.audit) if all(test(entry) for test in tests)]
    views = ChatViews(request.chats)
    shown = [views.audit(entry) for entry in found[offset : offset + limit]]
    return json_answer(200, {"audit_logs": shown, "count": len(found), "count_cap": _COUNT_CAP})
