# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of the settings that all chats share, of limits, and of what chats cost their users."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from emulator.answers import Answer, ApiError, empty, json_answer, not_found
from emulator.auth import require_user
from emulator.chats_dialects import ChatDialect
from emulator.chats_requests import forbidden, require_owner, spent_by, usage_period
from emulator.clock import go_time
from emulator.paging import number
from emulator.request import Request
from emulator.router import Handler, Router
from emulator.world import User

if TYPE_CHECKING:
    from emulator.chats_objects import Chat

_LONGEST = 3650  # days
# Of each that may be set: the attribute of Chats, and how a refusal calls it.
_DAYS = {
    "retention-days": ("retention_days", "Retention days"),
    "auto-archive-days": ("auto_archive_days", "Auto-archive days"),
}
# What nothing here depends on is as a new server has it. The second column: whether members may read it.
_FIXED: dict[str, tuple[dict[str, Any], bool]] = {
    "debug-retention-days": ({"debug_retention_days": 30}, False),
    "plan-mode-instructions": ({"plan_mode_instructions": ""}, False),
    "personal-model-overrides": ({"allow_users": False}, True),
    "user-prompt": ({"custom_prompt": ""}, True),
    "user-compaction-thresholds": ({"thresholds": []}, True),
}
_USERS = 10  # that are told of unless the query says how many
# Most that it gives at once, whatever it is asked for; no recording tells, so a test may choose.
MOST_USERS = 100
_NEVER = "0001-01-01T00:00:00Z"


def add_routes(router: Router, dialect: ChatDialect, prefix: str) -> None:
    """Add the routes under one prefix."""
    config = router.group(f"{prefix}/chats/config", require_user)
    for name in _DAYS:
        config.route("GET", name, _days)
        config.route("PUT", name, _set_days)
    config.route("GET", "workspace-ttl", _workspace_ttl)
    for name, (value, open_to_all) in _FIXED.items():
        config.route("GET", name, _fixed(value, open_to_all))
    if dialect.template_allowlist:
        config.route("GET", "template-allowlist", _template_allowlist)
    if dialect.desktop_setting:
        config.route("GET", "desktop-enabled", _fixed({"enable_desktop": False}, True))
    if dialect.usage_limits:
        limits = router.group(f"{prefix}/chats/usage-limits", require_user)
        limits.route("GET", "", _limits)
        limits.route("PUT", "", _set_limits)
        limits.route("GET", "status", _limit_status)
        cost = router.group(f"{prefix}/chats/cost", require_user)
        cost.route("GET", "users", _cost_of_users)
        cost.route("GET", "{user}/summary", _cost_summary)
    if dialect.pull_requests:
        router.group(f"{prefix}/chats/insights", require_user).route("GET", "pull-requests", _pull_requests)


async def _days(request: Request) -> Answer:
    name = _DAYS[request.path.rstrip("/").rpartition("/")[2]][0]
    return json_answer(200, {name: getattr(request.chats, name)})


async def _set_days(request: Request) -> Answer:
    require_owner(request)
    name, called = _DAYS[request.path.rstrip("/").rpartition("/")[2]]
    days = request.json("codersdk.UpdateChatDays", {name: "int64"}).get(name, 0)
    if not 0 <= days <= _LONGEST:
        raise ApiError(400, f"{called} must be between 0 and {_LONGEST}.")
    setattr(request.chats, name, days)
    return empty(204)


async def _workspace_ttl(request: Request) -> Answer:
    return json_answer(200, {"workspace_ttl_ms": request.chats.workspace_ttl_ms})


def _fixed(value: dict[str, Any], open_to_all: bool) -> Handler:
    async def answer(request: Request) -> Answer:
        if not open_to_all and not (request.caller and request.caller.owner):
            raise not_found()
        return json_answer(200, value)

    return answer


async def _template_allowlist(request: Request) -> Answer:
    if not (request.caller and request.caller.owner):
        raise not_found()
    return json_answer(200, {"template_ids": request.chats.template_allowlist})


# Money


async def _limits(request: Request) -> Answer:
    require_owner(request)
    unpriced = sum(not model.config.get("cost") for model in request.chats.models.values())
    more = {"unpriced_model_count": unpriced, "overrides": [], "group_overrides": []}
    return json_answer(200, {**_limit(request), **more})


async def _set_limits(request: Request) -> Answer:
    require_owner(request)
    body = request.json("codersdk.ChatUsageLimitConfig", {"spend_limit_micros": "int64", "period": "string"})
    chats = request.chats
    chats.usage_limit = body.get("spend_limit_micros")
    chats.usage_period = body.get("period", chats.usage_period)
    chats.usage_limit_set = chats.now()
    return json_answer(200, _limit(request))


def _limit(request: Request) -> dict[str, Any]:
    chats = request.chats
    return {
        "spend_limit_micros": chats.usage_limit, "period": chats.usage_period,
        "updated_at": go_time(chats.clock.wall(chats.usage_limit_set)),
    }  # fmt: skip


async def _limit_status(request: Request) -> Answer:
    chats, caller = request.chats, request.caller
    assert caller is not None
    if chats.usage_limit is None:
        off = {"is_limited": False, "current_spend": 0, "period_start": _NEVER, "period_end": _NEVER}
        return json_answer(200, off)
    begin, end = usage_period(request)
    status = {"is_limited": True, "period": chats.usage_period, "spend_limit_micros": chats.usage_limit}
    spent = spent_by(request, caller)
    return json_answer(200, {**status, "current_spend": spent, "period_start": begin, "period_end": end})


def _counted(chats: list[Chat], period: Period, model: str = "") -> dict[str, int]:
    """Money and tokens of chats in a time, or of one model in them."""
    answers = [
        message.usage
        for chat in chats
        for message in chat.messages
        if message.usage and model in ("", message.model_id) and period.has(chat, message.created)
    ]

    def total(key: str) -> int:
        return sum(usage.get(key, 0) for usage in answers)

    return {
        "total_cost_micros": 0 if model else sum(chat.spent for chat in chats if period.has(chat, chat.updated)),
        "message_count": len(answers),
        "total_input_tokens": total("input_tokens"),
        "total_output_tokens": total("output_tokens"),
        "total_cache_read_tokens": total("cache_read_tokens"),
        "total_cache_creation_tokens": total("cache_creation_tokens"),
        "total_runtime_ms": 100 * len(answers),
    }


def _chats_of(request: Request, user: User) -> list[Chat]:
    return [chat for chat in request.chats.all() if chat.owner is user]


class Period(NamedTuple):
    """The time that an account is about."""

    start: datetime
    end: datetime

    def has(self, chat: Chat, moment: float) -> bool:
        """Whether something of a chat was then."""
        return self.start <= chat.world.clock.wall(moment) <= self.end

    def told(self) -> dict[str, str]:
        """As an answer says it."""
        return {"start_date": go_time(self.start), "end_date": go_time(self.end)}


def _period(request: Request) -> Period:
    """The last 30 days, unless the query says otherwise. How it is read was read, not measured."""
    now = request.chats.clock.wall()
    asked = {"start_date": now - timedelta(days=30), "end_date": now}
    for name in asked:
        if name in request.query:
            try:
                asked[name] = datetime.fromisoformat(request.query[name].replace("Z", "+00:00"))
            except ValueError:
                detail = f'Query param "{name}" must be a valid date format (RFC3339)'
                raise ApiError(400, "Invalid query parameters.", validations={name: detail}) from None
    return Period(asked["start_date"], asked["end_date"])


async def _cost_summary(request: Request) -> Answer:
    caller = request.caller
    assert caller is not None
    user = request.world.find_user(request.params["user"], caller)
    if user is None:
        raise not_found()
    if user is not caller and not caller.owner:
        raise forbidden()
    own, period = _chats_of(request, user), _period(request)
    counted = _counted(own, period)
    messages = counted.pop("message_count")
    cost = counted.pop("total_cost_micros")
    priced = {"priced_message_count": messages if cost else 0, "unpriced_message_count": 0 if cost else messages}
    by_model = [
        {
            "model_config_id": model.id,
            "display_name": model.display_name or model.model,
            "provider": model.provider.type,
            "model": model.model,
            **_counted(own, period, model.id),
        }
        for model in request.chats.models.values()
        if any(message.model_id == model.id and message.usage for chat in own for message in chat.messages)
    ]
    by_chat = [
        {"root_chat_id": chat.id, "chat_title": chat.title, **_counted(chat.family(), period)}
        for chat in own
        if chat.parent is None
    ]
    totals = {"total_cost_micros": cost, **priced, **counted}
    return json_answer(200, {**period.told(), **totals, "by_model": by_model, "by_chat": by_chat})


async def _cost_of_users(request: Request) -> Answer:
    require_owner(request)
    users, period = [], _period(request)
    for user in request.world.users:
        own = _chats_of(request, user)
        if own:
            counted = _counted(own, period)
            known = {"user_id": user.id, "username": user.username, "name": user.name, "avatar_url": ""}
            money = {key: counted.pop(key) for key in ("total_cost_micros", "message_count")}
            users.append({**known, **money, "chat_count": len(own), **counted})
    offset, limit = number(request, "offset"), min(number(request, "limit") or _USERS, MOST_USERS)
    shown = users[offset : offset + limit]
    return json_answer(200, {**period.told(), "count": len(users), "users": shown})


async def _pull_requests(request: Request) -> Answer:
    """Of chats that have made none. Read, not measured."""
    require_owner(request)
    _period(request)
    counts = ("total_prs_created", "total_prs_merged", "total_additions", "total_deletions", "total_cost_micros")
    summary = {**dict.fromkeys(counts, 0), "merge_rate": 0, "cost_per_merged_pr_micros": 0, "approval_rate": 0}
    return json_answer(200, {"summary": summary, "time_series": [], "by_model": [], "recent_prs": []})
