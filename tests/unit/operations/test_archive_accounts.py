# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server has added up of its chats, in an archive, against emulated servers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from altering import altered
from calling import Call, call
from chatting import path_of_chats

from emulator import CHAT_DIALECTS, Emulator, api_chat_settings
from emulator.chats import Chats

Servers = Callable[..., Emulator]
TOKEN = "gh" + "p_" + "a1B2" * 9


def archive(server: Emulator, path: Path, **options: Any) -> Call:
    return call("archive", server, path=str(path), redaction_key="a key for these tests only", **options)


def chats_of(server: Emulator) -> Chats:
    assert server.state.chats is not None
    return server.state.chats


def tree(path: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in sorted(path.rglob("*"))}


def assert_sound(path: Path) -> None:
    """The checksums are of all files of the accounts, and right."""
    done = subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=path, capture_output=True,
                          text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    sums = (path / "SHA256SUMS").read_text()
    assert all(f"  accounts/{file.name}\n" in sums for file in (path / "accounts").glob("*"))


def states(done: Call) -> dict[str, str]:
    return {line["name"]: line["state"] for line in done["accounts"]}


def answer(path: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((path / "accounts" / f"{name}.json").read_text())["answer"])


@pytest.fixture
def server(emulator: Servers) -> Emulator:
    server = emulator("", chats="chats-2.35")
    for owner in ("alice", "bob"):
        chat = server.create_chat("One", owner=owner, answer="1")
        chat.spent = 7
    return server


@pytest.mark.parametrize("dialect", list(CHAT_DIALECTS))
def test_each_server_is_asked_for_what_the_next_one_takes_away(
    emulator: Servers, tmp_path: Path, dialect: str
) -> None:
    server, about = emulator("", chats=dialect), CHAT_DIALECTS[dialect]
    server.create_chat("One")
    done = archive(server, tmp_path, accounts=True)
    assert not done.failed, done.msg
    found = states(done)
    assert found.pop("pull-requests") == ("saved" if about.pull_requests else "absent")
    assert set(found.values()) == {"saved" if about.usage_limits else "absent"}
    assert len(found) == (5 if about.usage_limits else 4)
    assert archive(server, tmp_path, state="verified")["verification"]["go"]
    before = tree(tmp_path)
    again = archive(server, tmp_path, accounts=True)
    assert not again["changed"] and states(again) == states(done) and tree(tmp_path) == before
    assert_sound(tmp_path)


def test_a_server_without_chats_has_none(emulator: Servers, tmp_path: Path) -> None:
    done = archive(emulator("2.29"), tmp_path, accounts=True)
    assert states(done) == {} and not (tmp_path / "accounts").exists()


def test_all_that_was_ever_spent_by_everybody_is_saved(server: Emulator, tmp_path: Path) -> None:
    """A server that is asked for no time tells of 30 days, and of ten users."""
    ago = 90 * 86_400 / chats_of(server).clock.factor
    for chat in chats_of(server).all():
        chat.updated -= ago
        for message in chat.messages:
            message.created -= ago
    done = archive(server, tmp_path, accounts=True)
    users = {user["username"]: user for user in answer(tmp_path, "cost-users")["users"]}
    assert set(users) == {"alice", "bob"} and users["bob"]["total_cost_micros"] == 7
    assert {f"cost-of-{user['user_id']}" for user in users.values()} <= set(states(done))
    assert answer(tmp_path, f"cost-of-{users['bob']['user_id']}")["by_chat"][0]["chat_title"] == "One"
    assert users["bob"]["message_count"] == 1


def test_what_is_not_told_needs_a_role_and_is_no_failure(server: Emulator, tmp_path: Path) -> None:
    done = archive(server, tmp_path, accounts=True, token=server.tokens["bob"])
    lines = {line["name"]: (line["state"], line["role"]) for line in done["accounts"]}
    assert not done.failed and lines == {
        "usage-limits": ("forbidden", "site owner"), "usage-limit-of-me": ("saved", None),
        "cost-of-me": ("saved", None), "cost-users": ("forbidden", "site owner"),
        "pull-requests": ("absent", "site owner"),
    }  # fmt: skip


def test_a_server_that_fails_is_a_failure(server: Emulator, tmp_path: Path) -> None:
    server.faults.add("status", path="/cost/users", status=500, body='{"message":"Broken."}', count=None)
    done = archive(server, tmp_path, accounts=True, retries=0)
    assert done.failed and "account cost-users" in done.msg and states(done)["cost-users"] == "failed"


def test_an_archive_that_cannot_be_written_ends_the_run(server: Emulator, tmp_path: Path) -> None:
    (tmp_path / "archive.json").write_text("{}")
    (tmp_path / "accounts").write_text("a file in the folder's place")
    done = archive(server, tmp_path, accounts=True)
    assert done.kind == "io" and "the account usage-limits" in done.msg
    assert done["summary"]["failed"] == 0, "it is none of a conversation or an account"


def test_nothing_that_was_saved_is_lost_to_a_later_answer(
    emulator: Servers, server: Emulator, tmp_path: Path
) -> None:
    archive(server, tmp_path, accounts=True)
    (chat,) = [chat for chat in chats_of(server).all() if chat.owner.username == "bob"]
    chat.say("Two", "2")
    assert archive(server, tmp_path, accounts=True)["changed"]
    assert not (tmp_path / "accounts" / "cost-users.1.json").exists(), "it says more, and nothing less"
    more = answer(tmp_path, "cost-users")
    chats_of(server).delete(chat)
    archive(server, tmp_path, accounts=True)
    assert len(answer(tmp_path, "cost-users")["users"]) == 1
    assert answer(tmp_path, "cost-users.1") == more
    before = tree(tmp_path / "accounts")
    upgraded = emulator("", chats="chats-2.38")
    done = archive(upgraded, tmp_path, accounts=True)
    assert states(done)["cost-users"] == "absent" and tree(tmp_path / "accounts") == before
    assert archive(upgraded, tmp_path, state="verified")["verification"]["files"]["intact"]
    assert_sound(tmp_path)


def test_a_secret_is_taken_out(server: Emulator, tmp_path: Path) -> None:
    server.create_chat("One", answer="1").title = f"Use {TOKEN}"
    archive(server, tmp_path, accounts=True)
    held = [file.read_text() for file in (tmp_path / "accounts").iterdir()]
    assert held and not any(TOKEN in text for text in held) and any("[REDACTED:github-token" in text for text in held)


@pytest.mark.parametrize("change", ["edit", "remove", "add"])
def test_what_somebody_changes_is_found_and_not_sealed_again(server: Emulator, tmp_path: Path, change: str) -> None:
    archive(server, tmp_path, accounts=True)
    place = tmp_path / "accounts" / "cost-users.json"
    if change == "edit":
        place.write_text(place.read_text().replace('"total_cost_micros": 7', '"total_cost_micros": 1'))
    elif change == "remove":
        place.unlink()
    else:
        (place.parent / "more.json").write_text("{}")
    chats_of(server).all()[0].say("More", "Yes.")
    archive(server, tmp_path)  # which writes the top anew
    found = archive(server, tmp_path, state="verified")["verification"]["files"]
    assert not found["intact"] and (found["top"] or found["stray"])
    done = archive(server, tmp_path, accounts=True)
    assert (done.kind == "conflict") is (change == "edit")


def test_a_killed_run_loses_none(server: Emulator, tmp_path: Path) -> None:
    """What lies there and is of this key counts, also where the checksums are older."""
    archive(server, tmp_path, accounts=True)
    sums = tmp_path / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if "accounts/" not in line))
    (tmp_path / ".unfinished").write_text("")
    archive(server, tmp_path)
    assert archive(server, tmp_path, state="verified")["verification"]["go"] and "accounts/" in sums.read_text()


def test_check_mode_writes_none(server: Emulator, tmp_path: Path) -> None:
    done = archive(server, tmp_path / "archive", accounts=True, check=True)
    assert done["changed"] and states(done)["cost-users"] == "saved" and not (tmp_path / "archive").exists()


@pytest.mark.parametrize("most", [100, 40])
def test_more_users_than_fit_a_page_are_all_told(
    server: Emulator, tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the server gives fewer at once than it was asked for."""
    monkeypatch.setattr(api_chat_settings, "MOST_USERS", most)
    names = [f"user-{number}" for number in range(101)]
    for name in names:
        server.state.create_user(name)
        server.create_chat("One", owner=name, answer="1")
    done = archive(server, tmp_path, accounts=True)
    assert not done.failed and {user["username"] for user in answer(tmp_path, "cost-users")["users"]} > set(names)
    assert len(states(done)) == 5 + 103


@pytest.mark.parametrize("next_page", ["the same", [], None])
def test_a_count_that_is_never_reached_ends_the_reading(server: Emulator, tmp_path: Path, next_page: Any) -> None:
    """An empty page is the end, and so is one that is given again: no page is asked for without end."""
    path = f"{path_of_chats(server)}/cost/users"
    more = {} if next_page == "the same" else {"users": next_page}
    altered(server, path, lambda told: {**told, "count": 5}, lambda told: {**told, "count": 5, **more})
    asked = len(server.journal)
    done = archive(server, tmp_path, accounts=True)
    assert not done.failed and states(done)["cost-users"] == "saved", done.msg
    assert [user["username"] for user in answer(tmp_path, "cost-users")["users"]] == ["alice", "bob"]
    assert [entry.path for entry in list(server.journal)[asked:]].count(path) == 2


@pytest.mark.parametrize("next_page", [{"users": [7]}, {"users": 7}, {}])
def test_a_page_of_users_that_is_none_is_a_failure(server: Emulator, tmp_path: Path, next_page: dict[str, Any]) -> None:
    path = f"{path_of_chats(server)}/cost/users"
    altered(server, path, lambda told: {**told, "count": 5}, lambda _told: next_page)
    done = archive(server, tmp_path, accounts=True)
    assert done.kind == "protocol" and states(done)["cost-users"] == "failed" and "account cost-users" in done.msg
    assert not (tmp_path / "accounts" / "cost-users.json").exists(), "half of it would pass for all"


@pytest.mark.parametrize("users", [7, None, "x", [], [7, {"user_id": "x"}, {"user_id": 7}, {}]], ids=repr)
def test_no_account_is_asked_for_of_what_is_no_user(server: Emulator, tmp_path: Path, users: Any) -> None:
    altered(server, f"{path_of_chats(server)}/cost/users", lambda _told: {"users": users, "count": 4})
    done = archive(server, tmp_path, accounts=True)
    assert not done.failed, done.msg
    assert set(states(done)) == {"usage-limits", "usage-limit-of-me", "cost-of-me", "cost-users", "pull-requests"}
