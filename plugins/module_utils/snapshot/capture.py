# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook itself: read the conversation, spool it, deliver it, and stop AgentAPI when asked to.

Lines of the script that this hook replaces, agentapi-shutdown.sh of Coder's registry, are printed word for word where
they are still true.
"""

from __future__ import annotations

import os
import time
from collections import namedtuple

from . import lives
from .deadline import Deadline
from .deliver import Delivery, deliver, judge, post, request_headers
from .fit import MOST_MESSAGES
from .foreign import parse_json
from .read import ReadError, has_text, is_greeting, read_agentapi, read_state_file
from .spool import Capture, Spool
from .wire import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .fit import Fitted
    from .read import Conversation
    from .reporter import Reporter
    from .settings import Settings
    from .watchdog import Watchdog

# Kept back from the deadline: for stopping AgentAPI when that is asked for, and for printing how it ended.
_STOP_SECONDS = 1.5
_END_SECONDS = 0.3
_LOCK_SECONDS = 1.0
# For a follower to spool what it saw before AgentAPI ended.
_FOLLOWER_SECONDS = 1.0

_Found = namedtuple("_Found", "messages source total capture changed", defaults=(None, None))
_Found.__doc__ = """Where the conversation is to be had when AgentAPI does not give it.

:param messages: list, as they came.
:param source: `state file`, `spool`, `part` of an answer, `delivered`: nothing is newer than what Coder has; None:
    nowhere.
:param total: how many messages there are.
:param capture: of the spool.
:param changed: when the messages changed last, in seconds since the epoch; None: now.
"""


def capture(settings: Settings, report: Reporter, watchdog: Watchdog) -> int:
    """Run the hook once and return its exit code: 0 unless the conversation is lost."""
    end = Deadline(settings.deadline - min(_END_SECONDS, settings.deadline / 4))
    deadline = end.before(min(_STOP_SECONDS, settings.deadline / 4)) if settings.pid_file else end
    report.say("started", "Shutting down AgentAPI")
    code = _reason_to_skip(settings, report)
    conversation, problem = None, ReadError("it was not read")
    started = time.time()

    def has_other() -> bool:
        return code is not None or bool(find_elsewhere(settings, Spool(settings.environ)).source)

    if code is None or settings.pid_file:
        if code is None:
            report.say("reading", f"Fetching messages from AgentAPI on port {settings.port}", port=settings.port)
        try:
            conversation = read_agentapi(settings.agentapi, deadline, has_other, MOST_MESSAGES)
        except ReadError as error:
            problem = error
    pid = _prepare_stop(settings, report, conversation)
    try:
        if code is None:
            code = _snapshot(settings, report, watchdog, deadline, conversation or problem, started)
        watchdog.code = code
    finally:
        if pid:
            _stop(pid, report, end)
    report.say("ended", "Shutdown complete")
    return code


def prepare(
    settings: Settings,
    report: Reporter,
    spool: Spool,
    messages: list[Any],
    source: str,
    total: int | None = None,
    changed: float | None = None,
) -> Capture:
    """Fit the messages into a body that can be posted, and say what was left out of them.

    :param total: how many there are, where these are the newest of more.
    :param changed: when they changed last, in seconds since the epoch; None: now.
    """
    fitted = fit_lives(settings, spool, messages)
    total = total or fitted.total
    wanted = min(total, settings.max_messages or total)
    count, size = len(fitted.messages), len(fitted.body)
    new = count - fitted.earlier - bool(fitted.earlier)
    report.say("retrieved", f"Retrieved {wanted} messages for log snapshot", count=wanted, total=total)
    if fitted.repaired:
        report.say("repaired", f"Repaired {fitted.repaired} messages that Coder would refuse", count=fitted.repaired)
    if fitted.earlier:
        text = f"The agent was started anew, {fitted.earlier} messages from before stay in front"
        report.say("new_life", text, count=fitted.earlier)
    if new < wanted or fitted.cut:
        limit = f"Payload size {fitted.oversize} bytes exceeds limit"
        if fitted.cut:
            report.say("truncating", f"{limit}, truncating final message content", bytes=fitted.oversize)
        elif fitted.oversize:
            report.say("removing", f"{limit}, removing oldest message", bytes=fitted.oversize)
        dropped = wanted - new
        room = f"to stay within {settings.max_bytes} bytes"
        text = f"Left out {dropped} older messages and {fitted.cut} characters {room}"
        report.say("cut", text, dropped=dropped, characters=fitted.cut)
    report.say("payload", f"Log snapshot payload: {size} bytes, {count} messages", bytes=size, count=count)
    users = tuple(lives.user_keys(messages))
    return Capture(settings.task_id, changed or time.time(), source, count, fitted.body, users)


def fit_lives(settings: Settings, spool: Spool, messages: list[Any]) -> Fitted:
    """Fit the messages, behind what was saved before where they do not go on from that."""
    saved = spool.last(settings.task_id)
    old = lives.earlier(_messages_in(saved.body), saved.users, messages) if saved else []
    return lives.fit_behind(old, messages, settings.max_messages, settings.max_bytes, settings.partial)


def _messages_in(body: bytes) -> list[dict[str, Any]]:
    """The messages of a saved body; of a damaged one, those that are sound."""
    try:
        messages = parse_json(body)["messages"]
    except (ValueError, KeyError, TypeError):
        return []
    sound = {"id": int, "content": str, "role": str, "time": str}
    return [
        message
        for message in messages
        if isinstance(message, dict) and all(isinstance(message.get(key), kind) for key, kind in sound.items())
    ]


def store(captured: Capture, spool: Spool, report: Reporter) -> str | None:
    """Spool the capture; say so when that is not possible anywhere.

    :returns: where it is; None: nowhere.
    """
    try:
        return spool.put(captured)
    except OSError as error:
        report.error("not_spooled", f"Log snapshot could not be spooled ({error})")
        return None


def send(
    settings: Settings, captured: Capture, spool: Spool, report: Reporter, deadline: Deadline, kept: str | None
) -> tuple[int, Delivery | None]:
    """Deliver a capture, kept in the spool or not, unless somebody else has delivered it or a newer one meanwhile.

    :param kept: where it is kept; None: nowhere.
    :returns: the exit code and how the delivery ended; None: it was not needed any more.
    """
    report.say("posting", "Posting log snapshot to Coder instance")
    lock = spool.lock_delivery(captured.task_id, deadline.within(_LOCK_SECONDS))
    try:
        return send_now(settings, captured, spool, report, deadline, kept)
    finally:
        if lock is not None:
            os.close(lock)


def send_now(
    settings: Settings, captured: Capture, spool: Spool, report: Reporter, deadline: Deadline, kept: str | None
) -> tuple[int, Delivery | None]:
    """As `send`, by one who has the lock of the delivery, or waited for it long enough."""

    def is_superseded() -> bool:
        if not kept:
            return 0 < captured.captured_at < spool.delivered_at(captured.task_id)
        present = spool.get(captured.task_id)
        return present is None or present.captured_at > captured.captured_at

    delivery = deliver(settings, captured.task_id, captured.body, deadline, is_superseded)
    if delivery is None:
        report.say("superseded", _why_superseded(captured, spool))
        spool.remove(captured)
        return 0, None
    return _conclude(settings, delivery, captured, spool, report, kept), delivery


def _why_superseded(captured: Capture, spool: Spool) -> str:
    if 0 < captured.captured_at <= spool.delivered_at(captured.task_id):
        return "Log snapshot was posted by another process"
    if spool.get(captured.task_id) is not None:
        return "A newer log snapshot is kept by another process, which posts it"
    return "Log snapshot was given up by another process, because Coder refused it"


def _conclude(
    settings: Settings, delivery: Delivery, captured: Capture, spool: Spool, report: Reporter, kept: str | None
) -> int:
    """Say how a delivery ended, settle the spool, and return the exit code: 0 unless the conversation is lost."""
    facts = {"status": delivery.status, "attempts": delivery.attempts}
    if delivery.state == "delivered":
        spool.delivered(captured)
        report.say("delivered", "Log snapshot posted successfully", **facts)
        return 0
    if delivery.state == "no_task":
        report.say("skipped", _no_task(captured.task_id), **facts)
        return _keep(report, kept, 0)
    if delivery.state == "unsupported":
        text = "Log snapshot endpoint not supported by this Coder version, skipping"
        report.say("unsupported", text, **facts)
        text = "A Coder that hides its tasks, a proxy and a wrong CODER_AGENT_URL answer 404, too"
        report.say("ambiguous", text)
        return _keep(report, kept, 1)
    if delivery.status is None:
        report.error("unreachable", f"Failed to connect to Coder instance ({delivery.text})", **facts)
    else:
        text = f"Failed to post log snapshot (HTTP {delivery.status}): {delivery.text}"
        report.error("refused", text, **facts)
    if delivery.state == "rejected":
        spool.remove(captured)
        kept = None
    return _keep(report, kept, 1)


def _keep(report: Reporter, kept: str | None, code: int) -> int:
    """Say where a capture that was not delivered is kept, and return 0; else the exit code for that."""
    if kept:
        report.say("spooled", f"Log snapshot is kept in {kept} for the next start", path=kept)
        return 0
    if code:
        report.error("lost", "Log snapshot capture failed")
    return code


def find_elsewhere(settings: Settings, spool: Spool) -> Any:
    """The newer one of AgentAPI's state file and the last capture in the spool, as a _Found.

    A state file that holds no more than a greeting was written while the agent was loading: what was saved before
    knows better.
    """
    spooled, last = spool.get(settings.task_id), spool.last(settings.task_id)
    try:
        messages, changed = read_state_file(settings.state_file) if settings.state_file else ([], 0.0)
    except ReadError:
        messages, changed = [], 0.0
    is_better = not is_greeting(messages) if last else has_text(messages) or len(messages) > 1
    if messages and is_better:
        if last is None or last.captured_at <= changed:
            return _Found(messages, "state file", len(messages), None, min(changed, time.time()))
        if spooled is None:
            return _Found(messages, "delivered", len(messages), None, min(changed, time.time()))
    return _Found([], "spool" if spooled else None, 0, spooled)


def missing_setting(settings: Settings) -> str | None:
    """The name of the variable without which nothing can be delivered."""
    if not settings.url:
        return "CODER_AGENT_URL"
    return None if settings.token else "CODER_AGENT_TOKEN"


def _reason_to_skip(settings: Settings, report: Reporter) -> int | None:
    """Say why nothing is captured.

    :returns: the exit code for that; None: capture.
    """
    if not settings.enabled:
        report.say("skipped", "Log snapshot disabled, skipping")
        return 0
    if not settings.task_id:
        report.say("skipped", "No task ID, skipping log snapshot")
        return 0
    missing = missing_setting(settings)
    if missing is None:
        return None
    report.error("lost", f"{missing} not set, cannot capture log snapshot")
    return 1


def _snapshot(
    settings: Settings,
    report: Reporter,
    watchdog: Watchdog,
    deadline: Deadline,
    read: Conversation | ReadError,
    started: float,
) -> int:
    """Spool and deliver the conversation, or what is known of it elsewhere.

    :param read: what AgentAPI gave, or why it gave nothing.
    :param started: when this stop began: what others have delivered since is of this stop.
    :returns: the exit code.
    """
    spool = Spool(settings.environ)
    if not isinstance(read, ReadError) and read.ready:
        found = _Found(read.messages, read.source, read.total)
    else:
        problem = read if isinstance(read, ReadError) else None
        found = _find_instead(settings, spool, deadline, problem, started)
        if not found.source:
            return _give_up(settings, report, deadline, problem)
        _say_why_not_agentapi(report, problem)
        if found.source == "delivered":
            report.say("superseded", "Coder has all that is known of the conversation already")
            return 0
        report.say("fallback", f"Using the conversation from {_SOURCES[found.source]}", source=found.source)
    if found.capture is None and not found.messages:
        report.say("skipped", "No messages for log snapshot")
        return 0
    captured = found.capture or prepare(
        settings, report, spool, found.messages, found.source, found.total, found.changed
    )
    kept = store(captured, spool, report)
    if kept:
        watchdog.code = 0
    return send(settings, captured, spool, report, deadline, kept)[0]


_SOURCES = {
    "state file": "the state file",
    "spool": "the spool",
    "part": "the part of AgentAPI's answer that arrived",
}


def _find_instead(
    settings: Settings, spool: Spool, deadline: Deadline, problem: ReadError | None, started: float
) -> Any:
    """What is known where AgentAPI gives nothing, as a _Found."""
    followed = problem is not None and spool.followed(settings.task_id, deadline.within(_FOLLOWER_SECONDS))
    found = find_elsewhere(settings, spool)
    if found.source or problem is None:
        return found
    if spool.delivered_at(settings.task_id) >= (0.1 if followed else started):
        return _Found([], "delivered", 0)
    # A conversation without its end is better than none, and not better than what was saved before.
    if problem.part and spool.last(settings.task_id) is None:
        return _Found(problem.part, "part", len(problem.part))
    return found


def _give_up(settings: Settings, report: Reporter, deadline: Deadline, problem: ReadError | None) -> int:
    """There are no messages anywhere: say whether that is a loss, and return the exit code for it."""
    if _is_no_task(settings, deadline):
        report.say("skipped", _no_task(settings.task_id))
        return 0
    _say_why_not_agentapi(report, problem)
    if problem is None:
        report.say("skipped", "No messages for log snapshot, an earlier one stays")
        return 0
    report.error("lost", "Cannot capture log snapshot without messages")
    return 1


def _say_why_not_agentapi(report: Reporter, problem: ReadError | None) -> None:
    if problem is None:
        report.say("not_ready", "AgentAPI is not ready yet, it does not show the conversation")
    else:
        report.error("unreadable", f"Failed to fetch messages from AgentAPI ({problem})")


def _is_no_task(settings: Settings, deadline: Deadline) -> bool:
    """Whether Coder says that this workspace does not belong to the task. Asks with a body that it never stores."""
    try:
        within = deadline.within(1.0)
        status, _headers, text = post(settings, settings.task_id, b"{}", request_headers(settings, within), within)
    except WireError:
        return False
    return judge(status, text) == "no_task"


def _no_task(task_id: str) -> str:
    return f"This workspace has no task {task_id}, skipping log snapshot"


def _prepare_stop(settings: Settings, report: Reporter, conversation: Conversation | None) -> int | None:
    """Find the AgentAPI that is to be stopped, and have it save its state.

    :returns: its pid; None: it must not be stopped.
    """
    if not settings.pid_file:
        return None
    import signal

    from .process import NotAgentAPI, find_agentapi, send

    try:
        pid = find_agentapi(settings.pid_file, settings.port)
    except NotAgentAPI as error:
        report.say("not_stopped", f"AgentAPI is not stopped: {error}")
        return None
    may_have_state = conversation is not None or settings.keeps_state or settings.state_file
    if may_have_state and not (conversation is not None and conversation.ready):
        why = "does not answer and could" if conversation is None else "is not ready and would"
        text = f"AgentAPI (pid {pid}) is not stopped: it {why} overwrite its saved conversation"
        report.say("not_stopped", text, pid=pid)
        return None
    if settings.keeps_state:
        report.say("saving_state", f"Sending SIGUSR1 to AgentAPI (pid {pid}) to save state", pid=pid)
        send(pid, signal.SIGUSR1)
    return pid


def _stop(pid: int, report: Reporter, deadline: Deadline) -> None:
    import signal

    from .process import send, wait_for_exit

    report.say("stopping", f"Sending SIGTERM to AgentAPI (pid {pid})", pid=pid)
    waited = deadline.left()
    if send(pid, signal.SIGTERM) and not wait_for_exit(pid, deadline):
        report.say("still_running", f"Warning: AgentAPI (pid {pid}) still running after {waited:.0f}s", pid=pid)
