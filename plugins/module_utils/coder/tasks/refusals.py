# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server's refusals of requests about tasks mean: its own words are known here and nowhere else."""

from __future__ import annotations

from ..errors import AnswerLost, CoderError, NotReady

BUSY = "Task app is not ready to accept input."
# AgentAPI's words inside Coder's answer: it was busy; it typed the input and gave up waiting for the agent.
STATUS_GATES_INPUT = "waiting for user input"
TYPED_ONLY = "wait for processing to start"


def is_app_answer(message: str) -> bool:
    """Whether a 5xx is Coder's word about the task's app or its log, which asking again at once does not change."""
    lowered = message.lower()
    return "task app" in lowered or "sidebar app" in lowered or message in _UNREADABLE


def log_may_come(error: CoderError) -> bool:
    """Whether a log that could not be read may be readable soon. An app without an address, 400 or 500, gets none."""
    return error.kind in ("unavailable", "timeout") and error.status not in (400, 500)


def hidden_log(error: CoderError) -> CoderError:
    """The error for a task that the token may see, and whose log it may not."""
    return CoderError(
        "this token may see the task, but not read its log", "forbidden",
        status=error.status, method=error.method, path=error.path,
        hint="Use the token of a site owner, not restricted to scopes, or the one of the task's owner.",
    )  # fmt: skip


def is_already_running(error: CoderError) -> bool:
    """Whether a resume was refused because the workspace runs already."""
    return error.server_message == "Task workspace is already running."


def is_template_problem(error: CoderError) -> bool:
    """Whether a refused create is about the template, not about the user in the path."""
    return error.server_message.startswith("Template")


def no_task_for(error: CoderError, username: str) -> CoderError:
    """The error of a create that was answered 404 although the user exists."""
    return error.but(
        reason=f"Coder lets the user {username!r} have no task of this template: the user is not in the template's "
        "organization, or this token may not create workspaces there",
        hint="Add the user to the organization, or choose a template of another one.",
    )


def is_not_found(error: CoderError) -> bool:
    """Whether there is no such task; era S answers so, too, while a build of its workspace runs."""
    return error.status == 404


def explain_send(error: CoderError) -> CoderError:
    """A refused send, of the class that says whether the input reached the agent, or can be sent again."""
    error = explain_app(error)
    detail = error.detail or ""
    if STATUS_GATES_INPUT in detail:
        return error.as_a(NotReady, kind="busy")
    if error.kind == "busy" or error.server_message in _STARTING:
        return error.as_a(NotReady)
    if TYPED_ONLY in detail:
        # The keystrokes are in the terminal, and AgentAPI puts them on no record any more.
        return error.as_a(AnswerLost, may_still_show=False)
    return error.as_a(AnswerLost) if _broke_behind_coder(error) else error


def _broke_behind_coder(error: CoderError) -> bool:
    """Whether Coder's own connection to AgentAPI broke under way; a refused one cannot have brought the input."""
    detail = error.detail or ""
    return error.server_message == "Task app rejected the message." and 'Post "' in detail and "refused" not in detail


def explain_app(error: CoderError) -> CoderError:
    """An answer about the task's app, of the kind that says what to do, in every dialect."""
    for messages, kind, hint in _OF_APP:
        if error.server_message.startswith(messages):
            return error.but(kind=kind, hint=hint)
    return error.but(kind="conflict") if error.status in (400, 409) and no_log_reason(error) else error


# What a workspace that starts answers to a send.
_STARTING = ("Task is pending.", "Task is initializing.", "Task sidebar app is initializing. Try again shortly.")
# A log that was saved, or is given by AgentAPI, in a form that the server refuses (docs/contract.md, Logs).
_UNREADABLE = (
    "Internal error decoding task snapshot.",
    "Unsupported task snapshot format.",
    "Invalid snapshot data.",
    "Invalid task app response.",
    "Invalid task app response message role.",
)
_NO_ADDRESS = (
    "Task app URL is not configured.",
    "Task sidebar app URL is not configured.",
    "Internal error parsing task app URL.",
    "Only http scheme is supported for direct agent-dial.",
)
_NOT_ACTIVE = (
    "Cannot fetch logs for task in current state.",
    "Task status must be active.",
    "Task must be active.",
    "Task is pending.",
    "Task is initializing.",
    "Task is paused.",
    "Task is not configured with a sidebar app.",
    "Task sidebar app not found in latest build.",
    "Task does not have a workspace.",
    "Task does not have a workspace app.",
)


def no_log_reason(error: CoderError) -> str | None:
    """The server's words where a task's state has no agent to talk to (docs/contract.md, Logs)."""
    if error.status not in (400, 409) or error.server_message not in _NOT_ACTIVE:
        return None
    return f"{error.server_message} {error.detail}" if error.detail else error.server_message


# How messages about an app begin, the kind of the error, and what to do.
_OF_APP = (
    ((BUSY,), "busy", "The agent works on something; try again when it is idle."),
    (
        ("Failed to reach task app endpoint.",), "unavailable",
        "The workspace's agent cannot be reached; pause and resume the task to restart it.",
    ),
    (
        ("Failed to get status from task app.", "Failed to get messages from task app."), "unavailable",
        "AgentAPI does not answer inside the workspace; it may have died or still be starting.",
    ),
    (
        _UNREADABLE, "unavailable",
        "This one log holds what Coder cannot read back, such as an unknown role; the task itself is well.",
    ),
    (
        _NO_ADDRESS, "unavailable",
        "The template gives the agent's app no http address, so Coder cannot talk to it; correct that.",
    ),
    (
        ("Internal error fetching task snapshot.",), "unavailable",
        "Try again; if it stays, the server's log tells why.",
    ),
    (
        ("Task sidebar app is",), "unavailable",
        "The agent's app is not healthy yet; wait, or look at the workspace's logs.",
    ),
)  # fmt: skip
