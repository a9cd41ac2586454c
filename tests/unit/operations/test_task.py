# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task module's operation against emulated servers of every dialect."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from altering import altered
from calling import Call, FakeClock, call

from emulator import DIALECTS, Emulator
from emulator.faults import LOST_ANSWERS
from emulator.server import DEFAULT_FIXTURES

Start = Callable[..., Emulator]
ALL = [name for name in DIALECTS if DIALECTS[name].task_prefixes]
PAUSE = {True: "POST pause", False: "POST builds"}
RESUME = {True: "POST resume", False: "POST builds"}
GIVEN = {"name": "fix", "template": "ai", "input": "Fix it"}
OTHER = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.fixture
def server(emulator: Start) -> Emulator:
    return emulator(time_factor=0.01)


def has_pause(server: Emulator) -> bool:
    return server.dialect.pause_resume


def tasks_named(server: Emulator, name: str) -> list[Any]:
    return [task for task in server.state.tasks.values() if task.name == name and not task.workspace.is_deleted()]


def twice(server: Emulator, **options: Any) -> Call:
    """Under check mode, for real, and again: what is predicted happens, and the second time nothing."""
    predicted = call("task", server, check=True, diff=True, **options)
    done = call("task", server, diff=True, **options)
    assert not done.failed, done.msg
    assert predicted["changed"] == done["changed"]
    assert (predicted["task"] is None) == (done["task"] is None)
    for side in ("before", "after"):
        told, real = dict(predicted["diff"][side]), dict(done["diff"][side])
        # A title that the server makes cannot be predicted.
        assert told.pop("display_name", None) in (None, real.pop("display_name", None))
        assert told == real
    for check in (True, False):
        again = call("task", server, check=check, diff=True, **options)
        assert again["changed"] is False and again.writes == []
        assert again["diff"]["before"] == again["diff"]["after"]
    return done


# The cycle: create, again, modify, again, delete, again, each under check mode and for real


@pytest.mark.parametrize("dialect", ALL)
def test_the_cycle(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    made = twice(server, **GIVEN)
    assert made.writes == ["POST me"]
    assert made["task"]["status"] == "active" and made["created_by"] == "this_call"
    assert made["task"]["initial_prompt"] == "Fix it" and made["task"]["owner_name"] == "alice"
    assert made["diff"]["before"] == {} and made["diff"]["after"]["status"] == "active"
    assert twice(server, name="fix", state="paused").writes == [PAUSE[has_pause(server)]]
    assert twice(server, name="fix", state="active").writes == [RESUME[has_pause(server)]]
    gone = twice(server, name="fix", state="absent")
    assert gone["task"] is None and [write.split()[0] for write in gone.writes] == ["DELETE"]
    assert tasks_named(server, "fix") == []


@pytest.mark.parametrize("before", ["missing", "new", "active", "paused", "error"])
@pytest.mark.parametrize("state", ["present", "active", "paused", "absent"])
def test_every_state_from_every_state(emulator: Start, dialect: str, before: str, state: str) -> None:
    server = emulator(dialect, time_factor=0.004)
    if before != "missing":
        server.create_task("fix", input="Fix it", state=before)
    done = call("task", server, state=state, **GIVEN)
    if before == "missing" and state == "paused":
        assert done.kind == "not_found" and "never creates" in done.msg
        return
    if before == "error" and state == "present":
        assert done.kind == "build_failed" and done["diagnosis"]["build"]["error"]
        return
    assert not done.failed, done.msg
    kept = {"present": {"new": "active", "active": "active", "paused": "paused"}}
    wanted = {"active": "active", "paused": "paused", "absent": None}.get(state) or kept.get(state, {}).get(before)
    if state != "absent":
        assert done["task"]["status"] == (wanted or "active")
    else:
        assert tasks_named(server, "fix") == []
    again = call("task", server, state=state, **GIVEN)
    assert again["changed"] is False and again.writes == [], again.writes


@pytest.mark.parametrize("build", ["start", "stop"])
@pytest.mark.parametrize("state", ["active", "paused", "absent"])
def test_a_running_build_is_waited_for(emulator: Start, dialect: str, build: str, state: str) -> None:
    server = emulator(dialect, time_factor=0.02)
    task = server.create_task("fix", state="paused" if build == "start" else "active")
    server.state.build(task.workspace, build, task.owner)
    done = call("task", server, name="fix", state=state)
    assert not done.failed, done.msg
    assert done["changed"] == ((build, state) not in [("start", "active"), ("stop", "paused")])


STOPPING = [("2025-10", "queued"), ("2025-10", "running")] + [
    (dialect, stop) for dialect in ("2.29", "2.34") for stop in ("queued", "running", "just ended")
]


def begin_to_stop(server: Emulator, stop: str) -> Any:
    """A task whose stop is queued, runs, or has ended while the server shows it as unknown once more."""
    task = server.create_task("fix", input="Fix it")
    if stop == "queued":
        server.state.hold_builds()
        threading.Timer(0.2, server.state.release_builds).start()
    server.state.build(task.workspace, "stop", task.owner)
    if stop == "just ended":
        call("task", server, name="fix", state="paused")
        shown = requests.get(f"{server.url}/api/v2/tasks/me/fix", headers={"Coder-Session-Token": server.token})
        body = json.dumps({**shown.json(), "status": "unknown", "workspace_status": "stopped"})
        server.faults.add("status", method="GET", path="/tasks/", status=200, body=body)
    return task


@pytest.mark.parametrize(("dialect", "stop"), STOPPING)
def test_a_task_that_is_stopping_counts_as_paused_soon(emulator: Start, dialect: str, stop: str) -> None:
    for state, wait, builds in (("paused", True, 2), ("paused", False, 2), ("present", True, 2), ("active", True, 3)):
        server = emulator(dialect, time_factor=0.02)
        task = begin_to_stop(server, stop)
        done = call("task", server, name="fix", state=state, wait=wait, wait_timeout=10.0)
        assert not done.failed, done.msg
        assert done["changed"] == (state == "active") and len(task.workspace.builds) == builds
        if wait:
            assert done["task"]["status"] == ("active" if state == "active" else "paused")


def test_present_waits_for_the_end_of_a_stop_that_somebody_else_undoes(emulator: Start) -> None:
    server = emulator(time_factor=0.02)
    begin_to_stop(server, "running")
    other = threading.Thread(target=lambda: call("task", server, name="fix", state="active"))
    other.start()
    done = call("task", server, name="fix", poll_interval=0.2)
    other.join()
    assert not done.failed and done["task"]["status"] in ("active", "paused")


@pytest.mark.parametrize("state", ["paused", "absent"])
def test_without_wait_a_running_build_is_an_error_that_says_so(emulator: Start, state: str) -> None:
    server = emulator(time_factor=1.0)
    server.create_task("fix", state="new")
    done = call("task", server, name="fix", state=state, wait=False)
    assert (done.kind, done["failure"]["status"]) == ("conflict", 409)
    assert "A workspace build is already active" in done.msg and "wait=true" in done.msg


def test_a_build_that_does_not_end_is_a_timeout_with_a_diagnosis(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.state.hold_builds()
    server.create_task("fix", state="new")
    for state in ("active", "paused"):
        done = call("task", server, name="fix", state=state, wait_timeout=0.2)
        assert done.kind == "wait_timeout"
        assert done["task"]["name"] == "fix" and done["waited"] >= 0.2
        assert done["diagnosis"]["build"]["status"] == "pending"
        assert "'wait_timeout'" in done.msg


def test_no_start_build_is_ever_made_on_a_running_workspace(emulator: Start) -> None:
    for dialect in ("2025-10", "2.28", "2.29", "2.30"):
        server = emulator(dialect, time_factor=0.01)
        for state in ("active", "new"):
            server.create_task(f"t-{state}", state=state)
            assert call("task", server, name=f"t-{state}", state="active").writes == []


def test_without_wait_the_call_returns_at_once(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.05)
    made = call("task", server, wait=False, **GIVEN)
    assert made["changed"] and made["waited"] == 0.0
    assert made["task"]["status"] in ("pending", "initializing")
    server.create_task("other")
    gone = call("task", server, name="other", state="absent", wait=False)
    assert gone["changed"] and gone["task"] is None
    assert server.state.task("other").workspace.latest.transition == "delete"


# Lost answers and races


@pytest.mark.parametrize("fault", [*LOST_ANSWERS, {"kind": "reset"}], ids=str)
def test_a_lost_answer_to_a_create_makes_one_task(emulator: Start, dialect: str, fault: dict[str, Any]) -> None:
    server = emulator(dialect, time_factor=0.005)
    server.faults.add(**fault, method="POST", path="/tasks/")
    made = call("task", server, **GIVEN)
    assert not made.failed, made.msg
    assert made["changed"] is True
    assert made["created_by"] == ("uncertain" if fault["kind"] != "reset" else "this_call")
    assert len(tasks_named(server, "fix")) == 1


@pytest.mark.parametrize("state", ["present", "paused", "active"])
def test_a_gateway_that_gave_up_on_a_write(emulator: Start, dialect: str, state: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    if state != "present":
        server.create_task("fix", state="active" if state == "paused" else "paused", input=GIVEN["input"])
    server.faults.add("status", method="POST", status=504, body="<html>Gateway timeout</html>")
    made = call("task", server, **{**GIVEN, "state": state})
    assert not made.failed, made.msg
    assert made["changed"] is True and len(tasks_named(server, "fix")) == 1
    assert made["task"]["status"] == ("paused" if state == "paused" else "active")


def test_a_create_that_a_gateway_answers_is_tried_ever_more_seldom(server: Emulator) -> None:
    server.faults.add("status", method="POST", status=503, body="<html>Unavailable</html>", count=None)
    clock = FakeClock()
    made = call("task", server, clock=clock, poll_interval=1.0, wait_timeout=60.0, **GIVEN)
    assert made.failed and made["failure"]["status"] == 503
    assert clock.slept[:6] == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0] and sum(clock.slept) <= 60
    assert made.writes == ["POST me"] * 8


def test_a_lost_create_is_someone_elses_where_the_prompt_differs(server: Emulator) -> None:
    server.create_task("fix", input="Theirs")
    server.faults.add("status", method="GET", path="/tasks/", status=404, body='{"message":"Resource not found"}')
    server.faults.add("reset", method="POST", path="/tasks/")
    made = call("task", server, **GIVEN)
    assert made["created_by"] == "someone_else" and made["changed"] is False
    assert "differs from the prompt" in made.warnings[0]


@pytest.mark.parametrize("state", ["paused", "active", "absent"])
@pytest.mark.parametrize("fault", [*LOST_ANSWERS, {"kind": "reset"}], ids=str)
def test_a_lost_answer_to_any_other_write(emulator: Start, dialect: str, state: str, fault: dict[str, Any]) -> None:
    server = emulator(dialect, time_factor=0.005)
    task = server.create_task("fix", state="paused" if state == "active" else "active")
    server.faults.add(**fault, method="DELETE" if state == "absent" else "POST")
    builds = len(task.workspace.builds)
    done = call("task", server, name="fix", state=state)
    assert not done.failed, done.msg
    assert done["changed"] is True
    assert len(task.workspace.builds) == builds + 1


@pytest.mark.parametrize("fault", [*LOST_ANSWERS, {"kind": "reset"}], ids=str)
def test_a_lost_answer_to_a_changed_prompt(emulator: Start, fault: dict[str, Any]) -> None:
    server = emulator("2.29", time_factor=0.005)
    server.create_task("fix", state="paused")
    server.faults.add(**fault, method="PATCH")
    done = call("task", server, name="fix", input="New", on_input_change="update")
    assert done["changed"] and done["task"]["initial_prompt"] == "New"


def test_every_lost_answer_ends_in_an_error(server: Emulator) -> None:
    server.create_task("fix")
    server.faults.add("reset", method="POST", count=None)
    done = call("task", server, name="fix", state="paused")
    assert done.kind == "network" and "connection broke" in done.msg
    done = call("task", server, name="other", template="ai", wait_timeout=0.2)
    assert done.kind == "network"


@pytest.mark.parametrize("count", [2, 6])
def test_creators_at_once_make_one_task(emulator: Start, dialect: str, count: int) -> None:
    server = emulator(dialect, time_factor=0.01, create_time=5.0)
    calls: list[Call] = []
    threads = [threading.Thread(target=lambda: calls.append(call("task", server, **GIVEN))) for _number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [made.failed for made in calls] == [False] * count
    # Who comes so late that the task is there already creates nothing.
    makers = [made["created_by"] for made in calls]
    assert makers.count("this_call") == 1 and set(makers) <= {"this_call", "someone_else", None}
    assert sum(made["changed"] for made in calls) == 1
    assert {made["task"]["status"] for made in calls} == {"active"}
    assert len(tasks_named(server, "fix")) == 1


def test_a_name_that_a_delete_build_still_holds(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.02)
    server.create_task("fix")
    server.state.hold_builds()
    assert call("task", server, name="fix", state="absent", wait=False)["changed"]
    refused = call("task", server, wait=False, **GIVEN)
    assert refused.kind == "conflict" and "wait=true" in refused.msg
    server.state.release_builds()
    made = call("task", server, **GIVEN)
    assert made["created_by"] == "this_call" and made["task"]["status"] == "active"


def test_absent_waits_for_an_earlier_removal(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.02)
    task = server.create_task("fix")
    call("task", server, name="fix", state="absent", wait=False)
    again = call("task", server, name="fix", state="absent")
    assert again["changed"] is False and again.writes == []
    assert task.workspace.is_deleted()


def test_a_name_of_a_workspace_that_is_no_task(server: Emulator) -> None:
    task = server.create_task("fix")
    task.deleted = 0.0
    made = call("task", server, **GIVEN)
    assert made.kind == "conflict"
    assert "already exists" in made.msg and "no task has this name" in made.msg


def test_a_failed_delete_build_says_so(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    task = server.create_task("fix")
    fail_deletes(task)
    done = call("task", server, name="fix", state="absent")
    assert done.kind == "build_failed"
    assert "the delete build of the workspace fix ended as failed: no such cloud" in done.msg
    assert "coder delete --orphan" in done.msg


def fail_deletes(task: Any) -> None:
    build = task.workspace.build

    def failing(transition: str, *args: Any, **options: Any) -> Any:
        made = build(transition, *args, **options)
        if transition == "delete":
            made.outcome, made.error = "failed", "no such cloud"
        return made

    task.workspace.build = failing


def test_a_failing_template_is_a_build_error_with_its_words(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    made = call("task", server, name="fix", template="ai-fail")
    assert made.kind == "build_failed"
    assert made.msg == (
        "Could not wait for the task fix: it will not be ready: the build of its workspace failed: terraform apply: "
        "exit status 1; its log ends: terraform_data.run (local-exec): boom: the disk is full / Error: local-exec "
        "provisioner error / Error running command './start': exit status 1. Correct what the build tells of, then "
        "start the task again with state=active."
    )
    assert made["task"]["status"] == "error" and "boom: the disk is full" in made["task"]["reason"]
    assert made["diagnosis"]["build"]["error"] == "terraform apply: exit status 1"
    gone = call("task", server, name="fix", state="absent")
    assert gone["changed"] and tasks_named(server, "fix") == []


# What a task is made from


@pytest.mark.parametrize(("preset", "name"), [("Slow", "Slow"), ("slow", "Slow"), ("default", "Fast"), (None, None)])
def test_presets_by_name(server: Emulator, preset: str | None, name: str | None) -> None:
    made = call("task", server, preset=preset, **GIVEN)
    body = next(entry.body for entry in server.writes)
    presets = {p.name: p.id for p in server.state.template("ai").active_version.presets}
    assert body.get("template_version_preset_id") == (presets[name] if name else None)
    assert made["changed"]


def test_the_default_preset_is_it_wherever_it_stands(server: Emulator) -> None:
    version = server.state.template("ai").active_version
    altered(server, f"/api/v2/templateversions/{version.id}/presets", lambda presets: presets[::-1])
    call("task", server, preset="default", **GIVEN)
    fast = next(preset for preset in version.presets if preset.name == "Fast")
    assert next(entry.body for entry in server.writes)["template_version_preset_id"] == fast.id


def test_a_preset_by_id_and_none(server: Emulator) -> None:
    slow = server.state.template("ai").active_version.presets[1]
    call("task", server, preset=slow.id.upper(), **GIVEN)
    call("task", server, name="other", template="ai", preset="none")
    assert [entry.body.get("template_version_preset_id") for entry in server.writes] == [slow.id, None]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"template": "nope"}, "not_found", "ai, ai-fail, ai-nopreset, ai-req"),
        ({"template": "plain"}, "not_found", "no template 'plain' that can run tasks"),
        ({}, "invalid", "'template' is needed"),
        ({"template": "ai", "preset": "nope"}, "not_found", "Its presets: Fast, Slow"),
        ({"template": "ai-nopreset", "preset": "default"}, "not_found", "no default preset"),
        ({"template": "ai", "template_version": "v9"}, "not_found", "Its versions: v1"),
        ({"template": "ai-req"}, "invalid", "requires 'repo'"),
        ({"template": "ai", "organization": "nope"}, "not_found", "You can see: coder"),
        ({"template": "ai", "owner": "nobody"}, "not_found", "'nobody' does not exist"),
        ({"template": "ai", "owner": ""}, "invalid", "'owner' is empty"),
        ({"template": "ai", "name": None, "owner": ""}, "invalid", "'owner' is empty"),
        ({"template": "ai", "owner": "bob@example.com"}, "not_found", "an e-mail address does not work"),
        ({"template": "ai", "input": "x" * 131_054}, "invalid", "131,053 bytes"),
        ({"template": "ai", "input": "a\0b"}, "invalid", "NUL"),
        ({"template": "ai", "display_name": "é" * 33}, "invalid", "66 bytes"),
        ({"template": "ai", "wait_for": "gone"}, "invalid", "ready, idle, complete"),
        ({"template": "ai", "on_input_change": "recreate"}, "invalid", "discard_log=true"),
        ({"template": "ai", "name": "Not a name"}, "invalid", "only letters, digits"),
        ({"template": "ai", "name": "new"}, "invalid", "reserved"),
        ({"template": "ai", "name": "alice/a--b"}, "invalid", "only letters, digits"),
        ({"template": "ai", "name": "00000000-0000-4000-8000-000000000000"}, "not_found", "no task with the id"),
    ],
)
def test_what_cannot_be_right_is_said_before_anything_is_written(
    emulator: Start, dialect: str, check: bool, options: dict[str, Any], kind: str, words: str
) -> None:
    server = emulator(dialect)
    made = call("task", server, check=check, **{"name": "fix", **options})
    assert (made.kind, made["changed"]) == (kind, False), made.result
    assert words in made.msg
    assert [entry for entry in server.writes if entry.status < 400] == []


@pytest.mark.parametrize("told", [True, False])
def test_a_template_of_several_organizations_is_not_chosen_by_chance(server: Emulator, told: bool) -> None:
    def with_another(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        ours = next(item for item in listed if item["name"] == "ai")
        theirs = {**ours, "id": OTHER, "organization_id": OTHER, "organization_name": "research" if told else None}
        return [*listed, theirs]

    altered(server, "/api/v2/templates", with_another)
    for check in (True, False):
        done = call("task", server, check=check, **{**GIVEN, "template": "AI"})
        assert (done.kind, done.writes) == ("invalid", []) and "Set 'organization'." in done.msg, done.msg
        assert f"in several organizations: {'coder, research' if told else f'{OTHER}, coder'}." in done.msg
    by_id = next(template.id for template in server.state.templates if template.name == "ai")
    assert call("task", server, **{**GIVEN, "template": by_id})["changed"], "a UUID is of one"


def test_a_preset_of_another_template_is_refused(server: Emulator) -> None:
    other = server.state.template("ai-req").active_version.presets[0]
    made = call("task", server, preset=other.id, **GIVEN)
    assert made.kind == "not_found" and "Its presets: Fast, Slow" in made.msg
    assert server.writes == []


def test_required_parameters_come_from_a_preset(server: Emulator) -> None:
    made = call("task", server, name="fix", template="ai-req")
    assert "Presets that do: With repo." in made.msg
    assert call("task", server, name="fix", template="ai-req", preset="With repo")["changed"]


@pytest.mark.parametrize("dialect", ALL)
def test_a_prompt_that_the_server_passes_as_a_parameter_needs_no_preset(
    emulator: Start, tmp_path: Path, dialect: str
) -> None:
    fixtures = yaml.safe_load(DEFAULT_FIXTURES.read_text())
    fixtures["templates"].append({"name": "old", "parameters": [{"name": "AI Prompt", "required": True}]})
    path = tmp_path / "fixtures.yml"
    path.write_text(yaml.safe_dump(fixtures))
    made = call("task", emulator(dialect, time_factor=0.005, fixtures=path), name="fix", template="old", input="Fix it")
    if dialect in ("2025-10", "2.28", "2.29"):
        assert made["changed"] and made["task"]["initial_prompt"] == "Fix it"
    else:
        assert made.kind == "invalid" and "requires 'AI Prompt'" in made.msg and made.writes == []


def test_versions_by_name_and_id(emulator: Start, tmp_path: Path) -> None:
    fixtures = yaml.safe_load(DEFAULT_FIXTURES.read_text())
    fixtures["templates"][0]["versions"] = [{"name": "v1"}, {"name": "v2"}]
    path = tmp_path / "fixtures.yml"
    path.write_text(yaml.safe_dump(fixtures))
    server = emulator(time_factor=0.01, fixtures=path)
    old, new = server.state.template("ai").versions
    for number, (version, expected) in enumerate([(None, new), ("v1", old), (old.id, old), ("V2", new)]):
        made = call("task", server, name=f"t{number}", template="ai", template_version=version)
        assert made["task"]["template_version_id"] == expected.id


def test_ids_are_taken_wherever_names_are(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    bob, template = server.state.user("bob"), server.state.template("ai")
    organization = server.state.organization["id"]
    made = call("task", server, name="fix", owner=bob.id, template=template.id, organization=organization)
    assert made["task"]["owner_name"] == "bob"
    task = made["task"]
    for reference in (task["id"], f"bob/{task['id']}", "bob/fix", "bob/FIX", f"{bob.id}/fix"):
        again = call("task", server, name=reference, template="ai")
        assert again["changed"] is False and again["task"]["id"] == task["id"]
    assert call("task", server, name=task["id"], state="absent")["changed"]


def test_a_task_of_another_owner(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    assert call("task", server, owner="bob", **GIVEN)["task"]["owner_name"] == "bob"
    assert call("task", server, **GIVEN)["task"]["owner_name"] == "alice"
    assert call("task", server, user="bob", **GIVEN)["changed"] is False
    refused = call("task", server, user="bob", owner="alice", **GIVEN)
    assert refused.kind in ("forbidden", "not_found"), refused.msg


def test_an_owner_outside_the_templates_organization(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    body = '{"message":"Resource not found or you do not have access to this resource"}'
    server.faults.add("status", method="POST", path="/tasks/", status=404, body=body, count=None)
    for owner, name in (("bob", "bob"), ("me", "alice")):
        refused = call("task", server, owner=owner, **GIVEN)
        assert (refused.kind, refused["failure"]["status"], refused["changed"]) == ("not_found", 404, False)
        assert f"lets the user '{name}' have no task" in refused.msg and "the template's organization" in refused.msg


@pytest.mark.parametrize("dialect", ["2.28", "2.29", "2.34"])
def test_a_task_that_cannot_be_read_hides_no_other(emulator: Start, dialect: str) -> None:
    """Servers of 2.28 tell a task by its name in the list of all alone."""
    server = emulator(dialect)
    server.create_task("fix")
    odd = {"id": OTHER, "name": "odd", "status": 7}
    path = f"{server.dialect.task_prefixes[0]}/tasks"
    altered(server, path, lambda told: {**told, "tasks": [odd, *told["tasks"]]})
    assert call("task", server, name="Fix", state="paused")["changed"]
    done = call("task", server, name="other", template="ai", input="x")
    if dialect == "2.28":
        assert done.kind == "protocol" and "the task 'odd'" in done.msg and not done.writes, "it may be the one"
    else:
        assert done["created_by"] == "this_call", done.msg


def test_an_unknown_owner_is_never_taken_for_an_absent_task(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    gone = call("task", server, name="nobody/fix", state="absent")
    assert gone.kind == "not_found" and "'nobody' does not exist" in gone.msg


def test_without_a_name_one_is_made(server: Emulator) -> None:
    made = [call("task", server, template="ai", input="Fix the login") for _number in range(2)]
    assert [one["changed"] for one in made] == [True, True]
    assert all(one["task"]["name"].startswith("fix-the-login-") for one in made)
    server.faults.add("lost", method="POST")
    again = call("task", server, template="ai", input="Fix the login")
    assert again["created_by"] == "uncertain" and len(server.state.tasks) == 3


def test_a_name_of_32_digits_is_a_name(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    made = twice(server, name="0123456789abcdef" * 2, template="ai")
    assert made["task"]["name"] == "0123456789abcdef" * 2


# Failures after a write


@pytest.mark.parametrize("state", ["present", "paused", "active", "absent"])
def test_a_failure_after_a_write_is_a_change(emulator: Start, dialect: str, state: str) -> None:
    server = emulator(dialect)
    if state != "present":
        server.create_task("fix", state="paused" if state == "active" else "active")
    server.state.hold_builds()
    done = call("task", server, name="fix", template="ai", state=state, wait_timeout=0.1)
    assert (done.kind, done["changed"]) == ("wait_timeout", True), done.result
    again = call("task", server, name="fix", template="ai", state=state, wait_timeout=0.1)
    assert (again.kind, again["changed"]) == ("wait_timeout", False), again.result


# A changed input


def test_input_from_a_file(server: Emulator, tmp_path: Path) -> None:
    (tmp_path / "prompt").write_bytes("Füge\r\nan\n".encode())
    made = call("task", server, name="fix", template="ai", input_file=str(tmp_path / "prompt"))
    assert made["task"]["initial_prompt"] == "Füge\r\nan\n"
    (tmp_path / "prompt").write_bytes(b"\xff")
    for path, words in ((tmp_path / "prompt", "not UTF-8"), (tmp_path / "none", "No such file")):
        made = call("task", server, name="fix", template="ai", input_file=str(path))
        assert made.kind == "io" and words in made.msg and path.name in made.msg


def test_a_changed_input_is_ignored_with_a_warning(server: Emulator) -> None:
    server.create_task("fix", input="Old")
    done = call("task", server, **GIVEN)
    assert done["changed"] is False and done.writes == []
    assert "'on_input_change'" in done.warnings[0]
    assert call("task", server, name="fix").warnings == []


def test_a_changed_input_fails_where_that_is_asked(server: Emulator) -> None:
    server.create_task("fix", input="Old")
    done = call("task", server, on_input_change="fail", **GIVEN)
    assert done.kind == "conflict" and "on_input_change=fail" in done.msg


@pytest.mark.parametrize("dialect", ["2.29", "2.30", "2.31", "2.34"])
def test_a_changed_input_is_patched_while_paused(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    server.create_task("fix", input="Old", state="paused")
    done = twice(server, on_input_change="update", **GIVEN)
    assert done.writes == ["PATCH input"]
    assert done["task"]["initial_prompt"] == "Fix it" and done["task"]["status"] == "paused"


@pytest.mark.parametrize("dialect", ["2.29", "2.34"])
def test_a_running_task_is_restarted_only_if_allowed(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    server.create_task("fix", input="Old")
    refused = call("task", server, on_input_change="update", **GIVEN)
    assert refused.kind == "conflict" and "allow_restart=true" in refused.msg and refused.writes == []
    done = twice(server, on_input_change="update", allow_restart=True, **GIVEN)
    assert done.writes == [PAUSE[has_pause(server)], "PATCH input", RESUME[has_pause(server)]]
    assert done["task"]["initial_prompt"] == "Fix it" and done["task"]["status"] == "active"


@pytest.mark.parametrize("dialect", ["2.29", "2.34"])
def test_a_task_that_is_to_be_paused_gets_its_prompt_then(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    server.create_task("fix", input="Old")
    done = twice(server, name="fix", input="New", state="paused", on_input_change="update")
    assert done.writes == [PAUSE[has_pause(server)], "PATCH input"]
    assert done["task"]["initial_prompt"] == "New" and done["task"]["status"] == "paused"


@pytest.mark.parametrize("dialect", ["2.29", "2.34"])
@pytest.mark.parametrize("wait", [True, False])
def test_a_prompt_is_changed_once_a_stop_has_ended(emulator: Start, dialect: str, wait: bool) -> None:
    server = emulator(dialect, time_factor=0.02)
    task = server.create_task("fix", input="Old")
    server.state.build(task.workspace, "stop", task.owner)
    done = call("task", server, name="fix", input="New", on_input_change="update", wait=wait)
    assert not done.failed and done.writes == ["PATCH input"]
    assert done["task"]["initial_prompt"] == "New" and done["task"]["status"] == "paused"


@pytest.mark.parametrize("dialect", ["2.29", "2.34"])
def test_a_task_whose_build_failed_gets_a_new_prompt(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.005)
    server.create_task("fix", input="Old", state="error")
    options = {"name": "fix", "input": "New", "on_input_change": "update"}
    assert call("task", server, **options).kind == "conflict"
    done = call("task", server, allow_restart=True, wait=False, **options)
    assert not done.failed, done.msg
    assert done.writes == [PAUSE[has_pause(server)], "PATCH input", RESUME[has_pause(server)]]
    assert done["task"]["initial_prompt"] == "New"


@pytest.mark.parametrize("dialect", ["2025-10", "2.28"])
def test_a_server_without_the_route_says_which_version_has_it(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("fix", input="Old", state="paused")
    for check in (True, False):
        done = call("task", server, check=check, on_input_change="update", **GIVEN)
        assert done.kind == "unsupported" and "2.29" in done.msg and server.state.dialect.version in done.msg


def test_the_prompt_of_a_task_cannot_become_empty(server: Emulator) -> None:
    server.create_task("fix", input="Old", state="paused")
    assert call("task", server, name="fix", input=" ", on_input_change="update").kind == "invalid"


@pytest.mark.parametrize("wait", [True, False])
def test_a_changed_input_makes_the_task_anew(emulator: Start, dialect: str, wait: bool) -> None:
    server = emulator(dialect, time_factor=0.005)
    old = server.create_task("fix", input="修" * 60)
    options = {"name": "fix", "input": "New", "on_input_change": "recreate", "discard_log": True, "wait": wait}
    predicted = call("task", server, check=True, **options)
    done = call("task", server, **options)
    assert not done.failed, done.msg
    assert predicted["changed"] and done["changed"] and done["created_by"] == "this_call"
    assert done["task"]["id"] != old.id and done["task"]["initial_prompt"] == "New"
    assert [write.split()[0] for write in done.writes] == ["DELETE", "POST"]
    assert call("task", server, **options)["changed"] is False


@pytest.mark.parametrize("state", ["active", "paused"])
def test_a_task_that_is_to_be_paused_is_not_made_anew(server: Emulator, state: str) -> None:
    server.create_task("fix", input="Old", state=state)
    options = {"name": "fix", "state": "paused", "on_input_change": "recreate", "discard_log": True}
    for check in (True, False):
        done = call("task", server, check=check, input="New", **options)
        assert done.kind == "invalid" and "state=paused never creates" in done.msg and done.writes == []
    assert not call("task", server, input="Old", **options).failed


def test_nothing_is_deleted_where_the_new_task_could_not_be_made(server: Emulator) -> None:
    server.create_task("fix", input="Old")
    for wrong in ({"preset": "nope"}, {"template": "ai-req"}):
        done = call("task", server, name="fix", input="New", on_input_change="recreate", discard_log=True, **wrong)
        assert done.failed and done.writes == []


def test_what_cannot_be_changed_is_warned_of(emulator: Start) -> None:
    server = emulator(time_factor=0.01)
    server.create_task("fix")
    done = call("task", server, name="fix", template="ai-nopreset", display_name="Other")
    assert done["changed"] is False
    assert "'ai', which cannot be changed to 'ai-nopreset'" in done.warnings[0]
    assert "stays 'Do the thing'" in done.warnings[1]


@pytest.mark.parametrize(
    ("dialect", "shown"), [("2025-10", None), ("2.28", None), ("2.29", "Title"), ("2.34", "Title")]
)
def test_display_names(emulator: Start, dialect: str, shown: str | None) -> None:
    made = call("task", emulator(dialect, time_factor=0.005), display_name="Title", **GIVEN)
    assert made["task"]["display_name"] == shown
    assert (made.warnings == []) == (shown is not None)


# Servers and tokens


@pytest.mark.parametrize(("dialect", "words"), [("2.36", "CODER_ENABLE_AI_TASKS=true"), ("2.38", "removed")])
@pytest.mark.parametrize("state", ["present", "paused", "absent"])
def test_servers_without_tasks(emulator: Start, dialect: str, words: str, state: str) -> None:
    done = call("task", emulator(dialect), state=state, **GIVEN)
    assert done.kind == "unsupported" and words in done.msg
    assert "Could not read the task fix: " in done.msg


def test_a_server_that_loses_its_tasks_before_the_create_says_so(emulator: Start, dialect: str) -> None:
    """Such as one of several that are upgraded one after the other."""
    server = emulator(dialect)
    body = '{"message":"Route not found."}'
    server.faults.add("status", method="POST", path="/tasks/", status=404, body=body, count=None)
    done = call("task", server, **GIVEN)
    assert (done.kind, done["failure"]["method"], done["changed"]) == ("unsupported", "POST", False), done.msg
    assert "Could not create the task fix: this server (" in done.msg and "has no tasks" in done.msg


def test_each_kind_of_failure_has_its_words(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    assert call("task", server, token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb", **GIVEN).kind == "auth"
    for fault, kind in (
        ({"kind": "status", "status": 403}, "forbidden"),
        ({"kind": "status", "status": 500}, "server"),
        ({"kind": "login"}, "protocol"),
        ({"kind": "garbage"}, "protocol"),
        ({"kind": "redirect"}, "protocol"),
        ({"kind": "reset"}, "network"),
        ({"kind": "truncate"}, "network"),
        ({"kind": "latency", "seconds": 3}, "timeout"),
        ({"kind": "drip", "seconds": 30}, "timeout"),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "999"}}, "rate_limited"),
    ):
        server.faults.clear()
        server.faults.add(count=None, path="(tasks|workspace)", **fault)
        slow = {"timeout": 0.2, "deadline": 0.3} if kind == "timeout" else {}
        done = call("task", server, retries=0, **slow, **GIVEN)
        assert done.kind == kind, done.msg
        assert done.msg.startswith("Could not read the task fix: ") or kind == "rate_limited", done.msg
        assert done["failure"]["method"] == "GET" and done["failure"]["attempts"] is not None
    assert server.writes == []


def test_a_poll_a_second_and_not_more(server: Emulator) -> None:
    task = server.create_task("fix", state="new")
    server.state.hold_builds()
    clock = FakeClock()
    task.workspace.latest.started = task.workspace.latest.completed = float("inf")
    done = call("task", server, name="fix", clock=clock, poll_interval=1.0, wait_timeout=60.0)
    assert done.kind == "wait_timeout" and done["waited"] == pytest.approx(60, abs=1)
    polls = [entry for entry in done.requests if entry.path.endswith(task.id)]
    assert 55 <= len(polls) <= 62
    assert done.progress[0] == "fix is pending"
    # While nothing changes, that is said every five seconds.
    assert 10 <= len(done.progress) <= 13
    assert done.progress[-1].startswith("fix is pending, 5") and done.progress[-1].endswith(" s of at most 1 min")


# What is declared and what cannot be


@pytest.mark.parametrize("state", ["present", "absent", "paused"])
@pytest.mark.parametrize("named", ["bob/theirs", "BOB/theirs", "{id}/theirs"])
def test_a_task_of_two_owners_is_nobody_s(emulator: Start, dialect: str, state: str, named: str) -> None:
    server = emulator(dialect)
    server.create_task("theirs", owner="bob")
    bob = server.state.user("bob").id
    named = named.format(id=bob)
    for owner in ("alice", server.state.user("alice").id):
        for operation, options in (
            ("task", {"name": named, "state": state}),
            ("task_send", {"task": named, "input": "x"}),
            ("task_info", {"name": named}),
            ("fleet", {"tasks": [{"name": named, "state": state, "owner": owner}]}),
        ):
            done = call(operation, server, **({} if operation == "fleet" else {"owner": owner}), **options)
            assert done.kind == "invalid" and "another user" in done.msg, (operation, done.result)
            assert done.writes == []
    for owner in ("bob", "Bob", bob, "me"):
        assert call("task_info", server, name=named, owner=owner)["missing"] == []
    assert not call("fleet", server, tasks=[{"name": named}], owner="alice").failed


@pytest.mark.parametrize("option", ["name", "organization", "template", "template_version", "preset"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_name_is_no_name(server: Emulator, option: str, empty: str) -> None:
    for state in ("present", "absent"):
        done = call("task", server, **{**GIVEN, "state": state, option: empty})
        assert done.kind == "invalid" and f"'{option}' is empty" in done.msg and "default(omit)" in done.msg
        assert done.requests == []
    done = call("fleet", server, tasks=[{**GIVEN, option: empty}])
    assert done.kind == "invalid" and done.requests == []


def test_a_task_that_is_given_no_name_gets_one(server: Emulator) -> None:
    assert call("task", server, template="ai", input="Fix the login")["task"]["name"].startswith("fix-the-login-")


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"preset": "Fast"}, []),
        ({"preset": "fast"}, []),
        ({"preset": "default"}, []),
        ({"preset": "Slow"}, ["the preset 'Fast', which cannot be changed to 'Slow'"]),
        ({"preset": "none"}, []),
        ({"preset": "no-such"}, ["the preset 'Fast', which cannot be changed to 'no-such'"]),
        ({"template": "AI"}, []),
        ({"template": "ai-nopreset"}, ["the template 'ai', which cannot be changed to 'ai-nopreset'"]),
        ({"template": "ai-nopreset", "preset": "Slow"}, ["the template 'ai', which cannot be"]),
        ({"template_version": "{version}"}, []),
        ({"template_version": "v99"}, ["the version '{version}', which cannot be changed to 'v99'"]),
        ({"template_version": "v99", "preset": "Slow"}, ["the version '{version}'", "the preset 'Fast'"]),
    ],
)
@pytest.mark.parametrize("state", ["active", "paused"])
def test_what_an_existing_task_is_not_made_from_is_told(
    server: Emulator, dialect: str, emulator: Start, declared: dict[str, str], told: list[str], state: str
) -> None:
    server = emulator(dialect)
    server.create_task("fix", input="Fix it", preset="Fast", state=state)
    version = server.state.template("ai").active_version.name
    options = {**GIVEN, **{name: value.format(version=version) for name, value in declared.items()}}
    for done in (call("task", server, **options), call("fleet", server, tasks=[options])):
        assert not done.failed and done["changed"] is False
        assert len(done.warnings) == len(told), done.warnings
        for warning, words in zip(done.warnings, told, strict=True):
            assert words.format(version=version) in warning and "delete and create it anew" in warning


def test_a_task_made_without_a_preset_says_so(server: Emulator) -> None:
    server.create_task("fix", input="Fix it").workspace.latest.preset_id = None
    (warning,) = call("task", server, **GIVEN, preset="Fast").warnings
    assert "the preset 'none', which cannot be changed to 'Fast'" in warning


def test_what_cannot_be_compared_does_not_stand_in_the_way(server: Emulator) -> None:
    server.create_task("fix", input="Fix it", preset="Fast")
    server.faults.add("status", path="/workspaces/", status=403, body='{"message":"no"}', count=None)
    done = call("task", server, **GIVEN, preset="Slow")
    assert not done.failed and "could not be compared" in done.warnings[0]


@pytest.mark.parametrize("text", [{}, {"input": ""}, {"input": " \n"}])
def test_a_task_without_a_prompt_is_made_with_a_word(server: Emulator, text: dict[str, str]) -> None:
    for check in (True, False):
        done = call("task", server, name="idle", template="ai", check=check, **text)
        assert not done.failed and "The task idle gets an empty prompt" in done.warnings[0]
    assert call("task", server, name="idle", template="ai").warnings == []
