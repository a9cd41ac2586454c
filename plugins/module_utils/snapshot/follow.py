# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Post the conversation while it goes on: what is not there before a restart or a kill is lost.

Waits in select for AgentAPI's event stream, so that it costs nothing while nothing happens.
"""

from __future__ import annotations

import select
import signal
import time

from .capture import Capture, fit_lives, missing_setting, send, store
from .deadline import Deadline
from .deliver import is_route_missing
from .fit import MOST_MESSAGES
from .flush import flush_task
from .lives import user_keys
from .read import EventLog, EventParser, ReadError, check_event_stream, is_ready
from .spool import Spool
from .wire import WireError, open_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .deliver import Delivery
    from .reporter import Reporter
    from .settings import Settings
    from .wire import Answer

_CONNECT_SECONDS = 5.0
_RECONNECT = (0.5, 5.0)
_DELIVERY_SECONDS = 10.0
_RETRY = (5.0, 60.0)
# After a change, so that one turn's last events make one post.
_SETTLE_SECONDS = 0.5
# Between two posts while the agent is idle.
_IDLE_INTERVAL = 1.0
# Between two writes into the spool: what a kill can lose.
_SPOOL_INTERVAL = 2.0


class _Stop(Exception):
    """A signal asked us to end."""


class _Done(Exception):
    """There is nothing to be done here, now or later."""


def follow(settings: Settings, report: Reporter) -> int:
    """Follow until a signal comes and return the exit code: 0 after a clean end, also when there is nothing to do."""
    if not settings.enabled or not settings.task_id:
        reason = "No task ID" if settings.enabled else "Log snapshot disabled"
        report.say("skipped", f"{reason}, not following")
        return 0
    missing = missing_setting(settings)
    if missing is not None:
        report.error("lost", f"{missing} not set, cannot follow")
        return 1
    spool = Spool(settings.environ)
    lock = spool.lock_following(settings.task_id)
    if lock is None and spool.folder is not None:
        report.say("skipped", f"Task {settings.task_id} is followed already")
        return 0
    follower = _Follower(settings, report, spool, lock)
    try:
        _raise_on_signals()
        report.say("following", f"Following AgentAPI on port {settings.port}", port=settings.port)
        _end_if_final(flush_task(settings, settings.task_id, spool, report, Deadline(_DELIVERY_SECONDS)))
        follower.run()
    except _Stop:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        follower.post(Deadline(settings.deadline / 2))
    except _Done:
        pass
    report.say("ended", "Following ended")
    return 0


class _Follower:
    def __init__(self, settings: Settings, report: Reporter, spool: Spool, lock: int | None) -> None:
        self._settings = settings
        self._report = report
        self._spool = spool
        self._lock = lock
        self._log = EventLog(MOST_MESSAGES)
        self._status: str | None = None
        self._changed = False
        self._changed_at = 0.0
        self._due: float | None = None
        self._spool_due: float | None = None
        self._posted = b""
        self._posted_at = -settings.min_interval
        self._spooled_at = -_SPOOL_INTERVAL
        self._retry = _RETRY[0]

    def run(self) -> None:
        """Listen, and connect again when AgentAPI goes away. Ends with an exception."""
        pause = _RECONNECT[0]
        connected = True
        while True:
            try:
                url = f"{self._settings.agentapi}/events"
                with open_request("GET", url, Deadline(_CONNECT_SECONDS)) as answer:
                    check_event_stream(answer)
                    self._settle(False)
                    self._log, self._status = EventLog(MOST_MESSAGES), None
                    self._report.say("connected", "Connected to AgentAPI")
                    connected, pause = True, _RECONNECT[0]
                    self._listen(answer)
                reason = "the event stream ended"
            except (WireError, ReadError) as error:
                reason = str(error)
            if connected:
                # A stop that ends AgentAPI waits for this: nobody else has what was said last.
                self.post(Deadline(_DELIVERY_SECONDS))
                self._settle(True)
                self._report.say("waiting", f"Waiting for AgentAPI ({reason})")
            connected = False
            self._post_while_waiting(pause)
            pause = min(_RECONNECT[1], pause * 2)

    def post(self, deadline: Deadline) -> None:
        """Post the conversation when it has changed since it was posted last.

        :raises _Done: Coder will take nothing of this task.
        """
        self._due = self._spool_due = None
        captured = self._capture()
        if captured is None:
            return
        if captured.body == self._posted:
            self._changed = False
            return
        kept = store(captured, self._spool, self._report)
        _code, delivery = send(self._settings, captured, self._spool, self._report, deadline, kept)
        self._posted_at = time.monotonic()
        _end_if_final(delivery)
        if delivery is not None and delivery.state not in ("delivered", "rejected"):
            self._due = self._posted_at + self._retry
            self._retry = min(_RETRY[1], self._retry * 2)
            return
        self._posted, self._changed, self._retry = captured.body, False, _RETRY[0]

    def _keep(self) -> None:
        """Spool the conversation: it is posted later, by this process, or by the next stop or start."""
        self._spool_due, self._spooled_at = None, time.monotonic()
        captured = self._capture()
        if captured is not None and captured.body != self._posted:
            store(captured, self._spool, self._report)

    def _capture(self) -> Capture | None:
        """The conversation as it is known now; None when it has not changed, or the agent is not ready."""
        messages = self._log.messages()
        if not self._changed or not messages or not is_ready(messages, self._status):
            return None
        fitted = fit_lives(self._settings, self._spool, messages)
        # Of the last event, not of now: events may be waiting, and what was captured meanwhile is newer.
        users = tuple(user_keys(messages))
        task_id = self._settings.task_id
        return Capture(task_id, self._changed_at, "events", len(fitted.messages), fitted.body, users)

    def _settle(self, settled: bool) -> None:
        if self._lock is not None:
            self._spool.settle(self._lock, settled)

    def _listen(self, answer: Answer) -> None:
        parser = EventParser()
        chunks = answer.chunks()
        while True:
            if not answer.has_more() and not self._wait_for(answer):
                self._do_what_is_due()
                continue
            # Something is there: the rest of its chunk must follow at once.
            answer.deadline = Deadline(_CONNECT_SECONDS)
            chunk = next(chunks, None)
            if chunk is None:
                return
            for kind, data in parser.feed(chunk):
                self._take(kind, data)

    def _wait_for(self, answer: Answer) -> bool:
        """Wait for more of the stream.

        :returns: False if something is due before.
        """
        due = self._next_due()
        seconds = None if due is None else max(0.0, due - time.monotonic())
        return bool(select.select([answer.sock], [], [], seconds)[0])

    def _next_due(self) -> float | None:
        return min((due for due in (self._due, self._spool_due) if due is not None), default=None)

    def _do_what_is_due(self) -> None:
        if self._due is not None and self._due <= time.monotonic():
            self.post(Deadline(_DELIVERY_SECONDS))
        elif self._spool_due is not None and self._spool_due <= time.monotonic():
            self._keep()

    def _post_while_waiting(self, seconds: float) -> None:
        end = Deadline(seconds)
        if self._due is not None and self._due - time.monotonic() < end.left():
            time.sleep(max(0.0, self._due - time.monotonic()))
            self.post(Deadline(_DELIVERY_SECONDS))
        time.sleep(end.left())

    def _take(self, kind: str, data: dict[str, Any]) -> None:
        self._log.add(kind, data)
        if kind == "message_update":
            self._changed, self._changed_at = True, time.time()
        elif kind == "status_change":
            self._status = str(data.get("status"))
        if self._changed:
            now = time.monotonic() + _SETTLE_SECONDS
            interval = self._settings.min_interval if self._status == "running" else _IDLE_INTERVAL
            self._due = _earlier(self._due, max(now, self._posted_at + interval))
            self._spool_due = _earlier(self._spool_due, max(now, self._spooled_at + _SPOOL_INTERVAL))


def _end_if_final(delivery: Delivery | None) -> None:
    """End when Coder says itself that it takes nothing of this task; a stop captures and tries anyway.

    :raises _Done: it does.
    """
    if delivery is not None and (delivery.state == "no_task" or is_route_missing(delivery.text)):
        raise _Done


def _earlier(due: float | None, other: float) -> float:
    return other if due is None else min(due, other)


def _raise_on_signals() -> None:
    def stop(_number: int, _frame: Any) -> None:
        raise _Stop

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
