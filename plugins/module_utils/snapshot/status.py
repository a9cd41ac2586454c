# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the hook would work here and now. Changes nothing."""

from __future__ import annotations

import sys

from .capture import missing_setting
from .deadline import Deadline
from .deliver import judge, post, request_headers
from .read import ReadError, read_agentapi
from .spool import Spool
from .wire import WireError, without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .report import Reporter
    from .settings import Settings

_ANSWERS = {
    "no_task": "Coder has no such task in this workspace",
    "unsupported": "Coder does not have the log snapshot endpoint (it came with 2.30)",
    "rejected": "Coder takes log snapshots of this task",
    "delivered": "Coder did not check what it was sent",
}


def status(settings: Settings, report: Reporter) -> int:
    """Check each thing that the hook needs, one line each, and return 0 when it would work."""
    deadline = Deadline(settings.deadline)
    checks = [
        ("python", True, f"Python {sys.version.split()[0]}"),
        ("enabled", settings.enabled, f"ARG_TASK_LOG_SNAPSHOT is {'' if settings.enabled else 'not '}true"),
        ("task_id", bool(settings.task_id), f"ARG_TASK_ID is {settings.task_id or 'not set'}"),
        ("url", bool(settings.url), f"CODER_AGENT_URL is {without_password(settings.url) or 'not set'}"),
        ("token", bool(settings.token), f"CODER_AGENT_TOKEN is {'set' if settings.token else 'not set'}"),
        ("spool", *_check_spool(settings)),
        ("agentapi", *_check_agentapi(settings, deadline)),
        ("route", *_check_route(settings, deadline)),
    ]
    for name, good, text in checks:
        report.say(name, f"{'ok' if good else 'not ok'}: {text}", ok=good)
    works = all(good for _name, good, _text in checks)
    report.say("status", f"The log snapshot hook would {'' if works else 'not '}work", ok=works)
    return 0 if works else 1


def _check_spool(settings: Settings) -> tuple[bool, str]:
    spool = Spool(settings.environ)
    waiting = len(spool.task_ids())
    if spool.folder is None:
        return False, f"Nothing can be spooled ({'; '.join(spool.problems)})"
    return True, f"The spool is {spool.folder}, {waiting} captures are waiting in it"


def _check_agentapi(settings: Settings, deadline: Deadline) -> tuple[bool, str]:
    try:
        conversation = read_agentapi(settings.agentapi, deadline)
    except ReadError as error:
        return False, f"AgentAPI on port {settings.port} has no messages ({error})"
    ready = "" if conversation.ready else ", but is not ready yet"
    count = len(conversation.messages)
    return True, f"AgentAPI on port {settings.port} has {count} messages (/{conversation.source}){ready}"


def _check_route(settings: Settings, deadline: Deadline) -> tuple[bool, str]:
    if missing_setting(settings) or not settings.task_id:
        return False, "Coder was not asked: URL, token and task ID are needed for that"
    try:
        # Without messages the body is refused only after token, task and route were found to be good.
        headers = request_headers(settings, deadline)
        code, _headers, text = post(settings, settings.task_id, b"{}", headers, deadline)
    except WireError as error:
        return False, f"Coder at {without_password(settings.url)} does not answer ({error})"
    state = judge(code, text)
    return state == "rejected", _ANSWERS.get(state, f"Coder answered HTTP {code}: {text}")
