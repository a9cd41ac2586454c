# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing unproven is deleted, whatever becomes of the archive, and nothing partial is called whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from calling import Call, call

from ansible_collections.coder.tasks.plugins.module_utils.archive.wholeness import CLASSES
from emulator import Emulator
from emulator.request import Request

Servers = Callable[..., Emulator]
KEY = "a key for these tests only"
JSON = {"Content-Type": "application/json"}


def archive(server: Emulator, path: Path, state: str = "present", **options: Any) -> Call:
    given = {"path": str(path), "redaction_key": KEY, "wait_timeout": 5.0, "all_owners": True}
    return call("archive", server, **{**given, "state": state, **options})


def says(*contents: str) -> list[dict[str, Any]]:
    return [
        {"id": number, "content": content, "role": ("agent", "user")[number % 2],
         "time": f"2026-06-01T12:00:{number:02}Z"}
        for number, content in enumerate(contents)
    ]  # fmt: skip


def left(server: Emulator) -> set[str]:
    return {task.name for task in server.state.visible_tasks()}


def verdicts(made: Call) -> dict[str, str]:
    first = made["verification"]["first"]
    return {label.split("/")[1]: verdict for verdict, labels in first.items() for label in labels}


def manifest(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "manifest.jsonl").read_text().splitlines()]


def folder(path: Path, name: str) -> Path:
    return path / "tasks" / next(entry["folder"] for entry in manifest(path) if entry["name"] == name)


def held(path: Path, name: str) -> list[str]:
    """What the archive holds of a task, over all lives."""
    place = folder(path, name)
    file = place / "conversation.jsonl"
    lines = (file if file.exists() else place / "messages.jsonl").read_text().splitlines()
    return [json.loads(line)["content"] for line in lines]


def seal_checksums(path: Path, name: str) -> None:
    """Make every unkeyed checksum fit what lies in a task's folder now, as somebody without the key can."""
    place = folder(path, name)
    about = json.loads((place / "task.json").read_text())
    lines = manifest(path)
    entry = next(line for line in lines if line["name"] == name)
    for file in about["archive"]["files"]:
        about["archive"]["files"][file] = _sum(place / file)
    (place / "task.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n")
    entry["files"] = {file: _sum(place / file) for file in entry["files"]}
    entry["bytes"] = sum(file["bytes"] for file in entry["files"].values())
    _write_manifest(path, lines)


def _sum(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _write_manifest(path: Path, lines: list[dict[str, Any]]) -> None:
    texts = (json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for line in lines)
    (path / "manifest.jsonl").write_text("".join(f"{text}\n" for text in texts))
    _write_sums(path)


def _write_sums(path: Path) -> None:
    names = [line.split("  ", 1)[1] for line in (path / "SHA256SUMS").read_text().splitlines()]
    (path / "SHA256SUMS").write_text("".join(f"{_sum(path / name)['sha256']}  {name}\n" for name in names))


@pytest.fixture
def saved(emulator: Servers, tmp_path: Path) -> tuple[Emulator, Path]:
    """Three tasks that are safe to delete, and their archive."""
    server = emulator()
    for name in ("one", "two", "victim"):
        server.create_task(name).api.set_messages(says("hello", f"I am {name}"))
    assert not archive(server, tmp_path / "archive").failed
    assert archive(server, tmp_path / "archive", "verified")["verification"]["go"]
    return server, tmp_path / "archive"


# The archive was changed


@pytest.mark.parametrize("redact", [True, False])
@pytest.mark.parametrize("collects_again", [True, False])
def test_other_text_with_fresh_checksums_is_no_proof(
    emulator: Servers, tmp_path: Path, redact: bool, collects_again: bool
) -> None:
    server = emulator()
    for name in ("one", "victim"):
        server.create_task(name).api.set_messages(says("hello", f"I am {name}"))
    archive(server, tmp_path, redact=redact)
    (folder(tmp_path, "victim") / "messages.jsonl").write_text('{"content":"nothing of worth","id":0}\n')
    seal_checksums(tmp_path, "victim")
    if collects_again:
        again = archive(server, tmp_path, redact=redact)
        assert again.kind == "conflict" and "does not have the archive's key" in again.msg
        assert "was changed by somebody who does not have its key" in again.warnings[0]
    proof = archive(server, tmp_path, "verified", redact=redact)
    assert verdicts(proof) == {"one": "safe_to_delete", "victim": "damaged"}
    assert proof["verification"]["seal"] == "broken" and not proof["verification"]["go"]
    assert archive(server, tmp_path, "evacuated", redact=redact, accept=list(CLASSES))["summary"]["deleted"] == 1
    assert left(server) == {"victim"}


@pytest.mark.parametrize(("key", "value"), [
    ("redacted", False), ("lacks", []), ("complete", True), ("source", "live"), ("error_kind", None), ("life", 1),
    ("redaction", None), ("format", 1), ("seal", None),
])  # fmt: skip
def test_the_manifest_alone_is_believed_in_nothing(emulator: Servers, tmp_path: Path, key: str, value: Any) -> None:
    server = emulator()
    task = server.create_task("victim", state="paused")
    task.set_snapshot(says("the token is gh" + "p_" + "a1B2" * 9)[:1])
    archive(server, tmp_path)
    lines = manifest(tmp_path)
    lines[0][key] = value
    _write_manifest(tmp_path, lines)
    archive(server, tmp_path, "evacuated", fail_on="none")
    assert left(server) == {"victim"}


@pytest.mark.parametrize(("key", "value"), [
    ("files", None), ("files", {"task.json": 7}), ("folder", 7), ("messages", "two"), ("id", None), ("redactions", []),
    ("last_time", 5), ("versions", None),
])  # fmt: skip
def test_a_line_that_is_no_entry_ends_nothing(saved: tuple[Emulator, Path], key: str, value: Any) -> None:
    server, path = saved
    lines = manifest(path)
    lines[0][key] = value
    _write_manifest(path, lines)
    made = archive(server, path, "verified", fail_on="none")
    assert made["verification"]["safe_to_delete"] == 3, "the folders tell what the manifest does not"
    assert made["verification"]["files"]["intact"] is False
    assert not archive(server, path).failed
    assert archive(server, path, "verified")["verification"]["go"]


def test_a_line_that_is_taken_out_breaks_the_seal(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    shutil.rmtree(folder(path, "victim"))
    _write_manifest_of = [line for line in manifest(path) if line["name"] != "victim"]
    sums = [line for line in (path / "SHA256SUMS").read_text().splitlines() if "_victim_" not in line]
    (path / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    _write_manifest(path, _write_manifest_of)
    proof = archive(server, path, "verified", fail_on="none")
    assert proof["verification"]["files"]["top"] == [] and proof["verification"]["seal"] == "broken"


@pytest.mark.parametrize("name", ["index.html", "index.csv", "index.md", "manifest.jsonl", "archive.json"])
def test_every_file_at_the_top_is_sealed(saved: tuple[Emulator, Path], name: str) -> None:
    server, path = saved
    text = (path / name).read_text()
    (path / name).write_text(text + "\n" if name == "archive.json" else text.replace("victim", "nobody"))
    assert not archive(server, path, "verified", fail_on="none")["verification"]["files"]["intact"]
    _write_sums(path)
    proof = archive(server, path, "verified", fail_on="none")["verification"]
    assert proof["files"]["top"] == [] and proof["seal"] == ("intact" if name == "archive.json" else "broken")


def test_without_the_key_it_is_said_what_cannot_be_told(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    proof = archive(server, path, "verified", redaction_key="another key for these tests", fail_on="none")
    assert proof["verification"]["seal"] == "other_key"
    assert proof["verification"]["unprovable"] == 3 and proof["verification"]["reasons"] == {"other_key": 3}
    archive(server, path, "evacuated", redaction_key="another key for these tests", accept=list(CLASSES))
    assert left(server) == {"one", "two", "victim"}


@pytest.mark.parametrize("options", [
    {"redact": False}, {"redact_values": ["hello there"]}, {"redaction_key": "another key for these tests"},
])  # fmt: skip
def test_what_cannot_be_redacted_in_the_same_way_is_unprovable(
    saved: tuple[Emulator, Path], options: dict[str, Any]
) -> None:
    server, path = saved
    made = archive(server, path, "evacuated", accept=list(CLASSES), **options)
    assert set(verdicts(made).values()) == {"unprovable"} and left(server) == {"one", "two", "victim"}
    assert made.kind == "invalid" and "collect again" in made.msg
    archive(server, path, **options)
    assert archive(server, path, "evacuated", **options)["summary"]["deleted"] == 3


@pytest.mark.parametrize("file", ["messages.jsonl", "task.json", "transcript.md"])
@pytest.mark.parametrize("kind", ["link", "folder link", "hard to read", "fifo"])
def test_only_a_regular_file_of_the_archive_counts(saved: tuple[Emulator, Path], file: str, kind: str) -> None:
    server, path = saved
    place = folder(path, "victim")
    if kind == "folder link":
        shutil.move(place, path.parent / "elsewhere")
        place.symlink_to(path.parent / "elsewhere")
    else:
        shutil.move(place / file, path.parent / file)
        if kind == "link":
            (place / file).symlink_to(path.parent / file)
        elif kind == "fifo":
            os.mkfifo(place / file)
    proof = archive(server, path, "verified", fail_on="none")
    assert verdicts(proof)["victim"] == "damaged" and not proof["verification"]["files"]["intact"]
    archive(server, path, "evacuated", fail_on="none")
    assert left(server) == {"victim"}


def test_a_manifest_cannot_name_files_outside(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    lines = manifest(path)
    victim = next(line for line in lines if line["name"] == "victim")
    shutil.copytree(folder(path, "victim"), path.parent / "elsewhere")
    victim["folder"] = "../../elsewhere"
    texts = "".join(json.dumps(line, sort_keys=True, separators=(",", ":")) + "\n" for line in lines)
    sums = (path / "SHA256SUMS").read_text().replace(_sum(path / "manifest.jsonl")["sha256"],
                                                     hashlib.sha256(texts.encode()).hexdigest())  # fmt: skip
    (path / "manifest.jsonl").write_text(texts)
    (path / "SHA256SUMS").write_text(sums)
    archive(server, path, "evacuated", fail_on="none")
    assert left(server) == {"victim"}


# The archive goes away while tasks are deleted


def evacuate_and(server: Emulator, path: Path, happens: Callable[[], None], many: int = 40) -> tuple[Call, int]:
    """Evacuate many tasks; after a few deletions something happens. :returns: the call, and how many were left then."""
    for number in range(many):
        server.create_task(f"task-{number}").api.set_messages(says(f"I am {number}"))
    archive(server, path)
    handle, gate, remaining = server._app._handle, threading.Lock(), [0]

    async def watch(request: Request) -> Any:
        now = len(server.state.visible_tasks())
        if request.method == "DELETE" and now <= many - 5 and gate.acquire(blocking=False):
            happens()
            remaining[0] = now
        return await handle(request)

    server._app._handle = watch  # type: ignore[method-assign]
    return archive(server, path, "evacuated", concurrency=4), remaining[0]


@pytest.mark.parametrize("what", ["tasks", "all", "swapped", "moved"])
def test_nothing_more_is_deleted_once_the_folder_is_gone(emulator: Servers, tmp_path: Path, what: str) -> None:
    server, path = emulator(), tmp_path / "archive"

    def happens() -> None:
        if what == "tasks":
            (path / "tasks").rename(tmp_path / "tasks")
        elif what == "all":
            path.rename(tmp_path / "old")
            shutil.rmtree(tmp_path / "old")
        else:
            path.rename(tmp_path / "old")
            if what == "swapped":
                shutil.copytree(tmp_path / "old", path)

    made, remaining = evacuate_and(server, path, happens)
    assert made.kind == "io" and "no longer" in made.msg
    assert remaining - len(left(server)) <= 4, "only the requests that were under way"
    assert made["changed"] and made["summary"]["deleted"] == 40 - len(left(server))
    assert made["verification"]["safe_to_delete"] >= made["summary"]["deleted"]


def test_a_file_that_is_emptied_meanwhile_keeps_its_task(emulator: Servers, tmp_path: Path) -> None:
    server, emptied = emulator(), []

    def happens() -> None:
        for name in sorted(left(server)):
            emptied.append(name)
            (folder(tmp_path / "archive", name) / "messages.jsonl").write_text("")

    made, _remaining = evacuate_and(server, tmp_path / "archive", happens)
    assert len(set(emptied) - left(server)) <= 4, "only those whose DELETE was under way"
    assert made["verification"]["damaged"] == len(left(server)) > 20


def test_a_run_that_was_killed_before_the_disk_had_all_is_settled_first(
    saved: tuple[Emulator, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, path = saved
    (path / ".unfinished").write_text("")
    from ansible_collections.coder.tasks.plugins.module_utils.archive import files

    order: list[str] = []
    sync, delete = files.sync, server._app._handle

    def synced(place: str) -> None:
        order.append("sync")
        sync(place)

    async def handle(request: Request) -> Any:
        if request.method == "DELETE":
            order.append("delete")
        return await delete(request)

    monkeypatch.setattr(files, "sync", synced)
    monkeypatch.setattr(server._app, "_handle", handle)
    assert archive(server, path, "evacuated")["summary"]["deleted"] == 3
    assert order.index("delete") > 9, "every file of three tasks and the top"


# What the server says


STRANGE = [
    ("empty list", {"status": 200, "body": '{"logs":[]}'}, {"active": "empty", "paused": "protocol"}),
    ("null", {"status": 200, "body": '{"logs":null}'}, {"active": "empty", "paused": "protocol"}),
    ("409", {"status": 409, "body": '{"message":"Cannot fetch logs for task in current state."}'}, "conflict"),
    ("400", {"status": 400, "body": '{"message":"Task is paused."}'}, "conflict"),
    ("no route", {"status": 404, "body": '{"message":"Route not found."}'}, "not_found unsupported"),
    ("404", {"status": 404, "body": '{"message":"Resource not found or you do not have access to this resource"}'},
     "forbidden"),
    ("403", {"status": 403, "body": '{"message":"Forbidden"}'}, "forbidden"),
    ("word of none", {"status": 200, "body": '{"logs":[],"snapshot":true}'}, {"active": "conflict", "paused": "none"}),
    ("empty snapshot",
     {"status": 200, "body": '{"logs":[],"snapshot":true,"snapshot_at":"2026-06-01T12:00:00Z"}'},
     {"active": "conflict", "paused": "none"}),
]  # fmt: skip


@pytest.mark.parametrize("state", ["active", "paused"])
@pytest.mark.parametrize("saved_before", [True, False])
@pytest.mark.parametrize(("fault", "expected"), [each[1:] for each in STRANGE], ids=[each[0] for each in STRANGE])
def test_only_the_servers_own_word_is_that_there_is_no_log(
    emulator: Servers, tmp_path: Path, fault: dict[str, Any], expected: Any, saved_before: bool, state: str
) -> None:
    server = emulator()
    task = server.create_task("odd", state=state)
    if state == "paused":
        task.set_snapshot(says("one", "two"))
    else:
        task.api.set_messages(says("one", "two"))
    if saved_before:
        archive(server, tmp_path)
    server.faults.add("status", path="/logs$", count=None, headers=JSON, **fault)
    reason = expected[state] if isinstance(expected, dict) else expected
    options: dict[str, Any] = {"retries": 0, "deadline": 3.0, "wait_timeout": 0.05, "fail_on": "none"}
    archive(server, tmp_path, **options)
    accept = [name for name in CLASSES if name not in ("none", "empty")]
    made = archive(server, tmp_path, "evacuated", accept=accept, **options)
    assert left(server) == {"odd"}
    assert set(made["verification"]["reasons"]) <= set(reason.split()), made["verification"]
    archive(server, tmp_path, "evacuated", accept=list(CLASSES), **options)
    acceptable = reason in ("none", "empty")
    assert left(server) == (set() if acceptable else {"odd"})
    if saved_before:
        assert held(tmp_path, "odd") == ["one", "two"], "what was saved is never lost to a worse reading"


def test_a_task_that_was_paused_after_it_was_listed_is_read_once_more(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("odd", state="paused").set_snapshot(says("one", "two"))
    token = {"Coder-Session-Token": server.token}
    listed = requests.get(f"{server.url}/api/v2/tasks", headers=token, timeout=10).text
    earlier = listed.replace('"status":"paused"', '"status":"active"', 1)
    assert earlier != listed
    server.faults.add("status", path="/tasks$", status=200, body=earlier, headers=JSON)
    refusal = '{"message":"Cannot fetch logs for task in current state."}'
    server.faults.add("status", path="/logs$", status=409, body=refusal, headers=JSON)
    assert not archive(server, tmp_path).failed and held(tmp_path, "odd") == ["one", "two"]


def test_a_log_that_comes_back_is_waited_for(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("frozen").api.set_messages(says("one"))
    body = '{"message":"Cannot fetch logs for task in current state.","detail":"Task status is \\"error\\"."}'
    server.faults.add("status", path="/logs$", status=409, count=3, headers=JSON, body=body)
    done = archive(server, tmp_path)
    assert not done.failed and held(tmp_path, "frozen") == ["one"]
    server.faults.add("status", path="/logs$", status=409, count=3, headers=JSON, body=body)
    assert archive(server, tmp_path, "evacuated")["summary"]["deleted"] == 1


def test_a_task_in_error_is_unreadable_whatever_is_accepted(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("broken", state="error")
    made = archive(server, tmp_path / "a", wait_timeout=0.1)
    assert made.kind == "conflict" and "cannot be read while it is in status error" in made.msg
    report = tmp_path / "report"
    made = archive(server, tmp_path / "a", "evacuated", wait_timeout=0.1, accept=list(CLASSES), report=str(report))
    assert verdicts(made) == {"broken": "unreadable"} and left(server) == {"broken"}
    line = json.loads(report.read_text())
    assert line["command"] == "ansible localhost -m coder.tasks.task -a 'name=alice/broken state=absent'"
    assert line["held"]["log"] == "unreadable" and line["action"] is None and line["scope"] == "deployment"


# Agents that have forgotten, and logs with holes


def restart(server: Emulator, name: str, remembers: bool) -> None:
    """Pause and resume a task; its agent has its conversation again, or only a greeting."""
    task = server.state.task(name)
    before = [vars(message) for message in task.api.conversation()]
    call("task", server, name=name, state="paused")
    call("task", server, name=name, state="active", template="ai", input="x")
    if remembers:
        server.state.task(name).api.set_messages(before)


@pytest.mark.parametrize("accept", [[], ["snapshot", "cut", "none", "redacted", "empty", "gaps"]])
def test_an_agent_that_may_have_forgotten_keeps_its_task(
    emulator: Servers, tmp_path: Path, accept: list[str]
) -> None:
    server = emulator()
    server.create_task("fix").api.set_messages(says(*map(str, range(8))))
    restart(server, "fix", remembers=False)
    assert archive(server, tmp_path)["summary"]["incomplete"] == 1
    made = archive(server, tmp_path, "evacuated", accept=accept)
    assert verdicts(made) == {"fix": "incomplete"} and made["verification"]["reasons"] == {"restarted": 1}
    assert made["verification"]["accept"] == ["restarted"] and left(server) == {"fix"}
    assert not manifest(tmp_path)[0]["complete"]


@pytest.mark.parametrize("seen_before", ["live", "snapshot", "not at all"])
@pytest.mark.parametrize("remembers", [True, False])
def test_what_was_saved_before_a_restart_shows_whether_the_agent_remembers(
    emulator: Servers, tmp_path: Path, seen_before: str, remembers: bool
) -> None:
    server = emulator()
    task = server.create_task("fix")
    task.api.set_messages(says(*map(str, range(14))))
    before = [vars(message) for message in task.api.conversation()]
    if seen_before == "live":
        archive(server, tmp_path)
    call("task", server, name="fix", state="paused")
    if seen_before == "snapshot":
        archive(server, tmp_path)
    call("task", server, name="fix", state="active", template="ai", input="x")
    if remembers:
        server.state.task("fix").api.set_messages(before)
    archive(server, tmp_path)
    made = archive(server, tmp_path, "evacuated")
    proven = remembers and seen_before != "not at all"
    assert left(server) == (set() if proven else {"fix"})
    assert manifest(tmp_path)[0]["complete"] is proven
    if seen_before != "not at all":
        assert held(tmp_path, "fix")[-14:][:1] or made
        assert set(map(str, range(4, 14))) <= set(held(tmp_path, "fix")), "of both lives"


def test_a_log_that_grows_after_a_restart_proves_no_more_than_it_did(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("fix").api.set_messages(says(*map(str, range(8))))
    restart(server, "fix", remembers=False)
    archive(server, tmp_path)
    api = server.state.task("fix").api
    api.set_messages([*map(vars, api.conversation()), {"id": 1, "role": "user", "content": "and now?"}])
    archive(server, tmp_path)
    assert manifest(tmp_path)[0]["lacks"] == ["restarted"]
    archive(server, tmp_path, "evacuated")
    assert left(server) == {"fix"}


def test_two_lives_are_one_conversation_with_a_seam(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    server.create_task("fix").api.set_messages(says("the first plan", "go on"))
    archive(server, tmp_path)
    restart(server, "fix", remembers=False)
    server.state.task("fix").api.set_messages(
        [{"id": 0, "role": "agent", "content": "another plan", "time": "2026-07-01T12:00:00Z"}]
    )
    archive(server, tmp_path)
    assert held(tmp_path, "fix")[:2] == ["the first plan", "go on"] and held(tmp_path, "fix")[3:] == ["another plan"]
    place = folder(tmp_path, "fix")
    for page in ("transcript.html", "transcript.md"):
        text = (place / page).read_text()
        seam = text.index("was started anew here")
        assert text.index("the first plan") < seam < text.index("another plan")
    assert [json.loads(line)["content"] for line in (place / "messages.jsonl").read_text().splitlines()] == [
        "another plan"
    ]


@pytest.mark.parametrize(("ids", "reasons"), [([0, 7, 8], {"gaps": 1}), ([3, 4], {"gaps": 1}), ([], {"empty": 1})])
def test_a_live_log_that_cannot_be_known_to_be_whole_is_not(
    emulator: Servers, tmp_path: Path, ids: list[int], reasons: dict[str, int]
) -> None:
    server = emulator()
    server.create_task("odd").api.set_messages([{"id": number, "content": f"message {number}"} for number in ids])
    archive(server, tmp_path)
    assert not manifest(tmp_path)[0]["complete"]
    made = archive(server, tmp_path, "evacuated")
    assert made["verification"]["reasons"] == reasons and left(server) == {"odd"}
    assert archive(server, tmp_path, "evacuated", accept=list(reasons))["summary"]["deleted"] == 1


def test_a_gap_is_shown_where_it_is(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    numbers = (0, 7, 8, 10)
    server.create_task("odd").api.set_messages([{"id": number, "content": f"words {number}"} for number in numbers])
    archive(server, tmp_path)
    for page in ("transcript.html", "transcript.md"):
        text = (folder(tmp_path, "odd") / page).read_text()
        assert text.index("words 0") < text.index("Messages 1 to 6 are missing here.") < text.index("words 7")
        assert text.index("words 8") < text.index("Message 9 is missing here.") < text.index("words 10")
        assert "partial" in text


def test_a_shorter_log_is_held_by_a_longer_one_and_a_longer_one_is_not(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    server.state.task("one").api.set_messages(says("hello"))
    server.state.task("two").api.set_messages([*says("hello", "I am two"), *says("", "", "more")[2:]])
    turned = [{**each, "id": 1 - each["id"]} for each in says("hello", "I am victim")]
    server.state.task("victim").api.set_messages(turned)
    made = archive(server, path, "evacuated")
    assert verdicts(made) == {"one": "safe_to_delete", "two": "drifted", "victim": "drifted"}
    assert left(server) == {"two", "victim"}


# Whose tasks were seen


def with_role(server: Emulator, **rights: Any) -> None:
    """Give bob other rights than a member's."""
    for name, value in rights.items():
        setattr(server.state.user("bob"), name, value)


ROLES = [
    ({"owner": True}, "deployment", {"as", "bs"}, set()),
    ({"organization_admin": True}, "organization", {"as", "bs"}, {"as"}),
    ({}, "own", {"bs"}, set()),
    ({"owner": True, "scope": "task:read"}, "deployment", {"as", "bs"}, {"as", "bs"}),
]


@pytest.mark.parametrize(("rights", "scope", "listed", "unreadable"), ROLES)
def test_whose_tasks_were_seen_is_told(
    dialect: str, emulator: Servers, tmp_path: Path, rights: dict[str, Any], scope: str, listed: set[str],
    unreadable: set[str],
) -> None:  # fmt: skip
    server = emulator(dialect)
    server.create_task("as").api.set_messages(says("hello"))
    server.create_task("bs", owner="bob").api.set_messages(says("hello"))
    with_role(server, **rights)
    token = {"token": server.tokens["bob"], "fail_on": "none"}
    made = archive(server, tmp_path, **token)
    assert made["scope"] == scope and {entry["name"] for entry in manifest(tmp_path)} == listed
    assert bool(made.warnings) is (scope == "own")
    assert {failure["task"].split("/")[1] for failure in made["failures"]} == unreadable
    assert all("not read its log" in failure["msg"] for failure in made["failures"])
    made = archive(server, tmp_path, "verified", accept=list(CLASSES), **token)
    assert {name for name, verdict in verdicts(made).items() if verdict == "unreadable"} == unreadable
    assert made["verification"]["go"] is (not unreadable)


def test_a_token_that_sees_less_than_expected_is_refused_before_anything_is_done(
    emulator: Servers, tmp_path: Path
) -> None:
    server = emulator()
    server.create_task("bs", owner="bob")
    for state in ("present", "verified", "evacuated"):
        for name in ("info", "module"):
            if name == "info":
                made = call("archive_info", server, path=str(tmp_path / "a"), all_owners=True,
                            token=server.tokens["bob"], expect_scope="deployment")  # fmt: skip
            else:
                made = archive(server, tmp_path / "a", state, token=server.tokens["bob"], expect_scope="deployment")
            assert made.kind == "forbidden" and "site owner" in made.msg and not (tmp_path / "a").exists()
            assert not made.writes and not [entry for entry in made.requests if "/tasks" in entry.path]


@pytest.mark.parametrize("fault", [
    {"status": 404, "body": '{"message":"Route not found."}'}, {"status": 500, "body": '{"message":"no"}'},
    {"status": 200, "body": "{}"}, {"status": 200, "body": "<html>"},
])  # fmt: skip
def test_a_server_that_does_not_say_leaves_it_unproven(
    emulator: Servers, tmp_path: Path, fault: dict[str, Any]
) -> None:
    server = emulator()
    server.create_task("one").api.set_messages(says("hello"))
    server.faults.add("status", path="/authcheck$", count=None, headers=JSON, **fault)
    options: dict[str, Any] = {"retries": 0, "deadline": 2.0}
    assert archive(server, tmp_path, **options)["scope"] == "unproven"
    made = archive(server, tmp_path, "verified", **options)
    assert made["verification"]["safe_to_delete"] == 1 and not made["verification"]["go"]
    assert "did not tell" in made["verification"]["no_go"][0]
    assert archive(server, tmp_path / "b", expect_scope="own", **options).kind == "forbidden"


@pytest.mark.parametrize(("options", "kind"), [
    ({"organization": "nobodys"}, "not_found"), ({"organization": ".."}, "invalid"), ({}, "auth"),
])  # fmt: skip
def test_what_was_meant_is_asked_for_and_not_unproven(
    emulator: Servers, tmp_path: Path, options: dict[str, Any], kind: str
) -> None:
    """A name that does not exist, and a session that ends, are mistakes whose sentences say so."""
    server = emulator()
    if kind == "auth":
        server.faults.add("status", path="/authcheck$", status=401, body='{"message": "Expired."}', count=None,
                          headers=JSON)  # fmt: skip
    for expected in ({}, {"expect_scope": "organization"}):
        assert archive(server, tmp_path, check=True, **expected, **options).kind == kind


@pytest.mark.parametrize(("options", "scope"), [
    ({"all_owners": False}, "own"), ({"all_owners": False, "owner": "alice"}, "own"),
    ({"all_owners": False, "owner": "bob"}, "own"), ({"all_owners": None, "name": ["one"]}, "own"),
    ({"organization": "coder"}, "organization"), ({}, "deployment"),
])  # fmt: skip
def test_the_scope_of_a_narrower_selection(
    emulator: Servers, tmp_path: Path, options: dict[str, Any], scope: str
) -> None:
    server = emulator()
    server.create_task("one")
    options = {"path": str(tmp_path), "redaction_key": KEY, "all_owners": True, **options}
    if options["all_owners"] is None:
        del options["all_owners"]
    assert call("archive", server, check=True, **options)["scope"] == scope


@pytest.mark.parametrize("owner", ["adam", "zoe"])
def test_who_may_not_read_all_proves_nothing_of_another_owner(emulator: Servers, tmp_path: Path, owner: str) -> None:
    server = emulator()
    server.state.create_user(owner)
    server.faults.add("status", path="/authcheck$", status=200, body='{"read": false}', count=None, headers=JSON)
    options = {"path": str(tmp_path), "redaction_key": KEY}
    assert call("archive", server, check=True, owner=owner, **options)["scope"] == "unproven"
    assert call("archive", server, check=True, owner="Alice", **options)["scope"] == "own"


def test_there_is_no_go_on_nothing(emulator: Servers, tmp_path: Path) -> None:
    server = emulator()
    archive(server, tmp_path)
    proof = archive(server, tmp_path, "verified")
    assert not proof["verification"]["go"] and "No task was seen" in proof["verification"]["no_go"][0]


# Places


@pytest.mark.parametrize("name", ["manifest.jsonl", "tasks/report", "report.jsonl", "../archive/x"])
@pytest.mark.parametrize("state", ["verified", "evacuated"])
def test_a_report_in_the_archive_is_refused(saved: tuple[Emulator, Path], name: str, state: str) -> None:
    server, path = saved
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    made = archive(server, path, state, report=str(path / name))
    assert made.kind == "invalid" and "would lie in the archive" in made.msg
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before
    assert left(server) == {"one", "two", "victim"}


def test_a_key_that_lives_for_one_job_is_told(
    emulator: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = emulator()
    server.create_task("one").api.set_messages(says("hello"))
    for job in ("a", "b"):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / f"home-{job}"))
        made = archive(server, tmp_path / "archive", redaction_key=None)
        assert bool(made.warnings) is (job == "b")
    assert "another redaction key" in made.warnings[0] and "home of its own" in made.warnings[0]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home-c"))
    proof = archive(server, tmp_path / "archive", "verified", redaction_key=None)
    assert proof["verification"]["unprovable"] == 1
    assert not (tmp_path / "home-c").exists(), "a proof makes no key"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/nope")
    assert "Give 'redaction_key'" in archive(server, tmp_path / "archive", redaction_key=None).msg


# The same as a question


def test_archive_info_never_fails_because_of_what_it_finds(saved: tuple[Emulator, Path]) -> None:
    server, path = saved
    server.create_task("broken", state="error")
    server.create_task("new").api.set_messages(says("hello"))
    (folder(path, "victim") / "messages.jsonl").write_text("")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    options = {"path": str(path), "redaction_key": KEY, "all_owners": True, "wait_timeout": 0.1}
    made = call("archive_info", server, **options)
    assert not made.failed and not made["changed"] and not made.writes
    found = {line["task"]: line["verdict"] for line in made["tasks"]}
    assert found == {"alice/broken": "missing", "alice/new": "missing", "alice/one": "safe_to_delete",
                     "alice/two": "safe_to_delete", "alice/victim": "damaged"}  # fmt: skip
    assert {name for name, count in made["summary"].items() if count} <= {"selected", "failed"}, "nothing is saved"
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before
    assert call("archive_info", server, check=True, **options)["verification"] == made["verification"]
