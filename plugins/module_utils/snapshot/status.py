# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the hook would work here and now. Changes nothing."""

from __future__ import annotations

import sys
import time

from .capture import missing_setting
from .deadline import Deadline
from .deliver import judge, post, request_headers
from .fit import MOST_MESSAGES
from .read import ReadError, read_agentapi
from .spool import MAX_DAYS, MAX_TASKS, Spool
from .wire import WireError, without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reporter import Reporter
    from .settings import Settings

_WORDS = {True: "ok", False: "not ok", None: "not known"}
# A task that nobody has: Coder looks at token and route before.
_NO_TASK = "00000000-0000-0000-0000-000000000000"
_ANSWERS = {
    "no_task": "Coder has no such task in this workspace",
    "unsupported": "Coder does not have the log snapshot endpoint, which came with 2.30, or it hides its tasks, or a "
    "proxy answered, or CODER_AGENT_URL is wrong",
    "rejected": "Coder takes log snapshots of this task",
    "delivered": "Coder did not check what it was sent",
}


def status(settings: Settings, report: Reporter) -> int:
    """Check each thing that the hook needs, one line per check, and return 0 when it would work.

    A check, and the whole, is None where nothing is wrong, but only the template's scripts know the task.
    """
    deadline = Deadline(settings.deadline)
    checks: list[tuple[str, bool | None, str]] = [
        ("python", True, f"Python {sys.version.split()[0]}"),
        ("enabled", settings.enabled, f"ARG_TASK_LOG_SNAPSHOT is {'' if settings.enabled else 'not '}true"),
        ("task_id", *_check_task(settings)),
        ("url", bool(settings.url), f"CODER_AGENT_URL is {without_password(settings.url) or 'not set'}"),
        ("token", bool(settings.token), f"CODER_AGENT_TOKEN is {'set' if settings.token else 'not set'}"),
        ("spool", *_check_spool(settings)),
        ("agentapi", *_check_agentapi(settings, deadline)),
        ("route", *_check_route(settings, deadline)),
    ]
    for name, good, text in checks:
        report.say(name, f"{_WORDS[good]}: {text}", ok=good)
    works = False if any(good is False for _name, good, _text in checks) else None if _is_open(checks) else True
    text = {True: "work", False: "not work", None: "work where ARG_TASK_ID is set, as the template's scripts do"}[works]
    report.say("status", f"The log snapshot hook would {text}", ok=works)
    return 0 if works else 1


def _is_open(checks: list[tuple[str, bool | None, str]]) -> bool:
    return any(good is None for _name, good, _text in checks)


def _check_task(settings: Settings) -> tuple[bool | None, str]:
    if settings.task_id:
        return True, f"ARG_TASK_ID is {settings.task_id}"
    return None, "ARG_TASK_ID is not set here, the template's scripts set it at each start and stop"


def _check_spool(settings: Settings) -> tuple[bool, str]:
    spool = Spool(settings.environ)
    waiting = [capture for capture in map(spool.get, spool.task_ids()) if capture is not None]
    if spool.folder is None:
        return False, f"Nothing can be spooled ({'; '.join(spool.problems)})"
    oldest = min((capture.captured_at for capture in waiting), default=0.0)
    since = time.strftime(", the oldest since %Y-%m-%dT%H:%M:%SZ", time.gmtime(oldest)) if waiting else ""
    kept = f"it keeps {MAX_TASKS} for {MAX_DAYS} days"
    return True, f"The spool is {spool.folder}, {len(waiting)} captures are waiting in it{since} ({kept})"


def _check_agentapi(settings: Settings, deadline: Deadline) -> tuple[bool, str]:
    try:
        conversation = read_agentapi(settings.agentapi, deadline, keep=MOST_MESSAGES)
    except ReadError as error:
        return False, f"AgentAPI on port {settings.port} has no messages ({error})"
    ready = "" if conversation.ready else ", but is not ready yet"
    count = conversation.total
    return True, f"AgentAPI on port {settings.port} has {count} messages (/{conversation.source}){ready}"


def _check_route(settings: Settings, deadline: Deadline) -> tuple[bool | None, str]:
    if missing_setting(settings):
        return False, "Coder was not asked: URL and token are needed for that"
    try:
        # Without messages the body is refused only after token, task and route were found to be good.
        headers = request_headers(settings, deadline)
        code, _headers, text = post(settings, settings.task_id or _NO_TASK, b"{}", headers, deadline)
    except WireError as error:
        return False, f"Coder at {without_password(settings.url)} does not answer ({error})"
    state = judge(code, text)
    if state == "no_task" and not settings.task_id:
        return None, "Coder takes log snapshots from this workspace, of a task that it was not asked about"
    return state == "rejected", _ANSWERS.get(state, f"Coder answered HTTP {code}: {text}")
