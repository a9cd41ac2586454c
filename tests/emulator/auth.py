# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking: session tokens of users and tokens of agents."""

from __future__ import annotations

from emulator.answers import ApiError
from emulator.gojson import DecodeError, parse_uuid
from emulator.request import Request
from emulator.world import User

_SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue."
_NO_CSRF = (
    "Something is wrong with your CSRF token. Please refresh the page. "
    "If this error persists, try clearing your cookies."
)
_TWO_TOKENS = (
    'CSRF error encountered. Authentication via "coder_session_token" cookie and "Coder-Session-Token" header '
    "detected, but the values do not match. To resolve this issue ensure the values used in both match, or only use "
    "one of the authentication methods. You can also try clearing your cookies if this error persists."
)
_NO_TOKEN = 'Cookie "coder_session_token" or query parameter must be provided.'


def token_of(request: Request) -> str:
    """The token, from the places that Coder looks at, in its order."""
    bearer = request.headers.get("authorization", "")
    places = (
        _cookie(request, "coder_session_token") or "",
        request.query.get("coder_session_token", ""),
        request.headers.get("coder-session-token", ""),
        bearer[7:] if bearer.lower().startswith("bearer ") else "",
        request.query.get("access_token", ""),
    )
    return next((place.strip() for place in places if place.strip()), "")


def _cookie(request: Request, name: str) -> str | None:
    pairs = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
    return next((value for key, _equals, value in pairs if key == name), None)


def csrf_problem(request: Request) -> str:
    """What is said against a write that a browser could have been made to send: one with the session's cookie alone.

    A bearer token, or the same token as header or in the query, shows that it was meant. Agents are not asked.
    """
    token, header = _cookie(request, "coder_session_token"), request.headers.get("coder-session-token", "")
    is_meant = (
        request.method in ("GET", "HEAD", "OPTIONS", "TRACE")
        or token is None
        or token in (header, request.query.get("coder_session_token", ""))
        or request.headers.get("authorization", "").lower().startswith("bearer ")
        or "/workspaceagents/" in request.path
    )
    if is_meant:
        return ""
    return _TWO_TOKENS if header else _NO_CSRF


def user_of(request: Request) -> User | None:
    """The user whose token this is, without complaint: for what comes before the check."""
    token = token_of(request)
    return next((user for user in request.world.users if user.has_token(token)), None)


def require_user(request: Request) -> None:
    """Set the caller. Raises ApiError 401."""
    token = token_of(request)
    detail = _token_problem(request, token)
    if detail:
        metadata = f"{request.base_url}/.well-known/oauth-protected-resource"
        challenge = (
            'Bearer realm="coder", error="invalid_token", error_description="The access token has expired", '
            f'resource_metadata="{metadata}"'
        )
        raise ApiError(401, _SIGNED_OUT, detail, headers={"Www-Authenticate": challenge})
    caller = user_of(request)
    assert caller is not None
    if caller.status != "active":
        text = f'User is not active (status = "{caller.status}"). Contact an admin to reactivate your account.'
        raise ApiError(401, text)
    request.caller = caller


def _token_problem(request: Request, token: str) -> str:
    if not token:
        return _NO_TOKEN
    parts = token.split("-")
    form = "Invalid API key format: "
    if len(parts) != 2:
        return f"{form}incorrect amount of API key parts, expected 2 got {len(parts)}"
    identity, secret = parts
    if len(identity) != 10:
        return f"{form}invalid API key ID length, expected 10 got {len(identity)}"
    if len(secret) != 22:
        return f"{form}invalid API key secret length, expected 22 got {len(secret)}"
    keys = [key for user in request.world.users for key in (user.token, *user.more_tokens)]
    known = next((key for key in keys if key.startswith(f"{identity}-")), None)
    if known is None:
        return "API key is invalid."
    return "" if known == token else "API key secret is invalid."


def require_agent(request: Request) -> None:
    """Set the agent and its workspace. Raises ApiError 401."""
    token = token_of(request)
    if not token:
        raise ApiError(401, 'Cookie "coder_session_token" must be provided.')
    try:
        identity = str(parse_uuid(token))
    except DecodeError:
        detail = f"An agent token must be a valid UUIDv4. (len {len(token)})"
        raise ApiError(401, "Workspace agent token invalid.", detail) from None
    for workspace in request.world.workspaces.values():
        agent = workspace.agent_of_token(identity)
        if agent is not None:
            request.agent, request.workspace = agent, workspace
            return
    raise ApiError(
        401,
        "Workspace agent not authorized.",
        "The agent cannot authenticate until the workspace provision job has been completed. "
        "If the job is no longer running, this agent is invalid.",
    )
