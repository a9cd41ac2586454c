# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give a task's agent input, once, and read what it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from ..coder import names
from ..coder.errors import CoderError, as_coder_error, invalid
from ..coder.tasks.backend import TasksBackend
from ..coder.tasks.models import Task, is_stopping
from ..coder.waiter import Waiter, Watch
from .connection import ConnectionParams, connection_spec
from .context import Context
from .exchange import LOOK_FOR_MESSAGE, Exchange, Messages, RestingParams, ScreenAgent
from .spec import Spec
from .task import input_file_option
from .text_file import text_option
from .waiting import wait_options, waiter_for, waiting_spec

# Looks, one per second, in which the app of a running task may be unhealthy before it is called dead: an AgentAPI that
# is slow for six seconds is called so too, and an agent that is told something may block it for longer.
LOOKS_UNHEALTHY = 10
AFTER_INTERRUPT = (
    "The agent may have the input already: read its conversation with coder.tasks.task_logs_info before you send again."
)
# AgentAPI refuses more than 1 MiB of request; some room is left for the JSON around the text.
MAX_INPUT_BYTES = 1024 * 1024 - 4096


class SendParams(ConnectionParams, RestingParams):
    """The options of this operation."""

    task: str
    owner: str
    input: str | None
    input_file: str | None
    resume: bool


def spec() -> Spec:
    """The operation's options."""
    options = {**connection_spec(), **input_file_option()}
    options.update(
        task={"type": "str", "required": True, "aliases": ["name"]},
        owner={"type": "str", "default": "me"},
        input={"type": "str"},
        resume={"type": "bool", "default": False},
    )
    options.update(waiting_spec(["none", "accepted", "reply"], stable_idle="30s"))
    del options["wait"]
    options["wait_for"]["default"] = "reply"
    options["timeout"]["default"] = "1m"
    return {
        "argument_spec": options,
        "mutually_exclusive": [["input", "input_file"]],
        "required_one_of": [["input", "input_file"]],
        "supports_check_mode": True,
    }


def run(context: Context[SendParams]) -> dict[str, Any]:
    """Result: ``task``, ``delivered``, ``reply``, ``note``, ``waited``; in check mode ``would_send``, too."""
    return Exchange(context, TaskAgent(context), LOOK_FOR_MESSAGE).run()


def check_input(text: str) -> None:
    """:raises CoderError: input that the agent would refuse late or drop silently."""
    if not text.strip():
        raise invalid("the input is empty", "Agents refuse blank input.")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_INPUT_BYTES:
        raise invalid("the input is over 1 MiB, which AgentAPI refuses", "Put it into a file and name it in the input.")
    names.check_text(text)


class TaskAgent(ScreenAgent):
    """The agent of a task, as an :class:`.exchange.Agent`."""

    reader = "coder.tasks.task_logs_info"

    def __init__(self, context: Context[SendParams]) -> None:
        super().__init__(context.params["stable_idle"])
        self.name = f"the task {context.params['task']}"
        self._context = context
        self._goal = context.params["wait_for"]
        self._options = wait_options(context)
        self._found: Task | None = None
        self._watched: Watch[Task] | None = None

    @property
    def _tasks(self) -> TasksBackend:
        return self._context.session.tasks

    @property
    def _task(self) -> Task:
        """The task as it was seen last. Only after it was found."""
        return cast(Task, self._found)

    def input(self) -> str:
        text = text_option(self._context.params, "input") or ""
        check_input(text)
        return text

    def check(self) -> None:
        self._find()

    def prepare(self) -> Messages:
        self._find()
        self._make_ready()
        return self._tasks.log(self._task).messages

    def send(self, text: str) -> None:
        self._tasks.send(self._task, text)

    def before_next_try(self) -> None:
        self._context.progress(f"{self._task['name']} is busy")
        self._found = self._tasks.refresh(self._task) or self._task

    def read(self) -> tuple[Messages | None, bool]:
        try:
            log = self._tasks.log(self._task)
        except CoderError as error:
            # AgentAPI holds its lock while it types, up to 16 s, or for a whole turn.
            if error.kind not in ("unavailable", "timeout", "not_found"):
                raise
        else:
            if log.source == "live":
                return log.messages, False
        # Nothing can be read now: look whether the agent will ever answer.
        self._look_again()
        return None, False

    def rests(self) -> bool:
        self._look_again()
        return self._state != "working"

    def last_look(self) -> None:
        try:
            self._found = self._tasks.refresh(self._task) or self._task
        except Exception as caught:  # noqa: BLE001  (what was delivered stays delivered)
            told = as_coder_error(caught).message
            self._context.warn(
                f"The input was delivered to {self.name}, and 'task' in the result is as it was before: {told}"
            )

    def state(self) -> str:
        return f"the task is {self._tasks.describe(self._task)}"

    def facts(self, failed: bool) -> dict[str, Any]:
        if self._found is None:
            return {}
        if not failed:
            return {"task": self._task}
        return {"task": self._tasks.with_reason(self._task), "diagnosis": self._tasks.diagnose(self._task)}

    @property
    def _state(self) -> str | None:
        state = self._task["current_state"]
        return state["state"] if state else None

    # On the way

    def _find(self) -> None:
        self._found = self._tasks.get(self._context.params["task"], self._context.params["owner"])
        if self._is_paused() and not self._context.params["resume"]:
            reason = "it is being paused" if is_stopping(self._task) else "it is paused"
            raise CoderError(reason, "conflict", hint="Set resume=true to resume it first.")

    def _is_paused(self) -> bool:
        return self._task["status"] == "paused" or is_stopping(self._task)

    def _make_ready(self) -> None:
        """Resume if that was asked, and wait until the agent has been idle without a break."""
        # An app that starts may be unhealthy for minutes; in a task that ran before, it has died.
        paused = self._is_paused()
        waiter = waiter_for(
            self._context, self._options if paused else replace(self._options, unhealthy=self._most_unhealthy)
        )
        if paused:
            self._tasks.resume(self._task, waiter)
            self._found = self._tasks.refresh(self._task) or self._task
        elif self._goal == "none":
            return
        self._found = self._wait(waiter, "ready")
        # An agent that never reports a state is not waited for blindly: the send itself tells busy from ready.
        if self._goal != "none" and self._task["current_state"]:
            self._found = self._wait(waiter, "idle")

    def _wait(self, waiter: Waiter, goal: str) -> Task:
        """:raises CoderError: as one of the send, of which this is the first step."""
        try:
            return waiter.wait_for(self._tasks, self._task, goal)
        except CoderError as error:
            raise error.but(attempt=None) from None

    @property
    def _most_unhealthy(self) -> float:
        """Seconds that the app of a running task may be unhealthy: it is called so too while AgentAPI is slow."""
        return LOOKS_UNHEALTHY * self._context.poll_interval

    def _look_again(self) -> None:
        """:raises CoderError: the agent will never answer."""
        current = self._tasks.refresh(self._task)
        if current is None:
            raise CoderError("the task was deleted before it answered", "not_found")
        self._found = current
        if self._watched is None:
            options = replace(self._options, unhealthy=self._most_unhealthy)
            self._watched = Watch(self._tasks, "ready", self._context.clock, options)
        self._watched.reached(current)
