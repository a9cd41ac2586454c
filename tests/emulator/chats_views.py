# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON of chats, messages, files and models, keys in the order in which Coder writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.chats_model import label
from emulator.chats_parts import context_part
from emulator.clock import go_time
from emulator.views import Views

if TYPE_CHECKING:
    from emulator.chats import Chats
    from emulator.chats_objects import AuditEntry, Chat, File, Message, Model, Provider, Queued

# Every part carries these, whatever its type; a key that is set stands in its place.
_PART_KEYS: dict[str, Any] = {
    "type": "", "text": "", "tool_call_id": ..., "tool_name": ..., "mcp_server_config_id": None, "args": ...,
    "parsed_commands": ..., "result": ..., "is_error": ..., "url": "", "media_type": "", "name": ..., "file_id": None,
    "file_name": "", "start_line": 0, "end_line": 0, "content": "", "created_at": ..., "completed_at": ...,
    "context_file_path": "", "context_file_agent_id": None, "skill_name": "",
}  # fmt: skip
_TEXT_AFTER = {key: value for key, value in _PART_KEYS.items() if value is not ... and key not in ("type", "text")}
_DISPLAY_ORDER = ("anthropic", "openai", "openai-compat")


class ChatViews:
    """Renders what one world knows of chats, in its dialect."""

    def __init__(self, chats: Chats) -> None:
        self.chats = chats
        self.dialect = chats.dialect

    def time(self, moment: float) -> str:
        return go_time(self.chats.clock.wall(moment))

    # Chats

    def chat(self, chat: Chat, *, listed: bool = False, single: bool = False) -> dict[str, Any]:
        """A chat.

        :param listed: as in a list or among children, where its pull request and whether it is unread are told.
        :param single: as in the answer of a GET, the only one that tells of a wait for capacity.
        """
        dialect = self.dialect
        view: dict[str, Any] = {
            "id": chat.id,
            "organization_id": self.chats.world.organization["id"],
            "owner_id": chat.owner.id,
            "owner_username": chat.owner.username,
        }
        for key, value in (
            ("owner_name", chat.owner.name),
            ("workspace_id", chat.workspace_id),
            ("build_id", chat.build_id),
            ("agent_id", chat.agent_id),
            ("parent_chat_id", chat.parent.id if chat.parent else ""),
        ):
            if value:
                view[key] = value
        view["root_chat_id"] = chat.root.id
        view["last_model_config_id"] = chat.model_id
        if dialect.summary and chat.reasoning_effort:
            view["last_reasoning_effort"] = chat.reasoning_effort
        view["title"] = chat.title
        view["status"] = chat.status
        if chat.plan_mode:
            view["plan_mode"] = chat.plan_mode
        if chat.last_error is not None:
            view["last_error"] = chat.last_error
        view["last_turn_summary"] = chat.last_turn_summary
        if dialect.summary:
            view["summary"] = None
        if listed:
            view["diff_status"] = _no_pull_request(chat)
        view["created_at"] = self.time(chat.created)
        view["updated_at"] = self.time(chat.updated)
        view["archived"] = chat.archived
        if dialect.shared:
            view["shared"] = bool(chat.root.readers)
        view["pin_order"] = chat.pin_order
        view["mcp_server_ids"] = chat.mcp_server_ids
        view["labels"] = dict(sorted(chat.labels.items()))
        if chat.files:
            view["files"] = [self.file(file) for file in chat.files]
        view["has_unread"] = listed and chat.unread
        if dialect.injected_context and chat.context_agent:
            view["last_injected_context"] = [self.part(context_part(chat.context_agent))]
        view["client_type"] = chat.client_type
        if single and chat.turn is not None and chat.turn.waits:
            view["queued_for_capacity"] = True
        view["children"] = [self.chat(child, listed=True) for child in chat.children]
        return view

    def file(self, file: File) -> dict[str, Any]:
        size = {"size_bytes": len(file.content)} if self.dialect.file_size else {}
        return {
            "id": file.id,
            "owner_id": file.owner.id,
            "organization_id": self.chats.world.organization["id"],
            "name": file.name,
            "mime_type": file.media_type,
            **size,
            "created_at": self.time(file.created),
        }

    # Messages

    def message(self, chat: Chat, message: Message) -> dict[str, Any]:
        view: dict[str, Any] = {"id": message.id, "chat_id": chat.id}
        if message.author:
            view["created_by"] = message.author
        if message.model_id:
            view["model_config_id"] = message.model_id
        view["created_at"] = self.time(message.created)
        view["role"] = message.role
        view["content"] = [self.part(part) for part in message.content]
        if message.usage is not None:
            view["usage"] = message.usage
        if self.dialect.queued_message_id and message.queued_id:
            view["queued_message_id"] = message.queued_id
        return view

    def queued(self, chat: Chat, entry: Queued) -> dict[str, Any]:
        return {
            "id": entry.id,
            "chat_id": chat.id,
            "model_config_id": entry.model_id,
            "content": [self.part(part) for part in entry.content],
            "created_at": self.time(entry.created),
        }

    def part(self, part: dict[str, Any]) -> dict[str, Any]:
        """A part with its empty keys."""
        if len(part) == 2 and "text" in part:
            return {**part, **_TEXT_AFTER}
        view = {}
        for key, empty in _PART_KEYS.items():
            value = part.get(key, empty)
            if value is not ...:
                view[key] = self.time(value) if key in ("created_at", "completed_at") else value
        return {**view, **{key: value for key, value in part.items() if key not in view}}

    # Models

    def provider(self, provider: Provider) -> dict[str, Any]:
        icon = {"icon": ""} if self.dialect.provider_icon else {}
        keys = [{**key, "created_at": self.time(provider.created)} for key in provider.keys]
        return {
            "id": provider.id,
            "type": provider.type,
            "name": provider.name,
            "display_name": provider.display_name,
            **icon,
            "enabled": provider.enabled,
            "base_url": provider.base_url,
            "api_keys": keys,
            "settings": None,
            "created_at": self.time(provider.created),
            "updated_at": self.time(provider.updated),
        }

    def model_config(self, model: Model) -> dict[str, Any]:
        """A model as chats/model-configs tells it."""
        view: dict[str, Any] = {"id": model.id}
        if self.dialect.model_provider:
            view["provider"] = model.provider.type
        view |= self._model_body(model)
        return view

    def organization_model(self, model: Model) -> dict[str, Any]:
        """A model as the organization's chats/models tells it."""
        organization = {"organization_id": self.chats.world.organization["id"]}
        return {"id": model.id, **organization, **self._model_body(model)}

    def _model_body(self, model: Model) -> dict[str, Any]:
        view: dict[str, Any] = {
            "ai_provider_id": model.provider.id,
            "model": model.model,
            "display_name": model.display_name,
            "enabled": model.enabled,
            "is_default": model.default,
            "context_limit": model.context_limit,
            "compression_threshold": model.compression_threshold,
        }
        if model.config:
            view["model_config"] = model.config
        effort = (model.config or {}).get("reasoning_effort") or {}
        if effort and self.dialect.summary:
            known = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
            view["reasoning_efforts"] = known[: known.index(effort.get("max", "max")) + 1]
        view["created_at"] = self.time(model.created)
        view["updated_at"] = self.time(model.updated)
        return view

    def models(self) -> dict[str, Any]:
        """chats/models: models by type of provider, with ids that a create does not take."""
        types: dict[str, list[dict[str, str]]] = {}
        for provider in self.chats.providers.values():
            if provider.enabled and provider.keys and provider.type in _DISPLAY_ORDER:
                types.setdefault(provider.type, [])
        for model in sorted(self.chats.models.values(), key=lambda model: model.model):
            kind = model.provider.type
            if kind in types and model.enabled and model.provider.enabled and model.provider.keys:
                shown = {"id": f"{kind}:{model.model}", "provider": kind, "model": model.model}
                types[kind].append({**shown, "display_name": model.display_name or model.model})
        providers = [{"provider": kind, "available": True, "models": types[kind]} for kind in sorted(types)]
        view: dict[str, Any] = {"providers": providers}
        if self.dialect.unsupported_providers:
            unsupported = {p.type for p in self.chats.providers.values()} - set(_DISPLAY_ORDER)
            view["unsupported_providers"] = [
                {"provider": kind, "display_name": label(kind)} for kind in sorted(unsupported)
            ]
        return view

    def organization_models(self) -> dict[str, Any]:
        """The organization's chats/models: the models with the ids that a create takes."""
        chats = self.chats
        providers = []
        for provider in chats.providers.values():
            if provider.type in _DISPLAY_ORDER:
                view: dict[str, Any] = {
                    "id": provider.id,
                    "provider": provider.type,
                    "display_name": provider.display_name,
                }
                view["available"] = provider.enabled and bool(provider.keys)
                if not provider.keys:
                    view["unavailable_reason"] = "missing_api_key"
                providers.append(view)
        unsupported = [p for p in chats.providers.values() if p.type not in _DISPLAY_ORDER]
        return {
            "models": [self.organization_model(model) for model in chats.models.values()],
            "providers": providers,
            "unsupported_providers": [{"provider": p.type, "display_name": p.display_name} for p in unsupported],
        }

    # The audit log

    def audit(self, entry: AuditEntry) -> dict[str, Any]:
        organization = self.chats.world.organization
        user = Views(self.chats.world).user(entry.user)
        return {
            "id": entry.id,
            "request_id": entry.id,
            "time": self.time(entry.time),
            "ip": "127.0.0.1",
            "user_agent": "",
            "resource_type": "chat",
            "resource_id": entry.chat_id,
            "resource_target": entry.chat_id[:8],
            "resource_icon": "",
            "action": entry.action,
            "diff": entry.diff,
            "status_code": entry.status_code,
            "additional_fields": {},
            "description": {"create": "{user} created chat {target}"}.get(entry.action, "{user} updated chat {target}"),
            "resource_link": f"/agents/{entry.chat_id}",
            "is_deleted": entry.chat_id not in self.chats.chats,
            "organization_id": organization["id"],
            "organization": {key: organization[key] for key in ("id", "name", "display_name")} | {"icon": ""},
            "user": {**user, "organization_ids": []},
        }


def _no_pull_request(chat: Chat) -> dict[str, Any]:
    return {
        "chat_id": chat.id,
        "pull_request_title": "",
        "pull_request_draft": False,
        "changes_requested": False,
        "additions": 0,
        "deletions": 0,
        "changed_files": 0,
    }
