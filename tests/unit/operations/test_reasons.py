# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task is not well: in the first line, from where it is known, at no cost for those that are well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from calling import call

from ansible_collections.coder.tasks.plugins.module_utils.coder.build_failure import log_end
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.client import TasksClient
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.health import ailment
from ansible_collections.coder.tasks.plugins.module_utils.operations import task_info
from emulator import Emulator

Start = Callable[..., Emulator]
BOOM = "boom: the disk is full"
WELL: dict[str, Any] = {
    "status": "active", "workspace_status": "running", "workspace_agent_lifecycle": "ready",
    "workspace_agent_health": {"healthy": True}, "current_state": None,
}  # fmt: skip


def builds_read(made: Any) -> list[str]:
    return [entry.path for entry in made.requests if "/workspace" in entry.path]


def test_a_failed_build_says_what_its_log_says(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("fine")
    server.create_task("broken", state="error")
    made = call("task_info", server)
    tasks = {task["name"]: task for task in made["tasks"]}
    assert "reason" not in tasks["fine"]
    assert BOOM in tasks["broken"]["reason"] and "terraform apply: exit status 1" in tasks["broken"]["reason"]
    assert len([path for path in builds_read(made) if path.endswith("/logs")]) == 1


def test_healthy_tasks_cost_no_request(emulator: Start) -> None:
    server = emulator()
    for name in ("one", "two"):
        server.create_task(name)
    server.create_task("resting", state="paused")
    assert builds_read(call("task_info", server)) == []


def test_who_does_not_ask_for_the_reason_does_not_pay_for_it(emulator: Start) -> None:
    server = emulator()
    server.create_task("broken", state="error")
    made = call("task_info", server, fields=["name", "status"])
    assert made["tasks"] == [{"name": "broken", "status": "error"}] and builds_read(made) == []


def test_a_log_that_cannot_be_read_leaves_the_rest(emulator: Start) -> None:
    server = emulator()
    server.create_task("broken", state="error")
    server.faults.add("status", path="workspacebuilds", status=403, count=None)
    made = call("task_info", server)
    assert made["tasks"][0]["reason"].startswith("the build of its workspace failed; why could not be read: ")


def test_a_failed_build_whose_workspace_is_gone_is_one_all_the_same(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("broken", state="error")
    server.faults.add("status", path="/workspaces/", status=404, body='{"message":"Not found."}', count=None)
    made = call("task_info", server)
    assert made["tasks"][0]["reason"] == "the build of its workspace failed" and not made.warnings, made.msg


def test_many_failed_builds_are_bounded(emulator: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_info, "MOST_EXPLAINED", 2)
    server = emulator()
    for number in range(4):
        server.create_task(f"broken-{number}", state="error")
    made = call("task_info", server)
    assert all("failed" in task["reason"] for task in made["tasks"])
    assert sum(BOOM in task["reason"] for task in made["tasks"]) == 2
    assert len(made.warnings) == 1 and "2 of 4 failed builds" in made.warnings[0]


@pytest.mark.parametrize("operation", ["task", "task_send", "fleet"])
def test_every_failed_wait_says_it_once(emulator: Start, operation: str) -> None:
    server = emulator()
    server.create_task("broken", state="error")
    options: dict[str, Any] = {
        "task": {"name": "broken"},
        "task_send": {"task": "broken", "input": "Go on"},
        "fleet": {"tasks": [{"name": "broken"}]},
    }[operation]
    made = call(operation, server, **options)
    assert made.kind == "build_failed"
    assert made.msg.count(BOOM) == 1 and made.msg.count("state=active") == 1, made.msg
    task = made["tasks"][0]["task"] if operation == "fleet" else made["task"]
    assert BOOM in task["reason"]


def test_a_start_that_fails_in_a_fleet_is_one_line_per_task(emulator: Start) -> None:
    server = emulator()
    templates = {"a": "ai", "b": "ai-fail", "c": "ai-fail"}
    tasks = [{"name": name, "template": template} for name, template in templates.items()]
    made = call("fleet", server, tasks=tasks)
    first, *lines = made.msg.splitlines()
    assert first.startswith("Could not bring the fleet into its declared state: 2 of 3 tasks failed; ")
    assert [line.partition(":")[0] for line in lines] == ["alice/b", "alice/c"]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({}, None),
        ({"status": "paused", "current_state": {"state": "failed", "message": "old"}}, None),
        ({"status": "initializing"}, None),
        ({"status": "unknown", "workspace_status": "stopping"}, None),
        ({"workspace_agent_health": {"healthy": False, "reason": "agent has not yet connected"}}, None),
        ({"workspace_agent_health": None}, None),
        ({"workspace_agent_health": {"healthy": False, "reason": "agent has lost connection"}}, "lost connection"),
        ({"status": "error", "workspace_status": "failed"}, "the build of its workspace failed"),
        ({"status": "error", "workspace_status": "canceled"}, "the build of its workspace failed"),
        ({"status": "error"}, "its app is unhealthy"),
        ({"status": "unknown", "workspace_agent_lifecycle": "off"}, "lifecycle of its agent is off"),
        ({"workspace_agent_lifecycle": "start_error"}, "start script of its agent failed"),
        ({"current_state": {"state": "failed", "message": "no\x1b[31m disk\nleft"}}, "a failure: no [31m disk left"),
    ],
)
def test_what_a_task_shows_by_itself(task: dict[str, Any], words: str | None) -> None:
    found = ailment({**WELL, **task})
    assert (found is None) == (words is None)
    assert found is None or (words in found.reason and found.hint.endswith("."))


def test_the_end_of_a_log() -> None:
    rows = [{"output": f"line {number}", "log_level": "info"} for number in range(20)]
    rows += [{"output": ""}, {"output": "a detail", "log_level": "debug"}, {"output": BOOM}, {"output": BOOM}]
    assert log_end(rows) == f"line 15 / line 16 / line 17 / line 18 / line 19 / {BOOM}"
    assert log_end(rows, known=f"it said {BOOM}").endswith("line 19")
    assert log_end([{"output": "x" * 5000}]).startswith("[...] x") and len(log_end([{"output": "x" * 5000}])) < 700


def test_a_task_that_is_being_paused_says_so(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("slow")
    task.report("idle", "Waiting for input")
    server.state.hold_builds()
    made = call("task", server, name="slow", state="paused", wait_timeout=0.3)
    assert made.kind == "wait_timeout" and "being paused" in made.msg and "unknown" not in made.msg, made.msg


@pytest.mark.parametrize("operation", ["task_info", "task_logs_info", "template_info"])
def test_a_failed_look_has_an_empty_list(operation: str) -> None:
    made = call(operation, url="http://127.0.0.1:9", token="x", retries=0)
    (key,) = set(made.result) & {"tasks", "logs", "templates"}
    assert made.failed and made[key] == []


def test_a_dormant_workspace_is_named(emulator: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = emulator()
    server.create_task("asleep", state="paused")
    server.faults.add("status", method="POST", path="resume", status=403, count=None)
    look = TasksClient.workspace
    monkeypatch.setattr(
        TasksClient, "workspace", lambda self, key: {**(look(self, key) or {}), "dormant_at": "2026-11-01T00:00:00Z"}
    )
    made = call("task", server, name="asleep", state="active")
    assert made.kind == "forbidden" and "dormant" in made.msg and "administrator" not in made.msg
