# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of AI providers and of the models that chats may use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.answers import Answer, ApiError, empty, json_answer, not_found
from emulator.api_general import find_organization, uuid_param
from emulator.auth import require_user
from emulator.chats_dialects import ChatDialect
from emulator.chats_requests import require_owner
from emulator.chats_views import ChatViews
from emulator.dialects import EXPERIMENTAL, V2
from emulator.request import Request
from emulator.router import Router
from emulator.world import as_uuid

if TYPE_CHECKING:
    from emulator.chats_objects import Model, Provider

_TYPES = ("openai", "anthropic", "openai-compat", "azure", "bedrock", "google", "openrouter", "vercel", "copilot")
_PROVIDER = {
    "type": "string", "name": "string", "display_name": "string", "enabled": "bool", "base_url": "string",
    "api_keys": "[]string",
}  # fmt: skip
_MODEL = {
    "ai_provider_id": "uuid.UUID", "model": "string", "display_name": "string", "enabled": "bool",
    "is_default": "bool", "context_limit": "int64", "compression_threshold": "int64", "model_config": "object",
}  # fmt: skip
_LEGACY = ("providers", "user-provider-configs")
_SETTINGS = ("cost", "reasoning_effort")  # of a model; others are accepted and dropped


def add_routes(router: Router, dialect: ChatDialect) -> None:
    """Add the routes that stand beside the chats."""
    providers = router.group(f"{V2}/ai/providers", require_user, require_owner)
    providers.route("GET", "", _providers)
    providers.route("POST", "", _create_provider)
    providers.route("GET", "{provider}", _provider)
    providers.route("PATCH", "{provider}", _patch_provider)
    if dialect.organization_models:
        servers = router.group(f"{V2}/organizations/{{organization}}/mcp-servers", require_user, find_organization)
    else:
        servers = router.group(f"{EXPERIMENTAL}/mcp/servers", require_user)
    servers.route("GET", "", _mcp_servers)
    if dialect.organization_models:
        path = f"{V2}/organizations/{{organization}}/chats/models"
        models = router.group(path, require_user, find_organization)
        models.route("GET", "", _organization_models)
        models.route("POST", "", _create_organization_model)
        models.route("PATCH", "{model}", _patch_organization_model)
        models.route("DELETE", "{model}", _delete_model)


def add_chat_routes(router: Router, dialect: ChatDialect, prefix: str) -> None:
    """Add the routes below the chats of one prefix."""
    legacy = _gone if prefix == EXPERIMENTAL else None
    for name in _LEGACY:
        # From 2.38 on these words are taken for ids.
        if legacy is not None or not dialect.owner_id:
            group = router.group(f"{prefix}/chats/{name}", require_user)
            for method in ("GET", "POST") if legacy is not None else ():
                group.route(method, "", _gone)
    configs = router.group(f"{prefix}/chats/model-configs", require_user)
    if dialect.experimental_models:
        router.group(f"{prefix}/chats/models", require_user).route("GET", "", _models)
        configs.route("GET", "", _model_configs)
        configs.route("POST", "", _create_model)
        configs.route("PATCH", "{model}", _patch_model)
        configs.route("DELETE", "{model}", _delete_model)
    elif prefix == EXPERIMENTAL:
        router.group(f"{prefix}/chats/models", require_user)


async def _mcp_servers(request: Request) -> Answer:
    return json_answer(200, request.chats.mcp_servers)


async def _gone(_request: Request) -> Answer:
    raise ApiError(
        410,
        "Legacy chat provider APIs were removed. Use AI provider APIs instead.",
        "See https://coder.com/docs/ai-coder/agents/models#providers for AI provider configuration.",
    )


# Providers


async def _providers(request: Request) -> Answer:
    views = ChatViews(request.chats)
    known = sorted(request.chats.providers.values(), key=lambda provider: provider.name)
    return json_answer(200, [views.provider(provider) for provider in known])


def _named_provider(request: Request) -> Provider:
    text = request.params["provider"]
    for provider in request.chats.providers.values():
        if text == provider.name or as_uuid(text) == provider.id:
            return provider
    raise not_found()


async def _provider(request: Request) -> Answer:
    return json_answer(200, ChatViews(request.chats).provider(_named_provider(request)))


async def _create_provider(request: Request) -> Answer:
    body = request.json("codersdk.CreateAIProviderRequest", _PROVIDER)
    name, kind, url = body.get("name", ""), body.get("type", ""), body.get("base_url", "")
    problems = {}
    if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name):
        problems["name"] = "name must match ^[a-z0-9]+(-[a-z0-9]+)*$ (lowercase alphanumeric, hyphens between words)"
    elif kind not in _TYPES:
        problems["type"] = f'unsupported provider type "{kind}"'
    elif not url:
        problems["base_url"] = "base_url is required"
    if problems:
        raise ApiError(400, "Invalid AI provider request.", validations=problems)
    if any(provider.name == name for provider in request.chats.providers.values()):
        detail = 'execute transaction: pq: duplicate key value violates unique constraint "ai_providers_name_unique"'
        raise ApiError(409, f'AI provider "{name}" already exists.', detail)
    keys = [str(key) for key in body.get("api_keys", [])]
    provider = request.chats.create_provider(kind, name, url, keys, body.get("display_name", ""))
    provider.enabled = body.get("enabled", True)
    return json_answer(201, ChatViews(request.chats).provider(provider))


async def _patch_provider(request: Request) -> Answer:
    """Change a provider; whatever is changed, a key that was marked as failed is tried again."""
    provider = _named_provider(request)
    body = request.json("codersdk.UpdateAIProviderRequest", _PROVIDER)
    for key in ("display_name", "enabled", "base_url"):
        if key in body:
            setattr(provider, key, body[key])
    provider.key_failed = False
    provider.updated = request.chats.now()
    return json_answer(200, ChatViews(request.chats).provider(provider))


# Models


async def _models(request: Request) -> Answer:
    return json_answer(200, ChatViews(request.chats).models())


async def _organization_models(request: Request) -> Answer:
    return json_answer(200, ChatViews(request.chats).organization_models())


async def _model_configs(request: Request) -> Answer:
    """The models; who may not change them sees those that are enabled."""
    views, caller = ChatViews(request.chats), request.caller
    assert caller is not None
    shown = [model for model in request.chats.models.values() if model.enabled or caller.owner]
    shown.sort(key=lambda model: (model.provider.type, model.model))
    return json_answer(200, [views.model_config(model) for model in shown])


async def _create_model(request: Request) -> Answer:
    return json_answer(201, ChatViews(request.chats).model_config(_made_model(request)))


async def _create_organization_model(request: Request) -> Answer:
    return json_answer(201, ChatViews(request.chats).organization_model(_made_model(request)))


def _made_model(request: Request) -> Model:
    require_owner(request)
    body = request.json("codersdk.CreateChatModelConfigRequest", _MODEL)
    if "ai_provider_id" not in body:
        raise ApiError(400, "AI provider ID is required.")
    if not body.get("model"):
        raise ApiError(400, "Model is required.")
    if body.get("context_limit", 0) <= 0:
        raise ApiError(400, "Context limit is required.", "context_limit must be greater than zero.")
    provider = request.chats.providers.get(str(body["ai_provider_id"]))
    if provider is None:
        raise ApiError(412, "AI provider is not configured.")
    more = {
        key: body[key] for key in ("display_name", "enabled", "context_limit", "compression_threshold") if key in body
    }
    config = _settings(request, body)
    return request.chats.create_model(
        provider, body["model"], default=bool(body.get("is_default")), config=config, **more
    )


def _settings(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    known = _SETTINGS if request.chats.dialect.usage_limits else _SETTINGS[1:]
    return {key: value for key, value in (body.get("model_config") or {}).items() if key in known}


def _named_model(request: Request) -> Model:
    require_owner(request)
    model = request.chats.models.get(uuid_param(request, "model"))
    if model is None:
        raise not_found()
    return model


def _changed_model(request: Request) -> Model:
    model = _named_model(request)
    body = request.json("codersdk.UpdateChatModelConfigRequest", _MODEL)
    for key in ("model", "display_name", "enabled", "context_limit", "compression_threshold"):
        if key in body:
            setattr(model, key, body[key])
    if "model_config" in body:
        model.config = _settings(request, body)
    if body.get("is_default"):
        for other in request.chats.models.values():
            other.default = other is model
    model.updated = request.chats.now()
    return model


async def _patch_model(request: Request) -> Answer:
    return json_answer(200, ChatViews(request.chats).model_config(_changed_model(request)))


async def _patch_organization_model(request: Request) -> Answer:
    return json_answer(200, ChatViews(request.chats).organization_model(_changed_model(request)))


async def _delete_model(request: Request) -> Answer:
    model = _named_model(request)
    del request.chats.models[model.id]
    request.chats.gone_models.add(model.id)
    return empty(204)
