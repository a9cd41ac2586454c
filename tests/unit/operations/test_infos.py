# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that only read: tasks, logs, prompts, templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from altering import altered
from calling import Call, call

from emulator import DIALECTS, Emulator
from emulator.server import DEFAULT_FIXTURES

Start = Callable[..., Emulator]
ALL = [name for name in DIALECTS if DIALECTS[name].task_prefixes]
OPTIONS: dict[str, dict[str, Any]] = {
    "task_info": {},
    "task_logs_info": {},
    "task_prompts_info": {"build_ids": ["3f2504e0-4f89-11d3-9a0c-0305e82c3301"]},
    "template_info": {},
}


def names(made: Call) -> list[str]:
    assert not made.failed, made.msg
    return sorted(task["name"] for task in made["tasks"])


@pytest.fixture
def world(emulator: Start, dialect: str) -> Emulator:
    """Tasks of two owners in several states."""
    server = emulator(dialect)
    server.create_task("running")
    server.create_task("resting", state="paused", template="ai-nopreset")
    server.create_task("broken", state="error")
    server.create_task("bobs", owner="bob")
    return server


# What holds for each


@pytest.mark.parametrize("operation", OPTIONS)
def test_reading_writes_nothing_and_changes_nothing(world: Emulator, operation: str) -> None:
    for check in (False, True):
        made = call(operation, world, check=check, diff=True, **OPTIONS[operation])
        assert not made.failed, made.msg
        assert made["changed"] is False and made.writes == [] and made.warnings == []


@pytest.mark.parametrize("operation", OPTIONS)
def test_each_kind_of_failure(emulator: Start, operation: str, dialect: str) -> None:
    server = emulator(dialect)
    assert call(operation, server, token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", **OPTIONS[operation]).kind == "auth"
    for fault, kind in (
        ({"kind": "status", "status": 403}, "forbidden"),
        ({"kind": "status", "status": 500}, "server"),
        ({"kind": "status", "status": 502}, "server"),
        ({"kind": "login"}, "protocol"),
        ({"kind": "garbage"}, "protocol"),
        ({"kind": "redirect"}, "protocol"),
        ({"kind": "reset"}, "network"),
        ({"kind": "truncate"}, "network"),
        ({"kind": "latency", "seconds": 3}, "timeout"),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "999"}}, "rate_limited"),
    ):
        server.faults.clear()
        server.faults.add(count=None, **fault)
        slow = {"timeout": 0.2} if kind == "timeout" else {}
        made = call(operation, server, retries=0, **slow, **OPTIONS[operation])
        assert made.kind == kind, made.msg
        assert made.msg.startswith("Could not read ")
    made = call(operation, url="http://127.0.0.1:9", token=server.token, retries=0, **OPTIONS[operation])
    assert made.kind == "network" and "Connection refused" in made.msg


@pytest.mark.parametrize("operation", ["task_info", "task_logs_info"])
@pytest.mark.parametrize(("dialect", "words"), [("2.36", "CODER_ENABLE_AI_TASKS"), ("2.38", "removed in Coder 2.38")])
def test_servers_without_tasks(emulator: Start, operation: str, dialect: str, words: str) -> None:
    made = call(operation, emulator(dialect))
    assert made.kind == "unsupported" and words in made.msg


# Tasks


def test_mine_others_and_all(world: Emulator) -> None:
    mine = ["broken", "resting", "running"]
    assert names(call("task_info", world)) == mine
    assert names(call("task_info", world, owner="bob")) == ["bobs"]
    assert names(call("task_info", world, owner=world.state.user("bob").id)) == ["bobs"]
    assert names(call("task_info", world, all_owners=True)) == sorted([*mine, "bobs"])
    assert names(call("task_info", world, user="bob", all_owners=True)) == ["bobs"]


@pytest.mark.parametrize("owner", ["nobody", "bob@example.com", "a b", "x:y", '"'])
def test_an_owner_that_is_none(world: Emulator, owner: str) -> None:
    made = call("task_info", world, owner=owner)
    assert made.kind in ("not_found", "invalid"), made.msg
    assert owner in made.msg


@pytest.mark.parametrize("operation", ["task_info", "task_logs_info"])
@pytest.mark.parametrize("options", [{}, {"name": ["running"]}])
def test_an_empty_owner_is_not_everybody(world: Emulator, operation: str, options: dict[str, Any]) -> None:
    made = call(operation, world, owner="", **options)
    assert made.kind == "invalid" and "'owner' is empty" in made.msg and "all_owners=true" in made.msg
    made = call(operation, world, organization="")
    assert made.kind == "invalid" and "'organization' is empty" in made.msg


@pytest.mark.parametrize(
    ("status", "found"), [("active", ["running"]), ("paused", ["resting"]), ("error", ["broken"]), ("pending", [])]
)
def test_by_status(world: Emulator, status: str, found: list[str]) -> None:
    made = call("task_info", world, status=status)
    assert names(made) == found
    if not world.dialect.task_is_workspace:
        assert any(f"status%3A{status}" in request.query for request in made.requests)


def test_by_organization(world: Emulator) -> None:
    for organization in ("coder", "default", world.state.organization["id"]):
        assert len(names(call("task_info", world, organization=organization))) == 3
    made = call("task_info", world, organization="nope")
    assert made.kind == "not_found" and "You can see: coder." in made.msg


def test_by_name(world: Emulator) -> None:
    task = world.state.task("running")
    made = call("task_info", world, name=["running", "bob/bobs", "none", task.id, "RESTING"])
    assert names(made) == ["bobs", "resting", "running"] and made["missing"] == ["none"]
    assert names(call("task_info", world, name="running", status="paused")) == []
    assert names(call("task_info", world, name=[])) == []
    assert call("task_info", world, name="a/b/c").kind == "invalid"


def test_select(world: Emulator) -> None:
    assert names(call("task_info", world, select="template_name == 'ai-nopreset'")) == ["resting"]
    assert names(call("task_info", world, select="status == 'active' || starts_with(name, 'b')")) == [
        "broken", "running"
    ]  # fmt: skip
    for wrong in ("template_name ==", "", "nope(name)", "length(status, name)", "abs(name)"):
        made = call("task_info", world, select=wrong)
        if wrong:
            assert made.kind == "invalid" and "JMESPath" in made.msg


def test_a_list_that_is_null_is_empty(emulator: Start) -> None:
    """As Go writes a list without items that nobody has made."""
    server = emulator()
    server.create_task("hidden")
    server.faults.add("status", path="/tasks$", status=200, body='{"tasks":null,"count":0}')
    told = call("task_info", server)
    assert (told["tasks"], told.warnings) == ([], []), told.msg


def test_a_condition_that_is_null_of_all_is_warned_of(emulator: Start) -> None:
    """That none is chosen would look like an answer otherwise."""
    server = emulator()
    server.create_task("silent")
    told = call("task_info", server, select="current_state.uri")
    assert told["tasks"] == [] and "'select' is null for each of 1 tasks" in told.warnings[0], told.msg


def test_summary(world: Emulator) -> None:
    summary = call("task_info", world, all_owners=True)["summary"]
    assert summary == {
        "total": 4,
        "by_status": {"active": 2, "paused": 1, "error": 1},
        "by_owner": {"alice": 3, "bob": 1},
        "by_template": {"ai": 3, "ai-nopreset": 1},
    }


def test_more_than_a_page(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    for number in range(203):
        server.create_task(f"t{number}", state="active" if number % 2 else "new")
    made = call("task_info", server)
    assert len({task["id"] for task in made["tasks"]}) == len(made["tasks"]) == 203
    pages = [entry for entry in made.requests if "offset=" in entry.query]
    # Read twice at least, because tasks that start meanwhile move to another page.
    assert len(pages) >= 6 if server.dialect.paged_list else pages == []


@pytest.mark.parametrize("tasks", [0, False, "", {}, "none"])
def test_what_is_no_list_of_tasks_is_not_taken_for_an_empty_one(emulator: Start, tasks: Any) -> None:
    server = emulator()
    server.create_task("fix")
    server.faults.add("status", path="/tasks$", status=200, body=json.dumps({"tasks": tasks, "count": 0}))
    made = call("task_info", server)
    assert made.kind == "protocol" and "/tasks is not what Coder answers" in made.msg


def test_a_deleted_task_is_gone_at_once(world: Emulator) -> None:
    call("task", world, name="running", state="absent", wait=False)
    assert "running" not in names(call("task_info", world))
    assert call("task_info", world, name="running")["missing"] == ["running"]


# Logs


def test_live_logs(world: Emulator) -> None:
    made = call("task_logs_info", world, name="running")
    (log,) = made["logs"]
    assert (log["source"], log["complete"], log["truncated"], log["omitted"]) == ("live", True, False, 0)
    assert [message["type"] for message in log["messages"]] == ["output"]
    size = len(json.dumps(log["messages"], ensure_ascii=False).encode())
    assert made["summary"] == {"total": 1, "live": 1, "snapshot": 0, "none": 0, "messages": 1, "bytes": size}


@pytest.mark.parametrize("dialect", ALL)
def test_logs_of_a_paused_task(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("fix", state="paused")
    (log,) = call("task_logs_info", server, name="fix")["logs"]
    if server.dialect.snapshot_logs:
        assert log["source"] == "snapshot" and log["snapshot_at"] and log["complete"] is True
    else:
        assert (log["source"], log["messages"], log["complete"]) == ("none", [], False)
        assert server.dialect.version in log["reason"]
        made = call("task_logs_info", server, name="fix", fail_on_unavailable=True)
        assert made.kind == "unavailable" and "The task is paused." in made.msg


@pytest.mark.parametrize(
    ("messages", "complete", "truncated"),
    [
        ([{"content": "a"}, {"content": "b"}], True, False),
        ([{"content": "a", "id": 3}, {"content": "b", "id": 4}], False, False),
        ([{"content": "a", "id": 0}, {"content": "b", "id": 5}], "unknown", False),
        ([{"content": "[...content truncated, first 9 bytes cut...] a"}], False, True),
        ([], "unknown", False),
    ],
)
def test_how_complete_a_snapshot_is(
    emulator: Start, messages: list[dict[str, Any]], complete: Any, truncated: bool
) -> None:
    server = emulator()
    server.create_task("fix", state="paused").set_snapshot(messages)
    (log,) = call("task_logs_info", server, name="fix")["logs"]
    assert (log["complete"], log["truncated"], log["source"]) == (complete, truncated, "snapshot")


def test_a_task_without_a_snapshot(emulator: Start) -> None:
    server = emulator(auto_snapshot=False)
    server.create_task("fix", state="paused")
    (log,) = call("task_logs_info", server, name="fix")["logs"]
    assert log["source"] == "none" and "No snapshot was saved" in log["reason"]


@pytest.mark.parametrize(("builds", "reason"), [(1, "starts for the first time"), (3, "No snapshot was saved")])
def test_a_task_that_starts_has_no_snapshot_for_a_reason(emulator: Start, builds: int, reason: str) -> None:
    server = emulator(auto_snapshot=False)
    if builds == 1:
        server.state.hold_builds()
    task = server.create_task("fix", state="new" if builds == 1 else "paused")
    if builds == 3:
        server.state.hold_builds()
        server.state.build(task.workspace, "start", task.owner)
    assert len(task.workspace.builds) == builds
    (log,) = call("task_logs_info", server, name="fix")["logs"]
    assert log["source"] == "none" and reason in log["reason"]


def test_a_log_that_is_refused_for_now_says_why_in_the_servers_words(emulator: Start) -> None:
    server = emulator("2.34")
    server.create_task("broken", template="ai-fail")
    (log,) = call("task_logs_info", server, name="broken")["logs"]
    said = 'Cannot fetch logs for task in current state. Task status is "error".'
    assert (log["source"], log["reason"]) == ("none", said)


def test_one_snapshot_that_cannot_be_read_back_spoils_no_other(emulator: Start) -> None:
    server = emulator("2.34")
    server.create_task("good")
    server.create_task("poisoned", state="paused").set_snapshot([{"content": "x", "role": "system"}])
    logs = {log["name"]: log for log in call("task_logs_info", server)["logs"]}
    assert logs["good"]["source"] == "live"
    assert logs["poisoned"]["source"] == "none" and "Invalid snapshot data" in logs["poisoned"]["reason"]
    made = call("task_logs_info", server, name="poisoned", fail_on_unavailable=True)
    assert made["failure"]["kind"] == "unavailable"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "message"),
    [
        (500, "Task app URL is not configured."),
        (500, "Task sidebar app URL is not configured."),
        (500, "Internal error parsing task app URL."),
        (400, "Only http scheme is supported for direct agent-dial."),
        (500, "Internal error fetching task snapshot."),
    ],
)
def test_one_broken_app_leaves_the_other_logs(emulator: Start, status: int, message: str) -> None:
    server = emulator()
    broken = server.create_task("broken")
    server.create_task("well")
    body = json.dumps({"message": message})
    server.faults.add("status", path=f"{broken.id}/logs", status=status, body=body, count=None)
    made = call("task_logs_info", server)
    assert not made.failed, made.msg
    by_name = {entry["name"]: entry for entry in made["logs"]}
    assert by_name["broken"]["source"] == "none" and message.rstrip(".") in by_name["broken"]["reason"]
    assert by_name["well"]["source"] == "live"
    refused = call("task_logs_info", server, name="broken", fail_on_unavailable=True)
    assert (refused.kind, refused["failure"]["status"]) == ("unavailable", status)
    if "URL" in message:
        waited = call("task", server, name="broken", wait_for="idle")
        assert waited.kind == "unavailable" and waited["waited"] < 10


def test_states_without_a_log_are_results_with_a_reason(world: Emulator) -> None:
    (log,) = call("task_logs_info", world, name="broken")["logs"]
    assert log["source"] == "none" and log["reason"] and log["status"] == "error"
    made = call("task_logs_info", world, name="broken", fail_on_unavailable=True)
    assert made.kind == "unavailable" and "Could not read the log of the task broken: " in made.msg


def test_agents_out_of_reach_are_results_with_a_reason(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.002)
    server.create_task("dead").kill_agent()
    server.create_task("down").api.set_mode("down")
    server.create_task("well")
    logs = {log["name"]: log for log in call("task_logs_info", server)["logs"]}
    assert "cannot be reached" in logs["dead"]["reason"]
    assert logs["down"]["source"] == "none" and logs["down"]["reason"]
    assert logs["well"]["source"] == "live"
    assert call("task_logs_info", server, name="dead", fail_on_unavailable=True).kind == "unavailable"


def test_a_task_that_is_deleted_while_logs_are_read(emulator: Start) -> None:
    server = emulator()
    server.create_task("fix")
    server.create_task("other")
    server.faults.add("status", path="/logs$", status=404, body='{"message":"Resource not found or you do not have"}')
    sources = sorted(log["source"] for log in call("task_logs_info", server)["logs"])
    assert sources == ["live", "none"]


def test_a_limit_in_bytes_changes_no_message_that_is_kept(emulator: Start) -> None:
    server = emulator(pad_columns=80, greeting="Hello\n  there")
    server.create_task("fix")
    (whole,), (limited,) = (call("task_logs_info", server, **more)["logs"] for more in ({}, {"max_bytes": 10**6}))
    assert whole["messages"] == limited["messages"]
    assert [len(line) for line in whole["messages"][0]["content"].split("\n")] == [80, 80]


def test_tail_and_missing(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("fix")
    task.api.set_messages([{"content": f"m{number}"} for number in range(5)])
    for tail, kept in ((2, ["m3", "m4"]), (0, []), (9, ["m0", "m1", "m2", "m3", "m4"])):
        (log,) = call("task_logs_info", server, name="fix", tail=tail)["logs"]
        assert [message["content"] for message in log["messages"]] == kept
        assert log["omitted"] == 5 - len(kept)
    assert call("task_logs_info", emulator(), tail=-1).kind == "invalid"
    made = call("task_logs_info", server, name=["fix", "none"])
    assert len(made["logs"]) == 1 and made["missing"] == ["none"]
    assert call("task_logs_info", server, name=["none"], fail_on_unavailable=True).kind == "not_found"


def test_many_logs_at_once_keep_their_order(emulator: Start) -> None:
    server = emulator()
    wanted = [f"t{number}" for number in range(30)]
    for name in wanted:
        server.create_task(name)
    for concurrency in (0, 1, 8):
        made = call("task_logs_info", server, name=wanted, concurrency=concurrency)
        assert [log["name"] for log in made["logs"]] == wanted


# Prompts


@pytest.mark.parametrize("dialect", ALL)
def test_prompts_of_builds(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    task, other = server.create_task("fix", input="Fix it"), server.create_task("bobs", owner="bob", input="His")
    builds = [task.workspace.latest.id, other.workspace.latest.id.upper()]
    unknown = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    made = call("task_prompts_info", server, build_ids=[*builds, unknown, builds[0]])
    assert [(item["build_id"], item["prompt"]) for item in made["prompts"]] == [
        (builds[0], "Fix it"), (builds[1].lower(), "His")
    ]  # fmt: skip
    assert made["missing"] == [unknown]
    assert call("task_prompts_info", server, build_ids=["nope"]).kind == "invalid"
    assert call("task_prompts_info", server, build_ids=[])["prompts"] == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_prompt_that_is_a_build_parameter_needs_no_list_of_tasks(emulator: Start, kept: bool) -> None:
    """Until 2.29 a build had it; later ones, and those of another template, have it from their task."""
    server = emulator("2.29", prompt_parameter=kept)
    builds = [server.create_task(name, input=f"Do {name}").workspace.latest.id for name in ("one", "two")]
    made = call("task_prompts_info", server, build_ids=builds)
    source = "build_parameter" if kept else "task"
    assert [(item["prompt"], item["source"]) for item in made["prompts"]] == [("Do one", source), ("Do two", source)]
    assert any(entry.path.endswith("/tasks") for entry in made.requests) == (not kept)


@pytest.mark.parametrize("dialect", ["2.29", "2.34"])
def test_a_workspace_that_is_no_task_has_no_prompt(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    assert not call("workspace", server, name="box", template="plain").failed
    build = next(iter(server.state.workspaces.values())).latest.id
    made = call("task_prompts_info", server, build_ids=[build])
    assert (made["prompts"], made["missing"]) == ([], [build])


# Templates


def test_templates(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    made = call("template_info", server)
    templates = {template["name"]: template for template in made["templates"]}
    assert sorted(templates) == ["ai", "ai-fail", "ai-nopreset", "ai-req"]
    assert [(p["name"], p["default"], p["parameters"]) for p in templates["ai"]["presets"]] == [
        ("Fast", True, {"region": "eu"}), ("Slow", False, {"region": "us"})
    ]  # fmt: skip
    assert templates["ai-fail"]["presets"] == []
    assert [p["name"] for p in templates["ai-req"]["parameters"] if p["required"]] == ["repo"]
    assert templates["ai"]["versions"] == []


@pytest.mark.parametrize("job", [None, "done", 7, [], {}, {"status": 7}])
def test_a_version_whose_import_is_not_told_has_no_status(emulator: Start, job: Any) -> None:
    server = emulator()
    template = next(each for each in server.state.templates if each.name == "ai")
    altered(server, f"/api/v2/templates/{template.id}/versions", lambda told: [{**told[0], "job": job}])
    made = call("template_info", server, name="ai", versions=True)
    assert [version["import_status"] for version in made["templates"][0]["versions"]] == [None], made.msg


def test_one_template_with_its_versions(emulator: Start, tmp_path: Path) -> None:
    fixtures = yaml.safe_load(DEFAULT_FIXTURES.read_text())
    fixtures["templates"][0]["versions"] = [{"name": "v1"}, {"name": "v2"}]
    (tmp_path / "fixtures.yml").write_text(yaml.safe_dump(fixtures))
    server = emulator(fixtures=tmp_path / "fixtures.yml")
    for name in ("ai", "AI", server.state.template("ai").id):
        (template,) = call("template_info", server, name=name, versions=True)["templates"]
        assert {version["name"]: version["active"] for version in template["versions"]} == {"v1": False, "v2": True}
    made = call("template_info", server, name="plain")
    assert made.kind == "not_found" and "ai, ai-fail, ai-nopreset, ai-req" in made.msg
    assert call("template_info", server, organization="nope").kind == "not_found"
