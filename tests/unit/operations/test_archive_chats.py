# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chats in an archive: collected, proven and kept, against emulated servers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from calling import Call, call

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.backend import ChatsBackend
from ansible_collections.coder.tasks.plugins.module_utils.operations.archive.read_chat import READINGS
from emulator import CHAT_DIALECTS, Emulator
from emulator.chats import Chat, Chats

Servers = Callable[..., Emulator]
KEY = "a key for these tests only"
TOKEN = "gh" + "p_" + "a1B2" * 9


def archive(server: Emulator, path: Path, **options: Any) -> Call:
    return call("archive", server, **{"path": str(path), "redaction_key": KEY, "wait_timeout": 5.0, **options})


def manifest(path: Path) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in map(json.loads, (path / "manifest.jsonl").read_text().splitlines())}


def about(path: Path, chat: Chat) -> dict[str, Any]:
    return dict(json.loads((path / "chats" / chat.id / "chat.json").read_text()))


def log(path: Path, chat: Chat, name: str = "messages.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "chats" / chat.id / name).read_text().splitlines()]


def texts(path: Path, chat: Chat, name: str = "messages.jsonl") -> list[str]:
    return ["".join(part["text"] for part in line["content"]) if line.get("content") and line["id"] else "--"
            for line in log(path, chat, name)]  # fmt: skip


def tree(path: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in sorted(path.rglob("*"))}


def assert_sound(path: Path) -> None:
    done = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=path, capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def chats_of(server: Emulator) -> Chats:
    assert server.state.chats is not None
    return server.state.chats


def ask(server: Emulator, path: str) -> str:
    headers = {"Coder-Session-Token": server.token}
    return requests.get(f"{server.url}/api/v2/chats/{path}", headers=headers, timeout=5).text


def without_id(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "chat_id"}


def edit(chat: Chat, number: int, text: str, answer: str) -> None:
    """What an edit of a message does: all from it on vanishes, and the chat goes on with new ids."""
    del chat.messages[number:]
    chat.say(text, answer)
    chat.updated = chat.world.now()


@pytest.fixture
def server(emulator: Servers) -> Emulator:
    return emulator("", chats="chats-2.38")


@pytest.fixture
def family(server: Emulator) -> Chat:
    """A chat with a tool call, a file and a sub-agent."""
    chat = server.create_chat("Look at it", answer="I do.", labels={"coder.tasks/name": "fix"})
    chat.call_tool("execute", {"command": "ls"}, {"output": "a.txt"})
    chat.attach(chats_of(server).create_file(chat.owner, "notes.txt", b"hello\n"))
    server.create_chat("Look there", parent=chat)
    return chat


# What is saved


def test_a_family_is_saved_with_all_that_belongs_to_it(server: Emulator, family: Chat, tmp_path: Path) -> None:
    old = server.create_chat("Long ago", archived=True)
    server.create_chat("Not mine", owner="bob")
    done = archive(server, tmp_path)
    assert not done.failed and not done.writes
    assert (done["source"], done["scope"], done["audit_log"]) == ("chats", "own", None)
    assert done["archive"]["chats"] == 3 and done["archive"]["tasks"] == 0
    assert {name: done["summary"][name] for name in ("selected", "created", "live", "incomplete", "messages")} == {
        "selected": 3, "created": 3, "live": 3, "incomplete": 0, "messages": 9,
    }  # fmt: skip
    entries, (child,) = manifest(tmp_path), family.children
    assert set(entries) == {family.id, child.id, old.id}
    entry = entries[family.id]
    assert (entry["kind"], entry["name"], entry["owner"], entry["complete"]) == ("chat", "fix", "alice", True)
    assert (entries[child.id]["parent"], entries[child.id]["root"], entry["parent"]) == (family.id, family.id, None)
    assert entries[old.id]["archived"] is True
    saved = about(tmp_path, family)
    assert saved["chat"]["children"] == [child.id] and saved["chat"]["id"] == family.id
    assert saved["cost"] == json.loads(ask(server, f"{family.id}/cost"), object_hook=without_id)
    assert saved["cost"]["request_count"] > 0
    (file,) = saved["attachments"]
    assert (file["name"], file["media_type"], file["error_kind"]) == ("notes.txt", "text/plain", None)
    assert (tmp_path / "chats" / family.id / file["file"]).read_bytes() == b"hello\n"
    assert file["file"] in entry["files"]
    raw = json.loads(ask(server, f"{family.id}/messages?limit=200"))
    assert log(tmp_path, family) == sorted(raw["messages"], key=lambda message: int(message["id"]))
    assert_sound(tmp_path)


@pytest.mark.parametrize("dialect", list(CHAT_DIALECTS))
def test_every_dialect_is_saved_and_proven(emulator: Servers, tmp_path: Path, dialect: str) -> None:
    server = emulator("", chats=dialect)
    chat = server.create_chat("One")
    chat.attach(chats_of(server).create_file(chat.owner, "notes.txt", b"hello\n"))
    done = archive(server, tmp_path, all_owners=True, source="chats")
    assert not done.failed and done["scope"] == "deployment" and done["summary"]["incomplete"] == 0
    assert (about(tmp_path, chat)["cost"] is None) is not CHAT_DIALECTS[dialect].cost
    assert archive(server, tmp_path, all_owners=True, source="chats", state="verified")["verification"]["go"]
    assert not archive(server, tmp_path, all_owners=True, source="chats")["changed"]


def test_a_chat_that_cannot_be_right_is_a_failure_of_its_own(server: Emulator, tmp_path: Path) -> None:
    server.create_chat("Fine")
    odd = server.create_chat("Odd", owner="alice")
    bobs = server.create_chat("Odd too", owner="bob")
    odd.title = bobs.title = 7  # type: ignore[assignment]
    done = archive(server, tmp_path, all_owners=True, fail_on="none")
    assert done["error_kinds"] == {"protocol": 2} and done["summary"]["created"] == 1
    assert done["audit_log"] == {"named": 3, "read": 1, "gone": 0}
    assert {entry["name"] for entry in manifest(tmp_path).values()} == {"Fine"}


def test_an_unchanged_chat_costs_no_write_and_no_file(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    before = tree(tmp_path)
    again = archive(server, tmp_path)
    assert not again["changed"] and again["summary"]["unchanged"] == 2
    assert tree(tmp_path) == before
    paths = [entry.path for entry in again.requests]
    assert not [path for path in paths if "/files/" in path], "a file is never changed under its id"
    assert sorted(path.rsplit("/", 1)[-1] for path in paths if family.id in path) == [family.id, "messages"], (
        "it costs nothing more while it does not change"
    )


def test_what_changes_is_saved_again(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    family.say("More", "Yes.")
    again = archive(server, tmp_path)
    assert (again["summary"]["changed"], again["summary"]["unchanged"]) == (1, 1)
    assert texts(tmp_path, family)[-2:] == ["More", "Yes."]
    assert manifest(tmp_path)[family.id]["earlier"] == 0
    assert_sound(tmp_path)


def test_a_server_of_tasks_and_chats_gives_both(emulator: Servers, tmp_path: Path) -> None:
    server = emulator("2.34", chats="chats-2.35")
    server.create_task("a-task")
    server.create_chat("A chat")
    done = archive(server, tmp_path / "all")
    assert done["source"] == "both" and done["summary"]["created"] == 2
    assert (done["archive"]["tasks"], done["archive"]["chats"]) == (1, 1)
    assert {entry.get("kind", "task") for entry in manifest(tmp_path / "all").values()} == {"task", "chat"}
    for source, count in (("tasks", 1), ("chats", 1), ("both", 2)):
        some = archive(server, tmp_path / f"of-{source}", source=source)
        assert some["source"] == source and some["summary"]["created"] == count
    assert (tmp_path / "of-tasks" / "tasks").is_dir() and not (tmp_path / "of-tasks" / "chats").exists()
    proof = archive(server, tmp_path / "all", state="verified")
    assert proof["verification"]["go"] and proof["verification"]["safe_to_delete"] == 2


def test_without_chats_an_archive_is_of_the_format_that_older_versions_read(emulator: Servers, tmp_path: Path) -> None:
    server = emulator("2.34", chats="chats-2.35")
    server.create_task("a-task")
    archive(server, tmp_path)
    assert json.loads((tmp_path / "archive.json").read_text())["format"] == 2
    server.create_chat("A chat")
    archive(server, tmp_path)
    assert json.loads((tmp_path / "archive.json").read_text())["format"] == 3
    assert {entry["format"] for entry in manifest(tmp_path).values()} == {2, 3}
    assert archive(server, tmp_path, state="verified")["verification"]["seal"] == "intact"
    assert not archive(server, tmp_path)["changed"]


def test_a_server_without_chats_is_told(emulator: Servers, tmp_path: Path) -> None:
    server = emulator("2.34")
    server.create_task("a-task")
    assert archive(server, tmp_path / "any")["source"] == "tasks"
    refused = archive(server, tmp_path / "chats", source="chats")
    assert refused.kind == "unsupported" and "has no chats" in refused.msg


@pytest.mark.parametrize("options", [
    {"template": "ai"}, {"status": "active"}, {"select": "name == 'x'"}, {"owner": "bob"},
])  # fmt: skip
def test_what_only_tasks_have_chooses_tasks(emulator: Servers, tmp_path: Path, options: dict[str, Any]) -> None:
    server = emulator("2.34", chats="chats-2.35")
    server.create_chat("A chat")
    done = archive(server, tmp_path, **options)
    assert done["source"] == "tasks" and done["summary"]["selected"] == 0
    for source in ("chats", "both"):
        refused = archive(server, tmp_path, source=source, **options)
        assert refused.kind == "invalid" and f"'{next(iter(options))}' chooses tasks only" in refused.msg


def test_chats_are_found_by_name_and_by_id(server: Emulator, family: Chat, tmp_path: Path) -> None:
    other = server.create_chat("Another", owner="bob")
    server.create_chat("Not asked for")
    done = archive(server, tmp_path, name=["fix", other.id, "nobody"], fail_on="none")
    assert done["missing_names"] == ["nobody"] and done["failures"][0]["msg"].startswith("There is no such chat")
    assert set(manifest(tmp_path)) == {family.id, family.children[0].id, other.id}
    assert done["scope"] == "own"


def test_a_chat_that_was_named_and_cannot_be_right_is_told(server: Emulator, tmp_path: Path) -> None:
    odd = server.create_chat("Odd")
    odd.title = 7  # type: ignore[assignment]
    done = archive(server, tmp_path, name=[odd.id])
    assert done["error_kinds"] == {"protocol": 1} and done["missing_names"] == [] and done["summary"]["created"] == 0


@pytest.mark.parametrize("everybodys", [False, True])
def test_only_chats_of_the_organization_are_chosen(server: Emulator, tmp_path: Path, everybodys: bool) -> None:
    mine, bobs = server.create_chat("Mine"), server.create_chat("Of bob", owner="bob")
    options: dict[str, Any] = {"source": "chats", "all_owners": everybodys}
    done = archive(server, tmp_path / "coder", organization="coder", **options)
    assert set(manifest(tmp_path / "coder")) == ({mine.id, bobs.id} if everybodys else {mine.id})
    assert done["scope"] == ("organization" if everybodys else "own")
    other = json.dumps({"id": "0b6ff1b5-5d0b-4c37-9a4d-000000000001", "name": "other"})
    server.faults.add("status", path="/organizations/other$", status=200, body=other, count=None,
                      headers={"Content-Type": "application/json"})  # fmt: skip
    assert archive(server, tmp_path / "other", organization="other", **options)["summary"]["selected"] == 0


def test_shards_are_disjoint_and_keep_families_together(server: Emulator, tmp_path: Path) -> None:
    for number in range(12):
        server.create_chat("Child", parent=server.create_chat(f"Root {number}"))
    parts = []
    for index in (1, 2, 3):
        archive(server, tmp_path / str(index), shard={"index": index, "count": 3})
        parts.append(manifest(tmp_path / str(index)))
    assert sum(map(len, parts)) == len(set().union(*parts)) == 24
    assert all(entry["root"] in part for part in parts for entry in part.values())


def test_a_chat_that_is_archived_between_two_lists_is_read_once(
    server: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, labelled = server.create_chat("Moving"), ChatsBackend.labelled

    def moving(self: ChatsBackend, labels: dict[str, str], archived: bool, told: Any) -> Any:
        found = labelled(self, labels, archived, told)
        chats_of(server).set_archived(chat, True)
        return found

    monkeypatch.setattr(ChatsBackend, "labelled", moving)
    done = archive(server, tmp_path)
    assert done["summary"]["selected"] == 1 and manifest(tmp_path)[chat.id]["archived"] is True


# Whose they are


def test_everybodys_chats_are_named_by_the_audit_log(server: Emulator, family: Chat, tmp_path: Path) -> None:
    bobs = server.create_chat("Of bob", owner="bob")
    gone = server.create_chat("Gone", owner="bob")
    chats_of(server).delete(gone)
    done = archive(server, tmp_path, all_owners=True, expect_scope="deployment")
    assert not done.failed, done.msg
    assert done["scope"] == "deployment" and done["audit_log"] == {"named": 3, "read": 2, "gone": 1}
    assert set(manifest(tmp_path)) == {family.id, family.children[0].id, bobs.id}


def test_without_the_audit_log_only_ones_own_are_seen(server: Emulator, family: Chat, tmp_path: Path) -> None:
    bobs = server.create_chat("Of bob", owner="bob")
    done = archive(server, tmp_path, all_owners=True, user="bob")
    assert set(manifest(tmp_path)) == {bobs.id} and done["scope"] == "own" and done["audit_log"] is None
    assert any("may not read the audit log" in warning for warning in done.warnings)
    refused = archive(server, tmp_path, all_owners=True, user="bob", expect_scope="deployment")
    assert refused.kind == "forbidden" and "all_owners" in refused.msg


def test_an_audit_log_that_fails_is_not_one_that_may_not_be_read(
    server: Emulator, family: Chat, tmp_path: Path
) -> None:
    server.faults.add("status", path="/audit$", status=500, body='{"message":"Broken."}', count=None)
    done = archive(server, tmp_path, all_owners=True, retries=0)
    assert done.kind == "server" and not done.warnings and not (tmp_path / "manifest.jsonl").exists()


# What a reading is


def test_a_chat_that_goes_while_it_is_read_is_a_failure_of_its_own(
    server: Emulator, family: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, messages = server.create_chat("Gone"), ChatsBackend.messages

    def going(self: ChatsBackend, item: Any, since_id: int | None = None) -> Any:
        found = messages(self, item, since_id)
        if item["id"] == gone.id:
            chats_of(server).delete(gone)
        return found

    monkeypatch.setattr(ChatsBackend, "messages", going)
    done = archive(server, tmp_path)
    assert done["error_kinds"] == {"not_found": 1} and "it is gone" in done.msg
    assert done["summary"]["created"] == 3 and manifest(tmp_path)[gone.id]["lacks"] == []


def test_a_chat_at_work_is_saved_and_marked(server: Emulator, family: Chat, tmp_path: Path) -> None:
    family.status = "running"
    done = archive(server, tmp_path)
    entry = manifest(tmp_path)[family.id]
    assert not done.failed and entry["lacks"] == ["running"] and not entry["complete"]
    assert done["archive"]["logs"]["partial"] == 1
    proof = archive(server, tmp_path, state="verified")
    assert proof["verification"]["reasons"] == {"running": 1} and not proof["verification"]["go"]
    assert archive(server, tmp_path, state="verified", accept=["running"])["verification"]["go"]
    family.status = "waiting"
    assert archive(server, tmp_path, state="verified")["verification"]["go"], "what it shows at rest is all there"
    archive(server, tmp_path)
    assert manifest(tmp_path)[family.id]["complete"]


@pytest.mark.parametrize(("moves", "rests"), [(1, True), (READINGS - 1, True), (READINGS, False)])
def test_a_chat_that_moves_is_read_again(
    server: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int, rests: bool
) -> None:
    chat = server.create_chat("Move")
    messages, left = ChatsBackend.messages, [moves]

    def moving(self: ChatsBackend, item: Any, since_id: int | None = None) -> Any:
        found = messages(self, item, since_id)
        if left[0]:
            left[0] -= 1
            chat.say("And", "then")
            chat.updated = chat.world.now() + moves - left[0]
        return found

    monkeypatch.setattr(ChatsBackend, "messages", moving)
    archive(server, tmp_path)
    assert manifest(tmp_path)[chat.id]["complete"] is rests
    assert manifest(tmp_path)[chat.id]["lacks"] == ([] if rests else ["running"])
    if rests:
        assert len(log(tmp_path, chat)) == len(chat.messages)


def test_what_waits_in_the_queue_is_saved_and_never_lost(server: Emulator, tmp_path: Path) -> None:
    chat = server.create_chat("First")
    chat.status = "running"
    world = chats_of(server)
    chat.queue = [world.new_queued([{"type": "text", "text": text}], chat.model_id) for text in ("one", "two")]
    archive(server, tmp_path)
    assert [entry["content"][0]["text"] for entry in about(tmp_path, chat)["queue"]] == ["one", "two"]
    chat.queue.append(world.new_queued([{"type": "text", "text": "three"}], chat.model_id))
    proof = archive(server, tmp_path, state="verified", accept=["running"])
    assert proof["verification"]["drifted"] == 1, "somebody else said something that is not saved"
    chat.queue, chat.status = [], "waiting"
    archive(server, tmp_path)
    saved = about(tmp_path, chat)
    assert saved["queue"] == [] and [entry["content"][0]["text"] for entry in saved["left_queue"]] == ["one", "two"]


def test_an_edit_takes_nothing_from_the_archive(server: Emulator, tmp_path: Path) -> None:
    chat = server.create_chat("One", answer="1")
    chat.say("Two", "2")
    archive(server, tmp_path)
    edit(chat, 2, "Other two", "II")
    assert archive(server, tmp_path, state="verified")["verification"]["drifted"] == 1
    archive(server, tmp_path)
    assert manifest(tmp_path)[chat.id]["earlier"] == 1
    assert texts(tmp_path, chat) == ["One", "1", "Other two", "II"]
    assert texts(tmp_path, chat, "messages.1.jsonl") == ["One", "1", "Two", "2"]
    assert texts(tmp_path, chat, "conversation.jsonl") == ["One", "1", "Two", "2", "--", "Other two", "II"]
    page = (tmp_path / "chats" / chat.id / "transcript.md").read_text()
    assert page.index("Two") < page.index("was taken out of the chat later") < page.index("Other two")
    assert archive(server, tmp_path, state="verified")["verification"]["go"]
    edit(chat, 0, "Zero", "0")
    archive(server, tmp_path)
    assert texts(tmp_path, chat, "conversation.jsonl") == [
        "One", "1", "Two", "2", "Other two", "II", "--", "Zero", "0",
    ]  # fmt: skip
    assert manifest(tmp_path)[chat.id]["earlier"] == 2 and not archive(server, tmp_path)["changed"]
    assert_sound(tmp_path)


def test_what_a_server_forgets_stays(server: Emulator, family: Chat, tmp_path: Path) -> None:
    """First a sub-agent's chat, which ages by itself, then its root, are purged by the retention job."""
    family.requests, family.spent = 3, 12
    (child,) = family.children
    archive(server, tmp_path)
    cost = about(tmp_path, family)["cost"]
    assert cost["request_count"] > 3
    family.requests = family.spent = child.requests = 0
    family.updated += 1.0  # as by a label
    chats_of(server).delete(child)
    again = archive(server, tmp_path)
    assert not again.failed and about(tmp_path, family)["cost"] == cost
    assert manifest(tmp_path)[child.id]["complete"] and len(log(tmp_path, child)) == 2
    chats_of(server).delete(family)
    last = archive(server, tmp_path)
    assert last["summary"]["selected"] == 0 and last["archive"]["chats"] == 2
    assert_sound(tmp_path)


# Files


def test_what_a_server_can_never_give_again_keeps_nothing_from_being_proven(
    server: Emulator, family: Chat, tmp_path: Path
) -> None:
    (file,) = family.files
    del chats_of(server).files[file.id]
    done = archive(server, tmp_path)
    assert not done.failed and done["summary"]["gone"] == 1 and done["summary"]["incomplete"] == 0
    entry, (told,) = manifest(tmp_path)[family.id], about(tmp_path, family)["attachments"]
    assert (entry["lacks"], entry["complete"], done["summary"]["created"]) == (["gone"], True, 2)
    assert (told["name"], told["file"], told["error_kind"]) == ("notes.txt", None, "not_found")
    assert told["gone"]["said"] == "Resource not found or you do not have access to this resource"
    assert told["gone"]["since"].endswith("Z")
    for page in ("transcript.html", "transcript.md"):
        text = (tmp_path / "chats" / family.id / page).read_text().replace("\\", "")
        assert "is gone from the server" in text and told["gone"]["said"] in text and "notes.txt" in text
    before = tree(tmp_path)
    again = archive(server, tmp_path)
    assert not again.failed and not again["changed"] and again["summary"]["gone"] == 1 and tree(tmp_path) == before
    report = tmp_path.with_suffix(".jsonl")
    proof = archive(server, tmp_path, state="verified", report=str(report))["verification"]
    assert proof["go"] and proof["gone"] == 1 and proof["reasons"] == {}
    held = [line["held"] for line in map(json.loads, report.read_text().splitlines()) if line["id"] == family.id]
    assert held[0]["gone"] == [{"id": file.id, "name": "notes.txt", **told["gone"]}]
    assert_sound(tmp_path)


def test_a_file_that_is_back_is_saved(server: Emulator, family: Chat, tmp_path: Path) -> None:
    (file,) = family.files
    del chats_of(server).files[file.id]
    archive(server, tmp_path)
    chats_of(server).files[file.id] = file
    assert archive(server, tmp_path, state="verified")["verification"]["drifted"] == 1
    assert archive(server, tmp_path, state="evacuated")["summary"]["changed"] == 1
    assert manifest(tmp_path)[family.id]["lacks"] == [] and "gone" not in manifest(tmp_path)[family.id]
    assert archive(server, tmp_path, state="verified")["verification"]["go"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, '{"message":"Forbidden."}'), (500, '{"message":"Broken."}'), (404, "<html>Not Found</html>"),
        (404, '{"message":"Route not found."}'),
    ],
)  # fmt: skip
def test_only_the_servers_word_of_this_file_says_that_it_is_gone(
    server: Emulator, family: Chat, tmp_path: Path, status: int, body: str
) -> None:
    server.faults.add("status", path="/files/", status=status, body=body, count=None)
    for _run in range(2):
        done = archive(server, tmp_path, retries=0)
        assert done.failed and "read a file of the chat alice/fix" in done.msg
    assert manifest(tmp_path)[family.id]["lacks"] == ["files"]
    assert about(tmp_path, family)["attachments"][0]["gone"] is None
    assert archive(server, tmp_path, state="verified")["verification"]["reasons"] == {"files": 1}
    server.faults.clear()
    (file,) = family.files
    del chats_of(server).files[file.id]
    archive(server, tmp_path)
    server.faults.add("status", path="/files/", status=status, body=body, count=None)
    proof = archive(server, tmp_path, state="verified", retries=0)
    assert proof.failed and not proof["verification"]["go"], "what was gone may be there"


def test_what_a_token_may_not_see_is_not_gone(server: Emulator, family: Chat, tmp_path: Path) -> None:
    """Whoever reads a chat that is shared may be refused its files in the same words."""
    del chats_of(server).files[family.files[0].id]
    family.readers[next(user.id for user in server.state.users if user.username == "bob")] = "read"
    done = archive(server, tmp_path / "bob", name=[family.id], token=server.tokens["bob"])
    assert done.kind == "not_found" and manifest(tmp_path / "bob")[family.id]["lacks"] == ["files"]
    his = server.create_chat("Mine", owner="bob")
    his.attach(chats_of(server).create_file(his.owner, "notes.txt", b"hello"))
    del chats_of(server).files[his.files[0].id]
    assert not archive(server, tmp_path / "alice", all_owners=True).failed, "a site owner sees everything"
    assert manifest(tmp_path / "alice")[his.id]["lacks"] == ["gone"]


def test_a_file_that_was_saved_outlives_the_server(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    place = tmp_path / "chats" / family.id / about(tmp_path, family)["attachments"][0]["file"]
    del chats_of(server).files[family.files[0].id]
    family.say("More", "Yes.")
    assert archive(server, tmp_path)["summary"]["gone"] == 0 and place.read_bytes() == b"hello\n"
    (place.parent / "chat.json").write_text("damaged")
    assert not archive(server, tmp_path).failed and place.read_bytes() == b"hello\n"
    assert archive(server, tmp_path, state="verified")["verification"]["go"]
    place.write_text("damaged")
    done = archive(server, tmp_path)
    assert done.kind == "conflict" and place.name in done.msg and "gone from the server" in done.msg
    assert place.read_text() == "damaged", "nothing takes the place of the only copy"
    place.write_bytes(b"hello\n")
    assert not archive(server, tmp_path).failed and archive(server, tmp_path, state="verified")["verification"]["go"]


def test_a_file_that_an_edit_took_out_is_asked_for_until_it_is_saved(
    server: Emulator, family: Chat, tmp_path: Path
) -> None:
    server.faults.add("status", path="/files/", status=500, body='{"message":"Broken."}', count=None)
    archive(server, tmp_path, retries=0)
    edit(family, 0, "Anew", "Yes.")
    family.files.clear()
    assert archive(server, tmp_path, retries=0).failed
    server.faults.clear()
    assert not archive(server, tmp_path).failed
    assert manifest(tmp_path)[family.id]["complete"] and manifest(tmp_path)[family.id]["lacks"] == []
    assert not archive(server, tmp_path)["changed"]


def test_a_damaged_file_is_read_again(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    place = tmp_path / "chats" / family.id / about(tmp_path, family)["attachments"][0]["file"]
    place.write_bytes(b"something else")
    proof = archive(server, tmp_path, state="verified")
    assert proof["verification"]["damaged"] == 1 and place.name in proof["verification"]["files"]["damaged"][0]
    assert archive(server, tmp_path)["summary"]["changed"] == 1
    assert place.read_bytes() == b"hello\n"
    assert archive(server, tmp_path, state="verified")["verification"]["go"]


def test_a_damaged_log_is_not_taken_for_the_truth(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    place = tmp_path / "chats" / family.id / "messages.jsonl"
    place.write_text(place.read_text().replace("Look", "Took"))
    family.messages.clear()
    done = archive(server, tmp_path)
    assert done["error_kinds"] == {"conflict": 1} and "is damaged, and the server has no other log" in done.msg
    assert "Took" in place.read_text()


def test_files_of_before_an_edit_stay(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    name = about(tmp_path, family)["attachments"][0]["file"]
    edit(family, 0, "Anew", "Yes.")
    del chats_of(server).files[family.files.pop().id]
    done = archive(server, tmp_path)
    assert not done.failed, done.msg
    assert (tmp_path / "chats" / family.id / name).read_bytes() == b"hello\n"
    assert name in manifest(tmp_path)[family.id]["files"] and manifest(tmp_path)[family.id]["lacks"] == []


def test_bytes_that_are_no_text_stay_as_they_are(server: Emulator, tmp_path: Path) -> None:
    chat = server.create_chat("Look")
    data = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    chat.attach(chats_of(server).create_file(chat.owner, "../../x.html", data, "image/png"))
    archive(server, tmp_path)
    (file,) = about(tmp_path, chat)["attachments"]
    assert file["file"].endswith(".png") and (tmp_path / "chats" / chat.id / file["file"]).read_bytes() == data


# Redaction and seal


def test_a_secret_that_is_a_key_counts_as_taken_out(server: Emulator, tmp_path: Path) -> None:
    chat = server.create_chat("Look", answer="I do.")
    chat.call_tool("execute", {TOKEN: "the value says nothing"}, {"output": "a.txt"})
    archive(server, tmp_path)
    entry = manifest(tmp_path)[chat.id]
    assert entry["redacted"] and entry["redactions"] == {"github-token": 1} and entry["lacks"] == ["redacted"]
    assert archive(server, tmp_path, state="verified")["verification"]["reasons"] == {"redacted": 1}


def test_no_secret_is_left_anywhere(server: Emulator, tmp_path: Path) -> None:
    chat = server.create_chat(f"Use {TOKEN}", answer=f"I use {TOKEN}", labels={"coder.tasks/name": f"x {TOKEN}"})
    chat.call_tool("execute", {"command": f"curl -H 'X: {TOKEN}'", "id": TOKEN, TOKEN: 1}, {"output": [TOKEN]})
    chat.call_tool("login", {"password": "hunter2"}, f'{{"token": "{TOKEN}"}}', is_error=True)
    chat.attach(chats_of(server).create_file(chat.owner, f"{TOKEN}.txt", f"a {TOKEN}".encode()))
    chat.queue = [chats_of(server).new_queued([{"type": "text", "text": TOKEN}], chat.model_id)]
    chat.fail(f"The key {TOKEN} was refused")
    done = archive(server, tmp_path)
    assert not done.failed, done.msg
    for file in tmp_path.rglob("*"):
        assert TOKEN not in file.name and "hunter2" not in file.name and TOKEN.lower() not in file.name
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes() and b"hunter2" not in file.read_bytes(), file
    entry = manifest(tmp_path)[chat.id]
    assert entry["lacks"] == ["redacted"] and entry["complete"] and entry["redactions"]["github-token"] > 8
    assert [message["id"] for message in log(tmp_path, chat)] == [message.id for message in chat.messages]
    assert archive(server, tmp_path, state="verified", accept=["redacted"])["verification"]["go"]
    assert not archive(server, tmp_path)["changed"]
    other = archive(server, tmp_path, state="verified", redact_values=["Oslo"])
    assert other["verification"]["reasons"] == {"other_rules": 1}


@pytest.mark.parametrize("name", ["chat.json", "messages.jsonl"])
def test_what_somebody_changed_is_not_sealed_again(server: Emulator, family: Chat, tmp_path: Path, name: str) -> None:
    archive(server, tmp_path)
    place = tmp_path / "chats" / family.id / name
    data = place.read_bytes()
    place.write_bytes(data.replace(b"I do.", b"I did.") if name == "messages.jsonl" else data.replace(b"fix", b"fox"))
    forge(tmp_path, family, name)
    proof = archive(server, tmp_path, state="verified")
    assert proof["verification"]["seal"] == "broken" and proof["verification"]["damaged"] == 1
    assert proof["verification"]["reasons"] == {"seal": 1}
    family.say("More", "Yes.")
    done = archive(server, tmp_path, fail_on="none")
    assert done["error_kinds"] == {"conflict": 1} and "does not have the archive's key" in done["failures"][0]["msg"]


def forge(path: Path, chat: Chat, name: str) -> None:
    """Make every checksum fit what was changed, as somebody without the key can."""
    import hashlib

    def fit(entry: dict[str, Any], file: str) -> None:
        data = (path / "chats" / chat.id / file).read_bytes()
        entry["files"][file] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    place = path / "chats" / chat.id / "chat.json"
    if name != "chat.json":
        held = json.loads(place.read_text())
        fit(held["archive"], name)
        place.write_text(json.dumps(held, indent=2, sort_keys=True) + "\n")
    entries = manifest(path)
    for file in (name, "chat.json"):
        fit(entries[chat.id], file)
    entries[chat.id]["bytes"] = sum(file["bytes"] for file in entries[chat.id]["files"].values())
    lines = [json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False) for entry in entries.values()]
    (path / "manifest.jsonl").write_text("".join(f"{line}\n" for line in lines))
    found = subprocess.run("find * -type f ! -name SHA256SUMS ! -name index.sqlite | LC_ALL=C sort | xargs sha256sum",
                           shell=True, cwd=path, capture_output=True, check=True, timeout=60)  # fmt: skip
    (path / "SHA256SUMS").write_bytes(found.stdout)


def test_a_lost_manifest_is_made_again_from_the_folders(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    before = (tmp_path / "manifest.jsonl").read_bytes()
    (tmp_path / "manifest.jsonl").unlink()
    (tmp_path / ".unfinished").write_bytes(b"")
    (tmp_path / "chats" / f".new-{family.id}").mkdir()
    (tmp_path / "chats" / family.id).rename(tmp_path / "chats" / f".old-{family.id}")
    for chat in [*family.children, family]:
        chats_of(server).delete(chat)
    archive(server, tmp_path)
    assert (tmp_path / "manifest.jsonl").read_bytes() == before
    assert_sound(tmp_path)


# Proof


def test_an_evacuation_proves_chats_and_deletes_tasks_only(emulator: Servers, tmp_path: Path) -> None:
    server = emulator("2.34", chats="chats-2.35")
    server.create_task("a-task")
    chat = server.create_chat("A chat")
    archive(server, tmp_path / "archive")
    report = tmp_path / "report.jsonl"
    done = archive(server, tmp_path / "archive", state="evacuated", report=str(report))
    assert not done.failed and done.writes == ["DELETE " + done.writes[0].split()[1]]
    assert done["summary"]["deleted"] == 1 and done["summary"]["kept"] == 1
    lines = {line["kind"]: line for line in map(json.loads, report.read_text().splitlines())}
    assert (lines["task"]["action"], lines["chat"]["action"]) == ("deleted", "kept")
    assert lines["chat"]["command"] is None and chats_of(server).chats[chat.id] is chat
    chat.say("More", "Yes.")
    again = archive(server, tmp_path / "archive", state="evacuated", source="chats")
    assert again["summary"]["changed"] == 1 and again["verification"]["drifted"] == 1 and not again.writes
    assert archive(server, tmp_path / "archive", state="verified", source="chats")["verification"]["go"]


def test_archive_info_tells_of_chats(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    server.create_chat("New")
    found = call("archive_info", server, path=str(tmp_path), redaction_key=KEY)
    assert not found.failed and found["source"] == "chats"
    verdicts = {line["task"]: (line["kind"], line["verdict"], line["action"]) for line in found["tasks"]}
    assert verdicts == {
        "alice/fix": ("chat", "safe_to_delete", None), "alice/Look there": ("chat", "safe_to_delete", None),
        "alice/New": ("chat", "missing", None),
    }  # fmt: skip


def test_an_unreadable_chat_is_a_failure_of_its_own(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    server.faults.add("status", path=f"{family.id}/messages", status=500, body='{"message":"Broken."}', count=None)
    done = archive(server, tmp_path, retries=0)
    assert done.failed and done["error_kinds"] == {"server": 1} and done["summary"]["unchanged"] == 1
    entry = manifest(tmp_path)[family.id]
    assert entry["error_kind"] == "server" and entry["messages"] == 5 and len(log(tmp_path, family)) == 5
    proof = archive(server, tmp_path, state="verified", retries=0)
    assert proof["verification"]["unreadable"] == 1


def test_check_mode_predicts_and_writes_nothing(server: Emulator, family: Chat, tmp_path: Path) -> None:
    predicted = archive(server, tmp_path / "archive", check=True)
    assert predicted["changed"] and predicted["summary"]["created"] == 2
    assert not list(tmp_path.iterdir())


def test_a_file_that_no_message_tells_of_has_to_be_held(server: Emulator, family: Chat, tmp_path: Path) -> None:
    archive(server, tmp_path)
    family.files.append(chats_of(server).create_file(family.owner, "made.txt", b"by a tool"))
    assert archive(server, tmp_path, state="verified")["verification"]["drifted"] == 1
    archive(server, tmp_path)
    assert archive(server, tmp_path, state="verified")["verification"]["go"]
    assert {file["name"] for file in about(tmp_path, family)["attachments"]} == {"notes.txt", "made.txt"}
