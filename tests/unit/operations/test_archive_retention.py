# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archived chats that a server deletes for good: which go soon unsaved, which have gone, and how they are held."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from altering import altered
from calling import Call, call
from chatting import path_of_chats

from emulator import Emulator
from emulator.chats import Chat, Chats

Servers = Callable[..., Emulator]
KEY = "a key for these tests only"


def chats_of(server: Emulator) -> Chats:
    assert server.state.chats is not None
    return server.state.chats


def guard(server: Emulator, path: Path, **options: Any) -> Call:
    made = {"path": str(path / "archive"), "redaction_key": KEY, "report": str(path / "report.jsonl"), **options}
    return call("archive_retention", server, **made)


def save(server: Emulator, path: Path, **options: Any) -> Call:
    return call("archive", server, path=str(path / "archive"), redaction_key=KEY, source="chats", **options)


def old(server: Emulator, title: str, days: float, **more: Any) -> Chat:
    chat = server.create_chat(title, archived=True, **more)
    chats_of(server).age(chat, days=days)
    return chat


@pytest.fixture
def server(emulator: Servers) -> Emulator:
    return emulator("", chats="chats-2.38")


def test_what_goes_soon_and_is_not_saved_is_due(server: Emulator, tmp_path: Path) -> None:
    old(server, "Saved", 25)
    save(server, tmp_path)
    soon = old(server, "Soon", 25)
    old(server, "Later", 10)
    server.create_chat("Not archived")
    found = guard(server, tmp_path)
    assert not found.failed and not found["changed"] and not found.writes
    assert [(line["chat"], line["verdict"]) for line in found["due"]] == [("alice/Soon", "missing")]
    assert found["due"][0]["purge_after"] == purge_after(soon)
    assert found["archived"] == 3 and not found["go"] and "alice/Soon" in found["no_go"][0]
    assert {line["chat"] for line in guard(server, tmp_path, within="30d")["due"]} == {"alice/Soon", "alice/Later"}
    save(server, tmp_path)
    again = guard(server, tmp_path)
    assert again["go"] and again["due"] == [] and again["no_go"] == []


def purge_after(chat: Chat) -> str:
    world = chat.world
    return f"{world.clock.wall(chat.updated + 30 * 86400 / world.clock.factor):%Y-%m-%dT%H:%M:%SZ}"


def test_what_was_purged_since_the_last_run_is_told(server: Emulator, tmp_path: Path) -> None:
    saved, lost = old(server, "Saved", 29), None
    save(server, tmp_path)
    lost = old(server, "Lost", 29)
    assert guard(server, tmp_path)["purged"] == []
    chats_of(server).purge(in_days=2)
    found = guard(server, tmp_path)
    assert {line["id"]: line["verdict"] for line in found["purged"]} == {
        saved.id: "safe_to_delete", lost.id: "missing",
    }  # fmt: skip
    assert not found["go"] and "1 chats were purged and had no proven copy, such as alice/Lost." in found["no_go"]
    assert guard(server, tmp_path)["go"], "that was told once"


def test_a_chat_that_is_no_longer_archived_was_not_purged(server: Emulator, tmp_path: Path) -> None:
    chat = old(server, "Back", 29)
    guard(server, tmp_path)
    chats_of(server).set_archived(chat, False)
    found = guard(server, tmp_path)
    assert found["purged"] == [] and found["go"]
    chats_of(server).set_archived(chat, True)
    guard(server, tmp_path)
    assert guard(server, tmp_path, name=["nothing-else"])["purged"] == [], "one that was not chosen is asked for"


def test_hold_labels_what_is_due_and_nothing_else(server: Emulator, tmp_path: Path) -> None:
    root = old(server, "Root", 0, labels={"team": "infra"})
    child = server.create_chat("Child", parent=root, archived=True)
    chats_of(server).age(root, days=29)
    other = old(server, "Other", 1)
    predicted = guard(server, tmp_path, hold=True, check=True)
    assert predicted["changed"] and sorted(predicted["held"]) == ["alice/Child", "alice/Root"]
    assert not (tmp_path / "report.jsonl").exists()
    held = guard(server, tmp_path, hold=True)
    assert held["changed"] and sorted(held["held"]) == ["alice/Child", "alice/Root"] and held["go"]
    assert sorted(held.writes) == sorted([f"PATCH {root.id}", f"PATCH {child.id}"]), "each chat ages by itself"
    assert set(root.labels) == {"team", "coder.tasks/held"} and set(child.labels) == {"coder.tasks/held"}
    assert other.labels == {} and not chats_of(server).purge(in_days=5)
    again = guard(server, tmp_path, hold=True)
    assert not again["changed"] and again["due"] == []


@pytest.mark.parametrize("meanwhile", ["gone", "brought back"])
def test_what_needs_no_holding_any_more_is_not_written(server: Emulator, tmp_path: Path, meanwhile: str) -> None:
    """Between the look and the hold a chat can go, or somebody can bring it back."""
    chat = old(server, "Old", 29)
    path = f"{path_of_chats(server)}/{chat.id}"
    before = len(server.journal.matching("GET", f"{path}$"))
    assert guard(server, tmp_path, report=None)["due"]
    looks = len(server.journal.matching("GET", f"{path}$")) - before
    if meanwhile == "gone":
        server.faults.add("status", method="GET", path=f"{path}$", status=404, skip=looks, count=None)
    else:
        altered(server, path, lambda told: {**told, "archived": False}, skip=looks)
    found = guard(server, tmp_path, hold=True)
    assert (found["held"], found.writes, found["changed"], chat.labels) == ([], [], False, {}), found.msg
    assert not found["go"] and [line["id"] for line in found["due"]] == [chat.id], "it was due when it was looked at"


@pytest.mark.parametrize("days", [0, 30])
def test_a_server_that_never_purges_has_nothing_due(server: Emulator, tmp_path: Path, days: int) -> None:
    chats_of(server).retention_days = days
    old(server, "Old", 29)
    assert guard(server, tmp_path)["go"] is (days == 0)


def test_everybodys(server: Emulator, tmp_path: Path) -> None:
    old(server, "Of bob", 29, owner="bob")
    assert guard(server, tmp_path)["go"]
    found = guard(server, tmp_path, all_owners=True, expect_scope="deployment", hold=True)
    assert found["held"] == ["bob/Of bob"] and found["scope"] == "deployment"


def test_a_report_that_is_none_is_left_alone(server: Emulator, tmp_path: Path) -> None:
    (tmp_path / "report.jsonl").write_text("my notes\n")
    refused = guard(server, tmp_path)
    assert refused.kind == "invalid" and "is no report of an earlier run" in refused.msg
    assert (tmp_path / "report.jsonl").read_text() == "my notes\n"
    inside = guard(server, tmp_path, report=str(tmp_path / "archive" / "report.jsonl"))
    assert inside.kind == "invalid" and "would lie in the archive" in inside.msg


def test_the_report_has_a_line_per_archived_chat(server: Emulator, tmp_path: Path) -> None:
    chats = [old(server, f"Chat {number}", number) for number in range(3)]
    server.create_chat("Not archived")
    guard(server, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert {line["id"] for line in lines} == {chat.id for chat in chats}


def test_without_a_report_nothing_is_known_of_before_and_nothing_kept(server: Emulator, tmp_path: Path) -> None:
    lost = old(server, "Lost", 29)
    assert not guard(server, tmp_path, report=None)["go"]
    chats_of(server).delete(lost)
    found = guard(server, tmp_path, report=None)
    assert found["go"] and found["purged"] == []
    assert not list(tmp_path.iterdir())


def test_a_server_without_chats_is_told(emulator: Servers, tmp_path: Path) -> None:
    assert guard(emulator("2.34"), tmp_path).kind == "unsupported"
