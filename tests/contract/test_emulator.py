# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests rely on in the emulator and no recording shows: faults, journal, bad agents, unmeasured dialects."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from emulator import Emulator

Start = Callable[..., Emulator]
TESTS = Path(__file__).parent.parent


def ask(server: Emulator, method: str, path: str, **options: Any) -> requests.Response:
    headers = {"Coder-Session-Token": server.token, **options.pop("headers", {})}
    return requests.request(
        method, server.url + path, headers=headers, timeout=options.pop("timeout", 5), allow_redirects=False, **options
    )


def raw(server: Emulator, path: str) -> http.client.HTTPResponse:
    """A GET of exactly this path: clients mend broken escapes."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.request("GET", path, headers={"Coder-Session-Token": server.token})
    return connection.getresponse()


def send(server: Emulator, name: str, text: str = "hello") -> requests.Response:
    return ask(server, "POST", f"/api/v2/tasks/me/{name}/send", json={"input": text})


def active_version(server: Emulator, template: str = "ai") -> str:
    return server.state.template(template).active_version.id


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


# Faults and journal


@pytest.mark.parametrize("kind", ["reset", "lost", "truncate"])
def test_broken_connections(emulator: Start, kind: str) -> None:
    server = emulator()
    server.faults.add(kind, path="/users/me$")
    with pytest.raises(requests.exceptions.RequestException):
        ask(server, "GET", "/api/v2/users/me")
    assert ask(server, "GET", "/api/v2/users/me").ok


def test_lost_answer_is_a_done_write(emulator: Start) -> None:
    server = emulator()
    server.faults.add("lost", method="POST")
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(server, "POST", "/api/v2/tasks/me", json={"template_version_id": active_version(server), "name": "one"})
    assert ask(server, "GET", "/api/v2/tasks/me/one").ok
    assert [(entry.method, entry.status, entry.fault) for entry in server.writes] == [("POST", 0, "lost")]


def test_reset_request_was_not_processed(emulator: Start) -> None:
    server = emulator()
    server.faults.add("reset", method="POST")
    with pytest.raises(requests.exceptions.ConnectionError):
        ask(server, "POST", "/api/v2/tasks/me", json={"template_version_id": active_version(server), "name": "one"})
    assert ask(server, "GET", "/api/v2/tasks/me/one").status_code == 404


def test_answers_that_are_none(emulator: Start) -> None:
    server = emulator()
    server.faults.add("login")
    login = ask(server, "GET", "/api/v2/users/me")
    assert login.status_code == 200
    assert login.headers["Content-Type"].startswith("text/html")
    server.faults.add("redirect", location="https://sso.example.com/")
    redirect = ask(server, "GET", "/api/v2/users/me")
    assert (redirect.status_code, redirect.headers["Location"]) == (302, "https://sso.example.com/")
    server.faults.add("garbage")
    with pytest.raises(ValueError, match="Expecting"):
        ask(server, "GET", "/api/v2/users/me").json()
    server.faults.add("status", status=429, headers={"Retry-After": "7"}, body='{"message":"slow down"}')
    limited = ask(server, "GET", "/api/v2/users/me")
    assert (limited.status_code, limited.headers["Retry-After"], limited.json()) == (429, "7", {"message": "slow down"})


@pytest.mark.parametrize("kind", ["latency", "drip"])
def test_slow_answers(emulator: Start, kind: str) -> None:
    server = emulator()
    server.faults.add(kind, seconds=0.2)
    begun = time.monotonic()
    assert ask(server, "GET", "/api/v2/users/me").json()["username"] == "alice"
    assert time.monotonic() - begun >= 0.2


def test_rules_choose_their_requests(emulator: Start) -> None:
    server = emulator()
    rule = server.faults.add("status", status=503, method="GET", path="buildinfo", skip=1, count=2)
    answers = [ask(server, "GET", "/api/v2/buildinfo").status_code for _try in range(5)]
    assert answers == [200, 503, 503, 200, 200]
    assert rule.hits == 2
    assert ask(server, "GET", "/api/v2/users/me").ok


def test_probability_is_seeded(emulator: Start) -> None:
    def answers() -> list[int]:
        server = emulator()
        server.faults.add("status", status=500, probability=0.5, count=None)
        return [ask(server, "GET", "/api/v2/buildinfo").status_code for _try in range(12)]

    first = answers()
    assert set(first) == {200, 500}
    assert answers() == first


def test_unknown_faults_and_options_are_refused(emulator: Start) -> None:
    server = emulator()
    with pytest.raises(ValueError, match="unknown fault 'explode'; one of: latency"):
        server.faults.add("explode")
    with pytest.raises(ValueError, match="unknown fault options colour"):
        server.faults.add("reset", colour="red")
    with pytest.raises(ValueError, match="unknown emulator options speed"):
        Emulator(speed=3)
    with pytest.raises(ValueError, match=r"unknown dialect '1\.0'"):
        Emulator("1.0")


def test_journal_masks_tokens(emulator: Start) -> None:
    server = emulator()
    ask(server, "GET", f"/api/v2/users/me?coder_session_token={server.token}&x=1")
    entry = server.journal[-1]
    assert (entry.method, entry.path, entry.user, entry.status) == ("GET", "/api/v2/users/me", "alice", 200)
    assert entry.query == "coder_session_token=<masked>&x=1"
    assert server.writes == []


def test_control_api(emulator: Start) -> None:
    server = emulator()
    server.create_task("one")
    ask(server, "POST", "/_emulator/faults", json={"kind": "status", "status": 418, "path": "buildinfo"})
    assert ask(server, "GET", "/api/v2/buildinfo").status_code == 418
    assert [entry["path"] for entry in ask(server, "GET", "/_emulator/journal").json()] == ["/api/v2/buildinfo"]
    hidden = ask(
        server, "POST", "/_emulator/tasks/one", json={"report": {"state": "idle"}, "messages": [{"content": "hi"}]}
    )
    assert [message["content"] for message in hidden.json()["messages"]] == ["hi"]
    assert ask(server, "GET", "/api/v2/tasks/me/one").json()["current_state"]["state"] == "idle"
    refused = ask(server, "POST", "/_emulator/tasks/one", json={"colour": "red"})
    assert (refused.status_code, "unknown changes colour" in refused.json()["message"]) == (400, True)


def test_reset_begins_again(emulator: Start) -> None:
    server = emulator()
    server.create_task("one")
    server.faults.add("reset", count=None)
    server.reset()
    assert ask(server, "GET", "/api/v2/tasks").json() == {"tasks": [], "count": 0}
    assert len(server.journal) == 1


# Time and queues


def test_rate_limit(emulator: Start) -> None:
    server = emulator(rate_limit=3, rate_window=1.0)
    answers = [ask(server, "GET", "/api/v2/users/me") for _try in range(8)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    assert limited[0].headers["Retry-After"] == "1"
    assert limited[0].json()["message"] == "You've been rate limited for sending more than 3 requests in 1s."
    wait_for(lambda: ask(server, "GET", "/api/v2/users/me").ok)


def test_two_creators_at_once(emulator: Start) -> None:
    server = emulator(create_time=5.0)
    body = {"template_version_id": active_version(server), "name": "race"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _number: ask(server, "POST", "/api/v2/tasks/me", json=body), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 500, 500, 500]
    loser = next(answer for answer in answers if answer.status_code == 500)
    assert "tasks_owner_id_name_unique_idx" in loser.json()["detail"]


def test_builds_wait_for_a_provisioner(emulator: Start) -> None:
    server = emulator(time_factor=0.2, provisioners=1)
    first, second = (server.create_task(name, state="new") for name in ("first", "second"))
    wait_for(lambda: first.status == "initializing")
    assert second.status == "pending"
    wait_for(lambda: second.status == "active")


def test_held_builds(emulator: Start) -> None:
    server = emulator()
    server.state.hold_builds()
    task = server.create_task("one", state="new")
    assert ask(server, "GET", "/api/v2/tasks/me/one").json()["status"] == "pending"
    server.state.release_builds()
    wait_for(lambda: task.status == "active")


def test_too_long_a_prompt_fails(emulator: Start) -> None:
    server = emulator()
    body = {"template_version_id": active_version(server), "name": "long", "input": "x" * 131_054}
    assert ask(server, "POST", "/api/v2/tasks/me", json=body).status_code == 201
    wait_for(lambda: server.state.task("long").status == "error")
    workspace = ask(server, "GET", "/api/v2/users/me/workspace/long").json()
    assert workspace["latest_build"]["job"]["error"].endswith("argument list too long")


def test_failing_delete_build(emulator: Start) -> None:
    server = emulator(failing_builds={"delete": "terraform destroy: exit status 1"})
    workspace = server.create_task("one").workspace
    assert ask(server, "DELETE", "/api/v2/tasks/me/one").status_code == 202
    assert ask(server, "GET", "/api/v2/tasks/me/one").status_code == 404
    wait_for(lambda: workspace.status() == "failed")
    shown = ask(server, "GET", f"/api/v2/workspaces/{workspace.id}").json()
    assert shown["latest_build"]["job"]["error"] == "terraform destroy: exit status 1"
    body = {"template_version_id": active_version(server), "name": "one"}
    assert ask(server, "POST", "/api/v2/tasks/me", json=body).status_code == 409


# Agents that misbehave


def test_dead_agent(emulator: Start) -> None:
    server = emulator(dead_agent_delay=5.0)
    server.create_task("one").kill_agent()
    begun = time.monotonic()
    answer = ask(server, "GET", "/api/v2/tasks/me/one/logs")
    assert time.monotonic() - begun >= 0.1
    assert (answer.status_code, answer.json()["detail"]) == (502, "agent is unreachable")
    task = ask(server, "GET", "/api/v2/tasks/me/one").json()
    assert task["status"] == "active"
    assert task["workspace_agent_health"] == {"healthy": False, "reason": "agent has lost connection"}


def test_frozen_agentapi_answers_when_it_thaws(emulator: Start) -> None:
    server = emulator(time_factor=1.0)
    task = server.create_task("one")
    task.api.set_mode("frozen")
    with pytest.raises(requests.exceptions.ReadTimeout):
        ask(server, "GET", "/api/v2/tasks/me/one/logs", timeout=0.2)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send, server, "one")
        wait_for(lambda: server.journal[-1].method == "POST")
        task.api.set_mode("up")
        assert answer.result().status_code == 204
    assert [message.content for message in task.api.conversation()][-1] == "echo: hello"


def test_agentapi_down(emulator: Start) -> None:
    server = emulator()
    task = server.create_task("one")
    task.api.set_mode("down")
    assert send(server, "one").json()["message"] == "Failed to get status from task app."
    wait_for(lambda: task.status == "error")
    assert ask(server, "GET", "/api/v2/tasks/me/one/logs").status_code == 409
    task.api.set_mode("up")
    wait_for(lambda: task.status == "active")


def test_busy_agent(emulator: Start) -> None:
    server = emulator(busy_time=20.0)
    task = server.create_task("one")
    assert send(server, "one").status_code == 204
    assert send(server, "one", "again").status_code == 409
    assert [message.content for message in task.api.conversation()][-1] == "hello"
    wait_for(lambda: send(server, "one", "again").status_code == 204)
    assert [message.content for message in task.api.conversation()][-2:] == ["echo: hello", "again"]


def test_padded_screen(emulator: Start) -> None:
    server = emulator(pad_columns=80, greeting="Hi\nthere")
    task = server.create_task("one")
    assert [len(line) for line in task.api.conversation()[0].content.split("\n")] == [80, 80]


def test_agents_that_report(emulator: Start) -> None:
    server = emulator(report_states=True, busy_time=10.0)
    server.create_task("one")

    def state() -> Any:
        return ask(server, "GET", "/api/v2/tasks/me/one").json()["current_state"]

    assert state()["state"] == "idle"
    send(server, "one", "fix it")
    assert (state()["state"], state()["message"]) == ("working", "fix it")
    wait_for(lambda: state()["state"] == "idle")


@pytest.mark.parametrize("hook", [True, False])
def test_snapshot_at_pause(emulator: Start, hook: bool) -> None:
    server = emulator(auto_snapshot=hook)
    server.create_task("one", state="paused")
    logs = ask(server, "GET", "/api/v2/tasks/me/one/logs").json()
    assert logs["snapshot"]
    assert ("snapshot_at" in logs, len(logs["logs"])) == (hook, int(hook))


def test_snapshot_by_hand(emulator: Start) -> None:
    server = emulator()
    server.create_task("one", state="paused").set_snapshot([{"role": "user", "content": "saved"}])
    logs = ask(server, "GET", "/api/v2/tasks/me/one/logs").json()
    assert [(entry["type"], entry["content"]) for entry in logs["logs"]] == [("input", "saved")]


# Requests that no client of ours sends


SEARCHED = ("tasks", "workspaces", "templates", "audit")
FOREIGN = "0123456789-0123456789012345678901"


@pytest.mark.parametrize("more", [{}, {"Coder-Session-Token": FOREIGN}, {"X-Csrf-Token": "guessed"}])
def test_a_write_with_the_sessions_cookie_alone_is_refused(emulator: Start, more: dict[str, str]) -> None:
    server = emulator()
    cookie = {"Cookie": f"theme=dark; coder_session_token={server.token}"}
    body = {"template_version_id": active_version(server), "name": "one"}
    for method, path in (("POST", "/api/v2/tasks/me"), ("DELETE", "/api/v2/tasks/me/one"), ("POST", "/api/v2/nowhere")):
        answer = requests.request(method, server.url + path, headers={**cookie, **more}, json=body, timeout=5)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        said = "CSRF error encountered." if FOREIGN in more.values() else "Something is wrong with your CSRF token."
        assert answer.text.startswith(said)
    assert server.state.visible_tasks() == []
    read = requests.get(f"{server.url}/api/v2/users/me", headers={**cookie, **more}, timeout=5)
    assert read.json()["username"] == "alice"  # of the cookie's owner, whatever the header says


@pytest.mark.parametrize("meant", ["header", "query", "bearer", "no cookie"])
def test_a_write_that_was_meant_is_done(emulator: Start, meant: str) -> None:
    server = emulator()
    url, headers = f"{server.url}/api/v2/tasks/me", {"Cookie": f"coder_session_token={server.token}"}
    if meant == "header":
        headers["Coder-Session-Token"] = server.token
    elif meant == "query":
        url = f"{url}?coder_session_token={server.token}"
    elif meant == "bearer":
        headers["Authorization"] = f"Bearer {server.token}"
    else:
        headers = {"Coder-Session-Token": server.token}
    answer = requests.post(url, headers=headers, json={"template_version_id": active_version(server)}, timeout=5)
    assert answer.status_code == 201


@pytest.mark.parametrize("path", [*(f"/api/v2/{kind}" for kind in SEARCHED), "/api/experimental/chats"])
def test_only_a_blank_ends_an_element_of_a_search(emulator: Start, path: str) -> None:
    server = emulator(chats="chats-2.37")
    for white in ("\n", "\t", "\r\n"):
        refused = ask(server, "GET", path, params={"q": f"owner:me{white}status:active"})
        [problem] = refused.json()["validations"]
        shown = white.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        detail = f"Query element \"owner:me{shown}status:active\" can only contain 1 ':'"
        assert (refused.status_code, problem) == (400, {"field": "q", "detail": detail})


def test_what_a_search_quotes_holds_together(emulator: Start) -> None:
    server = emulator()
    for query in ('owner:"me" status:"active"', "owner:me  status:active", 'owner:"me', 'status:active owner:"me '):
        status = ask(server, "GET", "/api/v2/tasks", params={"q": query}).status_code
        assert status == (400 if query.endswith('"me ') else 200), query


def test_a_broken_escape_in_a_path_is_answered_before_coder_runs(emulator: Start) -> None:
    server = emulator()
    for path in ("/api/v2/tasks/me/%zz", "/api/v2/tasks%", "/api/v2/tasks/%4"):
        answer = raw(server, path)
        assert (answer.status, answer.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        assert (answer.read(), answer.headers["X-Coder-Build-Version"]) == (b"400 Bad Request", None)
    assert raw(server, "/api/v2/tasks/m%65").status == 405


@pytest.mark.parametrize("query", ["q=%zz", "q=status:nonsense;x", "q=status:nonsense%"])
def test_a_broken_pair_of_a_query_is_left_out(emulator: Start, query: str) -> None:
    server = emulator()
    server.create_task("one", owner="bob")
    server.create_task("two")
    assert [task["name"] for task in json.load(raw(server, f"/api/v2/tasks?{query}"))["tasks"]] == ["two", "one"]
    mine = json.load(raw(server, f"/api/v2/tasks?%zz=1&q=owner:me&{query}"))["tasks"]
    assert [task["name"] for task in mine] == ["two"]


def test_a_name_that_no_database_takes(emulator: Start) -> None:
    server = emulator()
    for path in ("", "/logs"):
        answer = ask(server, "GET", f"/api/v2/tasks/me/a%00b{path}")
        detail = 'fetch task by name: fetch object: pq: invalid byte sequence for encoding "UTF8": 0x00'
        assert (answer.status_code, answer.json()) == (
            500,
            {"message": "Internal error fetching task.", "detail": detail},
        )


# Dialects that were read, not measured


@pytest.mark.parametrize("name", ["2.36", "2.38"])
def test_no_tasks_feature(emulator: Start, name: str) -> None:
    server = emulator(name)
    for path in ("/api/v2/tasks", "/api/experimental/tasks", "/api/v2/tasks/me/one"):
        answer = ask(server, "GET", path)
        assert (answer.status_code, answer.json()) == (404, {"message": "Route not found."})
    assert ask(server, "GET", "/api/v2/templates").ok


def test_2_28_takes_ids_only(emulator: Start) -> None:
    server = emulator("2.28")
    task = server.create_task("one")
    shown = ask(server, "GET", f"/api/experimental/tasks/me/{task.id}").json()
    assert (shown["status"], "display_name" in shown) == ("active", False)
    refused = ask(server, "GET", "/api/experimental/tasks/me/one")
    assert (refused.status_code, refused.json()["message"]) == (400, 'Invalid UUID "one".')
    build = task.workspace.latest.id
    prompts = ask(server, "GET", f"/api/experimental/aitasks/prompts?build_ids={build}").json()
    assert prompts == {"prompts": {build: "Do the thing"}}


def test_2_30_stores_snapshots_but_does_not_show_them(emulator: Start) -> None:
    server = emulator("2.30")
    task = server.create_task("one")
    path = f"/api/v2/workspaceagents/me/tasks/{task.id}/log-snapshot?format=agentapi"
    headers = {"Coder-Session-Token": task.agent.token}
    assert ask(server, "POST", path, headers=headers, json={"messages": []}).status_code == 204
    server.state.build(task.workspace, "stop", task.owner)
    assert ask(server, "GET", "/api/v2/tasks/me/one/logs").json()["message"] == "Task status must be active."
    assert ask(server, "POST", "/api/v2/tasks/me/one/pause").json() == {"message": "Route not found."}


def test_2_31_says_busy_with_502(emulator: Start) -> None:
    server = emulator("2.31")
    server.create_task("one").api.work(60)
    assert send(server, "one").status_code == 502
    assert ask(server, "POST", "/api/v2/tasks/me/one/pause").status_code == 202


def test_prompt_parameter(emulator: Start) -> None:
    server = emulator("2.29", prompt_parameter=True)
    build = server.create_task("one", input="Fix it").workspace.latest.id
    parameters = ask(server, "GET", f"/api/v2/workspacebuilds/{build}/parameters").json()
    assert {"name": "AI Prompt", "value": "Fix it"} in parameters


# The command


@pytest.mark.slow
@pytest.mark.parametrize("posts", [True, False])
def test_the_command_posts_no_snapshot_where_it_shall_not(tmp_path: Path, posts: bool) -> None:
    options = ["--time-factor", "0.02", *([] if posts else ["--no-snapshot-at-stop"])]
    command = [sys.executable, "-m", "emulator", *options]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url, token = (word.partition("=")[2] for word in process.stdout.readline().split())
        session = requests.Session()
        session.headers["Coder-Session-Token"] = token
        templates = session.get(f"{url}/api/v2/templates", timeout=60).json()
        version = next(each["active_version_id"] for each in templates if each["name"] == "ai")
        task = f"{url}/api/v2/tasks/me/one"
        session.post(f"{url}/api/v2/tasks/me", json={"template_version_id": version, "name": "one"}, timeout=60)
        wait_for(lambda: session.get(task, timeout=60).json()["status"] == "active")
        assert session.get(f"{task}/logs", timeout=60).json()["logs"]
        assert session.post(f"{task}/pause", timeout=60).status_code == 202
        wait_for(lambda: session.get(task, timeout=60).json()["status"] == "paused")
        logs = session.get(f"{task}/logs", timeout=60).json()
        assert (logs["snapshot"], "snapshot_at" in logs, bool(logs["logs"])) == (True, posts, posts)
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


@pytest.mark.slow
def test_command_line(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    process = subprocess.Popen(
        [sys.executable, "-m", "emulator", "--dialect", "2.29", "--time-factor", "0.1", "--env-file", str(env_file)],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url, token = (word.partition("=")[2] for word in process.stdout.readline().split())
        answer = requests.get(f"{url}/api/v2/users/me", headers={"Coder-Session-Token": token}, timeout=60)
        assert answer.json()["username"] == "alice"
        assert answer.headers["X-Coder-Build-Version"].startswith("v2.29.")
        assert env_file.read_text() == f"CODER_URL={url}\nCODER_SESSION_TOKEN={token}\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
