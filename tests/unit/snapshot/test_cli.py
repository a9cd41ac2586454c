# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: help, options, exit codes, and status."""

from __future__ import annotations

import json

import pytest
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import RESOURCE_404, ROUTE_404, FakeAgentAPI, FakeCoder, conversation


@pytest.mark.parametrize("command", ["capture", "follow", "flush", "status"])
def test_every_command_has_help_with_its_exit_codes(hook: Hook, command: str) -> None:
    run = hook.run(command, "--help")
    assert run.code == 0
    assert run.lines[0].endswith(f"{command} [OPTION...]")
    assert "Exit codes: 0: " in run.stdout
    assert "ARG_TASK_ID" in run.stdout
    assert command in hook.run("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "choose one of capture, follow, flush, status"),
        (["capture", "--nope"], "one of --deadline, --max-messages, --max-bytes, --partial, --no-partial, --json"),
        (["capture", "--deadline"], "--deadline needs a value (SECONDS)"),
        (["capture", "--deadline", "soon"], "--deadline cannot be 'soon'"),
        (["capture", "--deadline=-1"], "--deadline cannot be '-1'"),
        (["capture", "--max-messages", "-1"], "--max-messages cannot be '-1'"),
        (["capture", "--max-bytes", "9"], "--max-bytes cannot be '9'"),
        (["capture", "--max-bytes", "65537"], "--max-bytes cannot be '65537'"),
        (["capture", "--partial=yes"], "--partial takes no value"),
        (["capture", "--no-partial=yes"], "--no-partial takes no value"),
        (["flush", "--partial"], "flush has no option '--partial'"),
    ],
)
def test_wrong_usage_is_2_and_says_what_there_is(hook: Hook, arguments: list[str], says: str) -> None:
    run = hook.run(*arguments)
    assert run.code == 2
    assert says in run.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "٣"])
def test_a_port_that_is_none_is_an_error(both: Hook, port: str) -> None:
    run = both.run("capture", ARG_AGENTAPI_PORT=port)
    assert run.code == 1
    assert "give a port between 1 and 65535" in run.stderr


@pytest.mark.parametrize(("value", "snapshots"), [("", 1), ("True", 1), ("TRUE", 1), ("False", 0), ("no", 0)])
def test_only_what_is_not_true_disables_it(both: Hook, coder: FakeCoder, value: str, snapshots: int) -> None:
    """Blank is not set, as in the script before it."""
    assert both.run("capture", ARG_TASK_LOG_SNAPSHOT=value).code == 0
    assert len(coder.snapshots) == snapshots


def test_options_limit_the_body(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    agentapi.messages = conversation(*("x" * 400 for _number in range(9)))
    assert both.run("capture", "--max-messages=2").code == 0
    assert both.run("capture", "--max-bytes", "1200").code == 0
    assert both.run("capture", "--max-bytes", "1200", "--no-partial").code == 0
    assert [len(snapshot) for snapshot in coder.snapshots] == [2, 3, 2]
    assert len(coder.journal[-1].body) <= 1200


def test_status_tells_that_the_hook_would_work_and_changes_nothing(both: Hook, coder: FakeCoder) -> None:
    run = both.run("status", "--json")
    events = [json.loads(line) for line in run.lines]
    assert run.code == 0
    assert [event["event"] for event in events] == [
        *("python", "enabled", "task_id", "url", "token", "spool", "agentapi", "route", "status"),
    ]
    assert all(event["ok"] for event in events)
    assert coder.snapshots == []


def test_status_does_not_call_missing_what_the_template_s_scripts_set(both: Hook) -> None:
    run = both.run("status", "--json", ARG_TASK_ID=None)
    events = {json.loads(line)["event"]: json.loads(line) for line in run.lines}
    assert run.code == 1
    assert {name for name, event in events.items() if event["ok"] is None} == {"task_id", "route", "status"}
    assert {name for name, event in events.items() if event["ok"] is False} == set()
    assert "would work where ARG_TASK_ID is set" in events["status"]["message"]
    wrong = both.run("status", ARG_TASK_ID=None, CODER_AGENT_TOKEN="wrong")
    assert wrong.lines[-1] == "The log snapshot hook would not work"


def test_status_tells_what_waits_and_how_long_it_is_kept(both: Hook, coder: FakeCoder) -> None:
    coder.answers = [(404, ROUTE_404)]
    assert both.run("capture").code == 0
    line = next(line for line in both.run("status").lines if "The spool is" in line)
    assert "1 captures are waiting in it, the oldest since 20" in line
    assert "(it keeps 32 for 30 days)" in line


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"CODER_AGENT_TOKEN": "wrong"}, "not ok: Coder answered HTTP 401: "),
        ({"CODER_AGENT_TOKEN": None}, "not ok: CODER_AGENT_TOKEN is not set"),
        ({"ARG_TASK_LOG_SNAPSHOT": "no"}, "not ok: ARG_TASK_LOG_SNAPSHOT is not true"),
        ({"ARG_AGENTAPI_PORT": "1"}, "not ok: AgentAPI on port 1 has no messages (may not be running)"),
        ({"CODER_AGENT_URL": "http://127.0.0.1:1"}, "not ok: Coder at http://127.0.0.1:1 does not answer"),
        ({"ARG_TASK_ID": "other"}, "not ok: Coder has no such task in this workspace"),
    ],
)
def test_status_names_what_is_missing(both: Hook, environ: dict[str, str | None], line: str) -> None:
    run = both.run("status", **environ)
    assert run.code == 1
    assert any(each.startswith(line) for each in run.lines), run.stdout
    assert run.lines[-1] == "The log snapshot hook would not work"


@pytest.mark.parametrize("url", ["http://me:secret@127.0.0.1:1", "me:secret@coder", "ftp://me:s/e@cret@coder"])
def test_a_password_in_a_url_is_not_printed(both: Hook, url: str) -> None:
    for command in ("status", "capture"):
        for environ in (
            {"CODER_AGENT_URL": url},
            {"CODER_AGENT_URL": "http://coder.invalid", "http_proxy": f"{url}:x"},
        ):
            run = both.run(command, "--deadline", "0.6", **environ)
            assert not any(word in run.stdout + run.stderr for word in ("secret", "s/e", "me:"))


@pytest.mark.parametrize(("answer", "says"), [(ROUTE_404, "came with 2.30"), (RESOURCE_404, "no such task")])
def test_status_tells_the_404s_apart(both: Hook, coder: FakeCoder, answer: object, says: str) -> None:
    coder.answers.append((404, answer))
    run = both.run("status")
    assert run.code == 1
    assert says in run.stdout
