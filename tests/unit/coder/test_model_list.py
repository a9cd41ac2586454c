# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that a chat can be given, from both forms of the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.model_list import (
    MODEL_FIELDS,
    REASONS,
    models_from,
)

KEYS = [
    "id", "model", "provider", "type", "ai_provider_id", "enabled", "available", "unavailable_reason", "models",
    "is_default", "context_limit", "reasoning_efforts", "display_name", "providers", "unsupported_providers",
]  # fmt: skip
TEXTS = st.sampled_from(["", "a", "b", "openai", "copilot", "missing_api_key", "fetch_failed"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=15,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)
LISTED = st.builds(lambda data, key, model: {**data, "id": key, "model": model}, OBJECTS, TEXTS, TEXTS)


@given(st.lists(LISTED, max_size=4), OBJECTS)
def test_whatever_the_server_says_each_model_is_whole(listed: list[dict[str, Any]], catalog: dict[str, Any]) -> None:
    models = models_from(listed, catalog)
    assert sorted(model["id"] for model in models) == sorted(data["id"] for data in listed)
    for model in models:
        assert tuple(model) == MODEL_FIELDS
        assert model["usable"] == (model["reason"] is None)
        assert model["reason"] is None or model["reason"] in REASONS
        assert not model["usable"] or model["enabled"], "what is switched off is not usable"
        assert model["reason"] != "model_disabled" or not model["enabled"]
    defaults = [model["default"] for model in models]
    assert defaults == sorted(defaults, reverse=True)
    assert models == models_from(list(reversed(listed)), catalog) or len({data["id"] for data in listed}) < len(listed)
    json.dumps(models)


@given(st.lists(LISTED, max_size=4), OBJECTS)
def test_nothing_that_is_given_is_changed(listed: list[dict[str, Any]], catalog: dict[str, Any]) -> None:
    before = json.dumps([listed, catalog])
    models_from(listed, catalog)
    assert json.dumps([listed, catalog]) == before


def only(model: dict[str, Any], catalog: dict[str, Any]) -> tuple[bool, str | None, str | None]:
    (found,) = models_from([{"id": "m", "model": "one", "enabled": True, **model}], catalog)
    return found["usable"], found["reason"], found["provider"]


# Up to 2.36: one entry per type, with the models that can be used.
EARLY = {
    "providers": [
        {"provider": "anthropic", "available": True, "models": [{"model": "other"}]},
        {"provider": "openai", "available": True, "models": [{"id": "openai:one", "model": "one"}]},
        {"provider": "azure", "available": False, "unavailable_reason": "fetch_failed", "models": []},
    ],
    "unsupported_providers": [{"provider": "copilot", "display_name": "GitHub Copilot"}],
}
# Since 2.37: one entry per provider.
LATE = {
    "providers": [
        {"id": "good", "type": "openai", "enabled": True, "available": True},
        {"id": "off", "type": "openai", "enabled": False, "available": False, "unavailable_reason": "missing_api_key"},
        {"id": "keyless", "type": "azure", "available": False, "unavailable_reason": "missing_api_key"},
        {"id": "mine", "type": "azure", "available": False, "unavailable_reason": "user_api_key_required"},
        {"id": "down", "type": "google", "available": False, "unavailable_reason": "fetch_failed"},
        {"id": "new", "type": "google", "available": False, "unavailable_reason": "said_by_a_later_server"},
        {"id": "silent", "type": "google", "available": False},
    ],
    "unsupported_providers": [{"provider": "copilot"}],
}


@pytest.mark.parametrize(
    ("model", "catalog", "expected"),
    [
        ({"provider": "openai"}, EARLY, (True, None, "openai")),
        ({}, EARLY, (True, None, "openai")),
        ({"enabled": False}, EARLY, (False, "model_disabled", "openai")),
        ({"provider": "anthropic"}, EARLY, (False, "not_offered", "anthropic")),
        ({"provider": "azure"}, EARLY, (False, "fetch_failed", "azure")),
        ({"provider": "copilot"}, EARLY, (False, "unsupported_provider", "copilot")),
        ({"provider": "google"}, EARLY, (False, "not_offered", "google")),
        ({"model": "unknown"}, EARLY, (False, "not_offered", None)),
        ({"ai_provider_id": "good"}, LATE, (True, None, "openai")),
        ({"ai_provider_id": "good", "enabled": False}, LATE, (False, "model_disabled", "openai")),
        ({"ai_provider_id": "off"}, LATE, (False, "provider_disabled", "openai")),
        ({"ai_provider_id": "keyless"}, LATE, (False, "missing_api_key", "azure")),
        ({"ai_provider_id": "mine"}, LATE, (False, "user_api_key_required", "azure")),
        ({"ai_provider_id": "down"}, LATE, (False, "fetch_failed", "google")),
        ({"ai_provider_id": "new"}, LATE, (False, "not_offered", "google")),
        ({"ai_provider_id": "silent"}, LATE, (False, "not_offered", "google")),
        ({"ai_provider_id": "not in it"}, LATE, (False, "unsupported_provider", None)),
        ({"ai_provider_id": "x"}, {**LATE, "unsupported_providers": None}, (False, "not_offered", None)),
        ({"ai_provider_id": "x"}, {}, (False, "not_offered", None)),
    ],
)
def test_whether_it_can_be_used_and_why_not(
    model: dict[str, Any], catalog: dict[str, Any], expected: tuple[bool, str | None, str | None]
) -> None:
    assert only(model, catalog) == expected


def test_a_model_has_what_the_server_tells() -> None:
    data = {
        "id": "m", "model": "one", "display_name": "", "ai_provider_id": "good", "enabled": True, "is_default": True,
        "context_limit": 1000, "reasoning_efforts": ["low", "high"], "compression_threshold": 70,
    }  # fmt: skip
    assert models_from([data], LATE) == [
        {
            "id": "m", "model": "one", "display_name": "one", "provider": "openai", "provider_id": "good",
            "default": True, "enabled": True, "usable": True, "reason": None, "context_limit": 1000,
            "reasoning_efforts": ["low", "high"],
        }
    ]  # fmt: skip
