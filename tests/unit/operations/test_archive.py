# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collecting into an archive, in process, against emulated servers."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call

from ansible_collections.coder.tasks.plugins.module_utils.archive import search
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.backend import TasksBackend
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive import progress
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive.outcome import Outcomes
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive.progress import Progress
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive.select import in_shard
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.module_utils.version import VERSION
from emulator import Emulator
from emulator.runtime import VirtualRuntime

Servers = Callable[..., Emulator]
KEY = "a key for these tests only"
TOKEN = "gh" + "p_" + "a1B2" * 9


def archive(server: Emulator, path: Path, **options: Any) -> Call:
    return call("archive", server, **{"path": str(path), "redaction_key": KEY, "wait_timeout": 5.0, **options})


def says(*contents: str) -> list[dict[str, Any]]:
    roles = ("user", "agent")
    return [
        {"id": number, "content": content, "role": roles[number % 2], "time": f"2026-06-01T12:00:{number:02}Z"}
        for number, content in enumerate(contents)
    ]


def manifest(path: Path) -> dict[str, dict[str, Any]]:
    lines = (path / "manifest.jsonl").read_text().splitlines()
    return {entry["name"]: entry for entry in map(json.loads, lines)}


def messages(path: Path, name: str) -> list[str]:
    lines = (path / "tasks" / manifest(path)[name]["folder"] / "messages.jsonl").read_text().splitlines()
    return [json.loads(line)["content"] for line in lines]


def tree(path: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in sorted(path.rglob("*"))}


def assert_sound(path: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=path, capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def forget_nothing(task: Any) -> None:
    """Let the agent keep its conversation over restarts, as AgentAPI with a state file does."""
    runtime: VirtualRuntime = task.workspace.runtime
    start = runtime.start

    def resume(workspace: Any, agent: Any) -> Any:
        before = runtime._api
        api = start(workspace, agent)
        if before is not None:
            api._messages = list(before._messages)
        return api

    runtime.start = resume  # type: ignore[method-assign]


@pytest.fixture
def fleet(emulator: Servers) -> Emulator:
    server = emulator(auto_snapshot=False)
    server.create_task("live").api.set_messages(says("hello", "hi"))
    server.create_task("paused", state="paused").set_snapshot(says("what", "that"))
    end = [{**message, "id": 20 + message["id"]} for message in says("a", "b")]
    server.create_task("tail", state="paused").set_snapshot(end)
    server.create_task("silent", state="paused")
    server.create_task("bobs", owner="bob").api.set_messages(says("mine"))
    return server


def test_every_kind_of_task_is_saved(fleet: Emulator, tmp_path: Path) -> None:
    done = archive(fleet, tmp_path, all_owners=True)
    assert not done.failed and done["changed"]
    counts = {"selected": 5, "created": 5, "changed": 0, "unchanged": 0, "failed": 0, "live": 2, "snapshot": 2,
              "none": 1, "incomplete": 2, "messages": 7, "redactions": 0, "deleted": 0, "kept": 0, "gone": 0}
    assert done["summary"] == counts
    assert messages(tmp_path, "live") == ["hello", "hi"]
    columns = ("source", "complete", "error_kind")
    found = {name: tuple(entry[key] for key in columns) for name, entry in manifest(tmp_path).items()}
    assert found == {
        "live": ("live", True, None), "bobs": ("live", True, None), "paused": ("snapshot", True, None),
        "tail": ("snapshot", False, None), "silent": ("none", False, "no_log"),
    }
    entry = manifest(tmp_path)["live"]
    assert entry["versions"] == {"coder": fleet.dialect.version, "agentapi": None, "collection": VERSION}
    assert done["archive"]["index"] == str(tmp_path / "index.html") and (tmp_path / "index.html").exists()
    assert Path(done["archive"]["search"]).exists()
    assert not done.writes
    assert_sound(tmp_path)


def test_without_full_text_search_all_else_is_saved(
    fleet: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "HAVE_SQLITE", False)
    done = archive(fleet, tmp_path, all_owners=True)
    assert done.warnings == ["This Python has no SQLite with FTS5, so the archive has no search index."]
    assert done["archive"]["search"] is None and done["summary"]["created"] == 5
    assert_sound(tmp_path)


def test_an_unchanged_task_costs_one_request_and_no_write(fleet: Emulator, tmp_path: Path) -> None:
    archive(fleet, tmp_path, all_owners=True)
    before = tree(tmp_path)
    again = archive(fleet, tmp_path, all_owners=True)
    assert not again["changed"] and again["summary"]["unchanged"] == 5
    assert tree(tmp_path) == before
    assert len([entry for entry in again.requests if entry.path.endswith("/logs")]) == 5
    assert len(again.requests) == 5 + 5, "are there chats (two ways), the version, what may be read, the list, the logs"


def test_what_changes_is_saved_again(fleet: Emulator, tmp_path: Path) -> None:
    archive(fleet, tmp_path)
    fleet.state.task("live").api.set_messages(says("hello", "hi", "more"))
    again = archive(fleet, tmp_path)
    assert (again["summary"]["changed"], again["summary"]["unchanged"]) == (1, 3)
    assert messages(tmp_path, "live") == ["hello", "hi", "more"]
    assert_sound(tmp_path)


def test_check_mode_reads_and_writes_nothing(fleet: Emulator, tmp_path: Path) -> None:
    place = tmp_path / "archive"
    predicted = archive(fleet, place, check=True)
    assert predicted["changed"] and predicted["summary"]["created"] == 4
    assert not place.exists()
    archive(fleet, place)
    before = tree(place)
    fleet.state.task("live").api.set_messages(says("other"))
    predicted = archive(fleet, place, check=True, on_partial="resume")
    assert (predicted["summary"]["changed"], predicted["summary"]["unchanged"]) == (1, 3)
    assert tree(place) == before


def test_no_key_is_made_in_check_mode(fleet: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert archive(fleet, tmp_path / "archive", check=True, redaction_key=None)["summary"]["created"] == 4
    assert not list(tmp_path.iterdir())
    archive(fleet, tmp_path / "archive", redaction_key=None)
    assert (tmp_path / "config" / "coder-tasks" / "redaction.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("options", "expected"), [
    ({"owner": "bob"}, {"bobs"}),
    ({"status": "paused"}, {"paused", "tail", "silent"}),
    ({"select": "name == 'live'"}, {"live"}),
    ({"name": ["live", "bob/bobs"]}, {"live", "bobs"}),
    ({"organization": "default", "status": "active"}, {"live", "bobs"}),
    ({"template": "no-such-template"}, set()),
    ({"template": "ai", "status": "active"}, {"live"}),
    ({"older_than": "1d"}, set()),
    ({"older_than": "0s", "name": ["silent"]}, {"silent"}),
])  # fmt: skip
def test_selection(fleet: Emulator, tmp_path: Path, options: dict[str, Any], expected: set[str]) -> None:
    if "organization" in options:
        options = {**options, "all_owners": True}
    done = archive(fleet, tmp_path, **options)
    assert not done.failed, done.msg
    assert set(manifest(tmp_path)) == expected


def test_shards_are_disjoint_and_make_the_whole(fleet: Emulator, tmp_path: Path) -> None:
    parts = []
    for index in (1, 2, 3):
        archive(fleet, tmp_path / str(index), all_owners=True, shard={"index": index, "count": 3})
        parts.append(set(manifest(tmp_path / str(index))))
    assert sum(map(len, parts)) == len(set.union(*parts)) == 5
    assert in_shard("c4c1e4a4-0d3a-4c0a-9a0e-111111111111", 1, 1)


@pytest.mark.parametrize(("options", "text"), [
    ({"shard": {"index": 0, "count": 2}}, "no shard 0 of 2"),
    ({"older_than": "yesterday"}, "'yesterday' in 'older_than' is not a duration"),
    ({"older_than": "999999w"}, "is longer than 36525 d"),
    ({"concurrency": 0}, "would never read"),
    ({"redact_values": ["abc"]}, "fewer than 4 characters"),
    ({"redaction_key": "short"}, "fewer than 16 characters"),
    ({"fail_on": "percent", "fail_percent": 101.0}, "is not a percentage"),
    ({"redaction_rules": "/nowhere/rules.yml"}, "could not be read"),
])  # fmt: skip
def test_options_that_cannot_be_right(fleet: Emulator, tmp_path: Path, options: dict[str, Any], text: str) -> None:
    refused = archive(fleet, tmp_path / "archive", **options)
    assert refused.failed and text in refused.msg
    assert not (tmp_path / "archive").exists()


def test_the_current_folder_is_not_taken_by_accident(fleet: Emulator) -> None:
    refused = call("archive", fleet, path="", redaction_key=KEY)
    assert refused.kind == "invalid" and "'path' is empty" in refused.msg


def test_a_name_that_no_task_has_is_a_failure(fleet: Emulator, tmp_path: Path) -> None:
    done = archive(fleet, tmp_path, name=["live", "nobody"])
    assert done.kind == "not_found" and done["missing_names"] == ["nobody"] and done["summary"]["created"] == 1


def test_secrets_do_not_reach_the_disk(fleet: Emulator, tmp_path: Path) -> None:
    fleet.state.task("live").api.set_messages(says(f"use {TOKEN}", f"and {fleet.token} and swordfish"))
    done = archive(fleet, tmp_path, name="live", redact_values=["swordfish"])
    assert done["summary"]["redactions"] == 3
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        data = file.read_bytes()
        assert not [secret for secret in (TOKEN, fleet.token, "swordfish") if secret.encode() in data], file
    assert archive(fleet, tmp_path / "raw", name="live", redact=False)["summary"]["redactions"] == 0
    assert TOKEN in messages(tmp_path / "raw", "live")[0]


def test_what_an_agent_reports_of_its_state_is_redacted(fleet: Emulator, tmp_path: Path) -> None:
    fleet.state.task("live").report("idle", f"Logged in with {TOKEN}", uri=f"https://example.com/?token={TOKEN}")
    archive(fleet, tmp_path, name="live")
    assert not [file for file in filter(Path.is_file, tmp_path.rglob("*")) if TOKEN.encode() in file.read_bytes()]


def test_other_rules_save_every_task_anew(fleet: Emulator, tmp_path: Path) -> None:
    fleet.state.task("live").api.set_messages(says("open swordfish"))
    archive(fleet, tmp_path, name="live")
    assert messages(tmp_path, "live") == ["open swordfish"]
    again = archive(fleet, tmp_path, name="live", redact_values=["swordfish"])
    assert again["summary"]["changed"] == 1 and "swordfish" not in messages(tmp_path, "live")[0]
    # What may hold no secret by the new rules is saved by them all the same, so that a proof can compare it.
    archive(fleet, tmp_path, name="paused")
    assert archive(fleet, tmp_path, name="paused", redact_values=["swordfish"])["summary"]["changed"] == 1


def test_a_pause_does_not_shrink_the_archive(fleet: Emulator, tmp_path: Path) -> None:
    task = fleet.state.task("live")
    log = says(*(f"message {number}" for number in range(15)))
    task.api.set_messages(log)
    archive(fleet, tmp_path, name="live")
    call("task", fleet, name="live", state="paused")
    task.set_snapshot(log[5:])
    again = archive(fleet, tmp_path, name="live")
    assert again["summary"]["changed"] == 1 and len(messages(tmp_path, "live")) == 15
    entry = manifest(tmp_path)["live"]
    assert (entry["source"], entry["complete"], entry["earlier"], entry["status"]) == ("live", True, 0, "paused")
    assert archive(fleet, tmp_path, name="live")["summary"]["unchanged"] == 1
    assert archive(fleet, tmp_path, name="live", state="verified")["verification"]["safe_to_delete"] == 1
    task.set_snapshot([*log[6:], {**log[14], "id": 15, "content": "new"}])
    archive(fleet, tmp_path, name="live")
    assert messages(tmp_path, "live")[-2:] == ["message 14", "new"] and len(messages(tmp_path, "live")) == 16
    assert manifest(tmp_path)["live"]["source"] == "snapshot"


def test_resume_reads_the_whole_log_and_pauses_again(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    for name, count in (("long", 14), ("short", 3)):
        task = server.create_task(name)
        forget_nothing(task)
        task.api.set_messages(says(*(f"message {number}" for number in range(count))))
        call("task", server, name=name, state="paused")
    kept = archive(server, tmp_path)
    assert not kept.writes and kept["summary"]["incomplete"] == 1
    done = archive(server, tmp_path, on_partial="resume")
    assert not done.failed, done.msg
    assert done.writes == ["POST resume", "POST pause"]
    assert len(messages(tmp_path, "long")) == 14
    assert done["summary"]["incomplete"] == 0 and done["summary"]["live"] == 1
    again = archive(server, tmp_path, on_partial="resume")
    assert not again.writes and again["summary"]["unchanged"] == 2
    assert archive(server, tmp_path, state="verified")["verification"]["first"] == {
        "safe_to_delete": ["alice/long"], "incomplete": ["alice/short"],
    }


def test_an_agent_that_forgot_does_not_replace_its_snapshot(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    task = server.create_task("long")
    task.api.set_messages(says(*(f"message {number}" for number in range(14))))
    call("task", server, name="long", state="paused")
    done = archive(server, tmp_path, on_partial="resume")
    assert "has forgotten its conversation" in done.warnings[0]
    assert messages(tmp_path, "long") == [f"message {number}" for number in range(4, 14)]
    assert server.state.task("long").status == "paused"


def test_a_greeting_after_a_resume_is_no_whole_log(emulator: Servers, tmp_path: Path) -> None:
    server = emulator(auto_snapshot=False)
    server.create_task("silent", state="paused")
    done = archive(server, tmp_path, on_partial="resume")
    assert done.warnings == [
        "The agent of the task alice/silent may have forgotten its conversation; nobody says anything in it."
    ]
    assert not manifest(tmp_path)["silent"]["complete"]


@pytest.mark.parametrize("has_snapshot", [False, True])
def test_a_log_without_a_word_of_a_user_is_whole_only_where_a_snapshot_says_so(
    emulator: Servers, tmp_path: Path, has_snapshot: bool
) -> None:
    """Some agents are given their prompt where the log does not show it."""
    server = emulator(auto_snapshot=has_snapshot)
    task = server.create_task("long")
    forget_nothing(task)
    task.api.set_messages([{**message, "role": "agent"} for message in says(*map(str, range(14)))])
    call("task", server, name="long", state="paused")
    done = archive(server, tmp_path, on_partial="resume")
    assert bool(done.warnings) is not has_snapshot
    entry = manifest(tmp_path)["long"]
    assert (entry["messages"], entry["complete"]) == (14, has_snapshot)


@pytest.mark.parametrize("failing", ["server", "io"])
def test_a_task_is_paused_again_whatever_fails_meanwhile(
    emulator: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A log that cannot be read is this task's failure alone; an archive that cannot be written ends the run."""
    server, resume = emulator(auto_snapshot=False), TasksBackend.resume
    server.create_task("silent", state="paused")

    def breaking(self: TasksBackend, *arguments: Any) -> bool:
        resumed = resume(self, *arguments)
        if failing == "server":
            server.faults.add("status", path="/logs$", status=500, body='{"message": "Broken."}', count=None)
        else:
            (tmp_path / "tasks").rename(tmp_path / "gone")
            (tmp_path / "tasks").write_text("a file in the folder's place")
        return resumed

    monkeypatch.setattr(TasksBackend, "resume", breaking)
    done = archive(server, tmp_path, on_partial="resume", retries=0)
    assert done.writes == ["POST resume", "POST pause"] and server.state.task("silent").status == "paused"
    assert done.kind == failing and "alice/silent" in done.msg
    if failing == "server":
        assert done["error_kinds"] == {"server": 1} and done["summary"]["failed"] == 1


def test_what_a_killed_run_left_resumed_is_told_once(fleet: Emulator, tmp_path: Path) -> None:
    archive(fleet, tmp_path)
    (tmp_path / ".resumed").write_text("alice/one\nbob/two\n")
    assert not archive(fleet, tmp_path, check=True).warnings
    assert archive(fleet, tmp_path).warnings == [
        "An earlier run was ended while it had resumed alice/one, bob/two. Pause what nobody works in."
    ]
    assert not archive(fleet, tmp_path).warnings


def test_a_task_that_is_deleted_between_the_list_and_its_log_is_a_failure(
    fleet: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(fleet, tmp_path)
    refresh = TasksBackend.refresh

    def deleting(self: TasksBackend, item: Any) -> Any:
        fleet.state.task("paused").deleted = 0.0
        return refresh(self, item)

    monkeypatch.setattr(TasksBackend, "refresh", deleting)
    done = archive(fleet, tmp_path, name=["paused"], state="verified")
    assert done["verification"]["unreadable"] == 1 and "it was deleted meanwhile" in str(done["failures"])


def test_no_more_are_resumed_at_once_than_allowed(emulator: Servers, tmp_path: Path) -> None:
    server = emulator(auto_snapshot=False)
    for number in range(4):
        server.create_task(f"task-{number}", state="paused")
    done = archive(server, tmp_path, on_partial="resume", resume_concurrency=1)
    assert not done.failed
    assert done.writes == ["POST resume", "POST pause"] * 4


def test_a_passing_state_is_waited_out(emulator: Servers, tmp_path: Path) -> None:
    server = emulator(time_factor=0.02)
    server.create_task("starting", state="new")
    done = archive(server, tmp_path)
    assert done["summary"]["live"] == 1 and not done["failures"]


def test_a_state_that_does_not_pass_is_recorded(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.state.hold_builds()
    server.create_task("queued", state="new")
    done = archive(server, tmp_path, wait_timeout=0.1)
    assert done.kind == "conflict" and "pending" in done.msg and done["error_kinds"] == {"conflict": 1}
    assert manifest(tmp_path)["queued"]["error_kind"] == "conflict"
    assert not archive(server, tmp_path, wait_timeout=0.1, fail_on="none").failed
    assert not archive(server, tmp_path, wait_timeout=0.1, fail_on="percent", fail_percent=100.0).failed
    assert archive(server, tmp_path, wait_timeout=0.1, fail_on="percent", fail_percent=99.0).failed


def test_old_servers_have_logs_of_running_tasks_only(dialect: str, emulator: Servers, tmp_path: Path) -> None:
    server = emulator(dialect)
    server.create_task("live").api.set_messages(says("hello"))
    server.create_task("paused", state="paused")
    done = archive(server, tmp_path)
    assert not done.failed, done.msg
    assert manifest(tmp_path)["live"]["source"] == "live"
    expected = "snapshot" if server.dialect.log_snapshot else "none"
    assert manifest(tmp_path)["paused"]["source"] in (expected, "none")


def test_a_task_fails_once(fleet: Emulator, tmp_path: Path) -> None:
    archive(fleet, tmp_path)
    log = tmp_path / "tasks" / manifest(tmp_path)["live"]["folder"] / "messages.jsonl"
    log.write_text("{")
    fleet.faults.add("status", path="/logs$", status=500, count=None, body='{"message": "Internal error."}')
    made = archive(fleet, tmp_path, name=["live"], fail_on="none")
    assert made["summary"]["failed"] == 1 and made["error_kinds"] == {"server": 1}


def test_another_header_changes_nothing(fleet: Emulator, tmp_path: Path) -> None:
    archive(fleet, tmp_path, headers={"X-Request-From": "one"})
    before = tree(tmp_path)
    assert not archive(fleet, tmp_path, headers={"X-Request-From": "another"})["changed"]
    assert tree(tmp_path) == before


def test_the_key_is_not_kept_inside_the_archive(
    fleet: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    made = archive(fleet, tmp_path, redaction_key=None)
    assert made.kind == "invalid" and "would hold its own redaction key" in made.msg
    assert not list(tmp_path.iterdir())


def test_two_runs_cannot_share_an_archive(fleet: Emulator, tmp_path: Path) -> None:
    from ansible_collections.coder.tasks.plugins.module_utils.archive.store import Archive

    with Archive(str(tmp_path), None):
        refused = archive(fleet, tmp_path)
    assert refused.kind == "busy" and "nother run" in refused.msg


def test_somebody_is_told_how_it_stands_while_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work ends only once that was told."""
    monkeypatch.setattr(progress, "SILENCE", 0.01)
    told = threading.Event()
    progress.each(lambda _item: None if told.wait(30) else pytest.fail("nothing was told"), [1], 1, meanwhile=told.set)


class _Minute:
    """A clock on which each look is a second later than the last."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


def test_progress_is_told_where_it_is_seen_and_else_kept_in_a_file(tmp_path: Path) -> None:
    told: list[str] = []
    seen = Progress(Context({}, progress=told.append, clock=_Minute()), str(tmp_path), Outcomes(3))
    unseen = Progress(Context({}, clock=_Minute()), str(tmp_path), Outcomes(3))
    seen.step()
    assert len(told) == 1 and told[0].startswith("1 done of 3, 0 failed, about ") and not os.listdir(tmp_path)
    for _task in range(2):
        seen.step()
    seen.close()
    assert told[-1].startswith("3 done of 3, 0 failed, after ")
    unseen.step()
    assert json.loads((tmp_path / "progress.json").read_text()) == {"done": 1, "selected": 3, "failed": 0}
    unseen.close()
    assert not os.listdir(tmp_path)
    for options, path in (({"state": "verified"}, str(tmp_path)), ({}, str(tmp_path / "not there"))):
        quiet = Progress(Context(options, clock=_Minute()), path, Outcomes(3))
        quiet.step()
        quiet.close()
    assert not os.listdir(tmp_path)
