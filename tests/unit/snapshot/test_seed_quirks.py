# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the script before this hook got wrong, a test a row of the list of its quirks (rows 1 to 26, and current)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import (
    NOT_AUTHORIZED,
    RESOURCE_404,
    ROUTE_404,
    TASK,
    TOKEN,
    FakeAgentAPI,
    FakeCoder,
    Request,
    Server,
    conversation,
)

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.fit import fit

MARK = "[...content truncated, "


def posted_tail(hook: Hook, coder: FakeCoder, content: str) -> str:
    """What is left of one agent message after capture, behind the mark."""
    with FakeAgentAPI(conversation(content)) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0, run.stderr
    text = coder.snapshots[-1][0]["content"]
    assert text.startswith(MARK)
    assert 65536 - 6 <= len(coder.journal[-1].body) <= 65536
    return text.partition("\n\n")[2]


@pytest.mark.parametrize("content", ["漢" * 70_000, "漢" * 30_000, "😀" * 57_000])
def test_row_1_the_budget_is_bytes_not_code_points(hook: Hook, coder: FakeCoder, content: str) -> None:
    tail = posted_tail(hook, coder, content)
    assert content.endswith(tail)


@pytest.mark.parametrize("content", ['"' * 60_000, "\n" * 60_000, "\x1b" * 20_000, "\x1b[31mred\x1b[0m " * 9_000])
def test_row_2_escapes_are_counted(hook: Hook, coder: FakeCoder, content: str) -> None:
    tail = posted_tail(hook, coder, content)
    assert content.rstrip(" ").endswith(tail)


def test_row_3_the_message_across_the_boundary_can_be_kept_in_part(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("x" * 70_000, "ok")) as agentapi:
        assert hook.point_at(agentapi, coder).run("capture", "--partial").code == 0
    first, last = coder.snapshots[-1]
    assert last["content"] == "ok"
    assert first["content"].startswith(MARK)
    assert first["content"].endswith("x" * 60_000)


def test_row_4_the_body_is_compact_and_has_only_the_four_fields(hook: Hook, coder: FakeCoder) -> None:
    messages = [{**item, "extra": "x" * 70_000} for item in conversation(*"abcdefghij")]
    with FakeAgentAPI(messages) as agentapi:
        hook.point_at(agentapi, coder).run("capture")
    assert coder.snapshots == [conversation(*"abcdefghij")]
    assert coder.journal[-1].body == json.dumps(json.loads(coder.journal[-1].body), separators=(",", ":")).encode()
    assert "$schema" not in json.loads(coder.journal[-1].body)


def test_row_5_nul_is_replaced(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("hi", "a\0b")) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert coder.snapshots[-1][1]["content"] == "a�b"


def test_row_6_a_lone_surrogate_is_replaced(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("hi", "a\ud83d b")) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert coder.snapshots[-1][1]["content"] == "a� b"


def test_row_7_ids_keep_every_digit(hook: Hook, coder: FakeCoder) -> None:
    messages = conversation("a", "b")
    messages[1]["id"] = 9007199254740993
    with FakeAgentAPI(messages) as agentapi:
        hook.point_at(agentapi, coder).run("capture")
    assert b'"id":9007199254740993,' in coder.journal[-1].body


def test_row_8_a_role_that_would_break_every_later_read_is_mapped(hook: Hook, coder: FakeCoder) -> None:
    messages = conversation("a", "b")
    messages[1].update(role="system", time="yesterday")
    with FakeAgentAPI(messages) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert coder.snapshots[-1][1]["role"] == "agent"
    assert "Repaired 1 messages that Coder would refuse" in run.lines


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ('{"hello":1}', "a JSON object without messages (keys: 'hello')"),
        ('{"messages":null}', "messages as a JSON null"),
        ('{"messages":{}}', "messages as a JSON object"),
        ("[]", "a JSON array"),
        ("<!doctype html><html>", "HTML, which is not JSON"),
        ("plain", "'plain', which is not JSON"),
    ],
)
def test_row_9_a_wrong_server_on_the_port_is_an_error(hook: Hook, coder: FakeCoder, body: str, seen: str) -> None:
    with Server(lambda request: request.answer(200, body)) as wrong:
        run = hook.point_at(wrong.port, coder).run("capture")
    assert run.code == 1
    assert f"wrong server: /messages answered {seen}" in run.stderr
    assert coder.snapshots == []


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (ROUTE_404, "Log snapshot endpoint not supported by this Coder version, skipping"),
        (RESOURCE_404, f"This workspace has no task {TASK}, skipping log snapshot"),
        (None, "Log snapshot endpoint not supported by this Coder version, skipping"),
    ],
)
def test_row_10_the_404s_are_told_apart(hook: Hook, agentapi: FakeAgentAPI, answer: object, line: str) -> None:
    with FakeCoder((404, answer) if answer else lambda request: request.answer(404)) as coder:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert line in run.lines
    assert run.stderr == ""
    assert len(coder.journal) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_row_11_what_can_pass_is_tried_again(hook: Hook, agentapi: FakeAgentAPI, status: int) -> None:
    with FakeCoder((status, {"message": "later"}), Request.reset) as coder:
        run = hook.point_at(agentapi, coder).run("capture")
        assert run.code == 0
        assert len(coder.snapshots) == 1
        assert len(coder.journal) == 3


@pytest.mark.parametrize("answer", [(400, {"message": "Failed to decode request payload."}), (401, NOT_AUTHORIZED)])
def test_row_11_what_cannot_pass_is_not_tried_again(
    hook: Hook, agentapi: FakeAgentAPI, answer: tuple[int, dict]
) -> None:
    with FakeCoder(answer) as coder:
        run = hook.point_at(agentapi, coder).run("capture")
    assert len(coder.journal) == 1
    assert f"Error: Failed to post log snapshot (HTTP {answer[0]}): " in run.stderr
    # 401 may be another token's turn: it stays in the spool. 400 never passes: the conversation is lost.
    assert (run.code, hook.spooled.exists()) == ((1, False) if answer[0] == 400 else (0, True))


def test_row_12_one_deadline_stands_over_everything(hook: Hook) -> None:
    with Server(Request.hang) as agentapi, Server(Request.hang) as coder:
        run = hook.point_at(agentapi.port, coder.url).run("capture", "--deadline", "0.6")
    assert not run.held_up
    assert run.code == 1
    assert "Failed to fetch messages from AgentAPI (no answer in time)" in run.stderr


def test_row_12_large_messages_are_read_once(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation(*("x" * 1_000_000 for _number in range(10)))) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert agentapi.paths() == ["/messages"]


def test_row_13_nothing_is_written_to_a_temporary_folder(both: Hook, coder: FakeCoder) -> None:
    run = both.run("capture", TMPDIR="/does/not/exist")
    assert (run.code, run.stderr) == (0, "")
    assert len(coder.snapshots) == 1


def test_row_13_an_endless_answer_is_not_read_to_the_end(hook: Hook, coder: FakeCoder) -> None:
    def endless(request: Request) -> None:
        request.send_response(200)
        request.end_headers()
        while not request.server.closing.is_set():
            request.wfile.write(b" " * 65536)

    with Server(endless) as agentapi:
        run = hook.point_at(agentapi.port, coder).run("capture")
    assert run.code == 1
    assert "the answer is longer than 67108864 bytes" in run.stderr


def test_row_14_the_token_is_on_no_command_line(hook: Hook, agentapi: FakeAgentAPI) -> None:
    seen: list[str] = []

    def look(request: Request) -> None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(entry.read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
        assert request.headers["Coder-Session-Token"] == TOKEN
        request.answer(204)

    with FakeCoder(look) as coder:
        run = hook.point_at(agentapi, coder).run("capture", CODER_AGENT_HEADER_COMMAND="echo X-A=b")
    assert run.code == 0
    assert any("snapshot" in line for line in seen)
    assert not any(TOKEN in line for line in seen)


def test_row_15_no_other_program_is_needed(both: Hook, coder: FakeCoder) -> None:
    assert both.run("capture", PATH="/nowhere").code == 0
    assert len(coder.snapshots) == 1


def test_row_16_loopback_never_goes_through_a_proxy_and_coder_does(hook: Hook, agentapi: FakeAgentAPI) -> None:
    with FakeCoder() as proxy:
        proxy.script = lambda request: request.answer(204)
        run = hook.point_at(agentapi, "http://coder.invalid/").run("capture", http_proxy=proxy.url, HTTP_PROXY="x")
        assert run.code == 0
        path = f"/api/v2/workspaceagents/me/tasks/{TASK}/log-snapshot?format=agentapi"
        assert proxy.paths() == [f"http://coder.invalid{path}"]
        hook.point_at(coder=proxy)
        assert hook.run("capture", http_proxy="http://127.0.0.1:1").code == 0
        assert proxy.paths()[1:] == [path]


@pytest.mark.parametrize("status", [307, 308])
def test_row_17_redirects_are_followed_on_the_same_host(hook: Hook, agentapi: FakeAgentAPI, status: int) -> None:
    def redirect(request: Request) -> None:
        request.answer(status, Location=request.path)

    with FakeCoder(redirect) as coder:
        assert hook.point_at(agentapi, coder).run("capture").code == 0
        assert len(coder.snapshots) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_17_the_token_goes_to_no_other_host(hook: Hook, agentapi: FakeAgentAPI, status: int) -> None:
    with FakeCoder() as elsewhere:
        url = f"http://localhost:{elsewhere.port}/x"
        with FakeCoder(lambda request: request.answer(status, Location=url)) as coder:
            run = hook.point_at(agentapi, coder).run("capture")
    assert f"HTTP {status}" in run.stderr
    assert len(coder.journal) == 1
    assert elsewhere.journal == []


def test_row_18_agentapi_s_refusal_is_shown(hook: Hook, coder: FakeCoder) -> None:
    text = "Invalid host header. Allowed hosts: example.com"
    with Server(lambda request: request.answer(400, text)) as agentapi:
        run = hook.point_at(agentapi.port, coder).run("capture")
    assert run.code == 1
    assert f"HTTP 400: {text}" in run.stderr


@pytest.mark.parametrize(
    ("task", "segment"), [("x?y=../z", "x%3Fy%3D%2E%2E%2Fz"), ("..", "%2E%2E"), ("a b\n漢", "a%20b%0A%E6%BC%A2")]
)
def test_row_19_the_task_id_is_one_quoted_segment(hook: Hook, agentapi: FakeAgentAPI, task: str, segment: str) -> None:
    with FakeCoder(task=segment) as coder:
        assert hook.point_at(agentapi, coder).run("capture", ARG_TASK_ID=task).code == 0
        assert len(coder.snapshots) == 1
        assert not list((hook.home / ".local" / "state" / "coder-tasks").glob("[!.]*"))


@pytest.mark.parametrize(
    ("environ", "code", "line"),
    [
        ({"ARG_TASK_ID": None}, 0, "No task ID, skipping log snapshot"),
        ({"ARG_TASK_LOG_SNAPSHOT": "false"}, 0, "Log snapshot disabled, skipping"),
        ({"CODER_AGENT_URL": None}, 1, "Error: CODER_AGENT_URL not set, cannot capture log snapshot"),
        ({"CODER_AGENT_TOKEN": None}, 1, "Error: CODER_AGENT_TOKEN not set, cannot capture log snapshot"),
    ],
)
def test_row_20_every_path_ends_the_same_way(both: Hook, environ: dict[str, str | None], code: int, line: str) -> None:
    run = both.run("capture", **environ)
    assert run.code == code
    assert line in [*run.lines, *run.stderr.splitlines()]
    assert run.lines[0] == "Shutting down AgentAPI"
    assert run.lines[-1] == "Shutdown complete"


def test_row_21_no_messages_are_no_endless_loop(hook: Hook, coder: FakeCoder) -> None:
    assert fit([], 10, 15).body == b'{"messages":[]}'
    with FakeAgentAPI([]) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    assert run.code == 0
    assert "No messages for log snapshot" in run.lines
    assert coder.journal == []


def test_row_22_a_locked_agentapi_is_read_from_its_events(both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    agentapi.locked = True
    run = both.run("capture")
    assert run.code == 0
    assert coder.snapshots == [agentapi.messages]
    assert not run.held_up


def test_row_22_a_dead_agentapi_is_read_from_its_state_file(hook: Hook, coder: FakeCoder, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    messages = [{"id": 0, "message": "hi", "role": "agent", "time": "2026-06-01T12:00:00Z"}]
    state.write_text(
        json.dumps({"version": 1, "messages": messages, "initial_prompt": "", "initial_prompt_sent": False})
    )
    run = hook.point_at(1, coder).run("capture", AGENTAPI_STATE_FILE=str(state))
    assert run.code == 0
    assert "Error: Failed to fetch messages from AgentAPI (may not be running)" in run.stderr
    assert [item["content"] for item in coder.snapshots[0]] == ["hi"]


def test_row_22_and_at_last_from_the_spool(hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    assert hook.point_at(agentapi, "http://127.0.0.1:1").run("capture", "--deadline", "1").code == 0
    assert hook.spooled.exists()
    run = hook.point_at(1, coder).run("capture")
    assert run.code == 0
    assert coder.snapshots == [agentapi.messages]
    assert not hook.spooled.exists()


def test_row_23_as_many_messages_as_fit(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation(*(str(number) for number in range(500)))) as agentapi:
        hook.point_at(agentapi, coder)
        hook.run("capture")
        hook.run("capture", "--max-messages", "0")
    assert [len(snapshot) for snapshot in coder.snapshots] == [10, 500]


def test_row_24_a_trailing_slash_is_taken_off(hook: Hook, agentapi: FakeAgentAPI, coder: FakeCoder) -> None:
    assert hook.point_at(agentapi, f"{coder.url}/").run("capture").code == 0
    assert coder.paths()[0].startswith("/api/v2/")


def test_row_25_what_is_left_out_is_said(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation("a" * 10, "b" * 10, "漢" * 70_000)) as agentapi:
        run = hook.point_at(agentapi, coder).run("capture")
    content = coder.snapshots[0][0]["content"]
    tail = content.partition("\n\n")[2]
    missing = 70_000 - len(tail)
    assert content.startswith(f"[...content truncated, {missing} characters left out...]\n\n")
    assert f"Left out 2 older messages and {missing} characters to stay within 65536 bytes" in run.lines


def test_row_26_headers_for_a_proxy_that_wants_them(both: Hook, coder: FakeCoder) -> None:
    command = 'echo "X-Command=$CODER_URL"'
    both.run("capture", CODER_AGENT_HEADER='X-One=1,"X-Two=a,b"', CODER_AGENT_HEADER_COMMAND=command)
    headers = coder.journal[0].headers
    assert (headers["X-One"], headers["X-Two"], headers["X-Command"]) == ("1", "a,b", coder.url)


def test_row_current_a_stranger_is_not_stopped(both: Hook, tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        pid_file = tmp_path / "agentapi.pid"
        pid_file.write_text(f"{stranger.pid}\n")
        run = both.run("capture", ARG_PID_FILE_PATH=str(pid_file), ARG_ENABLE_STATE_PERSISTENCE="true")
        assert run.code == 0
        assert f"AgentAPI is not stopped: process {stranger.pid} is not AgentAPI" in run.lines
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_row_current_an_agentapi_that_ignores_sigterm_does_not_hold_up_the_stop(hook: Hook, coder: FakeCoder) -> None:
    hook.point_at(coder=coder)
    ignoring = (
        "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); from unit.snapshot.servers import *\n"
        "with FakeAgentAPI(conversation('hi', 'do')) as server: print(server.port, flush=True); server.closing.wait(30)"
    )
    tests = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", ignoring], env={**os.environ, "PYTHONPATH": tests}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        hook.point_at(int(process.stdout.readline()))
        pid_file = hook.home / "agentapi.pid"
        pid_file.write_text(str(process.pid))
        run = hook.run("capture", "--deadline", "1.5", ARG_PID_FILE_PATH=str(pid_file))
        assert run.code == 0
        assert f"Sending SIGTERM to AgentAPI (pid {process.pid})" in run.lines
        assert any("still running after" in line for line in run.lines)
        assert not run.held_up
        assert len(coder.snapshots) == 1
    finally:
        process.kill()
        process.wait()
