# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every operation on Coder shares, and the session that they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ..coder import session
from ..coder.connection import Connection
from ..coder.login import Login, stored_login
from ..coder.session import Session, Sessions
from .context import Context
from .durations import with_seconds
from .spec import Options

# A header's value shorter than this is more likely a word that stands in ordinary output than a secret.
SECRET_LENGTH = 8


class ConnectionParams(TypedDict):
    """The options of the connection."""

    url: str | None
    token: str | None
    validate_certs: bool
    ca_path: str | None
    client_cert: str | None
    client_key: str | None
    headers: dict[str, Any] | None
    proxy: str | None
    connect_timeout: float
    timeout: float
    deadline: float
    retries: int
    max_response_bytes: int


def connection_spec() -> Options:
    """Argument spec of the connection. ``env`` names the environment variable that is read where an option is unset."""
    return {
        "url": {"type": "str", "env": "CODER_URL"},
        "token": {"type": "str", "no_log": True, "env": "CODER_SESSION_TOKEN"},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path", "no_log": False},
        "headers": {"type": "dict"},
        "proxy": {"type": "str"},
        "connect_timeout": {"type": "duration", "default": "5s"},
        "timeout": {"type": "duration", "default": "30s"},
        "deadline": {"type": "duration", "default": "2m"},
        "retries": {"type": "int", "default": 3},
        "max_response_bytes": {"type": "int", "default": 256 * 1024 * 1024},
    }


def connection_from(params: Mapping[str, Any]) -> Connection:
    """The connection that the options describe; hashable, so a session can be kept by it."""
    params = with_seconds(connection_spec(), params)
    headers = params.get("headers") or {}
    return Connection(
        **_identity(params),
        validate_certs=params["validate_certs"],
        ca_path=params.get("ca_path"),
        client_cert=params.get("client_cert"),
        client_key=params.get("client_key"),
        headers=tuple(sorted((str(name), str(value)) for name, value in headers.items())),
        proxy=params.get("proxy"),
        connect_timeout=params["connect_timeout"],
        timeout=params["timeout"],
        deadline=params["deadline"],
        retries=params["retries"],
        max_response_bytes=params["max_response_bytes"],
    )


def _identity(params: Mapping[str, Any]) -> dict[str, Any]:
    """Server and token: those that were given, else those of `coder login` on the machine where this runs.

    A stored session is used for the server that it was stored for only, and a given token never for a stored server.
    """
    url, token = params.get("url"), params.get("token")
    # An empty text is a variable that was not set, never a wish for another identity.
    if token is not None:
        return {"url": url or "", "token": token}
    login = stored_login()
    if url is None and login.token:
        url = login.url
    if url and login.token and login.is_for(url):
        return {"url": url, "token": login.token, "session_file": login.session_file}
    return {"url": url or "", "token": "", "no_session": _why_no_session(login, url or "")}


def _why_no_session(login: Login, url: str) -> str:
    if login.url and not login.token:
        return (
            f"`coder login` has left no session in {login.session_file}; one in the keyring of the operating system is "
            "not read, `coder login --use-keyring=false` writes the file."
        )
    if login.token and url:
        return f"The session in {login.session_file} is for {login.url or 'no server'}, so it is not sent to {url}."
    return "Or run `coder login`, whose session is used where no token is given."


def open_session(context: Context[Any]) -> Session:
    """A session for one call; in check mode it refuses every write."""
    return _for_call(context, session.open_session(connection_from(context.params), context.clock))


def kept_session(context: Context[Any], sessions: Sessions) -> Session:
    """Like :func:`open_session`, on the session of an earlier call with the same options where there is one."""
    return _for_call(context, sessions.get(connection_from(context.params), context.clock))


def _for_call(context: Context[Any], opened: Session) -> Session:
    """The session for this call: who waits, what is unsafe and what was written is told."""
    transport = opened.server.transport
    transport.tell = context.progress if context.shows_progress else context.warn
    host = transport.connection.exposes_token
    if host:
        context.warn(
            f"The token goes to {host} unencrypted, because 'url' begins with http://: whoever is on the way can read"
            " and use it. Give 'url' with https://."
        )
    return opened.for_call(context.journal.note, context.check_mode)


def secrets_in(params: Mapping[str, Any]) -> set[str]:
    """Values to scrub from every output beside the options marked ``no_log``."""
    headers = params.get("headers") or {}
    # Headers that are no dictionary are refused, with a message that may quote them.
    values = {str(value) for value in (headers.values() if isinstance(headers, dict) else [headers])}
    for option in ("url", "proxy"):
        values.add(str(params.get(option) or "").rpartition("@")[0].rpartition(":")[2])
    if params.get("token") is None:
        values.add(stored_login().token)
    return {value for value in values if len(value) >= SECRET_LENGTH}
