# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer of 300 and more means: an error of a documented kind, in words."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from .errors import AnswerLost, CoderError, RouteNotFound

ROUTE_NOT_FOUND = "Route not found."
KIND_BY_STATUS = {
    400: "invalid",
    401: "auth",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    410: "not_found",
    429: "rate_limited",
}
_GATEWAY = "Coder, or a proxy before it, cannot be reached or restarts: try again, then look at their logs."
_HINTS = {
    401: "Give a valid session token in 'token' or CODER_SESSION_TOKEN; `coder tokens create` makes one.",
    403: "The token's user lacks the right; ask an administrator of the organization.",
    500: "Try again; if it stays, the server's log tells why.",
    502: _GATEWAY,
    503: _GATEWAY,
    504: _GATEWAY,
}
# How Go, nginx and Apache answer plain HTTP on a port for TLS.
_TLS_PORT = re.compile(rb"HTTP request (was sent )?to (an )?HTTPS|plain HTTP to an SSL", re.IGNORECASE)
_LONGEST = 1000
_SHOWN = 80


def redirected(method: str, path: str, status: int, location: str) -> CoderError:
    """A redirect is an error, because it is not followed with a token. Only its origin is shown."""
    try:
        parts = urlsplit(location)
        to = f"{parts.scheme}://{parts.netloc}" if parts.netloc else parts.path
    except ValueError:
        to = ""
    reason = f"{method} {path} returned HTTP {status}, a redirect to {to or 'nowhere'}, which is not followed"
    return CoderError(
        clipped(f"{reason} with a token"), "protocol", status=status, method=method, path=path,
        hint="Set 'url' to the address where the server itself answers.",
    )  # fmt: skip


def refused(method: str, path: str, status: int, data: Any, content: bytes, lost: bool) -> CoderError:
    """A status of 400 and more.

    :param data: the answer's JSON, None if it has none. :param content: its body.
    :param lost: a write may have been processed all the same.
    """
    if status == 400 and data is None and _TLS_PORT.search(content):
        return CoderError(
            f"{method} {path} was sent to a port where the server speaks TLS, and 'url' begins with http://",
            "protocol", status=status, method=method, path=path, hint="Give 'url' with https://.",
        )  # fmt: skip
    message = message_in(data)
    data = data if isinstance(data, dict) else {}
    detail = _text(data.get("detail"))
    validations = _validations(data.get("validations"))
    kind = KIND_BY_STATUS.get(status, "server" if status >= 500 else "protocol")
    reason = f"{method} {path} returned HTTP {status}{_words(message, detail, validations, content)}"
    no_route = status == 404 and message in (ROUTE_NOT_FOUND, "")
    return (RouteNotFound if no_route else AnswerLost if lost else CoderError)(
        clipped(reason), kind, status=status, method=method, path=path, detail=detail or None,
        validations=validations, server_message=message, hint=_HINTS.get(status),
    )  # fmt: skip


def message_in(data: Any) -> str:
    """The server's own words in the JSON of an answer; empty where it has none."""
    return _text(data.get("message")) if isinstance(data, dict) else ""


def _words(message: str, detail: str, validations: list[dict[str, str]], content: bytes) -> str:
    """What follows the status in a sentence: the server's message, its detail and the fields that it names."""
    if message:
        text = f": {message}"
    else:
        text = f", {what_is(content)}" if content else " with an empty body"
    if detail and detail != message:
        text = f"{text.rstrip('.')} ({detail})"
    if validations:
        fields = "; ".join(f"{item['field']}: {item['detail']}" for item in validations)
        text = f"{text.rstrip('.')} [{fields}]"
    return text


def _validations(value: Any) -> list[dict[str, str]]:
    items = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return [{"field": _text(item.get("field")), "detail": _text(item.get("detail"))} for item in items]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def what_is(content: bytes) -> str:
    """A body that is not Coder's JSON, in words."""
    head = content[:200].decode("utf-8", "replace").strip()
    if head[:1] == "<":
        return "an HTML page"
    return f"the text {head if len(head) <= _SHOWN else head[:_SHOWN - 3] + '...'!r}"


def clipped(text: str) -> str:
    """Text of a server as it may stand in an error."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} [...]"
