# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sending: once, to an agent that is ready, and its answer. POSTs are counted in every test that could repeat one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, FakeClock, call

from emulator import DIALECTS, Emulator

Start = Callable[..., Emulator]
CLIENT = "ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client.TasksClient"


def send(server: Emulator, text: str = "Go on", **options: Any) -> Call:
    return call("task_send", server, task="fix", input=text, **options)


def posts(server: Emulator) -> int:
    return len(server.journal.matching("POST", "/send$"))


def inputs(task: Any) -> list[str]:
    return [message.content for message in task.api.conversation() if message.role == "user"]


def later(seconds: float, action: Callable[[], Any]) -> None:
    threading.Timer(seconds, action).start()


def when(condition: Callable[[], bool], action: Callable[[], Any]) -> None:
    """Act as soon as something is so, beside the test: a time that suits one machine is too short for another."""

    def watch() -> None:
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.005)
        action()

    threading.Thread(target=watch, daemon=True).start()


def delivered(server: Emulator) -> bool:
    """Whether a send was answered with success."""
    return any(200 <= entry.status < 300 for entry in server.journal.matching("POST", "/send$"))


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if DIALECTS[name].task_prefixes])
def test_the_reply_is_what_the_agent_says_after_the_input(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    first, second = send(server, "one"), send(server, "two")
    assert [message["content"] for message in first["reply"]] == ["echo: one"]
    assert [message["content"] for message in second["reply"]] == ["echo: two"]
    assert (first["changed"], first["delivered"], first["task"]["name"]) == (True, "yes", "fix")
    assert inputs(task) == ["one", "two"] and posts(server) == 2


def test_check_mode_sends_nothing(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("fix")
    done = send(server, check=True)
    assert done["changed"] is True and done["reply"] == []
    assert (done["delivered"], done["would_send"]) == ("no", "Go on")
    assert call("task_send", server, task="none", input="x", check=True).kind == "not_found"


@pytest.mark.parametrize("goal", ["none", "accepted"])
def test_who_does_not_want_a_reply_gets_none(emulator: Start, dialect: str, goal: str) -> None:
    server = emulator(dialect, busy_time=5)
    task = server.create_task("fix")
    done = send(server, wait_for=goal)
    assert done["reply"] == [] and inputs(task) == ["Go on"]


@pytest.mark.parametrize("goal", ["none", "reply"])
@pytest.mark.parametrize("held", [True, False])
def test_a_task_that_is_stopping_is_resumed_if_asked(emulator: Start, dialect: str, held: bool, goal: str) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    if held:
        server.state.hold_builds()
        later(0.1, server.state.release_builds)
    server.state.build(task.workspace, "stop", task.owner)
    for check in (True, False):
        refused = send(server, check=check)
        assert refused.kind == "conflict" and "paused" in refused.msg and "resume=true" in refused.msg
    done = send(server, resume=True, wait_for=goal)
    assert not done.failed, done.msg
    assert inputs(task) == ["Go on"] and posts(server) == 1


def test_an_input_that_is_never_answered_was_sent(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, busy_time=1000)
    server.create_task("fix")
    done = send(server, wait_timeout=1.0)
    assert (done.kind, done["delivered"], done["changed"]) == ("wait_timeout", "yes", True)
    done = send(server, wait_for="none")
    assert (done.kind, done["delivered"], done["changed"]) == ("busy", "no", False)


# Busy


def test_a_busy_agent_is_waited_for(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    task.api.work(1e6)
    when(lambda: posts(server) > 0, lambda: task.api.work(0))
    done = send(server)
    assert done["reply"][0]["content"] == "echo: Go on"
    assert inputs(task) == ["Go on"] and posts(server) > 1
    assert "fix is busy" in done.progress


def test_a_busy_agent_is_an_error_where_nothing_is_waited_for(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    task.api.work(1000)
    done = send(server, wait_for="none")
    assert (done.kind, done["delivered"], posts(server)) == ("busy", "no", 1)
    assert done["failure"]["status"] == server.dialect.busy_status
    assert "Could not send to the task fix: " in done.msg and "again when it is idle" in done.msg
    done = send(server, wait_for="accepted", wait_timeout=0.1)
    assert (done.kind, done["delivered"]) == ("busy", "no")


def test_a_reported_state_is_waited_for_until_it_is_stable(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")
    task.report("working", "on it")
    when(lambda: len(server.journal.matching("GET", "/tasks")) > 4, lambda: task.report("idle"))
    done = send(server, stable_idle=0.2)
    assert done["waited"] >= 0.2 and inputs(task) == ["Go on"]


# Paused


def test_a_paused_task_is_resumed_only_if_asked(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    server.create_task("fix", state="paused")
    for check in (True, False):
        refused = send(server, check=check)
        assert refused.kind == "conflict" and "resume=true" in refused.msg and refused.writes == []
    assert send(server, resume=True, check=True)["changed"]
    done = send(server, resume=True, wait_for="reply")
    assert [message["content"] for message in done["reply"]] == ["echo: Go on"]
    assert len(done.writes) == 2


def test_a_resumed_agent_that_reports_no_state_is_not_waited_for_blindly(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    server.create_task("fix", state="paused")
    assert send(server, resume=True, wait_for="accepted", stable_idle=15.0)["waited"] < 10


@pytest.mark.parametrize("goal", ["none", "accepted"])
def test_a_starting_task_is_waited_for(emulator: Start, dialect: str, goal: str) -> None:
    server = emulator(dialect, time_factor=1.0 if goal == "none" else 0.02)
    server.create_task("fix", state="new")
    done = send(server, wait_for=goal)
    if goal == "none":
        assert done.failed and done["delivered"] == "no" and posts(server) <= 1
    else:
        assert done["delivered"] == "yes"


# Lost answers


def test_a_lost_answer_is_looked_up_and_never_sent_again(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    server.faults.add("lost", path="/send$", count=None)
    done = send(server)
    assert not done.failed and done["delivered"] == "yes"
    assert done["reply"][0]["content"] == "echo: Go on"
    assert (posts(server), inputs(task)) == (1, ["Go on"])


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "status", "status": 502, "body": "<html>Bad gateway</html>"},
        {"kind": "status", "status": 504, "body": '{"message":"Endpoint request timed out"}'},
        {
            "kind": "status",
            "status": 502,
            "body": '{"message":"Task app rejected the message.",'
            '"detail":"failed to post message: Post \\"http://localhost:1/message\\": EOF"}',
        },
        {
            "kind": "status",
            "status": 502,
            "body": '{"message":"Task app rejected the message.",'
            '"detail":"failed to wait for processing to start: timeout waiting for condition"}',
        },
    ],
)
def test_what_cannot_be_known_is_called_unknown(emulator: Start, dialect: str, fault: dict[str, Any]) -> None:
    server = emulator(dialect)
    server.create_task("fix")
    server.faults.add(path="/send$", count=None, **fault)
    done = send(server, clock=FakeClock(), poll_interval=1.0)
    assert done.failed and done["delivered"] == "unknown" and posts(server) == 1
    assert "is not sent again" in done.msg and done["diagnosis"]["agent"]["healthy"] is True


def test_a_lost_answer_whose_log_cannot_be_read_is_unknown(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")
    server.faults.add("lost", path="/send$")
    server.faults.add("status", path="/logs$", status=502, skip=1, count=None)
    done = send(server, clock=FakeClock(), poll_interval=1.0, retries=0)
    assert done["delivered"] == "unknown" and inputs(task) == ["Go on"] and posts(server) == 1


def test_the_same_text_of_an_earlier_send_is_not_taken_for_ours(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")
    send(server)
    server.faults.add("reset", path="/send$")
    assert send(server, clock=FakeClock(), poll_interval=1.0)["delivered"] == "unknown"
    assert inputs(task) == ["Go on"]


# Broken agents


def test_a_dead_agent_is_named(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.002)
    server.create_task("fix").kill_agent()
    done = send(server, clock=FakeClock(), poll_interval=1.0, wait_timeout=600.0)
    assert (done.kind, done["delivered"], posts(server)) == ("unavailable", "no", 0)
    assert "its agent is not healthy: agent has lost connection" in done.msg
    done = send(server, wait_for="none")
    assert (done.kind, done["delivered"]) == ("unavailable", "no")


def test_an_agent_that_dies_before_it_answers_is_named(emulator: Start) -> None:
    server = emulator(time_factor=0.002, busy_time=1e6)
    task = server.create_task("fix")
    when(lambda: delivered(server), task.kill_agent)
    done = send(server, clock=FakeClock(tick=0.0), poll_interval=1.0, wait_timeout=6000.0, stable_idle=50.0)
    assert (done.kind, done["delivered"]) == ("unavailable", "yes")
    assert "agent has lost connection" in done.msg


def test_a_frozen_agentapi_ends_at_the_deadline(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=1.0)  # so that Coder gives up long after the client
    server.create_task("fix").api.set_mode("frozen")
    done = send(server, wait_for="none", deadline=0.3, timeout=0.3)
    assert (done.kind, done["delivered"]) == ("timeout", "no")


def test_an_agentapi_that_freezes_at_the_send_is_unknown(emulator: Start) -> None:
    server = emulator()
    server.create_task("fix")
    server.faults.add("latency", path="/send$", seconds=20)
    done = send(server, deadline=2.0, clock=FakeClock(tick=0.0), poll_interval=1.0)
    assert (done.kind, done["delivered"], posts(server)) == ("timeout", "unknown", 1)


@pytest.mark.parametrize("reject", ["cannot paste", "message must not be empty"])
def test_what_agentapi_rejects_is_not_delivered(emulator: Start, dialect: str, reject: str) -> None:
    server = emulator(dialect, reject=reject)
    server.create_task("fix")
    done = send(server)
    assert (done["delivered"], done["failure"]["status"], posts(server)) == ("no", 502, 1)
    assert reject in done.msg


def test_an_agent_that_is_not_reached_is_not_delivered(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=1.0)
    server.create_task("fix").api.set_mode("down")
    done = send(server, wait_for="none")
    assert (done.kind, done["delivered"]) == ("unavailable", "no")


# Replies


def test_a_message_that_still_grows_is_waited_for(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")

    def grow(text: str) -> None:
        messages = [vars(message) | {"content": message.content} for message in task.api.conversation()]
        messages[-1]["content"] = text
        task.api.set_messages(messages)

    def grow_thrice() -> None:
        for text in ("first", "first, second", "first, second, third"):
            time.sleep(0.15)
            grow(text)

    when(lambda: delivered(server), grow_thrice)
    done = send(server, stable_idle=1.0)
    assert done["reply"][-1]["content"] == "first, second, third"


def test_an_agent_that_still_works_is_waited_for(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")
    task.report("idle")
    later(0.05, lambda: task.report("working"))
    later(0.6, lambda: task.report("idle"))
    assert send(server, stable_idle=0.02)["waited"] < 60
    assert inputs(task) == ["Go on"]


def test_no_reply_in_time_says_that_the_input_was_delivered(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, busy_time=1000)
    task = server.create_task("fix")
    done = send(server, wait_timeout=1.0)
    assert (done.kind, done["delivered"], done["reply"]) == ("wait_timeout", "yes", [])
    assert "Do not send it again" in done.msg and inputs(task) == ["Go on"]


def test_a_task_that_is_deleted_before_it_answers(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, busy_time=1000)
    server.create_task("fix")
    when(lambda: delivered(server), lambda: call("task", server, name="fix", state="absent", wait=False))
    done = send(server)
    assert done.failed and done["delivered"] == "yes", done.msg


# Delivered is always told

AGAIN = {"kind": "status", "status": 500, "body": '{"message":"Internal error."}', "method": "GET", "count": None}


@pytest.mark.parametrize("goal", ["none", "accepted", "reply"])
@pytest.mark.parametrize("fault", [AGAIN, {"kind": "reset", "method": "GET", "count": None}])
def test_who_was_told_is_not_told_again_whatever_fails_afterwards(
    emulator: Start, dialect: str, goal: str, fault: dict[str, Any]
) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    # From the moment at which the agent has the input nothing can be read any more.
    task.api.behaviour.reply = lambda text: server.faults.add(**fault) and f"echo: {text}"
    done = send(server, wait_for=goal, retries=0)
    assert (done["delivered"], done["changed"], inputs(task)) == ("yes", True, ["Go on"])
    assert "Could not send" not in done.msg
    if goal == "reply":
        assert done.failed and "was delivered. Do not send it again" in done.msg and done["task"]["name"] == "fix"
    else:
        assert not done.failed and "'task' in the result is as it was before" in done.warnings[0]


@pytest.mark.parametrize("path", ["/logs$", "/tasks/[^/]+/[0-9a-f-]{36}$"])
def test_a_look_that_fails_does_not_end_the_wait_for_a_reply(emulator: Start, path: str) -> None:
    server = emulator(busy_time=20)
    server.create_task("fix")
    server.faults.add("status", method="GET", path=path, status=500, body='{"message":"x"}', skip=1, count=4)
    done = send(server, retries=0)
    assert [message["content"] for message in done["reply"]] == ["echo: Go on"], done.msg


def test_looks_that_fail_to_the_end_are_told_with_the_timeout(emulator: Start) -> None:
    server = emulator(busy_time=20)
    server.create_task("fix")
    server.faults.add("status", method="GET", path="/logs$", status=500, body='{"message":"x"}', skip=1, count=None)
    done = send(server, retries=0, wait_timeout=1, poll_interval=0.4)
    assert done.kind == "wait_timeout" and done["delivered"] == "yes" and "the last look failed: " in done.msg


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"input": " "}, "invalid"),
        ({"input_file": "/nowhere/at/all", "input": None}, "io"),
        ({"url": "http://127.0.0.1:9", "retries": 0}, "network"),
        ({"token": "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"}, "auth"),
        ({"token": "", "url": ""}, "invalid"),
        ({"task": ""}, "invalid"),
        ({"task": "none"}, "not_found"),
        ({"task": "bob/fix", "owner": "alice"}, "invalid"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_every_failure_before_the_send_says_that_nothing_was_delivered(
    emulator: Start, options: dict[str, Any], kind: str, check: bool
) -> None:
    server = emulator()
    task = server.create_task("fix")
    given = {"task": "fix", "input": "x", **options}
    done = call("task_send", server, check=check, **{name: value for name, value in given.items() if value is not None})
    assert (done.kind, done["delivered"], done["changed"]) == (kind, "no", False)
    assert inputs(task) == []


def test_an_answer_that_nobody_foresaw_tells_what_is_known(
    emulator: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> Any:
        raise KeyError("surprise")

    for method, delivered in (("send", "unknown"), ("refresh", "yes"), ("get_task", "no")):
        server = emulator()
        server.create_task("fix")
        with monkeypatch.context() as patch:
            patch.setattr(f"{CLIENT}.{method}", broken)
            done = send(server)
        assert (done.kind, done["delivered"]) == ("internal", delivered)
        assert ("Could not send" in done.msg) is False


def test_a_resume_that_was_all_that_was_done_is_a_change(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("fix", state="paused")
    server.state.hold_builds()
    done = send(server, resume=True, wait_timeout=0.2)
    assert (done.kind, done["delivered"], done["changed"]) == ("wait_timeout", "no", True)


@pytest.mark.parametrize(
    ("fault", "delivered"),
    [
        ({"kind": "login"}, "unknown"),
        ({"kind": "status", "status": 500, "body": "<html>"}, "unknown"),
        ({"kind": "status", "status": 500, "body": '{"message":"Internal error fetching task."}'}, "no"),
        ({"kind": "status", "status": 413, "body": "<html>"}, "no"),
        ({"kind": "redirect"}, "no"),
    ],
)
def test_what_an_answer_to_the_send_proves(emulator: Start, fault: dict[str, Any], delivered: str) -> None:
    server = emulator()
    server.create_task("fix")
    server.faults.add(path="/send$", count=None, **fault)
    done = send(server, clock=FakeClock(), poll_interval=1.0)
    assert (done["delivered"], done["changed"], posts(server)) == (delivered, delivered == "unknown", 1)


# An answer without words


def test_an_answer_that_stands_on_the_screen_already_is_empty(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, screen_difference=True, reply=lambda text: "approve")
    task = server.create_task("fix")
    first, second = send(server, "One word?"), send(server, "One word?")
    assert [message["content"] for message in first["reply"]] == ["approve"] and first["note"] is None
    assert [message["content"] for message in second["reply"]] == [""] and "stands there already" in second["note"]
    assert not second.failed and second["waited"] < 10 and inputs(task) == ["One word?"] * 2


def test_an_agent_that_reports_work_has_not_answered_by_an_empty_message(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")
    task.report("idle")
    task.api.behaviour.reply = lambda text: task.report("working") or " "
    done = send(server, wait_timeout=0.5)
    assert (done.kind, done["delivered"], done["note"]) == ("wait_timeout", "yes", None)
    assert "the task is active, working" in done.msg


# A dead AgentAPI


def test_an_agent_that_is_dead_is_not_waited_for(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    task = server.create_task("fix")
    task.api.set_mode("down")
    while task.api.healthy():
        time.sleep(0.01)
    done = send(server, clock=FakeClock(), poll_interval=1.0, wait_timeout=600.0)
    assert done.kind != "wait_timeout" and done["delivered"] == "no" and done["waited"] < 60, done.msg
    assert "its app is unhealthy" in done.msg and "pause and resume the task" in done.msg
    assert done["diagnosis"]["build"]["status"] == "succeeded" and inputs(task) == []


def test_an_agent_that_dies_while_it_answers_is_not_waited_for(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, busy_time=1e6)
    task = server.create_task("fix")
    task.api.behaviour.reply = lambda text: later(0.0, lambda: task.api.set_mode("down")) or text
    done = send(server, clock=FakeClock(), poll_interval=1.0, wait_timeout=6000.0)
    assert done.kind != "wait_timeout" and done["delivered"] == "yes", done.msg
    assert "its app is unhealthy" in done.msg and "The input was delivered. Do not send it again" in done.msg
    assert done["diagnosis"]["agent"]["healthy"] is True and inputs(task) == ["Go on"]


# Input


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), (" \n", "empty"), ("a\0", "NUL"), ("x" * (1024 * 1024), "1 MiB"), ("\ud800", "Unicode")],
)
def test_input_that_cannot_be_right(emulator: Start, text: str, words: str) -> None:
    server = emulator()
    done = call("task_send", server, task="fix", input=text)
    assert done.kind == "invalid" and words in done.msg and done.requests == []


def test_input_from_a_file_and_a_task_of_somebody_else(emulator: Start, dialect: str, tmp_path: Path) -> None:
    server = emulator(dialect)
    task = server.create_task("fix", owner="bob")
    (tmp_path / "text").write_text("from a file\n")
    for reference, owner in (("bob/fix", "me"), ("fix", "bob"), (task.id, "me")):
        done = call("task_send", server, task=reference, owner=owner, input_file=str(tmp_path / "text"))
        assert done["delivered"] == "yes", done.msg
    missing = call("task_send", server, task="none", owner="bob", input="x")
    assert missing.kind == "not_found" and "the user 'bob' has no task 'none'" in missing.msg
