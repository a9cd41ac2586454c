# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proving an archive, and deleting what is proven."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, call

from emulator import Emulator
from emulator.request import Request

Servers = Callable[..., Emulator]
KEY = "a key for these tests only"
TOKEN = "gh" + "p_" + "a1B2" * 9
# A task of each class, and what has to be accepted for it.
CLASSES = {"live": [], "snapshot": ["snapshot"], "cut": ["snapshot", "cut"], "none": ["none"], "redacted": ["redacted"]}


def archive(server: Emulator, path: Path, state: str = "present", **options: Any) -> Call:
    given = {"path": str(path), "redaction_key": KEY, "wait_timeout": 5.0, "state": state, **options}
    return call("archive", server, **given)


def says(*contents: str) -> list[dict[str, Any]]:
    time = "2026-06-01T12:00:00Z"
    return [{"id": number, "content": content, "time": time} for number, content in enumerate(contents)]


def verdicts(made: Call) -> dict[str, list[str]]:
    first: dict[str, list[str]] = made["verification"]["first"]
    return {verdict: [label.removeprefix("alice/") for label in labels] for verdict, labels in first.items()}


def left(server: Emulator) -> set[str]:
    return {task.name for task in server.state.visible_tasks()}


@pytest.fixture
def saved(emulator: Servers, tmp_path: Path) -> tuple[Emulator, Path]:
    """A server with a task of each class, and its archive."""
    server = emulator(auto_snapshot=False)
    server.create_task("live").api.set_messages(says("hello", "hi"))
    server.create_task("snapshot", state="paused").set_snapshot(says("what", "that"))
    server.create_task("cut", state="paused").set_snapshot(says("[...content truncated, 99 left out...]\n\nend"))
    server.create_task("none", state="paused")
    server.create_task("redacted").api.set_messages(says(f"use {TOKEN}"))
    assert not archive(server, tmp_path / "archive").failed
    return server, tmp_path / "archive"


def test_only_what_was_read_live_and_whole_is_safe(saved: tuple[Emulator, Path]) -> None:
    proof = archive(*saved, "verified")
    assert not proof.failed and not proof["changed"]
    assert verdicts(proof) == {"safe_to_delete": ["live"], "incomplete": ["cut", "none", "redacted", "snapshot"]}
    assert proof["verification"]["reasons"] == {"cut": 1, "none": 1, "redacted": 1, "snapshot": 2}
    assert proof["verification"]["files"] == {"intact": True, "damaged": [], "top": [], "stray": []}


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_to_be_accepted_in_full(saved: tuple[Emulator, Path], name: str) -> None:
    assert verdicts(archive(*saved, "verified", name=name, accept=CLASSES[name])) == {"safe_to_delete": [name]}
    for missing in CLASSES[name]:
        accept = [each for each in ("snapshot", "cut", "none", "redacted") if each != missing]
        assert verdicts(archive(*saved, "verified", name=name, accept=accept)) == {"incomplete": [name]}


def test_what_speaks_against_a_task(saved: tuple[Emulator, Path], tmp_path: Path) -> None:
    server, path = saved
    server.create_task("missing")
    server.state.task("live").api.set_messages(says("hello", "hi", "more"))
    server.state.task("redacted").kill_agent()
    server.state.settings.dead_agent_delay = 0.0
    log = next((path / "tasks").glob("alice_snapshot*")) / "messages.jsonl"
    log.write_bytes(log.read_bytes().replace(b"what", b"that"))
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    proof = archive(*saved, "verified", accept=["none", "snapshot", "cut", "redacted"], report=str(tmp_path / "report"))
    assert verdicts(proof) == {
        "missing": ["missing"], "drifted": ["live"], "damaged": ["snapshot"], "unreadable": ["redacted"],
        "safe_to_delete": ["cut", "none"],
    }
    assert proof.failed and proof["error_kinds"] == {"io": 1, "unavailable": 1}
    assert proof["verification"]["files"]["damaged"] == [str(log.relative_to(path))]
    lines = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    assert [(line["task"], line["verdict"]) for line in lines][:2] == [
        ("alice/cut", "safe_to_delete"), ("alice/live", "drifted"),
    ]
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_a_log_that_cannot_be_read_is_not_one_that_is_not_there(emulator: Servers, tmp_path: Path) -> None:
    server = emulator(dead_agent_delay=0.0)
    server.create_task("dead").kill_agent()
    assert archive(server, tmp_path).kind == "unavailable"
    done = archive(server, tmp_path, "evacuated", accept=["none"])
    assert verdicts(done) == {"unreadable": ["dead"]} and done["verification"]["reasons"] == {"unavailable": 1}
    assert not done.writes


def test_another_key_proves_nothing(saved: tuple[Emulator, Path]) -> None:
    refused = archive(*saved, "verified", redaction_key="another key for these tests")
    assert refused.kind == "invalid" and "another redaction key" in refused.msg


def test_an_archive_without_redaction_is_proven_too(saved: tuple[Emulator, Path], tmp_path: Path) -> None:
    archive(saved[0], tmp_path / "raw", redact=False)
    assert "redacted" in verdicts(archive(saved[0], tmp_path / "raw", "verified", redact=False))["safe_to_delete"]


def test_evacuation_deletes_what_is_safe_and_nothing_else(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    predicted = archive(server, path, "evacuated", accept=["snapshot"], check=True)
    assert verdicts(predicted)["safe_to_delete"] == ["live", "snapshot"] and predicted["summary"]["deleted"] == 2
    assert left(server) == set(CLASSES)
    done = archive(server, path, "evacuated", accept=["snapshot"])
    assert done["changed"] and done["summary"]["deleted"] == 2 and not done.failed
    assert left(server) == {"cut", "none", "redacted"}
    for entry in done.requests:
        if entry.method == "DELETE":
            same = [each for each in done.requests if entry.path in each.path and each.method != "POST"]
            assert [each.path.removeprefix(entry.path) for each in same[-2:]] == ["/logs", ""], "read right before"
    again = archive(server, path, "evacuated", accept=["snapshot"])
    assert not again["changed"] and not again.writes
    assert again["archive"]["tasks"] == 5, "what is gone from the server stays in the archive"


def test_a_task_that_changed_is_saved_again_and_not_deleted(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    server.create_task("new").api.set_messages(says("not saved yet"))
    server.state.task("live").api.set_messages(says("hello", "hi", "more"))
    done = archive(server, path, "evacuated")
    assert verdicts(done)["drifted"] == ["live"] and verdicts(done)["missing"] == ["new"]
    assert done["summary"]["deleted"] == 0 and not done.writes
    assert (done["summary"]["created"], done["summary"]["changed"]) == (1, 1)
    assert archive(server, path, "evacuated")["summary"]["deleted"] == 2
    assert archive(server, path, "verified")["verification"]["files"]["intact"]


def test_a_change_between_proof_and_deletion_is_seen(
    saved: tuple[Emulator, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof before the evacuation says safe; the reading right before the DELETE says no."""
    server, path = saved
    assert verdicts(archive(server, path, "verified"))["safe_to_delete"] == ["live"]
    task, handle = server.state.task("live"), server._app._handle

    async def say_more(request: Request) -> Any:
        if request.path.endswith(f"{task.id}/logs"):
            task.api.set_messages(says("hello", "hi", "one last word"))
        return await handle(request)

    monkeypatch.setattr(server._app, "_handle", say_more)
    done = archive(server, path, "evacuated")
    assert done["summary"]["deleted"] == 0 and "live" in left(server)


def test_a_deletion_that_is_refused_is_a_failure(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    server.faults.add("status", method="DELETE", status=500, body='{"message": "no"}', count=None)
    done = archive(server, path, "evacuated")
    assert done.kind == "server" and done["error_kinds"] == {"server": 1}
    assert "live" in left(server) and done["summary"]["deleted"] == 0


def test_an_empty_archive_can_be_evacuated_into(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("live").api.set_messages(says("hello"))
    first = archive(server, tmp_path / "archive", "evacuated")
    assert not first.failed and first["verification"]["missing"] == 1 and first["summary"]["created"] == 1
    assert archive(server, tmp_path / "archive", "evacuated")["summary"]["deleted"] == 1


def test_a_report_that_cannot_be_written_is_told_before_anything_is_deleted(
    saved: tuple[Emulator, Path], tmp_path: Path
) -> None:
    server, path = saved
    refused = archive(server, path, "evacuated", report=str(tmp_path / "no-such-folder" / "report.jsonl"))
    assert refused.kind == "io" and "report" in refused.msg
    assert "live" in left(server)


def test_a_task_that_was_saved_with_another_key_stops_no_other(saved: tuple[Emulator, Path], tmp_path: Path) -> None:
    server, path = saved
    server.create_task("other").api.set_messages(says("words"))
    archive(server, path, redaction_key="another key of the tests", name=["other"])
    report = tmp_path / "report.jsonl"
    made = archive(server, path, "evacuated", report=str(report))
    assert made.kind == "invalid" and "another redaction key" in made.msg
    assert made["summary"]["deleted"] == 1 and made["changed"] and left(server) == {*CLASSES, "other"} - {"live"}
    lines = {line["task"]: line for line in map(json.loads, report.read_text().splitlines())}
    assert lines["alice/other"]["verdict"] == "unprovable" and lines["alice/live"]["action"] == "deleted"


def test_a_new_task_that_cannot_be_read_is_a_failure(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    server.create_task("new")
    server.faults.add("status", path=f"{server.state.task('new').id}/logs$", status=500, count=None,
                      body='{"message": "Internal error."}')  # fmt: skip
    made = archive(server, path, "evacuated", fail_on="none")
    assert [failure["task"] for failure in made["failures"]] == ["alice/new"]


def test_names_with_a_secret_are_taken_out_of_the_report(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("hunter22")
    report = tmp_path / "report.jsonl"
    for state in ("present", "verified"):
        archive(server, tmp_path / "archive", state, redact_values=["hunter22"], report=str(report), fail_on="none")
    assert "hunter22" not in "".join(file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file())


def test_evacuation_in_every_dialect(dialect: str, emulator: Servers, tmp_path: Path) -> None:
    server = emulator(dialect)
    server.create_task("live").api.set_messages(says("hello"))
    archive(server, tmp_path)
    done = archive(server, tmp_path, "evacuated")
    assert not done.failed, done.msg
    assert done["summary"]["deleted"] == 1 and len(done.writes) == 1
