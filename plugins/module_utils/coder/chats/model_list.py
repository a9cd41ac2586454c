# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The models that a chat can be given, and why some cannot be used, in one shape for every server. Pure functions.

A server tells its models in one list and in another one, the catalog, what becomes of their providers. Since 2.37 the
catalog has one entry per provider, with its id. Before, it has one per type of provider, with those models that can be
used: of a model that is not among them it does not say why.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

from ..answers import number, sound_objects, text, text_or_none, texts

# Why a model cannot be used; NOT_OFFERED where the server does not say why.
MODEL_DISABLED = "model_disabled"
PROVIDER_DISABLED = "provider_disabled"
UNSUPPORTED_PROVIDER = "unsupported_provider"
NOT_OFFERED = "not_offered"
# In the server's own words.
_TOLD = ("missing_api_key", "user_api_key_required", "fetch_failed")
REASONS = (MODEL_DISABLED, PROVIDER_DISABLED, *_TOLD, UNSUPPORTED_PROVIDER, NOT_OFFERED)


class ChatModel(TypedDict):
    """A model. ``id`` is what a new chat is given; ``provider`` the type of its provider, null where it is not told.

    ``usable``: whether a chat can be made with it now; ``reason`` is one of :data:`REASONS` where it cannot, else null.
    """

    id: str
    model: str
    display_name: str
    provider: str | None
    provider_id: str | None
    default: bool
    enabled: bool
    usable: bool
    reason: str | None
    context_limit: int | None
    reasoning_efforts: list[str]


MODEL_FIELDS = tuple(ChatModel.__annotations__)


def models_from(listed: Iterable[dict[str, Any]], catalog: dict[str, Any]) -> list[ChatModel]:
    """The models, the default one first, the others by provider and name.

    :param listed: as the server gave them, each with ``id`` and ``model``.
    :param catalog: with ``providers`` and ``unsupported_providers``, as the server gave it.
    """
    models = [_model_from(data, catalog) for data in listed]
    return sorted(models, key=lambda each: (not each["default"], each["provider"] or "", each["model"], each["id"]))


def _model_from(data: dict[str, Any], catalog: dict[str, Any]) -> ChatModel:
    provider = _provider_of(data, sound_objects(catalog.get("providers")))
    kind = text(data.get("provider")) or _kind(provider or {})
    reason = _why_not(data, provider, kind, catalog)
    return {
        "id": data["id"],
        "model": data["model"],
        "display_name": text(data.get("display_name")) or data["model"],
        "provider": kind or None,
        "provider_id": text_or_none(data.get("ai_provider_id")),
        "default": data.get("is_default") is True,
        "enabled": _enabled(data),
        "usable": reason is None,
        "reason": reason,
        "context_limit": number(data.get("context_limit")),
        "reasoning_efforts": texts(data.get("reasoning_efforts")),
    }


def _kind(provider: dict[str, Any]) -> str:
    """The type of a provider, which the two forms of the catalog call differently."""
    return text(provider.get("type")) or text(provider.get("provider"))


def _enabled(data: dict[str, Any]) -> bool:
    """Whether it is switched on; what has no switch is."""
    return data.get("enabled") is not False


def _provider_of(data: dict[str, Any], providers: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The catalog's entry of a model's provider: by the id, else by the model in it, else by the type."""
    known, kind = text(data.get("ai_provider_id")), text(data.get("provider"))
    for provider in providers:
        if known and provider.get("id") == known:
            return provider
    of_its_type = [entry for entry in providers if "id" not in entry and kind in ("", _kind(entry))]
    for provider in of_its_type:
        if _offers(provider, data):
            return provider
    return of_its_type[0] if kind and of_its_type else None


def _offers(provider: dict[str, Any], data: dict[str, Any]) -> bool:
    return any(entry.get("model") == data["model"] for entry in sound_objects(provider.get("models")))


def _why_not(
    data: dict[str, Any], provider: dict[str, Any] | None, kind: str, catalog: dict[str, Any]
) -> str | None:
    """Why a model cannot be used; None where it can."""
    if not _enabled(data):
        return MODEL_DISABLED
    if provider is None:
        return UNSUPPORTED_PROVIDER if _is_unsupported(kind, catalog) else NOT_OFFERED
    if not _enabled(provider):
        return PROVIDER_DISABLED
    if provider.get("available") is not True:
        told = provider.get("unavailable_reason")
        return told if told in _TOLD else NOT_OFFERED
    return None if "id" in provider or _offers(provider, data) else NOT_OFFERED


def _is_unsupported(kind: str, catalog: dict[str, Any]) -> bool:
    """Whether a provider that the catalog does not have is one that chats cannot use."""
    unsupported = {_kind(entry) for entry in sound_objects(catalog.get("unsupported_providers"))}
    # A catalog with ids has every provider that chats can use, also those that are disabled.
    whole = any("id" in entry for entry in sound_objects(catalog.get("providers")))
    return kind in unsupported or (not kind and whole and bool(unsupported))
