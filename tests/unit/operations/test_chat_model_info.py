# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""chat_model_info against servers that have one list of models, and against those that have one per organization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from calling import Call, call

from emulator import CHAT_DIALECTS, Emulator

Start = Callable[..., Emulator]


@pytest.fixture(params=CHAT_DIALECTS)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    return emulator("", chats=request.param)


def found(server: Emulator, **options: Any) -> Call:
    made = call("chat_model_info", server, **options)
    assert not made.failed, made.msg
    assert made.writes == [] and made["changed"] is False
    return made


def reasons(made: Call) -> dict[str, str | None]:
    return {model["model"]: model["reason"] for model in made["models"]}


def general(server: Emulator) -> bool:
    return bool(server.chat_dialect and server.chat_dialect.organization_models)


def test_the_models_and_which_can_be_used(server: Emulator) -> None:
    made = found(server)
    without_key = "missing_api_key" if general(server) else "not_offered"
    assert reasons(made) == {
        "fake-1": None, "fake-claude": None, "fake-gpt": None, "fake-dead": None, "fake-nokey": without_key,
    }  # fmt: skip
    assert [model["model"] for model in made["models"] if model["default"]] == [made["models"][0]["model"]]
    assert len(made.requests) <= 5


def test_its_id_is_what_a_new_chat_is_given(server: Emulator) -> None:
    assert server.state.chats is not None
    assert {model["id"] for model in found(server)["models"]} == set(server.state.chats.models)


def test_a_filter(server: Emulator) -> None:
    usable, others = found(server, usable=True)["models"], found(server, usable=False)["models"]
    assert {model["usable"] for model in usable} == {True} and {model["usable"] for model in others} == {False}
    assert len(usable) + len(others) == len(found(server)["models"])


def test_a_model_that_is_switched_off(server: Emulator) -> None:
    assert server.state.chats is not None
    for model in server.state.chats.models.values():
        model.enabled = model.model != "fake-gpt"
    assert reasons(found(server))["fake-gpt"] == "model_disabled"


def test_a_provider_that_is_switched_off(server: Emulator) -> None:
    assert server.state.chats is not None
    for provider in server.state.chats.providers.values():
        provider.enabled = provider.type != "anthropic"
    assert reasons(found(server))["fake-claude"] in ("provider_disabled", "not_offered")
    assert reasons(found(server))["fake-gpt"] is None


def test_a_provider_that_chats_cannot_use(server: Emulator) -> None:
    chats = server.state.chats
    assert chats is not None and server.chat_dialect is not None
    chats.create_model(chats.create_provider("copilot", "fake-copilot", "http://127.0.0.1:9", ["key"], ""), "pilot")
    # A server that names neither the model's provider nor those that it cannot use leaves no more to say.
    told = general(server) or (server.chat_dialect.model_provider and server.chat_dialect.unsupported_providers)
    assert reasons(found(server))["pilot"] == ("unsupported_provider" if told else "not_offered")


@pytest.mark.parametrize("fields", [["brief"], ["full"], ["id", "model"], ["brief", "id"]])
def test_fields(server: Emulator, fields: list[str]) -> None:
    whole = found(server)["models"]
    picked = found(server, fields=fields)["models"]
    for few, all_of_it in zip(picked, whole):
        assert few.items() <= all_of_it.items()
        assert (few == all_of_it) == (fields == ["full"])


@pytest.mark.parametrize("organization", ["default", "coder", "ID"])
def test_an_organization(server: Emulator, organization: str) -> None:
    name = server.state.organization["id"] if organization == "ID" else organization
    assert found(server, organization=name)["models"] == found(server)["models"]


@pytest.mark.parametrize("organization", ["nope", ""])
def test_an_organization_that_is_none(server: Emulator, organization: str) -> None:
    made = call("chat_model_info", server, organization=organization)
    assert made.kind == ("not_found" if organization else "invalid") and made["models"] == []


@pytest.mark.parametrize("dialect", ["2025-10", "2.29", "2.34", "2.36"])
def test_a_server_without_chats(emulator: Start, dialect: str) -> None:
    made = call("chat_model_info", emulator(dialect))
    assert made.kind == "unsupported" and made.msg.count("coder.tasks.server_info") == 1 and made["models"] == []


def test_each_kind_of_failure(server: Emulator) -> None:
    assert call("chat_model_info", server, token="aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb").kind == "auth"
    for fault, kind in (
        ({"kind": "status", "status": 500}, "server"),
        ({"kind": "garbage"}, "protocol"),
        ({"kind": "login"}, "protocol"),
        ({"kind": "reset"}, "network"),
        ({"kind": "status", "status": 200, "body": '{"models": [{}], "providers": null}'}, "protocol"),
    ):
        server.faults.clear()
        server.faults.add(path="model", count=None, **fault)
        made = call("chat_model_info", server, retries=0)
        assert made.kind == kind and made.msg.startswith("Could not read the models: "), made.msg
