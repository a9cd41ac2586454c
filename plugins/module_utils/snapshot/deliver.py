# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Post a body to Coder as the snapshot of a task's log, until it is taken, refused for good, or out of time."""

from __future__ import annotations

import os
import time
from collections import namedtuple

from .foreign import parse_json
from .wire import WireError, open_request, quote, redirect_target, without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .deadline import Deadline
    from .settings import Settings

# What Coder answers to a token of an agent that is stopped, or was replaced by a newer build.
TOKEN_REFUSED = 401

Delivery = namedtuple("Delivery", "state text status attempts")
Delivery.__doc__ = """How a delivery ended.

:param state: `delivered`; `unsupported`: Coder has no such endpoint (before 2.30); `no_task`: this workspace is not the
    workspace of that task; `rejected`: Coder will never take this body; `failed`: not now, but another try, later or
    with another token, may succeed.
:param text: one clause that says what happened; empty when delivered.
:param status: of the last answer; None when there was none.
:param attempts: how many requests were sent.
"""

# One answer may take so long, or so much of what is left, before another try is worth more than waiting on. The share
# is for a Coder whose every answer takes longer.
ATTEMPT_SECONDS = 4.0
_ATTEMPT_SHARE = 0.7
# What has to be left for the answer after a pause that Coder asks for.
_ANSWER_SECONDS = 1.0
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
_MAX_REDIRECTS = 3
_RETRIED = frozenset([408, 425, 429, 500, 502, 503, 504])
_ROUTE_NOT_FOUND = "Route not found."
_RESOURCE_NOT_FOUND = "Resource not found or you do not have access to this resource"


def deliver(
    settings: Settings, task_id: str, body: bytes, deadline: Deadline, is_superseded: Callable[[], bool]
) -> Delivery | None:
    """Post the body. Posting replaces the snapshot whole, so a try whose end is unknown can be repeated.

    :param is_superseded: asked before each try, because meanwhile somebody else may have delivered it, or something
        newer.
    :returns: None if it was superseded.
    """
    pause = _FIRST_PAUSE
    attempts = 0
    try:
        headers = request_headers(settings, deadline)
    except WireError as error:
        return Delivery("failed", str(error), None, 0)
    while True:
        if is_superseded():
            return None
        attempts += 1
        wait = pause
        try:
            state, text, status, retry_after = _attempt(settings, task_id, body, headers, deadline)
        except WireError as error:
            if error.lasting:
                return Delivery("failed", str(error), None, attempts)
            state, text, status, retry_after = "failed", str(error), None, 0.0
        if state != "failed" or (status is not None and status not in _RETRIED):
            return Delivery(state, text, status, attempts)
        # Retry-After is always the whole window of the rate limit, never what is left of it: when it does not fit,
        # trying on is worth more than giving up.
        if pause < retry_after < deadline.left() - _ANSWER_SECONDS:
            wait = retry_after
        if wait >= deadline.left():
            return Delivery(state, text, status, attempts)
        time.sleep(wait)
        pause = min(_LONGEST_PAUSE, pause * 2)


def endpoint(settings: Settings, task_id: str) -> str:
    """The URL to post a task's snapshot to."""
    return f"{settings.url}/api/v2/workspaceagents/me/tasks/{quote(task_id)}/log-snapshot?format=agentapi"


def request_headers(settings: Settings, deadline: Deadline) -> dict[str, str]:
    """Everything that a request to Coder carries.

    :raises WireError: the header command fails.
    """
    headers = {"Coder-Session-Token": settings.token, "Content-Type": "application/json"}
    lines: list[str] = []
    if settings.header:
        import csv

        lines += next(csv.reader([settings.header]), [])
    if settings.header_command:
        lines += _command_output(settings, deadline).splitlines()
    for line in lines:
        name, equals, value = line.partition("=")
        if equals:
            headers[name.strip()] = value.strip()
    return headers


def post(
    settings: Settings, task_id: str, body: bytes, headers: dict[str, str], deadline: Deadline
) -> tuple[int, dict[str, str], str]:
    """One request, and where it is redirected on the same host.

    :returns: status, headers and the beginning of the answer's text.
    :raises WireError: there is no complete answer.
    """
    url = endpoint(settings, task_id)
    for _hop in range(_MAX_REDIRECTS):
        with open_request("POST", url, deadline, headers, body, settings.environ, settings.ca_file) as answer:
            target = answer.headers.get("location", "")
            if answer.status not in (307, 308):
                # A refusal is short; what is slow or long is not worth the time.
                answer.deadline = deadline.within(1.0)
                return answer.status, answer.headers, "" if answer.status == 204 else answer.excerpt()
        followed = redirect_target(url, target)
        if followed is None:
            where = without_password(target) or "nowhere"
            return answer.status, answer.headers, f"redirected to {where}, which is not the same host"
        url = followed
    return answer.status, answer.headers, "redirected too often"


def judge(status: int, text: str) -> str:
    """What an answer means, as a Delivery's state."""
    message = _coder_message(text)
    if status == 204:
        return "delivered"
    if status == 404 and message == _RESOURCE_NOT_FOUND:
        return "no_task"
    if status == 404:
        return "unsupported"
    if status == 400 and message is not None:
        return "rejected"
    return "failed"


def is_route_missing(text: str) -> bool:
    """Whether a 404 is Coder's own word that the endpoint is not there, not a gateway's."""
    return _coder_message(text) == _ROUTE_NOT_FOUND


def _attempt(
    settings: Settings, task_id: str, body: bytes, headers: dict[str, str], deadline: Deadline
) -> tuple[str, str, int, float]:
    seconds = max(ATTEMPT_SECONDS, deadline.left() * _ATTEMPT_SHARE)
    status, answered, text = post(settings, task_id, body, headers, deadline.within(seconds))
    retry_after = answered.get("retry-after", "")
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
    return judge(status, text), text, status, seconds


def _coder_message(text: str) -> str | None:
    """The message of an answer of Coder's API; None when the answer is not one."""
    try:
        value = parse_json(text.encode())
    except ValueError:
        return None
    message = value.get("message") if isinstance(value, dict) else None
    return message if isinstance(message, str) else None


def _command_output(settings: Settings, deadline: Deadline) -> str:
    """What CODER_AGENT_HEADER_COMMAND prints, run as the Coder agent runs it."""
    import signal
    import subprocess

    try:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function # in a workspace there is no AnsibleModule
            ["sh", "-c", settings.header_command],
            env={**settings.environ, "CODER_URL": settings.url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # Not this process's stderr: the agent waits for whoever has that open.
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise WireError(f"CODER_AGENT_HEADER_COMMAND cannot be run: {error.strerror}") from error
    try:
        output, errors = process.communicate(timeout=deadline.within(ATTEMPT_SECONDS).left())
    except subprocess.TimeoutExpired:
        # With its children. One in a session of its own stays, and may hold the pipes: no waiting for their end.
        os.killpg(process.pid, signal.SIGKILL)
        raise WireError("CODER_AGENT_HEADER_COMMAND did not end in time") from None
    if process.returncode:
        said = " ".join(errors[:200].decode("utf-8", "replace").split())
        raise WireError(f"CODER_AGENT_HEADER_COMMAND failed with exit code {process.returncode}: {said}")
    return output.decode("utf-8", "replace")
