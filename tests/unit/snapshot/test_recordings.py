# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package against recordings of real servers; and these tests' own idea of a Coder against them, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from unit.snapshot.servers import Rejected, Request, Server, decode_as_the_server

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deliver import is_route_missing, judge
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.fit import fit
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.read import read_agentapi, replay_events

RECORDINGS = Path(__file__).parents[2] / "recordings"


def exchanges(name: str, method: str, path: str) -> list[dict[str, Any]]:
    """The exchanges of a recording with a whole answer, of one method and an end of the path."""
    recorded = json.loads((RECORDINGS / name).read_text())["exchanges"]
    answered = [each for each in recorded if each.get("request") and (each.get("response") or {}).get("status")]
    # What is longer than 2,000 characters was recorded with its end cut off: "...<2487 chars>".
    whole = [each for each in answered if not str(each["response"]["body"]).endswith(" chars>")]
    return [each for each in whole if each["request"]["method"] == method and each["request"]["path"].endswith(path)]


def replay(response: dict[str, Any]) -> Any:
    """A script that answers as recorded; a chunked body was recorded with its framing when it is a stream."""
    body = response["body"] if isinstance(response["body"], str) else json.dumps(response["body"])

    def answer(request: Request) -> None:
        request.close_connection = True
        framed = response["headers"].get("Content-Type", "").startswith("text/event-stream")
        lines = [f"HTTP/1.1 {response['status']} Recorded", f"Content-Type: {response['headers']['Content-Type']}"]
        lines += ["Transfer-Encoding: chunked"] if framed else [f"Content-Length: {len(body.encode())}"]
        request.wfile.write("\r\n".join([*lines, "", body]).encode())

    return answer


MESSAGES = [
    (f"{name}: {each['name']}", each["response"])
    for name in ("messages.json", "old_messages.json", "acp.json", "state.json", "big_answers.json")
    for each in exchanges(f"agentapi/{name}", "GET", "/messages")
]


@pytest.mark.parametrize("response", [pytest.param(response, id=name) for name, response in MESSAGES])
def test_every_recorded_conversation_is_read_and_fits(response: dict[str, Any]) -> None:
    body = response["body"] if isinstance(response["body"], dict) else json.loads(response["body"])
    with Server(replay(response)) as server:
        conversation = read_agentapi(server.url, Deadline(3))
    assert conversation.messages == body["messages"]
    fitted = fit(conversation.messages)
    assert fitted.repaired == 0
    assert decode_as_the_server(fitted.body) == fitted.messages


STREAMS = [
    (f"{name}: {each['name']}", each["response"])
    for name in ("events.json", "old_events.json", "acp.json", "blocking_post.json", "state.json")
    for each in exchanges(f"agentapi/{name}", "GET", "/events")
]


@pytest.mark.parametrize("response", [pytest.param(response, id=name) for name, response in STREAMS])
def test_every_recorded_event_stream_replays_the_conversation(response: dict[str, Any]) -> None:
    with Server(replay(response)) as server:
        messages, status = replay_events(server.url, Deadline(3))
    assert status in ("running", "stable")
    assert len(messages) == response["body"].split("event: status_change")[0].count("event: message_update")
    assert fit(messages).repaired == 0


POSTS = [
    each
    for each in exchanges("2.34/09-log-snapshot.json", "POST", "/log-snapshot")
    if each["response"]["status"] in (204, 400, 500)
    and each["request"]["path"].endswith("tasks/<id>/log-snapshot")
    and each["request"].get("query") == "format=agentapi"
]


def body_of(exchange: dict[str, Any]) -> bytes:
    body = exchange["request"]["body"]
    return body["raw"].encode() if isinstance(body, dict) and "raw" in body else json.dumps(body).encode()


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each["name"]) for each in POSTS])
def test_these_tests_take_no_body_that_a_real_coder_refused(exchange: dict[str, Any]) -> None:
    if exchange["response"]["status"] != 204 and exchange["request"]["body"].get("bytes", 0) <= 65536:
        with pytest.raises(Rejected):
            decode_as_the_server(body_of(exchange))


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each["name"]) for each in POSTS])
def test_messages_that_a_real_coder_refused_are_repaired(exchange: dict[str, Any]) -> None:
    try:
        messages = json.loads(body_of(exchange), strict=False)["messages"]
    except (ValueError, TypeError, KeyError):
        return
    if isinstance(messages, list):
        fitted = fit(messages, 0)
        assert decode_as_the_server(fitted.body) == fitted.messages
        assert fitted.dropped == 0 or exchange["request"]["body"].get("bytes", 0) > 65536


STATES = {204: "delivered", 400: "rejected", 401: "failed", 405: "failed", 500: "failed"}


@pytest.mark.parametrize(
    "exchange",
    [
        pytest.param(each, id=each["name"])
        for each in exchanges("2.34/09-log-snapshot.json", "POST", "")
        + exchanges("2.29/09-log-snapshot.json", "POST", "")
        if "workspaceagents" in each["request"]["path"]
    ],
)
def test_every_recorded_answer_is_understood(exchange: dict[str, Any]) -> None:
    response = exchange["response"]
    text = json.dumps(response["body"]) if response["body"] else ""
    state = judge(response["status"], text)
    if response["status"] == 404:
        assert state == ("unsupported" if "Route not found." in text else "no_task")
        assert is_route_missing(text) == (state == "unsupported")
    else:
        assert state == STATES[response["status"]]


@pytest.mark.parametrize(
    ("status", "text", "state"),
    [
        (204, "", "delivered"),
        (400, '{"message":"Invalid snapshot data."}', "rejected"),
        (400, "<html>Bad Request</html>", "failed"),
        (502, "<html>Bad Gateway</html>", "failed"),
        (404, '{"message":"Route not found."}', "unsupported"),
    ],
)
def test_only_coders_own_refusal_gives_a_snapshot_up(status: int, text: str, state: str) -> None:
    assert judge(status, text) == state
