# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""agentapi_info and agentapi_message over real sockets, against the texts and the lock of the real AgentAPI."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from returned import check_return
from unit.snapshot.servers import NOW, FakeAgentAPI, Request, Server, conversation

from ansible_collections.coder.tasks.plugins.module_utils.agentapi import AgentApi
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import AnswerLost, CoderError
from ansible_collections.coder.tasks.plugins.module_utils.operation_module import module_arguments, outcome
from ansible_collections.coder.tasks.plugins.module_utils.operations import agentapi_info, agentapi_message
from ansible_collections.coder.tasks.plugins.module_utils.operations.context import Context

NOWHERE = "http://127.0.0.1:1"
BUSY = "message can only be sent when the agent is waiting for user input"
TYPED = "failed to wait for processing to start: timeout waiting for condition"


def call(operation: Any, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run an operation as its module would, and hold the result against RETURN."""
    spec = module_arguments(operation)["argument_spec"]
    checked = ArgumentSpecValidator(spec).validate(options)
    assert not checked.error_messages
    result = outcome(operation, Context(checked.validated_parameters, check_mode=check, poll_interval=0.05))
    check_return(operation.__name__.rpartition(".")[2], result)
    return result


class TalkingAgentAPI(FakeAgentAPI):
    """Takes input, too. `refusals` are used up first: the texts of a 500; `loses` says how the answer gets lost."""

    def __init__(self, *contents: str, refusals: tuple[str, ...] = (), loses: str = "") -> None:
        super().__init__(conversation(*contents))
        self.refusals = list(refusals)
        self.loses = loses
        self.sent: list[str] = []

    def respond(self, request: Request) -> None:
        if request.path == "/openapi.json":
            request.json(200, {"info": {"title": "AgentAPI", "version": "0.12.1"}, "openapi": "3.1.0"})
        elif request.path == "/message":
            self._take(request)
        else:
            super().respond(request)

    def _take(self, request: Request) -> None:
        sent = json.loads(request.body)
        assert sent["type"] == "user"
        self.sent.append(sent["content"])
        if self.refusals:
            errors = [{"message": f"failed to send message: {self.refusals.pop(0)}"}]
            detail = "unexpected error occurred"
            request.json(500, {"title": "Internal Server Error", "status": 500, "detail": detail, "errors": errors})
            return
        if self.loses != "and forgets":
            self.say(sent["content"], "user")
            self.change_status("running")
            threading.Timer(0.3, self._answer).start()
        if self.loses:
            request.reset()
        else:
            request.json(200, {"$schema": "x", "ok": True})

    def _answer(self) -> None:
        self.say("Done.   \nAll of it.   ")
        self.change_status("stable")


def talk(server: Server, **options: Any) -> dict[str, Any]:
    given = {"agentapi_url": server.url, "input": "Go on", "stable_idle": 0.2, "wait_timeout": 5, **options}
    return call(agentapi_message, **given)


# agentapi_info


def test_info_tells_status_messages_and_version() -> None:
    with TalkingAgentAPI("Hello", "Hi", "Fine   \n\n") as server:
        result = call(agentapi_info, agentapi_url=server.url + "/")
    assert result["agentapi"] == {
        "url": server.url, "status": "stable", "ready": True,
        "agent_type": "custom", "transport": "pty", "version": "0.12.1",
    }  # fmt: skip
    assert result["messages"][2] == {"id": 2, "content": "Fine\n\n", "type": "output", "time": NOW}
    assert result["summary"]["total"] == result["summary"]["returned"] == 3
    assert result["summary"]["source"] == "messages"
    assert not result["changed"]


@pytest.mark.parametrize(("options", "kept"), [({"tail": 1}, [2]), ({"tail": 0}, []), ({"max_bytes": 150}, [2])])
def test_info_is_bounded(options: dict[str, int], kept: list[int]) -> None:
    with TalkingAgentAPI("Hello", "Hi", "Fine") as server:
        result = call(agentapi_info, agentapi_url=server.url, **options)
    assert [message["id"] for message in result["messages"]] == kept
    assert result["summary"]["total"] == 3
    assert result["summary"]["bytes"] <= options.get("max_bytes", 65536)


def test_info_reads_the_events_of_a_locked_server() -> None:
    with FakeAgentAPI(conversation("Hello", "Hi", "So far"), status="running") as server:
        server.locked = True
        result = call(agentapi_info, agentapi_url=server.url, timeout=3)
    assert result["summary"]["source"] == "events"
    assert result["agentapi"]["status"] == "running"
    assert result["messages"][-1]["content"] == "So far"


def test_info_does_not_take_a_starting_agent_for_ready() -> None:
    with FakeAgentAPI(conversation(""), status="running") as server:
        result = call(agentapi_info, agentapi_url=server.url)
    assert result["agentapi"]["ready"] is False


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda request: request.answer(200, "<html>", Content_Type="text/html"), "protocol"),
        (lambda request: request.json(200, {"hello": 1}), "protocol"),
        (lambda request: request.answer(400, "Invalid host header. Allowed hosts: localhost"), "protocol"),
        (lambda request: request.hang(), "timeout"),
        (lambda request: request.reset(), "network"),
    ],
)
def test_info_says_what_is_wrong_with_a_wrong_server(answer: Any, kind: str) -> None:
    with Server(answer) as server:
        result = call(agentapi_info, agentapi_url=server.url, timeout=1)
    assert result["failed"]
    assert result["failure"]["kind"] == kind
    assert result["msg"].startswith("Could not read AgentAPI: ")


def test_info_of_nothing() -> None:
    result = call(agentapi_info, agentapi_url=NOWHERE)
    assert result["failure"]["kind"] == "network"
    assert NOWHERE in result["msg"]


@pytest.mark.parametrize("options", [{"tail": -1}, {"max_bytes": 3}])
def test_info_refuses_what_nothing_can_keep(options: dict[str, int]) -> None:
    with TalkingAgentAPI("Hello") as server:
        assert call(agentapi_info, agentapi_url=server.url, **options)["failure"]["kind"] == "invalid"


def test_the_url_must_be_one() -> None:
    assert call(agentapi_info, agentapi_url="localhost:3284")["failure"]["kind"] == "invalid"


# agentapi_message


def test_message_is_sent_and_its_reply_returned() -> None:
    with TalkingAgentAPI("Hello") as server:
        result = talk(server)
    assert server.sent == ["Go on"]
    assert result["delivered"] == "yes"
    assert [message["content"] for message in result["reply"]] == ["Done.\nAll of it."]
    assert result["changed"]


def test_message_need_not_wait_for_the_reply() -> None:
    with TalkingAgentAPI("Hello") as server:
        result = talk(server, wait_for="accepted")
    assert server.sent == ["Go on"]
    assert result["reply"] == []


def test_message_waits_for_a_busy_agent() -> None:
    with TalkingAgentAPI("Hello") as server:
        server.status = "running"
        threading.Timer(0.4, server.change_status, ["stable"]).start()
        result = talk(server, wait_for="accepted")
    assert result["waited"] >= 0.5
    assert server.sent == ["Go on"]


def test_message_that_was_refused_is_sent_again() -> None:
    with TalkingAgentAPI("Hello", refusals=(BUSY, BUSY)) as server:
        result = talk(server)
    assert server.sent == ["Go on"] * 3
    assert [message["content"] for message in server.messages].count("Go on") == 1
    assert result["delivered"] == "yes"


def test_message_without_waiting_fails_on_a_busy_agent() -> None:
    with TalkingAgentAPI("Hello", refusals=(BUSY,)) as server:
        result = talk(server, wait_for="none")
    assert result["failure"]["kind"] == "busy"
    assert result["delivered"] == "no"
    assert len(server.sent) == 1


def test_message_whose_answer_was_lost_is_found() -> None:
    with TalkingAgentAPI("Hello", "Go on", "Done.", loses="and works") as server:
        result = talk(server)
    assert server.sent == ["Go on"]
    assert result["delivered"] == "yes"
    assert len(result["reply"]) == 1


def test_message_that_is_not_found_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agentapi_message, "LOOK_FOR_MESSAGE", 0.5)
    with TalkingAgentAPI("Hello", "Go on", "Done.", loses="and forgets") as server:
        result = talk(server)
    assert server.sent == ["Go on"]
    assert result["failed"]
    assert result["delivered"] == "unknown"


def test_message_that_was_typed_but_not_recorded_is_not_sent_again() -> None:
    with TalkingAgentAPI("Hello", refusals=(TYPED,)) as server:
        result = talk(server)
    assert server.sent == ["Go on"]
    assert result["delivered"] == "unknown"
    assert "typed" in result["msg"]


def test_message_that_AgentAPI_refuses_was_not_delivered() -> None:
    def refuse(request: Request) -> None:
        request.json(422, {"status": 422, "detail": "validation failed", "errors": [{"message": "too odd"}]})

    with TalkingAgentAPI("Hello") as server:
        server._take = refuse  # type: ignore[method-assign]
        result = talk(server)
    assert result["failure"]["kind"] == "invalid"
    assert result["failure"]["status"] == 422
    assert result["delivered"] == "no"
    assert "too odd" in result["msg"]


def test_message_that_something_before_AgentAPI_refuses_has_its_words() -> None:
    with TalkingAgentAPI("Hello") as server:
        server._take = lambda request: request.answer(502, "<p>Bad\ngateway</p>")  # type: ignore[method-assign]
        result = talk(server)
    assert result["failure"]["kind"] == "server" and "HTTP 502: <p>Bad gateway</p>" in result["msg"]


def test_reply_that_does_not_come_is_an_error_that_keeps_what_is_there() -> None:
    with TalkingAgentAPI("Hello") as server:
        server._answer = lambda: server.say("I am still at it")  # type: ignore[method-assign]
        result = talk(server, wait_timeout=1)
    assert result["failure"]["kind"] == "wait_timeout"
    assert result["delivered"] == "yes"
    assert [message["content"] for message in result["reply"]] == ["I am still at it"]


def test_agent_that_never_gets_stable_is_not_sent_to() -> None:
    with TalkingAgentAPI("Hello") as server:
        server.status = "running"
        result = talk(server, wait_timeout=0.5)
    assert result["failure"]["kind"] == "wait_timeout"
    assert result["delivered"] == "no"
    assert not server.sent


def test_an_answer_without_words_is_one() -> None:
    with TalkingAgentAPI("Hello") as server:
        server._answer = lambda: (server.say("  "), server.change_status("stable"))  # type: ignore[method-assign]
        result = talk(server)
    assert not result.get("failed") and result["delivered"] == "yes"
    assert [message["content"] for message in result["reply"]] == [""] and "stands there already" in result["note"]


def test_a_server_that_is_gone_after_the_input_does_not_hide_that_it_was_delivered() -> None:
    with TalkingAgentAPI("Hello") as server:
        server._answer = lambda: setattr(server, "script", lambda request: request.reset())  # type: ignore[method-assign]
        result = talk(server)
    assert (result["failure"]["kind"], result["delivered"], result["changed"]) == ("network", "yes", True)
    assert "Could not read the reply of AgentAPI" in result["msg"] and "Do not send it again" in result["msg"]


def test_an_input_that_the_conversation_never_shows_has_no_reply() -> None:
    with TalkingAgentAPI("Hello") as server:
        server._take = lambda request: request.json(200, {"ok": True})  # type: ignore[method-assign]
        result = talk(server, wait_timeout=0.6)
    assert (result["failure"]["kind"], result["delivered"], result["reply"]) == ("wait_timeout", "yes", [])


def test_what_nobody_took_is_told_apart_from_what_was_lost() -> None:
    """A server that ends between the look at it and the input: nothing was connected to, so nothing arrived."""
    with pytest.raises(CoderError, match="Check that AgentAPI runs there") as caught:
        AgentApi(NOWHERE, 5.0).send("Go on")
    assert not isinstance(caught.value, AnswerLost) and caught.value.kind == "network"


@pytest.mark.parametrize("options", [{"agentapi_url": NOWHERE}, {"agentapi_url": "localhost"}, {"input": " "}])
def test_nothing_delivered_is_told_in_every_failure(options: dict[str, str]) -> None:
    result = call(agentapi_message, **{"agentapi_url": NOWHERE, "input": "x", **options})
    assert result["failed"] and (result["delivered"], result["changed"]) == ("no", False)


def test_check_mode_sends_nothing() -> None:
    with TalkingAgentAPI("Hello") as server:
        result = talk(server, check=True)
    assert result["changed"] and (result["delivered"], result["would_send"]) == ("no", "Go on")
    assert not server.sent
    assert talk(server, check=True)["failure"]["kind"] == "network"


def test_blank_input_is_refused() -> None:
    with TalkingAgentAPI("Hello") as server:
        assert talk(server, input=" \n")["failure"]["kind"] == "invalid"
    assert not server.journal
