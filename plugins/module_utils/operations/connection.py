# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that every operation on Coder shares, and the session that they make."""

from __future__ import annotations

from typing import Any

from ..coder.client import CoderClient
from ..coder.connection import Connection
from ..coder.login import Login, stored_login
from .context import Context
from .durations import with_seconds

# A header's value shorter than this is more likely a word that stands in ordinary output than a secret.
SECRET_LENGTH = 8


def connection_spec() -> dict[str, Any]:
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


def connection_from(params: dict[str, Any]) -> Connection:
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


def _identity(params: dict[str, Any]) -> dict[str, Any]:
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


def open_session(context: Context) -> CoderClient:
    """A session for one call; in check mode it refuses every write."""
    return use_session(context, CoderClient.connect(connection_from(context.params), context.clock))


def use_session(context: Context, client: CoderClient) -> CoderClient:
    """A session, new or of an earlier call, for this call: who waits, what is unsafe and what was written is told."""
    transport = client.transport
    transport.tell = context.progress if context.shows_progress else context.warn
    host = transport.connection.exposes_token
    if host:
        context.warn(
            f"The token goes to {host} unencrypted, because 'url' begins with http://: whoever is on the way can read"
            " and use it. Give 'url' with https://."
        )
    client = client.reporting_to(context.journal.note)
    return client.reader() if context.check_mode else client


def secrets_in(params: dict[str, Any]) -> set[str]:
    """Values to scrub from every output beside the options marked ``no_log``."""
    headers = params.get("headers") or {}
    # Headers that are no dictionary are refused, with a message that may quote them.
    values = {str(value) for value in (headers.values() if isinstance(headers, dict) else [headers])}
    for option in ("url", "proxy"):
        values.add(str(params.get(option) or "").rpartition("@")[0].rpartition(":")[2])
    if params.get("token") is None:
        values.add(stored_login().token)
    return {value for value in values if len(value) >= SECRET_LENGTH}
