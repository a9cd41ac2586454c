# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""log_snapshot over real sockets: to Coder, to a file, to both, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from returned import check_return
from unit.snapshot.servers import (
    NOT_AUTHORIZED,
    RESOURCE_404,
    ROUTE_404,
    TASK,
    TOKEN,
    FakeAgentAPI,
    FakeCoder,
    Server,
    conversation,
)

from ansible_collections.coder.tasks.plugins.module_utils.operation_module import module_arguments, outcome
from ansible_collections.coder.tasks.plugins.module_utils.operations import log_snapshot
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.capture import store
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.spool import Capture, Spool

TALK = conversation("Hello", "Hi", "Fine   \n")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("CODER_", "ARG_", "AGENTAPI_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def agentapi() -> Iterator[FakeAgentAPI]:
    with FakeAgentAPI(list(TALK)) as server:
        yield server


@pytest.fixture
def coder(agentapi: FakeAgentAPI, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCoder]:
    with FakeCoder() as server:
        workspace(monkeypatch, server, agentapi)
        yield server


def workspace(monkeypatch: pytest.MonkeyPatch, coder: Server, agentapi: FakeAgentAPI) -> None:
    monkeypatch.setenv("CODER_AGENT_URL", coder.url)
    monkeypatch.setenv("CODER_AGENT_TOKEN", TOKEN)
    monkeypatch.setenv("ARG_TASK_ID", TASK)
    monkeypatch.setenv("ARG_AGENTAPI_PORT", str(agentapi.port))


def call(*, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run the operation as its module would, and hold the result against RETURN."""
    checked = ArgumentSpecValidator(module_arguments(log_snapshot)["argument_spec"]).validate(options)
    assert not checked.error_messages
    result = outcome(log_snapshot, Context(checked.validated_parameters, check_mode=check))
    check_return("log_snapshot", result)
    assert TOKEN not in json.dumps(result)
    return result


def test_it_posts(coder: FakeCoder) -> None:
    result = call()
    assert [message["content"] for message in coder.snapshots[0]] == ["Hello", "Hi", "Fine\n"]
    assert result["delivery"] == {"state": "delivered", "status": 204, "attempts": 1, "reason": None}
    assert result["snapshot"] == {
        "task_id": TASK, "source": "messages", "messages": 3, "bytes": len(coder.journal[0].body), "total": 3,
        "omitted": 0, "omitted_characters": 0, "repaired": 0, "truncated": False,
    }  # fmt: skip
    assert result["changed"]


def test_it_saves_to_a_file_only_when_that_changes(agentapi: FakeAgentAPI, home: Path) -> None:
    options = {"post": False, "file": str(home / "talk.json"), "agentapi_url": agentapi.url}
    assert call(**options)["changed"]
    assert [message["content"] for message in json.loads((home / "talk.json").read_text())["messages"]] == [
        "Hello", "Hi", "Fine\n",
    ]  # fmt: skip
    assert (home / "talk.json").stat().st_mode & 0o777 == 0o600
    before = (home / "talk.json").stat().st_mtime_ns
    again = call(**options)
    assert not again["changed"]
    assert again["delivery"]["state"] == "not_asked"
    assert (home / "talk.json").stat().st_mtime_ns == before
    agentapi.say("More")
    assert call(**options)["changed"]
    assert sorted(path.name for path in home.iterdir()) == ["talk.json"]


def test_a_link_keeps_pointing_to_the_file(agentapi: FakeAgentAPI, home: Path) -> None:
    (home / "link.json").symlink_to(home / "talk.json")
    call(post=False, file=str(home / "link.json"), port=agentapi.port)
    assert (home / "link.json").is_symlink()
    assert (home / "talk.json").exists()


def test_it_does_both(coder: FakeCoder, home: Path) -> None:
    result = call(file=str(home / "talk.json"))
    assert result["file"] == str(home / "talk.json")
    assert json.loads((home / "talk.json").read_text())["messages"] == coder.snapshots[0]


def test_check_mode_captures_and_writes_nothing(coder: FakeCoder, home: Path) -> None:
    result = call(check=True, file=str(home / "talk.json"))
    assert result["changed"]
    assert result["delivery"]["state"] == "would_post"
    assert result["snapshot"]["messages"] == 3
    assert not coder.journal
    assert not list(home.iterdir())


def test_the_limits_are_kept_and_told(coder: FakeCoder, agentapi: FakeAgentAPI) -> None:
    agentapi.messages[:] = conversation("Hello", "Hi", "x" * 500, "日本語" * 500)
    result = call(max_messages=2, max_bytes=1024)
    assert result["snapshot"]["messages"] == 1
    assert result["snapshot"]["truncated"]
    assert result["snapshot"]["omitted"] == 3
    assert result["snapshot"]["omitted_characters"] > 0
    assert len(coder.journal[0].body) == result["snapshot"]["bytes"] <= 1024
    assert call(max_messages=2, max_bytes=4096, partial=True)["snapshot"]["messages"] == 1


def test_a_locked_server_is_read_through_its_events(coder: FakeCoder, agentapi: FakeAgentAPI) -> None:
    agentapi.locked = True
    assert call()["snapshot"]["source"] == "events"
    assert len(coder.snapshots[0]) == 3


def test_an_agent_that_is_not_ready_replaces_nothing(coder: FakeCoder, agentapi: FakeAgentAPI) -> None:
    agentapi.messages[:] = conversation("")
    agentapi.status = "running"
    result = call()
    assert result["snapshot"] is None
    assert result["delivery"]["state"] == "skipped"
    assert not result["changed"]
    assert not coder.snapshots


def test_the_environment_is_read_from_a_private_file(
    coder: FakeCoder, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CODER_AGENT_URL", "CODER_AGENT_TOKEN", "ARG_TASK_ID"):
        monkeypatch.delenv(name)
    assert call()["failure"]["kind"] == "auth"
    file = home / ".local/share/coder-tasks/environment"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'CODER_AGENT_URL="{coder.url}"\nCODER_AGENT_TOKEN={TOKEN}\nARG_TASK_ID="{TASK}"\n'
        'CODER_AGENT_HEADER="X-Odd=a\\"b\\$c\\\\d"\n'
    )
    file.chmod(0o644)
    refused = call()
    assert refused["failure"]["kind"] == "io"
    assert "0600" in refused["msg"]
    file.chmod(0o600)
    assert call()["delivery"]["state"] == "delivered"
    assert coder.journal[-1].headers["X-Odd"] == 'a"b$c\\d'
    assert call(task_id="another")["failure"]["kind"] == "not_found"


def test_an_environment_that_cannot_be_read_is_named(coder: FakeCoder, home: Path) -> None:
    told = call(environment_file=str(home))
    assert told["failure"]["kind"] == "io" and f"the 'environment_file' {home}" in told["msg"]


def test_what_another_process_has_dealt_with_meanwhile_is_superseded(
    coder: FakeCoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delivered_by_another(captured: Capture, spool: Spool, report: Any) -> str | None:
        path = store(captured, spool, report)
        spool.delivered(captured)
        return path

    monkeypatch.setattr(log_snapshot, "store", delivered_by_another)
    done = call()
    assert done["delivery"]["state"] == "superseded" and not done.get("failed") and not coder.snapshots


@pytest.mark.parametrize(
    ("answer", "state", "kind"),
    [
        ((404, RESOURCE_404), "no_task", "not_found"),
        ((404, ROUTE_404), "unsupported", "unsupported"),
        ((400, {"message": "Failed to decode request payload."}), "rejected", "invalid"),
        ((401, NOT_AUTHORIZED), "spooled", "auth"),
    ],
)
def test_it_fails_when_it_did_not_post(
    agentapi: FakeAgentAPI, home: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, state: str, kind: str
) -> None:
    with FakeCoder(answer) as coder:
        workspace(monkeypatch, coder, agentapi)
        result = call(file=str(home / "talk.json"))
    assert result["failed"]
    assert result["delivery"]["state"] == state
    assert result["failure"]["kind"] == kind
    assert result["failure"]["status"] == answer[0]
    assert ("server_info tells what" in result["msg"]) == (kind == "unsupported")
    assert (home / "talk.json").exists()


def test_what_could_not_be_posted_is_kept_and_used_when_AgentAPI_is_gone(
    agentapi: FakeAgentAPI, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    with FakeCoder() as coder:
        workspace(monkeypatch, coder, agentapi)
        monkeypatch.setenv("CODER_AGENT_URL", "http://127.0.0.1:1")
        result = call(deadline=3)
        assert result["delivery"]["state"] == "spooled"
        assert result["failure"]["kind"] == "network"
        assert len(list((home / ".local/state/coder-tasks").glob("*.json"))) == 1
        monkeypatch.setenv("CODER_AGENT_URL", coder.url)
        result = call(port=1)
        assert result["snapshot"]["source"] == "spool"
        assert len(coder.snapshots[0]) == 3
    assert not list((home / ".local/state/coder-tasks").glob("*.json"))


def test_a_state_file_older_than_what_was_posted_is_not_posted(
    coder: FakeCoder, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call()["delivery"]["state"] == "delivered"
    state = home / "state.json"
    state.write_text(json.dumps({"version": 1, "messages": TALK[:1] * 2}))
    os.utime(state, (time.time() - 7200,) * 2)
    monkeypatch.setenv("AGENTAPI_STATE_FILE", str(state))
    result = call(port=1)
    assert (result["delivery"]["state"], result["snapshot"]["source"]) == ("superseded", "state file")
    assert len(coder.snapshots) == 1


def test_without_AgentAPI_and_anything_else_it_fails(coder: FakeCoder) -> None:
    result = call(port=1)
    assert result["failure"]["kind"] == "unavailable"
    with Server(lambda request: request.answer(200, "<html>")) as wrong:
        result = call(agentapi_url=wrong.url)
    assert result["failure"]["kind"] == "protocol"
    assert "HTML" in result["msg"]


@pytest.mark.parametrize(
    "options",
    [
        {"post": False},
        {"deadline": 0},
        {"max_bytes": 100_000},
        {"max_messages": -1},
        {"max_bytes": 2},
        {"port": 0},
    ],
)
def test_options_that_cannot_be_right(coder: FakeCoder, options: dict[str, Any]) -> None:
    assert call(**options)["failure"]["kind"] == "invalid"
    assert not coder.journal


def test_a_file_that_cannot_be_written(agentapi: FakeAgentAPI, home: Path) -> None:
    result = call(post=False, file=str(home / "missing" / "talk.json"), port=agentapi.port)
    assert result["failure"]["kind"] == "io"
    assert "missing" in result["msg"]


def test_it_needs_a_task(coder: FakeCoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARG_TASK_ID")
    assert call()["failure"]["kind"] == "invalid"
    assert call(task_id=TASK)["delivery"]["state"] == "delivered"
