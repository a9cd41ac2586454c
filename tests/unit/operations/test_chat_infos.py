# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that read chats, in every dialect: chat_info and chat_messages_info."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from altering import altered, told
from calling import Call, call
from chatting import path_of_chats

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import client
from emulator import Emulator, api_chats
from emulator.chats import Chat, Chats
from emulator.chats_dialects import CHAT_DIALECTS
from emulator.chats_parts import text_part
from emulator.chats_views import ChatViews

Start = Callable[..., Emulator]
OPERATIONS = ("chat_info", "chat_messages_info")
NAME = "coder.tasks/name"


@pytest.fixture(params=CHAT_DIALECTS)
def world(emulator: Start, request: pytest.FixtureRequest) -> Emulator:
    """Chats of two users: named, busy nowhere, one archived, one with a sub-agent."""
    server = emulator("", chats=request.param)
    server.create_chat("Fix the login", labels={NAME: "fix-login", "team/run": "night"}, answer="It is fixed.")
    parent = server.create_chat("Split the work", labels={"team/run": "night"})
    server.create_chat("Do one part", parent=parent, answer="One part is done.")
    server.create_chat("Long ago", archived=True, labels={NAME: "old"})
    server.create_chat("Of bob", owner="bob")
    return server


def titles(made: Call) -> list[str]:
    assert not made.failed, made.msg
    return sorted(chat["title"] for chat in made["chats"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_reading_writes_nothing_and_changes_nothing(world: Emulator, operation: str) -> None:
    for check in (False, True):
        made = call(operation, world, check=check, diff=True)
        assert not made.failed, made.msg
        assert made["changed"] is False and made.writes == [] and made.warnings == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_kind_of_failure(world: Emulator, operation: str) -> None:
    assert call(operation, world, token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb").kind == "auth"
    for fault, kind in (
        ({"kind": "status", "status": 403}, "forbidden"),
        ({"kind": "status", "status": 500}, "server"),
        ({"kind": "login"}, "protocol"),
        ({"kind": "garbage"}, "protocol"),
    ):
        world.faults.add(path=r"/chats$", count=None, **fault)
        assert call(operation, world, retries=0, deadline=2).kind == kind
        world.faults.clear()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_without_chats_says_so(emulator: Start, operation: str) -> None:
    made = call(operation, emulator("2.29"))
    assert made.kind == "unsupported" and "has no chats" in made.msg
    assert made["chats" if operation == "chat_info" else "conversations"] == []


def test_a_list_is_ones_own_and_says_so(world: Emulator) -> None:
    made = call("chat_info", world)
    assert titles(made) == ["Fix the login", "Split the work"]
    assert made["scope"] == "own" and made["summary"]["children"] == 1 and made["summary"]["total"] == 2


def test_what_is_archived_is_asked_for(world: Emulator) -> None:
    assert titles(call("chat_info", world, archived="only")) == ["Long ago"]
    everything = call("chat_info", world, archived="include")
    assert titles(everything) == ["Fix the login", "Long ago", "Split the work"]
    assert {chat["title"]: chat["purge_after"] is None for chat in everything["chats"]} == {
        "Fix the login": True, "Split the work": True, "Long ago": False
    }  # fmt: skip


def test_a_server_that_does_not_know_what_archived_means_is_not_believed(world: Emulator) -> None:
    altered(world, path_of_chats(world), lambda chats: chats)
    assert titles(call("chat_info", world, archived="only")) == []
    assert titles(call("chat_info", world, archived="include")) == ["Fix the login", "Split the work"]


def test_the_day_of_deletion_follows_from_the_last_change_and_the_retention(world: Emulator) -> None:
    chat = call("chat_info", world, name=["old"])["chats"][0]
    day, due = chat["updated_at"][:10], chat["purge_after"][:10]
    assert (date.fromisoformat(due) - date.fromisoformat(day)).days == 30
    chats_of(world).retention_days = 0
    assert call("chat_info", world, name=["old"])["chats"][0]["purge_after"] is None


@pytest.mark.parametrize(("status", "kind"), [(500, "server"), (403, None), (404, None)])
def test_a_retention_that_may_not_be_told_is_null_and_one_that_fails_a_failure(
    world: Emulator, status: int, kind: str | None
) -> None:
    """A day that is null reads as if the server kept it for ever."""
    body = '{"message":"No."}'
    world.faults.add("status", path="/retention-days$", status=status, body=body, count=None)
    made = call("chat_info", world, archived="only", retries=0)
    assert made.kind == kind and [chat["purge_after"] for chat in made["chats"]] == ([] if kind else [None]), made.msg


@pytest.mark.parametrize("changed", ["soon", "", "2026-13-21T00:00:00Z"])
def test_a_day_that_cannot_be_told_is_null(world: Emulator, changed: str) -> None:
    path = f"{path_of_chats(world)}?q=archived:true"
    altered(world, path, lambda chats: [{**chat, "updated_at": changed} for chat in chats], skip=1)
    made = call("chat_info", world, archived="only")
    assert titles(made) == ["Long ago"] and made["chats"][0]["purge_after"] is None


def test_a_day_after_the_last_of_all_days_is_null(world: Emulator) -> None:
    clock, late = chats_of(world).clock, datetime(9999, 12, 20, 12, tzinfo=UTC)
    named(world, "old").updated = (late - clock.wall(0.0)).total_seconds() / clock.factor
    chat = call("chat_info", world, name=["old"])["chats"][0]
    assert (chat["updated_at"][:10], chat["purge_after"]) == ("9999-12-20", None)


def test_labels_are_all_wanted(world: Emulator) -> None:
    assert titles(call("chat_info", world, labels={"team/run": "night"})) == ["Fix the login", "Split the work"]
    assert titles(call("chat_info", world, labels={"team/run": "night", NAME: "fix-login"})) == ["Fix the login"]
    assert titles(call("chat_info", world, labels={"team/run": "day"})) == []


def test_by_name_the_chat_is_found_archived_or_not(world: Emulator) -> None:
    made = call("chat_info", world, name=["fix-login", "old", "nobody"])
    assert titles(made) == ["Fix the login", "Long ago"]
    assert made["missing"] == ["nobody"] and made["scope"] == "named"
    assert titles(call("chat_info", world, name=["old"], archived="exclude")) == []


def test_two_of_one_name_are_both_told(world: Emulator) -> None:
    world.create_chat("Again", labels={NAME: "fix-login"})
    made = call("chat_info", world, name=["fix-login"])
    (warning,) = made.warnings
    assert titles(made) == ["Again", "Fix the login"] and "2 chats have the name 'fix-login'" in warning
    assert f"the oldest of them counts: {named(world, 'fix-login').id}." in warning


def test_by_id_a_site_owner_sees_everybodys(world: Emulator, tmp_path: Path) -> None:
    bobs = next(chat for chat in chats_of(world).roots() if chat.title == "Of bob")
    nobody = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    made = call("chat_info", world, id=[bobs.id, nobody])
    assert titles(made) == ["Of bob"] and made["missing"] == [nobody]
    alices = named(world, "fix-login").id
    assert call("chat_info", world, user="bob", id=[alices])["missing"] == [alices]
    listed = tmp_path / "ids"
    listed.write_text(f"# from the audit log\n{bobs.id}  # bob\n\n")
    assert titles(call("chat_info", world, ids_file=str(listed))) == ["Of bob"]


def test_ids_that_are_none_are_told_before_anything_is_asked(world: Emulator, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff")
    (tmp_path / "names").write_text("fix-login\n")
    for options, kind, says in (
        ({"id": ["fix-login"]}, "invalid", "'fix-login' is not the id of a chat"),
        ({"ids_file": str(tmp_path / "names")}, "invalid", "'fix-login' is not the id of a chat"),
        ({"ids_file": str(tmp_path / "none")}, "io", "No such file or directory"),
        ({"ids_file": str(tmp_path / "latin")}, "io", "it is not UTF-8 text"),
    ):
        made = call("chat_info", world, **options)
        assert (made.kind, made.requests) == (kind, []) and says in made.msg, made.msg


def test_an_id_that_is_given_twice_is_one_chat(world: Emulator) -> None:
    alices, nobody = named(world, "fix-login").id, "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    made = call("chat_info", world, id=[alices, nobody, alices.upper(), nobody.upper()])
    assert titles(made) == ["Fix the login"] and made["missing"] == [nobody]


def test_a_failure_says_whether_chats_were_listed_or_read(world: Emulator) -> None:
    alices = named(world, "fix-login").id
    world.faults.add("status", path="/chats", status=500, count=None)
    for options, says in (({}, "list"), ({"id": [alices]}, "read"), ({"name": ["fix-login"]}, "read")):
        assert f"Could not {says} the chats" in call("chat_info", world, retries=0, **options).msg


def test_a_route_that_is_missing_is_no_chat_that_is_gone(world: Emulator) -> None:
    """As where a proxy hands on some paths only."""
    chat = named(world, "fix-login")
    for body in ('{"message":"Route not found."}', "<html></html>"):
        world.faults.clear()
        world.faults.add("status", path=f"/chats/{chat.id}$", status=404, body=body, count=None)
        made = call("chat_info", world, id=[chat.id])
        assert made.failed and made["chats"] == [], made.result
    world.faults.clear()
    assert call("chat_info", world, id=[chat.id])["missing"] == []


def test_a_deployment_is_read_by_its_audit_log(world: Emulator) -> None:
    gone = world.create_chat("Gone", owner="bob")
    chats_of(world).delete(gone)
    made = call("chat_info", world, scope="deployment", archived="include")
    assert titles(made) == ["Fix the login", "Long ago", "Of bob", "Split the work"]
    assert made["scope"] == "deployment" and made["audit_log"] == {"named": 5, "read": 4, "gone": 1}
    refused = call("chat_info", world, user="bob", scope="deployment")
    assert refused.kind == "forbidden" and "audit log" in refused.msg


def test_a_deployment_is_read_to_the_end_of_its_audit_log(world: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "AUDIT_PAGE", 2)
    world.create_chat("Fifth")
    made = call("chat_info", world, scope="deployment")
    assert made["audit_log"] == {"named": 5, "read": 5, "gone": 0}
    assert len(world.journal.matching("GET", "/audit$")) == 3, "the last one is not full"


def test_what_the_audit_log_tells_beside_new_chats_names_none(world: Emulator) -> None:
    nobody = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"

    def among_others(log: dict[str, Any]) -> dict[str, Any]:
        entry = log["audit_logs"][0]
        others = [
            {**entry, "resource_id": nobody, "resource_type": "workspace"},
            {**entry, "resource_id": nobody, "action": "write"},
            {**entry, "resource_id": nobody, "action": None},
            {**entry, "resource_id": ""},
            {**entry, "resource_id": 7},
            {},
        ]
        return {**log, "audit_logs": [*others, entry, *log["audit_logs"]]}

    altered(world, "/api/v2/audit?q=resource_type:chat", among_others)
    made = call("chat_info", world, scope="deployment")
    assert made["audit_log"] == {"named": 4, "read": 4, "gone": 0} and not made.warnings, made.msg


def test_an_audit_log_that_fails_is_not_one_that_may_not_be_read(world: Emulator) -> None:
    for fault, kind in (({"status": 500}, "server"), ({"status": 401}, "auth"), ({"status": 404}, "forbidden")):
        world.faults.clear()
        world.faults.add("status", path="/api/v2/audit$", body='{"message":"No."}', count=None, **fault)
        made = call("chat_info", world, scope="deployment", retries=0)
        assert made.kind == kind and ("site owner" in made.msg) == (kind == "forbidden"), made.msg


def test_one_chat_of_a_deployment_that_cannot_be_read_is_a_warning(world: Emulator) -> None:
    bobs = next(chat for chat in chats_of(world).roots() if chat.title == "Of bob")
    broken = json.dumps({"id": bobs.id, "title": 5})
    world.faults.add("status", path=rf"/chats/{bobs.id}$", status=200, body=broken, count=None)
    made = call("chat_info", world, scope="deployment")
    assert titles(made) == ["Fix the login", "Split the work"]
    assert made["audit_log"] == {"named": 4, "read": 3, "gone": 0} and len(made.warnings) == 1
    alices = named(world, "fix-login").id
    by_id = call("chat_info", world, id=[bobs.id, alices])
    assert titles(by_id) == ["Fix the login"] and by_id["missing"] == [] and len(by_id.warnings) == 1
    assert call("chat_info", world, id=[bobs.id]).kind == "protocol"


def not_quite(chat: dict[str, Any]) -> list[tuple[Any, str]]:
    """What a list could hold in the place of a chat, and what is said of it."""
    return [
        (7, "it is no object"),
        ({**chat, "title": 5}, "its 'title' is int"),
        ({**chat, "status": None}, "its 'status' is NoneType"),
        ({name: value for name, value in chat.items() if name != "owner_id"}, "its 'owner_id' is missing"),
        ({**chat, "archived": "no"}, "its 'archived' is neither true nor false"),
        ({**chat, "labels": {"a": 5}}, "its 'labels' are no texts by name"),
        ({**chat, "labels": ["a"]}, "its 'labels' are no texts by name"),
        ({**chat, "children": {"a": 1}}, "its 'children' are no list"),
        ({**chat, "children": [chat, 7]}, "one of its 'children' is wrong: it is no object"),
        ({**chat, "children": [{**chat, "children": [{}]}]}, "one of its 'children' is wrong: its 'id' is missing"),
    ]


def test_one_chat_of_a_list_that_cannot_be_read_is_a_warning(world: Emulator) -> None:
    sound, odd = sorted(told(world, path_of_chats(world)), key=lambda chat: chat["title"])
    for wrong, says in not_quite(odd):
        world.faults.clear()
        altered(world, path_of_chats(world), lambda _chats, wrong=wrong: [wrong, sound], skip=1)
        made = call("chat_info", world)
        assert titles(made) == [sound["title"]] and len(made.warnings) == 1
        assert says in made.warnings[0] and "left out" in made.warnings[0]
        world.faults.clear()
        altered(world, path_of_chats(world), lambda _chats, wrong=wrong: [wrong], skip=1)
        alone = call("chat_info", world)
        assert alone.kind == "protocol" and says in alone.msg, "nothing that could be read"


@pytest.mark.parametrize("body", [{}, {"chats": []}, "none", 0, False])
def test_what_is_no_list_of_chats_is_not_taken_for_an_empty_one(world: Emulator, body: Any) -> None:
    altered(world, path_of_chats(world), lambda _chats: body, skip=1)
    made = call("chat_info", world)
    assert made.kind == "protocol" and f"{path_of_chats(world)} is not what Coder answers" in made.msg


def test_an_empty_list_may_be_null_as_go_writes_it(world: Emulator) -> None:
    altered(world, path_of_chats(world), lambda _chats: None, skip=1)
    assert titles(call("chat_info", world)) == []


@pytest.mark.parametrize("moves", [0, 4])
def test_all_chats_of_many_pages_are_told_also_where_their_order_moves(
    world: Emulator, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    """The order of a list is that of the last change, so a page can miss what moved to an earlier one."""
    monkeypatch.setattr(client, "PAGE", 3)
    for number in range(7):
        world.create_chat(f"More {number}")
    listed, left = api_chats.listed, [moves]

    def and_then_the_last_becomes_the_first(request: Any) -> list[Chat]:
        page = listed(request)
        if left[0] and request.query.get("limit") == "3":
            left[0] -= 1
            oldest = min(chats_of(world).roots(), key=lambda chat: chat.updated)
            oldest.updated = chats_of(world).now()
        return page

    monkeypatch.setattr(api_chats, "listed", and_then_the_last_becomes_the_first)
    made = call("chat_info", world)
    assert titles(made) == sorted(["Fix the login", "Split the work", *(f"More {number}" for number in range(7))])
    assert left == [0]


def test_a_status_of_a_newer_server_is_unknown_and_no_failure(world: Emulator) -> None:
    world.create_chat("Ahead", status="pondering")
    made = call("chat_info", world, status="unknown")
    assert titles(made) == ["Ahead"] and made["chats"][0]["busy"] is False
    assert made["chats"][0]["reason"] == "Coder gives it a status that is not known"


def test_children_stand_in_their_chat_or_behind_it(world: Emulator) -> None:
    nested = {chat["title"]: chat for chat in call("chat_info", world)["chats"]}
    assert [child["title"] for child in nested["Split the work"]["children"]] == ["Do one part"]
    flat = call("chat_info", world, children="flat")
    order = [chat["title"] for chat in flat["chats"]]
    assert order.index("Do one part") == order.index("Split the work") + 1 and len(order) == 3
    assert not any(chat["children"] for chat in flat["chats"]) and flat["summary"]["total"] == 2


def test_status_and_organization_are_both_wanted(world: Emulator) -> None:
    ours = world.state.organization["name"]
    elsewhere = ChatViews(chats_of(world)).chat(world.create_chat("Elsewhere"), listed=True)
    elsewhere["organization_id"] = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    listed = [ChatViews(chats_of(world)).chat(named(world, "fix-login"), listed=True), elsewhere]
    lists = f"{chats_of(world).dialect.prefixes[0]}/chats$"
    world.faults.add("status", path=lists, status=200, body=json.dumps(listed), count=None)
    assert titles(call("chat_info", world)) == ["Elsewhere", "Fix the login"]
    assert titles(call("chat_info", world, organization=ours)) == ["Fix the login"]
    assert titles(call("chat_info", world, organization=ours, status="waiting")) == ["Fix the login"]
    assert titles(call("chat_info", world, organization=ours, status="error")) == []


def test_an_error_is_told_with_its_kind_and_what_to_do(world: Emulator) -> None:
    error = {"message": "The key was refused.", "kind": "auth", "provider": "anthropic", "retryable": False}
    world.create_chat("Broken", status="error", last_error=error)
    chat = call("chat_info", world, status="error")["chats"][0]
    assert chat["last_error"]["kind"] == "auth" and chat["reason"].startswith("its last turn failed (auth): The key")


def test_a_condition_is_held_against_what_a_chat_is(world: Emulator) -> None:
    assert titles(call("chat_info", world, select="length(children) > `0`")) == ["Split the work"]
    assert titles(call("chat_info", world, select="children[?title == 'Do one part']")) == ["Split the work"]
    wrong = call("chat_info", world, select="last_error.knd == 'auth'")
    assert wrong.kind == "invalid" and "Did you mean 'kind'?" in wrong.msg
    assert "of a chat" in call("chat_info", world, select="titel == 'x'").msg


def test_a_cost_that_nobody_tells_is_null(world: Emulator) -> None:
    chat = call("chat_info", world, name=["fix-login"], cost=True, queue=True)["chats"][0]
    assert chat["queue"] == []
    if world.chat_dialect and world.chat_dialect.name in ("chats-2.34esr", "chats-2.35"):
        assert chat["cost"] is None
    else:
        assert set(chat["cost"]) == {"total_cost_micros", "request_count", "unpriced_request_count"}


def test_queue_and_cost_are_asked_for_only_where_they_are_wanted(world: Emulator) -> None:
    for wanted in ({}, {"queue": True, "cost": True}):
        made = call("chat_info", world, labels={"team/run": "night"}, **wanted)
        (child,) = (child for chat in made["chats"] for child in chat["children"])
        told = [{"queue", "cost"} & set(chat) for chat in (*made["chats"], child)]
        assert told == [set(wanted), set(wanted), set()]
        asked = [entry.path for entry in made.requests if entry.path.endswith(("/messages", "/cost"))]
        assert bool(asked) is bool(wanted) and not [path for path in asked if child["id"] in path]


def test_a_cost_that_may_not_be_known_is_null_and_a_server_that_fails_an_error(world: Emulator) -> None:
    for status, kind, costs in ((403, None, [None]), (404, None, [None]), (500, "server", [])):
        world.faults.add("status", path="/cost$", status=status, count=None)
        made = call("chat_info", world, name=["fix-login"], cost=True, retries=0)
        assert (made.kind, [chat["cost"] for chat in made["chats"]]) == (kind, costs), made.msg
        world.faults.clear()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nothing_is_read_by_nobody(world: Emulator, operation: str) -> None:
    none = call(operation, world, concurrency=0)
    assert (none.kind, none.requests) == ("invalid", []) and "concurrency=0 would never read" in none.msg
    assert not call(operation, world, concurrency=1).failed


def test_a_server_that_tells_no_costs_is_asked_once(world: Emulator) -> None:
    made = call("chat_info", world, cost=True, concurrency=1)
    asked = len(world.journal.matching("GET", "/cost$"))
    costs = [chat["cost"] for chat in made["chats"]]
    assert asked == (1 if costs == [None, None] else 2), made.msg
    assert (None in costs) == (world.chat_dialect.name in ("chats-2.34esr", "chats-2.35"))  # type: ignore[union-attr]


@pytest.mark.parametrize("dialect", [name for name, each in CHAT_DIALECTS.items() if each.cost])
@pytest.mark.parametrize("wrong", [None, "7", 1.5, True])
def test_a_cost_that_is_no_number_is_none(emulator: Start, dialect: str, wrong: Any) -> None:
    server = emulator("", chats=dialect)
    path = f"{path_of_chats(server)}/{server.create_chat().id}/cost"
    altered(server, path, lambda told: {**told, "total_cost_micros": wrong})
    cost = call("chat_info", server, cost=True)["chats"][0]["cost"]
    assert cost["total_cost_micros"] == 0 and cost["request_count"] > 0


@pytest.mark.parametrize("since", [0, 1])
def test_what_fits_a_page_is_asked_for_once(world: Emulator, since: int) -> None:
    made = call("chat_messages_info", world, name=["fix-login"], since_id=since)
    assert not made.failed and [entry.path.endswith("/messages") for entry in made.requests].count(True) == 1


def test_messages_are_typed_and_in_order(world: Emulator) -> None:
    entry = call("chat_messages_info", world, name=["fix-login"])["conversations"][0]
    assert [(message["role"], message["text"], message["input"]) for message in entry["messages"]] == [
        ("user", "Fix the login", True), ("assistant", "It is fixed.", False)
    ]  # fmt: skip
    assert entry["last_answer"] == "It is fixed." and entry["complete"] is True and entry["omitted"] == 0


def test_messages_are_read_to_their_end_whatever_their_number(world: Emulator) -> None:
    chat = world.create_chat("First", labels={NAME: "long"})
    for number in range(260):
        chat.say(f"question {number}", f"answer {number}")
    chat.queue = [chats_of(world).new_queued([text_part("and then")], chat.model_id)]
    entry = call("chat_messages_info", world, name=["long"])["conversations"][0]
    assert [queued["text"] for queued in entry["queue"]] == ["and then"], "the first page alone tells it"
    texts = [message["text"] for message in entry["messages"]]
    assert len(texts) == 522 and texts[2] == "question 0" and texts[-1] == "answer 259"
    ids = [message["id"] for message in entry["messages"]]
    since = call("chat_messages_info", world, name=["long"], since_id=ids[10])["conversations"][0]
    assert [message["id"] for message in since["messages"]] == ids[11:]
    tail = call("chat_messages_info", world, name=["long"], tail=3)["conversations"][0]
    assert [message["id"] for message in tail["messages"]] == ids[-3:] and tail["omitted"] == 519
    few = call("chat_messages_info", world, name=["long"], max_bytes=2000)["conversations"][0]
    assert 0 < len(few["messages"]) < 20 and few["messages"][-1]["id"] == ids[-1]


def test_bytes_are_those_of_utf_8(world: Emulator) -> None:
    world.create_chat("Grüße", labels={NAME: "greet"}, answer="Schöne Grüße ☕")
    whole = call("chat_messages_info", world, name=["greet"])
    messages = whole["conversations"][0]["messages"]

    def size(value: Any) -> int:
        return len(json.dumps(value, ensure_ascii=False).encode())

    assert whole["summary"]["bytes"] == size(messages)
    for limit, omitted in ((sum(map(size, messages)), 0), (sum(map(size, messages)) - 1, 1)):
        few = call("chat_messages_info", world, name=["greet"], max_bytes=limit)["conversations"][0]
        assert (few["omitted"], few["messages"]) == (omitted, messages[omitted:])


def test_a_conversation_is_complete_where_it_was_read_from_its_beginning_and_nothing_runs(world: Emulator) -> None:
    chat = named(world, "fix-login")

    def is_complete(**options: int) -> bool:
        return bool(call("chat_messages_info", world, name=["fix-login"], **options)["conversations"][0]["complete"])

    assert is_complete() and is_complete(since_id=0) and not is_complete(since_id=1)
    chat.status = "running"
    assert not is_complete() and not is_complete(since_id=1)


@pytest.mark.parametrize("option", ["since_id", "max_bytes", "tail"])
def test_limits_of_messages(world: Emulator, option: str) -> None:
    below = call("chat_messages_info", world, name=["fix-login"], **{option: -1})
    assert (below.kind, below.requests) == ("invalid", []) and f"'{option}' is -1" in below.msg
    for limit, count in ((0, 2 if option == "since_id" else 0), (1_000_000, 0 if option == "since_id" else 2)):
        entry = call("chat_messages_info", world, name=["fix-login"], **{option: limit})["conversations"][0]
        assert len(entry["messages"]) == count


def test_a_whole_deployment_has_its_messages_read(world: Emulator) -> None:
    made = call("chat_messages_info", world, scope="deployment")
    assert sorted(entry["title"] for entry in made["conversations"]) == ["Fix the login", "Of bob", "Split the work"]
    assert made["scope"] == "deployment" and made["audit_log"] == {"named": 4, "read": 4, "gone": 0}
    assert "audit_log" not in call("chat_messages_info", world).result


def test_children_have_conversations_of_their_own(world: Emulator) -> None:
    made = call("chat_messages_info", world, labels={"team/run": "night"}, children=True)
    told = {entry["title"]: entry["last_answer"] for entry in made["conversations"]}
    assert told == {"Fix the login": "It is fixed.", "Split the work": "Done.", "Do one part": "One part is done."}


def test_one_conversation_that_cannot_be_read_is_a_warning(world: Emulator) -> None:
    chat = named(world, "fix-login")
    world.faults.add("status", path=rf"/{chat.id}/messages", status=500, count=None)
    made = call("chat_messages_info", world, labels={"team/run": "night"}, retries=0)
    assert len(made.warnings) == 1 and {entry["reason"] is None for entry in made["conversations"]} == {True, False}
    assert call("chat_messages_info", world, name=["fix-login"], retries=0).kind == "server"


def test_a_token_that_ends_while_messages_are_read_ends_all(world: Emulator) -> None:
    chat = named(world, "fix-login")
    world.faults.add("status", path=rf"/{chat.id}/messages", status=401, count=None)
    made = call("chat_messages_info", world, labels={"team/run": "night"})
    assert made.kind == "auth" and not made.warnings


def test_a_message_that_is_none_is_told_and_takes_no_other_chat_with_it(world: Emulator) -> None:
    chat = named(world, "fix-login")
    path = f"{path_of_chats(world)}/{chat.id}/messages"
    for change, says in (
        ({"id": "1"}, "its 'id' is no number"),
        ({"id": True}, "its 'id' is no number"),
        ({"role": None}, "its 'role' is no text"),
        ({"content": "Hello"}, "its 'content' is no list of parts"),
        ({"content": ["Hello"]}, "its 'content' is no list of parts"),
    ):
        world.faults.clear()
        altered(world, path, lambda log, change=change: {**log, "messages": [{**log["messages"][0], **change}]})
        made = call("chat_messages_info", world, labels={"team/run": "night"})
        reasons = {entry["title"]: entry["reason"] for entry in made["conversations"]}
        assert not reasons["Split the work"] and says in reasons["Fix the login"] and says in made.warnings[0]
        assert "message '1'" in made.warnings[0] if change == {"id": "1"} else "message" in made.warnings[0]
    for log in ({"messages": [7]}, {"messages": {}}, {}, {"messages": [], "queued_messages": [7]}):
        world.faults.clear()
        altered(world, path, lambda _log, log=log: log)
        assert call("chat_messages_info", world, name=["fix-login"]).kind == "protocol"


def test_parts_of_a_type_that_nobody_knows_are_as_the_server_gave_them(world: Emulator) -> None:
    chat = named(world, "fix-login")
    chat.add("assistant", [{"type": "hologram", "text": "Hello", "beams": [1, {"on": True}]}])
    message = call("chat_messages_info", world, name=["fix-login"])["conversations"][0]["messages"][-1]
    (part,) = message["parts"]
    assert part["type"] == "hologram" and part["text"] == "Hello" and part["beams"] == [1, {"on": True}]
    assert (message["text"], message["role"]) == ("", "assistant"), "what it says is not known"


def named(world: Emulator, name: str) -> Chat:
    return next(chat for chat in chats_of(world).roots() if chat.labels.get(NAME) == name)


def chats_of(world: Emulator) -> Chats:
    assert world.state.chats is not None
    return world.state.chats
