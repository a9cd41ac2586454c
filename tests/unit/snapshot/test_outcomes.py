# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a stop can end: what is posted, what is printed, and the exit code.

The table in docs/shutdown_hook.md is made of what is seen here: UPDATE_DOCS=true writes it anew.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from unit.snapshot.conftest import Hook, Run
from unit.snapshot.servers import (
    NOT_AUTHORIZED,
    RESOURCE_404,
    ROUTE_404,
    FakeAgentAPI,
    FakeCoder,
    Request,
    conversation,
)
from unit.snapshot.test_follow import contents, following, until

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.marks import NEW_LIFE

DOCUMENT = Path(__file__).parents[3] / "docs" / "shutdown_hook.md"
BEGIN, END = "<!-- outcomes: written by tests/unit/snapshot/test_outcomes.py -->\n", "<!-- end of outcomes -->\n"
TALK = conversation("Hello.", "fix it", "fixed")
NOWHERE = {"HOME": "/proc", "XDG_STATE_HOME": "/proc/nowhere", "TMPDIR": "/proc/self"}


@dataclass
class Stop:
    """One stop: what AgentAPI and Coder do, and what was before."""

    hook: Hook
    agentapi: FakeAgentAPI
    coder: FakeCoder
    later: ExitStack
    arguments: list[str] = field(default_factory=lambda: ["capture"])
    environ: dict[str, str | None] = field(default_factory=dict)

    def before(self) -> None:
        """An earlier stop, whose snapshot Coder has."""
        assert self.hook.run("capture").code == 0

    def gone(self) -> None:
        self.environ["ARG_AGENTAPI_PORT"] = "1"

    def coder_says(self, *answers: Any) -> None:
        self.coder.answers = list(answers)

    def state_file(self, messages: list[Any], age: float) -> None:
        path = self.hook.home / "state.json"
        path.write_text(json.dumps({"version": 1, "messages": messages}))
        os.utime(path, (time.time() - age,) * 2)
        self.environ["AGENTAPI_STATE_FILE"] = str(path)

    def pid_file(self, pid: int) -> None:
        path = self.hook.home / "agentapi.pid"
        path.write_text(f"{pid}\n")
        self.environ["ARG_PID_FILE_PATH"] = str(path)


def usual(_stop: Stop) -> None:
    pass


def locked(stop: Stop) -> None:
    stop.agentapi.locked = True


def broken(stop: Stop) -> None:
    respond = stop.agentapi.respond
    stop.agentapi.script = lambda request: request.answer(200) if request.path == "/messages" else respond(request)


def cut_off(stop: Stop) -> None:
    def respond(request: Request) -> None:
        if request.path != "/messages":
            request.answer(404)
            return
        body = json.dumps({"messages": conversation("Hello.", "fix it", "fixed", "more")}).encode()
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + body[:-20])
        request.close_connection = True

    stop.agentapi.script = respond


def silent(stop: Stop) -> None:
    stop.agentapi.messages.clear()


def not_ready(stop: Stop) -> None:
    stop.agentapi.messages[:] = conversation("")
    stop.agentapi.status = "running"


def started_anew(stop: Stop) -> None:
    stop.before()
    stop.agentapi.messages[:] = [{**conversation("Welcome")[0], "time": "2026-06-01T13:30:05Z"}]


def too_long(stop: Stop) -> None:
    stop.agentapi.messages[:] = conversation("x" * 70_000, "ok")


def too_long_and_whole(stop: Stop) -> None:
    too_long(stop)
    stop.arguments.append("--no-partial")


def gone(stop: Stop) -> None:
    stop.gone()


def gone_with_state(stop: Stop) -> None:
    stop.gone()
    stop.state_file(TALK, age=5)


def gone_with_old_state(stop: Stop) -> None:
    stop.before()
    stop.gone()
    stop.state_file(TALK, age=60)


def gone_with_greeting(stop: Stop) -> None:
    stop.before()
    stop.gone()
    stop.state_file(conversation("Welcome"), age=-1)


def gone_with_spool(stop: Stop) -> None:
    stop.coder_says((401, NOT_AUTHORIZED))
    stop.before()
    stop.gone()


def gone_while_followed(stop: Stop) -> None:
    stop.later.enter_context(following(stop.hook))
    until(lambda: contents(stop.coder) == ["Hello.", "fix it", "fixed"])
    # All connections end, as at a SIGTERM: the listening one first.
    stop.agentapi.closing.set()
    stop.agentapi.shutdown()
    stop.agentapi.server_close()


def coder_down(stop: Stop) -> None:
    stop.environ["CODER_AGENT_URL"] = "http://127.0.0.1:1"
    stop.arguments += ["--deadline", "1"]


def coder_down_no_disk(stop: Stop) -> None:
    coder_down(stop)
    stop.environ.update(NOWHERE)


def answers(*given: Any) -> Callable[[Stop], None]:
    return lambda stop: stop.coder_says(*given)


def gone_without_task(stop: Stop) -> None:
    stop.gone()
    stop.coder_says((404, RESOURCE_404))


def disabled(stop: Stop) -> None:
    stop.environ["ARG_TASK_LOG_SNAPSHOT"] = "false"


def no_task_id(stop: Stop) -> None:
    stop.environ["ARG_TASK_ID"] = None


def no_token(stop: Stop) -> None:
    stop.environ["CODER_AGENT_TOKEN"] = None


def stranger(stop: Stop) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    stop.later.callback(lambda: (process.kill(), process.wait()))
    stop.pid_file(process.pid)


def frozen(stop: Stop) -> None:
    """What is found at the pid listens on the port and answers nothing."""
    stop.before()
    script = (
        "import socket, time; server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    stop.later.callback(lambda: (process.kill(), process.communicate()))
    assert process.stdout is not None
    stop.environ["ARG_AGENTAPI_PORT"] = process.stdout.readline().strip()
    stop.environ["ARG_ENABLE_STATE_PERSISTENCE"] = "true"
    stop.pid_file(process.pid)
    stop.arguments += ["--deadline", "3"]


@dataclass
class Outcome:
    """What happened, and what is seen of it: posted as `posted` says it, a line that is printed, the exit code."""

    happened: str
    prepare: Callable[[Stop], None]
    posted: str
    line: str
    code: int = 0


ALL, NOTHING, KEPT = "the conversation", "nothing", "nothing yet: it is kept"
LATER = "Log snapshot is kept in PATH for the next start"
OUTCOMES = [
    Outcome("a stop with all at hand", usual, ALL, "Log snapshot posted successfully"),
    Outcome("AgentAPI is locked by a message in flight", locked, ALL, "Log snapshot posted successfully"),
    Outcome("AgentAPI's answer is empty, broken off, packed, a redirect or an error", broken, ALL,
            "Log snapshot posted successfully"),
    Outcome("its answer breaks off, it has no events, and nothing was saved before", cut_off,
            "the messages that arrived", "Using the conversation from the part of AgentAPI's answer that arrived"),
    Outcome("AgentAPI has no messages yet", silent, NOTHING, "No messages for log snapshot"),
    Outcome("the agent has not shown its first prompt", not_ready, NOTHING,
            "No messages for log snapshot, an earlier one stays"),
    Outcome("the agent was started anew, without its conversation", started_anew,
            "the earlier conversation, a mark, the new one",
            "The agent was started anew, 3 messages from before stay in front"),
    Outcome("an older message does not fit whole", too_long, "the end of it, and all that is newer",
            "Payload size 70163 bytes exceeds limit, truncating final message content"),
    Outcome("the same with `--no-partial`", too_long_and_whole, "what is newer",
            "Payload size 70163 bytes exceeds limit, removing oldest message"),
    Outcome("AgentAPI has ended, its state file is newer than what was saved", gone_with_state, ALL,
            "Using the conversation from the state file"),
    Outcome("it has ended, its state file is older than what was posted", gone_with_old_state, NOTHING,
            "Coder has all that is known of the conversation already"),
    Outcome("it has ended, its state file holds a greeting only, a conversation was posted before", gone_with_greeting,
            NOTHING, "Error: Cannot capture log snapshot without messages", 1),
    Outcome("it has ended, an earlier stop could not deliver", gone_with_spool, ALL,
            "Using the conversation from the spool"),
    Outcome("it has ended, a follower had posted all", gone_while_followed, NOTHING,
            "Coder has all that is known of the conversation already"),
    Outcome("it has ended, and nothing is known", gone, NOTHING,
            "Error: Cannot capture log snapshot without messages", 1),
    Outcome("it has ended, in a workspace that is not a task's", gone_without_task, NOTHING,
            "This workspace has no task ID, skipping log snapshot"),
    Outcome("Coder is down, or not to be reached", coder_down, KEPT, LATER),
    Outcome("Coder is down, and nothing can be written", coder_down_no_disk, NOTHING,
            "Error: Log snapshot capture failed", 1),
    Outcome("Coder refuses the token for now (401)", answers((401, NOT_AUTHORIZED)), KEPT, LATER),
    Outcome("Coder has no such endpoint, or hides its tasks", answers((404, ROUTE_404)), KEPT,
            "Log snapshot endpoint not supported by this Coder version, skipping"),
    Outcome("a proxy, or a wrong URL, answers 404", answers(lambda request: request.answer(404, "not here")), KEPT,
            "A Coder that hides its tasks, a proxy and a wrong CODER_AGENT_URL answer 404, too"),
    Outcome("the task is not this workspace's", answers((404, RESOURCE_404)), KEPT,
            "This workspace has no task ID, skipping log snapshot"),
    Outcome("Coder will never take it (400)", answers((400, {"message": "Failed to decode request payload."})), NOTHING,
            "Error: Log snapshot capture failed", 1),
    Outcome("`ARG_TASK_LOG_SNAPSHOT` is not true", disabled, NOTHING, "Log snapshot disabled, skipping"),
    Outcome("`ARG_TASK_ID` is not set", no_task_id, NOTHING, "No task ID, skipping log snapshot"),
    Outcome("the agent's token or URL is not set", no_token, NOTHING,
            "Error: CODER_AGENT_TOKEN not set, cannot capture log snapshot", 1),
    Outcome("the pid file names a stranger", stranger, ALL, "AgentAPI is not stopped: process PID is not AgentAPI"),
    Outcome("AgentAPI with a pid file does not answer", frozen, NOTHING,
            "AgentAPI (pid PID) is not stopped: it does not answer and could overwrite its saved conversation", 1),
]  # fmt: skip


def posted(snapshots: list[list[dict[str, Any]]], kept: bool) -> str:
    """What the table says of the snapshots that one stop has posted."""
    if not snapshots:
        return KEPT if kept else NOTHING
    said = [message["content"] for message in snapshots[-1]]
    known = {
        ("Hello.", "fix it", "fixed"): ALL,
        ("Hello.", "fix it", "fixed", NEW_LIFE, "Welcome"): "the earlier conversation, a mark, the new one",
        ("ok",): "what is newer",
    }
    if said[-1:] == ["ok"] and len(said) == 2 and re.fullmatch(r"\[\.\.\.content truncated.*\]\n\nx+", said[0]):
        return "the end of it, and all that is newer"
    return known.get(tuple(said), repr(said))


@pytest.fixture
def later() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.happened)
def test_how_a_stop_ends(
    both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder, later: ExitStack, outcome: Outcome
) -> None:
    stop = Stop(both, agentapi, coder, later)
    outcome.prepare(stop)
    before = len(coder.snapshots)
    run = both.run(*stop.arguments, **stop.environ)
    seen = posted(coder.snapshots[before:], both.spooled.exists())
    assert ("the messages that arrived" if outcome.prepare is cut_off and seen == ALL else seen) == outcome.posted
    assert outcome.line in printed(run, both), run.stdout + run.stderr
    assert run.code == outcome.code


def printed(run: Run, hook: Hook) -> list[str]:
    """The lines, without what differs from run to run."""
    lines = [*run.lines, *run.stderr.splitlines()]
    for value, name in ((str(hook.spooled), "PATH"), (str(hook.environ["ARG_TASK_ID"]), "ID")):
        lines = [line.replace(value, name) for line in lines]
    return [re.sub(r"(process|pid) \d+", r"\1 PID", line) for line in lines]


def test_the_document_has_this_table() -> None:
    rows = [f"| {each.happened} | {each.posted} | `{each.line}` | {each.code} |\n" for each in OUTCOMES]
    head = "| what happened | what is posted | what is printed, beside more | exit code |\n|---|---|---|---|\n"
    table = head + "".join(rows)
    text = DOCUMENT.read_text()
    head, begin, rest = text.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    assert begin and end, "docs/shutdown_hook.md has no place for the table of outcomes"
    if os.environ.get("UPDATE_DOCS") == "true":
        DOCUMENT.write_text(f"{head}{begin}{table}{end}{tail}")
    else:
        assert f"{head}{begin}{table}{end}{tail}" == text, "run this test with UPDATE_DOCS=true"
