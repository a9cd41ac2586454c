# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What server_info says of every kind of server, and that no refused question takes the other answers away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from calling import call

from ansible_collections.coder.tasks.plugins.module_utils.coder.session import Sessions
from ansible_collections.coder.tasks.plugins.module_utils.operations import server_info
from ansible_collections.coder.tasks.plugins.module_utils.operations.connection import kept_session
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from emulator import CHAT_DIALECTS, DIALECTS, Emulator

Start = Callable[..., Emulator]
TASKS = {**dict.fromkeys(DIALECTS, "yes"), "2.36": "hidden", "2.38": "removed"}
MOST_REQUESTS = 10
REFUSALS = [
    (403, "Forbidden."),
    (404, "Resource not found or you do not have access to this resource"),
    (400, "Not with this token."),
]
BAD_TOKEN = "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"


def answer(server: Emulator, path: str, status: int, body: Any) -> None:
    server.faults.add("status", path=path, status=status, body=json.dumps(body), count=None)


def info(server: Emulator, **options: Any) -> dict[str, Any]:
    made = call("server_info", server, **options)
    assert not made.failed, made.msg
    assert made.writes == [] and made["changed"] is False and made.warnings == []
    assert len(made.requests) <= MOST_REQUESTS
    return dict(made["server"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_tasks_of_every_server(emulator: Start, dialect: str) -> None:
    server = emulator(dialect)
    found = info(server)
    assert (found["tasks"], found["chats"]) == (TASKS[dialect], "none")
    assert found["version"] == server.dialect.version and found["url"] == server.url
    assert (found["features"]["tasks"] == {}) == (found["tasks"] != "yes")
    assert found["features"]["chats"] == {} and set(found["retention"].values()) == {None}


@pytest.mark.parametrize("chats", CHAT_DIALECTS)
def test_chats_of_every_server(emulator: Start, chats: str) -> None:
    server = emulator("", chats=chats)
    assert server.state.chats is not None
    server.state.chats.retention_days, server.state.chats.auto_archive_days = 7, 90
    found = info(server)
    general = CHAT_DIALECTS[chats].organization_models
    assert found["chats"] == ("v2" if general else "experimental")
    assert found["retention"] == {"retention_days": 7, "auto_archive_days": 90}
    assert found["features"]["chats"]["cost"] is (True if general else None)


def test_the_form_of_chats_is_not_taken_from_the_version(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38")
    answer(server, "/api/v2/buildinfo", 200, {"version": "v0.0.0-devel+1234567"})
    found = info(server)
    assert (found["tasks"], found["chats"]) == ("none", "v2")


@pytest.mark.parametrize("version", ["v0.0.0-devel+1234567", "v2.36.1", "v2.38.0", "nonsense"])
def test_tasks_that_are_there_are_found_whatever_the_version(emulator: Start, version: str) -> None:
    server = emulator("2.34")
    answer(server, "/api/v2/buildinfo", 200, {"version": version})
    assert info(server)["tasks"] == "yes"


def test_tasks_that_should_be_there_and_are_not(emulator: Start) -> None:
    server = emulator("2.36")
    answer(server, "/api/v2/buildinfo", 200, {"version": "v2.34.0"})
    assert info(server)["tasks"] == "none"


def test_a_server_that_is_too_old(emulator: Start) -> None:
    server = emulator("2.34")
    answer(server, "/api/v2/buildinfo", 200, {"version": "v2.26.0"})
    assert info(server)["tasks"] == "none"


def test_features_of_tasks(emulator: Start, dialect: str) -> None:
    new = dialect == "2.34"
    expected = {"update_input": dialect != "2025-10", "display_name": dialect != "2025-10", "snapshots": new}
    assert info(emulator(dialect))["features"]["tasks"] == expected


def test_who_asks_and_what_it_may_read(emulator: Start) -> None:
    server = emulator()
    organization = server.state.organization
    for name, everything in (("alice", True), ("bob", False)):
        found = info(server, user=name)
        assert found["user"] == {"id": server.state.user(name).id, "username": name}
        assert found["rights"]["tasks"] is everything
        (there,) = found["rights"]["organizations"]
        assert (there["id"], there["name"]) == (organization["id"], organization["name"])
        assert there["tasks"] is everything


def test_the_rights_of_all_organizations_are_asked_for_at_once(emulator: Start) -> None:
    server = emulator()
    server.state.user("bob").organization_admin = True
    others = [{"id": f"0000000{number}-0000-4000-8000-000000000000", "name": f"o{number}"} for number in range(3)]
    own = {"id": server.state.organization["id"], "name": "coder"}
    answer(server, "/api/v2/organizations$", 200, [*others, own])
    made = call("server_info", server, user="bob")
    rights = made["server"]["rights"]
    assert [each["name"] for each in rights["organizations"]] == ["coder"], "a list may show those of others, too"
    assert rights["tasks"] is False and rights["organizations"][0]["tasks"] is True
    assert sum(request.path == "/api/v2/authcheck" for request in made.requests) == 1


def test_the_rate_limit(emulator: Start) -> None:
    assert info(emulator(rate_limit=77))["limits"]["requests_per_minute"] == 77
    assert info(emulator(rate_limit=0))["limits"]["requests_per_minute"] is None


def test_limits_that_the_deployment_tells(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38")
    told = {"max_prompt_bytes": 1000, "max_queued_messages_per_chat": 20, "max_steps_per_turn": "many"}
    answer(server, "/api/v2/deployment/config", 200, {"config": {"ai": {"chat": told}}, "options": []})
    limits = info(server)["limits"]
    del limits["requests_per_minute"]
    assert limits == {"prompt_bytes": 1000, "queued_messages": 20, "attachments": None, "steps_per_turn": None}


QUESTIONS = {
    "/api/v2/users/me": "user",
    "/api/v2/organizations$": "organizations",
    "/api/v2/authcheck": "rights",
    "/tasks": "tasks",
    "/chats$": "chats",
    "/chats/config/": "retention",
    "/api/v2/deployment/config": "limits",
}


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize(("status", "message"), REFUSALS)
@pytest.mark.parametrize("chats", ["chats-2.35", "chats-2.38"])
def test_a_refused_question_takes_no_other_answer_away(
    emulator: Start, chats: str, status: int, message: str, path: str
) -> None:
    server = emulator("2.34", chats=chats)
    before = info(server)
    refused = QUESTIONS[path]
    if refused == "chats":
        path = f"{CHAT_DIALECTS[chats].prefixes[0]}{path}"
    answer(server, path, status, {"message": message})
    after = info(server)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"user": {"user", "rights", "limits"}, "organizations": {"rights"}}.get(refused, {refused})
    assert after["tasks"] == "yes", "a refusal shows that the route is there"
    assert after["chats"] != "none"
    if refused == "user":
        assert after["user"] is None and after["limits"]["requests_per_minute"] is None
    if refused == "rights":
        rights = after["rights"]
        assert [rights[name] for name in ("tasks", "chats", "workspaces")] == [None, None, None]
        assert [each["tasks"] for each in rights["organizations"]] == [None]
    if refused == "organizations":
        assert after["rights"]["organizations"] == [] and after["rights"]["tasks"] is True
    if refused == "retention":
        assert set(after["retention"].values()) == {None}


def test_everything_but_the_version_is_refused(emulator: Start) -> None:
    server = emulator("2.34", chats="chats-2.35")
    answer(server, "/api/(?!v2/buildinfo)", 403, {"message": "Forbidden."})
    found = info(server)
    assert found["version"] == server.dialect.version
    assert (found["tasks"], found["user"]) == ("yes", None)


@pytest.mark.parametrize("path", ["/api/v2/users/me", "/tasks", "/chats", "/api/v2/authcheck", "/api/v2/organizations"])
def test_what_is_no_refusal_is_a_failure(emulator: Start, path: str) -> None:
    server = emulator("2.34", chats="chats-2.35")
    for fault, kind in ((500, "server"), (401, "auth")):
        server.faults.clear()
        answer(server, path, fault, {"message": "No."})
        made = call("server_info", server, retries=0)
        assert made.kind == kind and made.msg.startswith("Could not read what the server has: "), made.msg


def test_a_token_that_nobody_has(emulator: Start) -> None:
    made = call("server_info", emulator(), token=BAD_TOKEN)
    assert made.kind == "auth" and "HTTP 401" in made.msg


def test_a_server_that_was_upgraded_between_two_calls_of_a_loop(emulator: Start) -> None:
    server, sessions = emulator("2.34"), Sessions()
    params = {name: option.get("default") for name, option in server_info.spec()["argument_spec"].items()}
    params.update(url=server.url, token=server.token)

    def tasks() -> str:
        context: Context[Any] = Context(params, open_session=lambda made: kept_session(made, sessions))
        return str(server_info.run(context)["server"]["tasks"])

    assert tasks() == "yes"
    answer(server, "/api/v2/buildinfo", 200, {"version": "v2.38.0"})
    answer(server, "/tasks", 404, {"message": "Route not found."})
    assert tasks() == "removed"


def test_check_mode_asks_all_the_same(emulator: Start) -> None:
    server = emulator("2.34", chats="chats-2.35")
    assert info(server, check=True) == info(server)


@pytest.mark.parametrize("strange", [None, [], {}, "x", 7, {"read": "yes"}, {"config": []}, {"username": 1}])
@pytest.mark.parametrize("path", [path for path in QUESTIONS if path != "/chats$"])
def test_a_strange_answer_is_told_or_left_out(emulator: Start, path: str, strange: Any) -> None:
    server = emulator("2.34", chats="chats-2.38")
    answer(server, path, 200, strange)
    made = call("server_info", server, retries=0)
    assert not made.failed or made.kind == "protocol", made.msg
