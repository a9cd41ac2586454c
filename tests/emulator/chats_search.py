# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which chats a list shows: labels, the search language of `q`, order and paging."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.answers import ApiError
from emulator.chats_parts import text_of
from emulator.paging import number
from emulator.request import Request
from emulator.search import elements
from emulator.world import User, as_uuid

if TYPE_CHECKING:
    from emulator.chats_objects import Chat

_TITLE = "Invalid chat search query."
_INVALID = "Query parameters have invalid values."
_STATUSES = ("waiting", "running", "error", "requires_action", "interrupting")
_REPEATED = ("source", "status")
DEFAULT_LIMIT = 50

Test = Callable[["Chat"], bool]


def listed(request: Request) -> list[Chat]:
    """The page of the caller's chats that was asked for.

    :raises ApiError: 400.
    """
    caller, chats = request.caller, request.chats
    assert caller is not None
    limit, offset = number(request, "limit") or DEFAULT_LIMIT, number(request, "offset")
    after = request.query.get("after_id")
    if after and as_uuid(after) is None:
        raise ApiError(400, _INVALID, validations={"after_id": 'Query param "after_id" must be a valid uuid'})
    tests = [*_labels(request.query.getlist("label")), *_search(request.query.get("q", ""), caller, request)]
    found = [chat for chat in chats.roots() if all(test(chat) for test in tests)]
    found.sort(key=lambda chat: (chat.pin_order or float("inf"), -chat.updated))
    if after:
        place = next((index for index, chat in enumerate(found) if chat.id == as_uuid(after)), len(found))
        found = found[place + 1 :]
    return found[offset : offset + limit]


def _labels(filters: list[str]) -> list[Test]:
    tests: list[Test] = []
    for text in filters:
        key, _colon, value = text.partition(":")
        if not key or not value:
            raise ApiError(400, f'Invalid label filter: "{text}" (expected format key:value, both must be non-empty)')
        tests.append(lambda chat, key=key, value=value: chat.labels.get(key) == value)  # type: ignore[misc]
    return tests


def _search(query: str, caller: User, request: Request) -> list[Test]:
    values = _values(query.lower(), request.chats.dialect.search_keys)
    archived = _boolean(values, "archived") or False
    sources = _choices(values, "source", ("created_by_me", "shared_with_me")) or ["created_by_me"]
    may_use = request.chats.may_use(caller)

    def is_from(chat: Chat) -> bool:
        mine = "created_by_me" in sources and chat.owner is caller and may_use
        return mine or ("shared_with_me" in sources and caller.id in chat.readers)

    tests: list[Test] = [is_from, lambda chat: chat.archived == archived]
    if "title" in values:
        title = values["title"][0]
        tests.append(lambda chat: title in chat.title.lower())
    if "search" in values:
        words = values["search"][0]
        tests.append(lambda chat: _mentions(chat, words))
    unread = _boolean(values, "has_unread")
    if unread is not None:
        tests.append(lambda chat: chat.unread == unread)
    statuses = _choices(values, "status", _STATUSES)
    if statuses:
        tests.append(lambda chat: chat.status in statuses)
    _choices(values, "pr_status", ("open", "closed", "merged", "draft"))
    if "pr" in values and not values["pr"][0].isdigit():
        raise ApiError(400, _TITLE, validations={"pr": f'"{values["pr"][0]}" is not a valid positive integer'})
    if {"pr_status", "pr", "repo", "diff_url", "pr_title"} & set(values):
        tests.append(lambda _chat: False)  # no chat of the stand-in model has a pull request
    return tests


def _mentions(chat: Chat, words: str) -> bool:
    texts = [chat.title, *(text_of(message.content) for message in chat.messages)]
    return any(words in text.lower() for text in texts)


def _values(query: str, keys: tuple[str, ...]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    words = []
    for key, value in elements(query, _TITLE):
        if key:
            values.setdefault(key, []).append(value)
        else:
            words.append(value)
    if words:
        raise ApiError(400, _TITLE, validations={"q": f'unsupported search term: "{" ".join(words)}"'})
    errors = {key: f'"{key}" is not a valid query param' for key in values if key not in keys}
    for key, given in values.items():
        if len(given) > 1 and key not in _REPEATED:
            errors[key] = (
                f'Query param "{key}" provided more than once, found {len(given)} times. '
                "Only provide 1 instance of this query param."
            )
    if errors:
        raise ApiError(400, _TITLE, validations=errors)
    return values


def _boolean(values: dict[str, list[str]], key: str) -> bool | None:
    if key not in values:
        return None
    text = values[key][0]
    if text not in ("true", "false", "1", "0", "t", "f"):
        detail = f'Query param "{key}" must be a valid boolean: strconv.ParseBool: parsing "{text}": invalid syntax'
        raise ApiError(400, _TITLE, validations={key: detail})
    return text in ("true", "1", "t")


def _choices(values: dict[str, list[str]], key: str, known: tuple[str, ...]) -> list[str]:
    given = [part for value in values.get(key, []) for part in value.split(",")]
    wrong = next((part for part in given if part not in known), None)
    if wrong is not None:
        detail = f'Query param "{key}" has invalid values: "{wrong}" is not a valid value'
        raise ApiError(400, _TITLE, validations={key: detail})
    return given
