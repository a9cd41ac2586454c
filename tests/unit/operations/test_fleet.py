# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet operation over real sockets, in every dialect."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from altering import altered
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from returned import check_return

from ansible_collections.coder.tasks.plugins.module_utils.operation_module import module_arguments, outcome
from ansible_collections.coder.tasks.plugins.module_utils.operations import fleet, together
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import open_session
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from emulator import Emulator
from emulator.world import Task

MANY = 200
# Of 200 some 15 fail in the first run, and one run in ten does not even get a list: so many runs are surely enough.
TURNS = 10


def unseen(_text: str) -> None:
    """Nobody waits for it."""


def call(
    server: Emulator,
    tasks: list[dict[str, Any]],
    *,
    check: bool = False,
    progress: Callable[[str], None] = unseen,
    **options: Any,
) -> dict[str, Any]:
    """Run the operation as a module would, hold the result against RETURN, and empty the journal before."""
    arguments = module_arguments(fleet)
    spec = arguments.pop("argument_spec")
    del arguments["supports_check_mode"]
    given = {"tasks": tasks, "url": server.url, "token": server.token, **options}
    checked = ArgumentSpecValidator(spec, **arguments).validate(given)
    assert not checked.error_messages
    context = Context(
        checked.validated_parameters, open_session, check_mode=check, diff=True, progress=progress, poll_interval=0.2
    )
    result = outcome(fleet, context)
    check_return("fleet", result)
    return result


def declared(count: int, **options: Any) -> list[dict[str, Any]]:
    return [{"name": f"t-{number}", "template": "ai", "input": f"Do {number}", **options} for number in range(count)]


def names(server: Emulator) -> list[str]:
    return sorted(task.name for task in tasks_of(server))


def tasks_of(server: Emulator) -> list[Task]:
    # Era S goes on showing what was deleted.
    return [task for task in server.state.visible_tasks() if not task.workspace.is_deleted()]


def lists(server: Emulator) -> int:
    # A development build is asked first whether it has the list: those answers are no lists.
    answered = [entry for entry in server.journal if entry.method == "GET" and entry.status not in (400, 404)]
    return sum(entry.path.endswith("/tasks") for entry in answered)


def actions(result: dict[str, Any]) -> list[str | None]:
    return [entry["action"] for entry in result["tasks"]]


# The life of a fleet


def test_check_mode_lists_all_and_writes_nothing(emulator, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("t-0", input="Do 0")
    server.create_task("t-9")
    result = call(server, declared(3), check=True, purge=True, purge_prefix="t-")
    assert actions(result) == [None, "create", "create", "delete"]
    assert [entry["after"].get("name") for entry in result["diff"]] == ["t-1", "t-2", None]
    assert result["changed"] and result["summary"]["actions"] == {"create": 2, "delete": 1}
    assert not server.writes


def test_every_state_is_reached_once(emulator, dialect: str) -> None:
    server = emulator(dialect)
    for state, action in (("present", "create"), ("paused", "pause"), ("active", "resume"), ("absent", "delete")):
        first = call(server, declared(5, state=state))
        assert actions(first) == [action] * 5, first
        server.journal.clear()
        second = call(server, declared(5, state=state))
        assert not second["changed"] and not server.writes, state
    assert names(server) == []


def test_unchanged_fleet_is_one_list(emulator) -> None:
    server = emulator()
    call(server, declared(MANY), wait=False)
    call(server, declared(MANY))
    server.journal.clear()
    assert call(server, declared(MANY))["summary"]["unchanged"] == MANY
    asked = Counter(entry.path for entry in server.journal)
    assert asked == {"/api/v2/buildinfo": 1, "/api/v2/users/me": 1, "/api/v2/tasks": 1}


def test_one_post_a_task_and_one_poll_for_all_waits(emulator) -> None:
    server = emulator(time_factor=0.2)
    result = call(server, declared(MANY))
    assert result["summary"]["actions"] == {"create": MANY}
    assert all(entry["task"]["status"] == "active" for entry in result["tasks"])
    waited = max(entry["waited"] for entry in result["tasks"])
    assert lists(server) <= 2 + waited / 0.2
    assert Counter(entry.method for entry in server.journal)["POST"] == MANY
    assert not [entry for entry in server.journal if entry.method == "GET" and entry.path.startswith("/api/v2/tasks/")]


@pytest.mark.parametrize("dialect", ["2025-10", "2.34"])
@pytest.mark.parametrize("strange", [False, True])
def test_a_task_that_the_list_does_not_show_is_gone_only_where_the_list_is_sure(
    emulator, dialect: str, strange: bool
) -> None:
    """Pages shift while they are read, and what cannot be read may be any task: that one is asked for alone."""
    server = emulator(dialect)
    server.create_task("other")
    more = [{"id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "name": "odd", "status": 7}] if strange else []
    path = f"{server.dialect.task_prefixes[0]}/tasks"
    # The oldest servers are told by a request for a list, which they refuse.
    skip = 1 if server.dialect.paged_list else 0
    altered(server, path, lambda told: {**told, "tasks": [*told["tasks"], *more]}, skip=skip)
    result = call(server, declared(1))
    (entry,) = result["tasks"]
    if server.dialect.paged_list or strange:
        assert (entry["failed"], entry["action"], entry["task"]["status"]) == (False, "create", "active"), entry
    else:
        assert entry["failed"] and "was deleted" in entry["msg"]
    assert names(server) == ["other", "t-0"]


def test_requests_at_once_are_bounded(emulator) -> None:
    server = emulator(time_factor=1)
    server.faults.add("latency", method="POST", seconds=0.1, count=None)
    call(server, declared(20), wait=False, concurrency=4)
    posts = [entry for entry in server.journal if entry.method == "POST"]
    spans = [(entry.time, entry.time + entry.seconds) for entry in posts]
    at_once = [sum(begin <= start < end for begin, end in spans) for start, _end in spans]
    assert 1 < max(at_once) <= 4


def test_items_are_compared_without_case_and_by_uuid(emulator) -> None:
    server = emulator()
    task = server.create_task("Fix-Login")
    result = call(server, [{"name": "fix-login"}])
    assert not result["changed"]
    result = call(server, [{"name": task.id, "state": "paused"}])
    assert actions(result) == ["pause"]


def test_absent_finds_a_task_of_another_owner_by_its_uuid(emulator, dialect: str) -> None:
    server = emulator(dialect)
    task = server.create_task("theirs", owner="bob")
    for check, left in ((True, ["theirs"]), (False, [])):
        result = call(server, [{"name": task.id, "state": "absent"}], check=check)
        assert actions(result) == ["delete"] and names(server) == left


def test_a_mistyped_owner_has_no_absent_task(emulator, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("mine")
    server.create_task("theirs", owner="bob")
    tasks = [{"name": name, "state": "absent"} for name in ("mine", "bobb/theirs", "bob/theirs")]
    result = call(server, tasks)
    assert [entry["failed"] for entry in result["tasks"]] == [False, True, False]
    assert "the user 'bobb' does not exist" in result["tasks"][1]["msg"]
    again = call(server, [tasks[0], tasks[2]])
    assert not again.get("failed") and again["changed"] is False
    assert len(server.journal.matching("GET", "/users/bob$")) == 1


def test_tasks_of_two_owners_are_found_with_one_list(emulator, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("t-0", owner="bob", input="Do 0")
    result = call(server, [{"name": "bob/t-0"}, {"name": "t-0", "template": "ai"}], check=True)
    assert actions(result) == [None, "create"]
    assert [entry["owner"] for entry in result["tasks"]] == ["bob", "alice"]
    assert lists(server) == 1


def test_prompts_follow_the_declaration(emulator) -> None:
    server = emulator()
    call(server, declared(2))
    changed = [
        {"name": "t-0", "input": "Other", "on_input_change": "update", "allow_restart": True},
        {"name": "t-1", "input": "Other", "on_input_change": "recreate", "discard_log": True},
    ]
    result = call(server, changed)
    assert actions(result) == ["update", "recreate"], result
    assert {entry["task"]["initial_prompt"] for entry in result["tasks"]} == {"Other"}


# Purge


def test_purge_deletes_what_begins_with_the_prefix_and_no_more(emulator, dialect: str) -> None:
    server = emulator(dialect)
    for name in ("night-1", "Night-2", "nightly", "day-1"):
        server.create_task(name)
    server.create_task("night-3", owner="bob")
    result = call(server, [{"name": "night-1"}], purge=True, purge_prefix="night-")
    assert [(entry["name"], entry["purged"], entry["action"]) for entry in result["tasks"]] == [
        ("night-1", False, None), ("Night-2", True, "delete"),
    ]  # fmt: skip
    assert names(server) == ["day-1", "night-1", "night-3", "nightly"]


def test_purge_leaves_the_tasks_of_others_alone_where_everybodys_are_listed(emulator, dialect: str) -> None:
    server = emulator(dialect)
    for name in ("night-1", "night-2"):
        server.create_task(name)
        server.create_task(name, owner="bob")
    items = [{"name": "night-1"}, {"name": "bob/gone", "state": "absent"}]
    result = call(server, items, purge=True, purge_prefix="night-")
    assert [(entry["owner"], entry["name"]) for entry in result["tasks"] if entry["purged"]] == [("alice", "night-2")]
    assert names(server) == ["night-1", "night-1", "night-2"]


@pytest.mark.parametrize(
    ("tasks", "prefix"), [([], "night-"), ([{"name": "night-1"}], "")], ids=["empty list", "empty prefix"]
)
def test_purge_that_would_delete_all_is_refused(emulator, tasks: list[dict[str, Any]], prefix: str) -> None:
    server = emulator()
    server.create_task("night-1")
    result = call(server, tasks, purge=True, purge_prefix=prefix)
    assert result["failed"] and result["failure"]["kind"] == "invalid" and "would delete every task" in result["msg"]
    assert not list(server.journal)


def test_empty_list_is_nothing_to_do(emulator) -> None:
    server = emulator()
    assert call(server, [])["summary"]["total"] == 0
    assert not list(server.journal)


# Failures


def test_wrong_declaration_is_told_whole_before_anything_is_sent(emulator) -> None:
    server = emulator()
    result = call(server, [{"name": "good", "template": "ai"}, {"name": "x--y"}, {"name": "z", "input": "a\0b"}])
    assert result["failed"] and "item 2 (x--y)" in result["msg"] and "item 3 (z)" in result["msg"]
    assert not list(server.journal)


def test_task_declared_twice_is_refused(emulator) -> None:
    server = emulator()
    task = server.create_task("t-0")
    for second in ("T-0", "alice/t-0", task.id):
        result = call(server, [{"name": "t-0"}, {"name": second}])
        assert result["failed"] and "items 1 and 2" in result["msg"]


def test_each_failure_stands_by_its_task(emulator) -> None:
    server = emulator()
    tasks = [*declared(2), {"name": "bad", "template": "nope"}, {"name": "broken", "template": "ai-fail"}]
    result = call(server, tasks)
    assert [entry["failed"] for entry in result["tasks"]] == [False, False, True, True]
    assert [entry["changed"] for entry in result["tasks"]] == [True, True, False, True]
    assert result["tasks"][2]["failure"]["kind"] == "not_found"
    assert result["tasks"][3]["failure"]["kind"] == "build_failed" and result["tasks"][3]["diagnosis"]["build"]
    assert "2 of 4 tasks failed" in result["msg"] and "alice/bad" in result["msg"]


def test_max_failures_stops_what_has_not_begun(emulator) -> None:
    server = emulator()
    server.faults.add("status", method="POST", status=500, count=3)
    server.faults.add("latency", method="POST", seconds=0.05, count=None)
    result = call(server, declared(60), wait=False, concurrency=2, max_failures=2)
    summary = result["summary"]
    assert summary["failed"] == 3 and summary["not_attempted"] > 40
    assert summary["total"] == summary["changed"] + summary["failed"] + summary["not_attempted"]
    assert len(names(server)) == summary["changed"]
    assert all(not entry["changed"] for entry in result["tasks"] if not entry["attempted"])


@pytest.mark.slow
def test_look_that_fails_now_and_then_is_borne(emulator) -> None:
    server = emulator(time_factor=0.1)
    server.faults.add("status", method="GET", path="/api/v2/tasks$", status=500, count=4)
    assert not call(server, declared(3)).get("failed")


@pytest.mark.slow
def test_look_that_never_works_fails_the_call_once(emulator) -> None:
    server = emulator()
    server.faults.add("status", method="GET", path="/api/v2/tasks$", status=500, count=None)
    result = call(server, declared(3))
    assert result["failed"] and "list the tasks" in result["msg"]
    assert lists(server) == 5 * (1 + 3)  # five looks, each with the retries of a read


# Faults and races


def mixed_faults(server: Emulator, share: float) -> None:
    """Every kind of fault that a network and a server have, so that `share` of the requests meet one."""
    kinds: list[dict[str, Any]] = [
        {"kind": "lost"}, {"kind": "reset"}, {"kind": "truncate"}, {"kind": "latency", "seconds": 0.01},
        {"kind": "status", "status": 500}, {"kind": "status", "status": 502}, {"kind": "login"},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0"}},
    ]  # fmt: skip
    left = 1.0
    for fault in kinds:
        part = share / len(kinds)
        # A rule sees only what those before it have let pass.
        server.faults.add(probability=part / left, count=None, path="^/api/", **fault)
        left -= part


def bring(server: Emulator, tasks: list[dict[str, Any]], good: Any) -> int:
    """Run under faults until nothing fails, looking after each run that the result tells the truth."""
    for turn in range(1, TURNS + 1):
        result = call(server, tasks)
        if not result.get("failed"):
            return turn
        # Without entries the list itself failed, and nothing was begun.
        failed = {entry["name"] for entry in result.get("tasks", []) if entry["failed"]}
        assert all(entry["msg"] for entry in result.get("tasks", []) if entry["failed"])
        if "tasks" in result:
            wrong = {task["name"] for task in tasks if not good(task["name"])}
            assert wrong <= failed, f"not told: {wrong - failed}"
    raise AssertionError(f"{TURNS} runs were not enough: {result['msg']}")


@pytest.mark.slow
def test_twenty_percent_of_faults(emulator, dialect: str) -> None:
    server = emulator(dialect)
    mixed_faults(server, 0.2)
    tasks = declared(MANY)

    def status(name: str) -> str:
        found = next((task.status for task in tasks_of(server) if task.name == name), "absent")
        # Era S speaks of workspaces.
        return {"running": "active", "stopped": "paused"}.get(found, found)

    bring(server, tasks, lambda name: status(name) == "active")
    assert names(server) == sorted(task["name"] for task in tasks)
    bring(server, [{**task, "state": "paused"} for task in tasks], lambda name: status(name) == "paused")
    assert names(server) == sorted(task["name"] for task in tasks)
    bring(server, [{**task, "state": "absent"} for task in tasks], lambda name: status(name) == "absent")
    assert names(server) == []
    server.faults.clear()
    assert not call(server, [{**task, "state": "absent"} for task in tasks])["changed"]


def test_two_runs_at_once_create_nothing_twice(emulator, dialect: str) -> None:
    server = emulator(dialect)
    server.faults.add("latency", method="POST", seconds=0.01, count=None)
    tasks = declared(60)
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(call, server, random.Random(seed).sample(tasks, 60)) for seed in (1, 2)]
        results = [run.result() for run in runs]
    assert names(server) == sorted(task["name"] for task in tasks)
    assert not any(result.get("failed") for result in results)
    makers = Counter(
        entry["name"] for result in results for entry in result["tasks"] if entry["created_by"] == "this_call"
    )
    assert makers == {task["name"]: 1 for task in tasks}


def test_how_far_it_is_is_told_while_nothing_is_done(
    emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, told = emulator(time_factor=0.01), []
    server.state.hold_builds()
    monkeypatch.setattr(together, "SILENCE", 0.01)

    def hear(text: str) -> None:
        if not told:
            server.state.release_builds()
        told.append(text)

    assert call(server, declared(3), progress=hear)["summary"]["changed"] == 3
    assert told[0].startswith("0 done of 3, 0 failed, ") and told[-1].startswith("3 done of 3, 0 failed, after ")


def test_an_interruption_ends_all_who_wait(
    emulator: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = emulator(time_factor=0.01)
    server.state.hold_builds()
    monkeypatch.setattr(together, "SILENCE", 0.01)

    def interrupt(_text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(server, declared(3), progress=interrupt, wait_timeout=600)
    assert not [each.name for each in threading.enumerate() if each.name.startswith("together")]
