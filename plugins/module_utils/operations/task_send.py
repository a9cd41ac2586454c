# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give a task's agent input, once, and read what it answers."""

from __future__ import annotations

from typing import Any

from ..coder import names
from ..coder.client import CoderClient
from ..coder.errors import AnswerLost, CoderError, attempting, invalid
from ..coder.models import is_stopping
from ..coder.wait import Goal, describe, diagnose
from .connection import connection_spec
from .context import Context
from .lifecycle import Lifecycle
from .task import input_text
from .waiting import patience_from, waiting_spec

# AgentAPI may type for 17 s before a message stands in the conversation (contract, section 7.1).
LOOK_FOR_MESSAGE = 20.0
# AgentAPI refuses more than 1 MiB of request; some room is left for the JSON around the text.
MAX_INPUT_BYTES = 1024 * 1024 - 4096
STATUS_GATES_INPUT = "waiting for user input"


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    options = dict(connection_spec())
    options.update(
        task={"type": "str", "required": True, "aliases": ["name"]},
        owner={"type": "str", "default": "me"},
        input={"type": "str"},
        input_file={"type": "path"},
        resume={"type": "bool", "default": False},
    )
    options.update(waiting_spec(["none", "accepted", "reply"], stable_idle=30.0))
    del options["wait"]
    options["wait_for"]["default"] = "reply"
    options["timeout"]["default"] = 60.0
    return {
        "argument_spec": options,
        "mutually_exclusive": [["input", "input_file"]],
        "required_one_of": [["input", "input_file"]],
        "supports_check_mode": True,
    }


def run(context: Context) -> dict[str, Any]:
    """Result: ``task``, ``delivered``, ``reply`` and ``waited``."""
    text = input_text(context.params) or ""
    check_input(text)
    with attempting("send to the task %s" % context.params["task"]):
        return Send(context, text).run()


def check_input(text: str) -> None:
    """:raises CoderError: input that the agent would refuse late or drop silently."""
    if not text.strip():
        raise invalid("the input is empty", "Agents refuse blank input.")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_INPUT_BYTES:
        raise invalid("the input is over 1 MiB, which AgentAPI refuses", "Put it into a file and name it in the input.")
    names.check_text(text)


class Send:
    """One input on its way: wait, send, look for it, read the answer."""

    def __init__(self, context: Context, text: str) -> None:
        self._context = context
        self._text = text
        self._client: CoderClient = context.session
        self._patience = patience_from(context)
        self._goal = context.params["wait_for"]
        self._started = context.clock.monotonic()
        # Highest message id before ours; what comes later is ours and the answer.
        self._last_id = -1

    def run(self) -> dict[str, Any]:
        task = self._client.get_task(self._context.params["task"], self._context.params["owner"])
        if self._context.check_mode:
            self._check_state(task)
            return self._result(task, [], True)
        try:
            task = self._make_ready(task)
            self._last_id = max((message["id"] for message in self._client.logs(task).messages), default=-1)
        except CoderError as error:
            error.result.setdefault("delivered", "no")
            raise
        task = self._deliver(task)
        reply = self._answered(task) if self._goal == "reply" else []
        return self._result(self._client.refresh(task) or task, reply, True)

    def _result(self, task: dict[str, Any], reply: list[dict[str, Any]], delivered: bool) -> dict[str, Any]:
        return {
            "changed": True,
            "task": task,
            "delivered": "yes" if delivered else "unknown",
            "reply": reply,
            "waited": round(self._waited(), 1),
        }

    def _waited(self) -> float:
        return self._context.clock.monotonic() - self._started

    def _check_state(self, task: dict[str, Any]) -> None:
        stopping = is_stopping(task)
        if (task["status"] == "paused" or stopping) and not self._context.params["resume"]:
            reason = "it is being paused" if stopping else "it is paused"
            raise CoderError(reason, "conflict", hint="Set resume=true to resume it first.", result={"task": task})

    def _make_ready(self, task: dict[str, Any]) -> dict[str, Any]:
        """Resume if that was asked, and wait until the agent has been idle without a break."""
        self._check_state(task)
        life = Lifecycle(self._client, self._context.clock, self._patience, True, self._context.progress)
        if task["status"] == "paused" or is_stopping(task):
            life.resume(task)
            task = self._client.refresh(task) or task
        elif self._goal == "none":
            return task
        task = life.wait_for(task, "ready")
        if self._goal == "none":
            return task
        # An agent that never reports a state is not waited for blindly: the send itself tells busy from ready.
        return life.wait_for(task, "idle") if task["current_state"] else task

    def _deliver(self, task: dict[str, Any]) -> dict[str, Any]:
        """Send until it is accepted. Never twice: once an answer is lost, only the messages can tell."""
        while True:
            try:
                self._client.send(task, self._text)
                return task
            except CoderError as error:
                if _outcome_unknown(error):
                    return self._find_our_message(task, error)
                if not self._may_try_again(error):
                    error.result = {"task": task, "delivered": "no", "diagnosis": diagnose(self._client, task)}
                    raise
            self._context.progress("%s is busy" % task["name"])
            self._context.clock.sleep(self._patience.interval)
            task = self._client.refresh(task) or task

    def _may_try_again(self, error: CoderError) -> bool:
        if self._goal == "none" or self._waited() >= self._patience.timeout:
            return False
        starting = error.kind == "unavailable" and "initializing" in error.server_message
        busy = error.kind == "busy" or STATUS_GATES_INPUT in (error.detail or "")
        return busy or starting

    def _find_our_message(self, task: dict[str, Any], lost: CoderError) -> dict[str, Any]:
        """The answer was lost: the input was delivered if it stands in the conversation.

        :raises CoderError: it does not, or cannot be read; ``delivered: unknown``.
        """
        ends = self._context.clock.monotonic() + LOOK_FOR_MESSAGE
        while True:
            try:
                if self._own_position(self._client.logs(task).messages, exactly=True) is not None:
                    return task
            except CoderError as error:
                lost.detail = lost.detail or error.message
            if self._context.clock.monotonic() >= ends:
                break
            self._context.clock.sleep(self._patience.interval)
        lost.result = {"task": task, "delivered": "unknown", "diagnosis": diagnose(self._client, task)}
        lost.hint = "Whether the agent got the input cannot be known, so it is not sent again; read the log first."
        raise lost

    def _own_position(self, messages: list[dict[str, Any]], exactly: bool = False) -> int | None:
        """Where our message stands. A terminal may have re-wrapped it, so spaces do not count."""
        inputs = [
            index
            for index, message in enumerate(messages)
            if message["type"] == "input" and message["id"] > self._last_id
        ]
        for index in inputs:
            if (messages[index]["content"] or "").split() == self._text.split():
                return index
        return inputs[0] if inputs and not exactly else None

    def _answered(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        """The reply. :raises CoderError: none came, but ``delivered: yes``."""
        try:
            return self._wait_for_reply(task)
        except CoderError as error:
            error.result.setdefault("task", task)
            error.result.setdefault("delivered", "yes")
            error.result.setdefault("diagnosis", diagnose(self._client, error.result["task"]))
            raise

    def _wait_for_reply(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        """The agent's messages after ours, once they have not changed for ``stable_idle``."""
        clock = self._context.clock
        goal = Goal("ready", self._client, clock)
        reply: list[dict[str, Any]] = []
        since = clock.monotonic()
        while True:
            latest = self._reply_so_far(task)
            if latest is None:
                # Nothing could be read: look whether the agent will ever answer.
                goal.reached(self._look_again(task))
                latest = reply
            now = clock.monotonic()
            if latest != reply:
                reply, since = latest, now
            answered = any((message["content"] or "").strip() for message in reply)
            if answered and now - since >= self._patience.stable_idle:
                current = self._look_again(task)
                goal.reached(current)
                if (current["current_state"] or {}).get("state") != "working":
                    return reply
                since = now
            if self._waited() >= self._patience.timeout:
                raise self._no_reply(task, reply)
            clock.sleep(self._patience.interval)

    def _look_again(self, task: dict[str, Any]) -> dict[str, Any]:
        current = self._client.refresh(task)
        if current is None:
            raise CoderError("the task was deleted before it answered", "not_found")
        return current

    def _reply_so_far(self, task: dict[str, Any]) -> list[dict[str, Any]] | None:
        """The agent's messages after ours; None where there is no live conversation to read now."""
        try:
            log = self._client.logs(task)
        except CoderError as error:
            # AgentAPI holds its lock while it types, up to 16 s or a whole turn (contract, section 7.1).
            if error.kind in ("unavailable", "timeout", "not_found"):
                return None
            raise
        if log.source != "live":
            return None
        position = self._own_position(log.messages)
        if position is None:
            return []
        return [message for message in log.messages[position + 1 :] if message["type"] == "output"]

    def _no_reply(self, task: dict[str, Any], reply: list[dict[str, Any]]) -> CoderError:
        current = self._client.refresh(task) or task
        return CoderError(
            "the input was delivered, but no finished reply came within %d s; the task is %s"
            % (self._patience.timeout, describe(current)),
            "wait_timeout",
            hint="Do not send it again: read the reply later with coder.tasks.task_logs_info.",
            result={
                "task": current,
                "delivered": "yes",
                "reply": reply,
                "waited": round(self._waited(), 1),
                "diagnosis": diagnose(self._client, current),
            },
        )


def _outcome_unknown(error: CoderError) -> bool:
    """Whether the input may have reached the agent although the request failed."""
    if isinstance(error, AnswerLost):
        return True
    detail = error.detail or ""
    if error.server_message == "Task app rejected the message." and 'Post "' in detail:
        # Coder's own connection to AgentAPI broke: only a refused one cannot have brought the input.
        return "refused" not in detail
    # AgentAPI typed it and then gave up waiting: the keystrokes are in the terminal.
    return "wait for processing to start" in detail
