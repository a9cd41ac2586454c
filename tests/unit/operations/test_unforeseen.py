# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody foresaw, an answer or a full disk, ends what it concerns and nothing else, and what was done is told."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from calling import Call, call

from ansible_collections.coder.tasks.plugins.module_utils.archive import files
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.lifecycle import Lifecycle
from emulator import Emulator

Start = Callable[..., Emulator]
KEY = "a key for these tests only"
FLEET = [{"name": "fresh", "template": "ai", "input": "x"}, {"name": "old", "state": "absent"}]
# A look at the list tells a development build of era S from later ones, so there its answer cannot be replaced.
NAMED = ["2.29", "2.34"]
# Each of them could be the text of a proxy, a mistake of ours, or a version that is to come.
STRANGE: list[Any] = [{}, [], {"workspaces": {}}, {"workspaces": [1]}, {"workspaces": [{"id": "x"}]}, "text", None]


def answer(server: Emulator, path: str, body: Any, **options: Any) -> None:
    """Have the server answer this to every GET of the path."""
    server.faults.add("status", method="GET", path=path, status=200, body=json.dumps(body), count=None, **options)


def listed(server: Emulator) -> list[dict[str, Any]]:
    path = f"{server.dialect.task_prefixes[0]}/tasks"
    headers = {"Coder-Session-Token": server.token}
    return requests.get(f"{server.url}{path}", headers=headers, timeout=10).json()["tasks"]


def spoil(server: Emulator, which: str, **fields: Any) -> None:
    """Have the list show one task with these fields; ``...`` takes one away."""
    tasks = [dict(task, **(fields if task["name"] == which else {})) for task in listed(server)]
    tasks = [{key: value for key, value in task.items() if value is not ...} for task in tasks]
    answer(server, f"^{server.dialect.task_prefixes[0]}/tasks$", {"tasks": tasks, "count": len(tasks)})


def entries(done: Call) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in done["tasks"]}


# A fleet


@pytest.mark.parametrize("body", STRANGE)
def test_a_strange_answer_leaves_a_fleet_its_result(emulator: Start, dialect: str, body: Any) -> None:
    server = emulator(dialect)
    server.create_task("old")
    server.create_task("other")
    answer(server, "/api/v2/workspaces$", body)
    done = call("fleet", server, tasks=[*FLEET, {"name": "other"}])
    assert done.failed and done["changed"] is True and sorted(done.writes)[0].startswith("DELETE")
    told = entries(done)
    assert (told["old"]["failed"], told["old"]["changed"], told["old"]["action"]) == (True, True, "delete")
    assert told["old"]["failure"]["kind"] == "protocol"
    # In era S whether a task is ready is to be seen in its workspace only.
    need_workspace = server.dialect.task_is_workspace
    assert (told["fresh"]["failed"], told["fresh"]["action"]) == (need_workspace, "create"), told["fresh"]["msg"]
    assert (told["other"]["failed"], told["other"]["changed"]) == (need_workspace, False)
    assert done["summary"]["failed"] == (3 if need_workspace else 1)


@pytest.mark.parametrize("broken", ["delete", "wait_until_removed"])
def test_a_mistake_of_ours_is_one_member_s_failure(
    emulator: Start, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def surprise(*arguments: Any) -> Any:
        raise KeyError("surprise")

    server = emulator()
    server.create_task("old")
    monkeypatch.setattr(Lifecycle, broken, surprise)
    done = call("fleet", server, tasks=FLEET)
    told = entries(done)
    assert (told["old"]["failure"]["kind"], told["old"]["changed"]) == ("internal", broken != "delete")
    assert told["fresh"]["action"] == "create" and not told["fresh"]["failed"]
    assert done["changed"] is True


def test_a_create_whose_answer_is_strange_is_a_change(emulator: Start) -> None:
    server = emulator()
    server.faults.add("status", method="POST", path="/tasks/", status=201, body="{}", count=None)
    for done in (call("task", server, name="x", template="ai", input="x"), call("fleet", server, tasks=FLEET[:1])):
        assert done.kind == "protocol" and done["changed"] is True


def test_a_write_that_was_refused_is_no_change(emulator: Start) -> None:
    server = emulator()
    server.faults.add("status", method="POST", path="/tasks/", status=403, body='{"message":"no"}', count=None)
    assert call("task", server, name="x", template="ai", input="x")["changed"] is False


@pytest.mark.parametrize("dialect", NAMED)
def test_a_member_that_the_list_shows_malformed_is_looked_at_alone(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    server.create_task("odd")
    server.create_task("night-1")
    spoil(server, "odd", status=...)
    # The list alone would say that there is no such task: absent already.
    done = call("fleet", server, tasks=[{"name": "odd", "state": "absent"}, {"name": "night-1"}], wait=False)
    assert not done.failed, done.msg
    assert entries(done)["odd"]["action"] == "delete"


def test_purge_says_what_it_left_because_it_could_not_be_read(emulator: Start) -> None:
    server = emulator()
    for name in ("night-1", "night-2", "night-3"):
        server.create_task(name)
    spoil(server, "night-2", status=7)
    done = call("fleet", server, tasks=[{"name": "night-1"}], purge=True, purge_prefix="night-", wait=False)
    assert "'alice/night-2'" in done.warnings[0] and "purge" in done.warnings[0]
    assert set(entries(done)) == {"night-1", "night-3"}


# One malformed task among others


@pytest.mark.parametrize(
    "fields",
    [
        {"status": ...}, {"id": ...}, {"id": None}, {"name": 7}, {"owner_name": None}, {"current_state": "idle"},
        {"current_state": {"state": []}}, {"workspace_agent_health": "fine"}, {"initial_prompt": {}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["2.28", *NAMED])
def test_one_malformed_task_is_left_out_and_told(emulator: Start, dialect: str, fields: dict[str, Any]) -> None:
    server = emulator(dialect)
    for name in ("odd", "one", "two"):
        server.create_task(name)
    spoil(server, "odd", **fields)
    infos, logs = call("task_info", server), call("task_logs_info", server)
    for done, found in ((infos, infos["tasks"]), (logs, logs["logs"])):
        assert not done.failed and sorted(item["name"] for item in found) == ["one", "two"]
        (warning,) = done.warnings
        assert "is not what Coder answers: its" in warning and "It is left out" in warning
        assert "odd" in warning or fields == {"name": 7}


@pytest.mark.parametrize("state", ["present", "evacuated"])
def test_one_malformed_task_fails_the_archive_and_the_others_are_saved(
    emulator: Start, tmp_path: Path, state: str
) -> None:
    server = emulator()
    for name in ("odd", "one", "two"):
        server.create_task(name)
    spoil(server, "odd", status=...)
    done = archive(server, tmp_path, state=state, accept=["redacted"])
    assert done.failed and done["summary"]["selected"] == 3 and done["archive"]["tasks"] == 2
    assert [failure["task"] for failure in done["failures"]] == ["alice/odd"] and done["error_kinds"] == {"protocol": 1}


def test_one_malformed_task_among_those_that_are_named(emulator: Start) -> None:
    server = emulator()
    odd, one = server.create_task("odd"), server.create_task("one")
    answer(server, "/tasks/[^/]+/odd$", {**listed(server)[0], "id": odd.id, "name": "odd", "status": 7})
    done = call("task_info", server, name=["odd", "one", "none"])
    assert ([task["id"] for task in done["tasks"]], done["missing"]) == ([one.id], ["none"])
    assert "'alice/odd'" in done.warnings[0]
    assert call("task_info", server, name="odd").kind == "protocol"


def test_a_list_of_which_nothing_can_be_read_is_a_failure(emulator: Start) -> None:
    server = emulator()
    server.create_task("odd")
    spoil(server, "odd", status=...)
    assert call("task_info", server).kind == call("task_logs_info", server).kind == "protocol"


@pytest.mark.parametrize("log", [{"logs": "x"}, {"logs": [1]}, {"logs": [{"content": "no id"}]}, {"log": []}, [], {}])
def test_one_strange_log_leaves_the_others(emulator: Start, tmp_path: Path, log: Any) -> None:
    server = emulator()
    odd = server.create_task("odd")
    server.create_task("one")
    answer(server, f"{odd.id}/logs$", log)
    done = call("task_logs_info", server)
    by_name = {entry["name"]: entry for entry in done["logs"]}
    assert by_name["one"]["source"] == "live" and by_name["odd"]["source"] == "none" and by_name["odd"]["reason"]
    assert "the log of the task odd" in done.warnings[0]
    assert call("task_logs_info", server, name="odd").kind == "protocol"
    saved = archive(server, tmp_path)
    assert saved["error_kinds"] == {"protocol": 1} and saved["summary"]["live"] == 1


def test_a_task_whose_owner_is_a_dot_leaves_the_other_logs(emulator: Start) -> None:
    server = emulator()
    server.create_task("odd")
    server.create_task("one")
    spoil(server, "odd", owner_name=".", name=".")
    logs = {entry["name"]: entry for entry in call("task_logs_info", server)["logs"]}
    assert logs["one"]["source"] == "live" and "cannot be right" in logs["."]["reason"]


# A full disk


def archive(server: Emulator, path: Path, **options: Any) -> Call:
    given = {"path": str(path / "archive"), "redaction_key": KEY, "wait_timeout": 5.0, "concurrency": 1, **options}
    return call("archive", server, **given)


@pytest.mark.parametrize(("full_at", "fits"), [("messages.jsonl", 2), ("manifest.jsonl", 0), ("SHA256SUMS", 0)])
def test_a_full_disk_leaves_the_archive_its_result(
    emulator: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str, fits: int
) -> None:
    server = emulator()
    for number in range(4):
        server.create_task(f"t{number}")
    written: list[str] = []
    write_new = files.write_new

    def write(path: str, data: bytes) -> None:
        written.append(path)
        if sum(full_at in other for other in written) > fits and full_at in path:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        write_new(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_new", write)
        done = archive(server, tmp_path)
    assert done.kind == "io" and "No space left" in done.msg and done["changed"] is True
    saved = len([name for name in (tmp_path / "archive" / "tasks").iterdir() if not name.name.startswith(".")])
    assert done["summary"]["created"] == done["archive"]["tasks"] == saved > 0
    assert not archive(server, tmp_path).failed


def test_a_full_disk_before_anything_was_saved_is_no_change(
    emulator: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    server = emulator()
    server.create_task("one")
    monkeypatch.setattr(files, "write_new", write)
    done = archive(server, tmp_path)
    assert (done.kind, done["changed"], done["archive"]["tasks"]) == ("io", False, 0)
