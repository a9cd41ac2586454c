# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of chats: one method per endpoint, under whichever prefix the server has them. Knows no waiting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Callable, NamedTuple

from ..answers import (
    Malformed,
    a_list,
    an_object,
    each,
    fields,
    malformed,
    not_coders,
    number,
    objects,
    refuse,
    text,
)  # fmt: skip
from ..backend import Sent, lacking
from ..errors import REFUSALS, AnswerLost, CoderError, RouteNotFound
from ..server import AUTHCHECK_TRIES, Server
from ..transport import Allowance, File, segment
from .accounts import Account
from .dialect import EARLY, FEATURES, GENERAL, MCP_LIST, STABLE, ChatsDialect, no_chats
from .messages import ChatMessage, message_problem, messages_from, queued_from
from .model_list import ChatModel, models_from
from .models import Chat, chat_from, chat_problem
from .new import NewChat, body_of, check_body, content_of
from .refusals import explain_send, explain_write, is_bad_label, is_chat_answer
from .uploads import Upload

# Chats per page; servers take more than this, and give 50 where they are not asked for a number.
PAGE = 500
# Most messages that a server gives at once.
MESSAGES = 200
AUDIT_PAGE = 100
# How often a file is sent whose answer is lost.
UPLOADS = 3
# Where an account that has pages has the items of one.
USERS_KEY = "users"
# What limits are called in the deployment's settings.
_LIMITS = {
    "prompt_bytes": "max_prompt_bytes",
    "queued_messages": "max_queued_messages_per_chat",
    "attachments": "max_attachments_per_chat",
    "steps_per_turn": "max_steps_per_turn",
}


class ChatLog(NamedTuple):
    """The messages of a chat, oldest first, and those that wait for their turn; ``raw`` as the server gave them."""

    messages: list[ChatMessage]
    raw: list[dict[str, Any]]
    queue: list[dict[str, Any]]
    raw_queue: list[dict[str, Any]]


class ChatsClient(Server):
    """A server's chats."""

    @property
    def dialect(self) -> ChatsDialect:
        """How this server speaks of chats. :raises CoderError: it has none, kind unsupported."""
        return self._remember("chats dialect", self._find_dialect)

    def _find_dialect(self) -> ChatsDialect:
        for dialect in (GENERAL, EARLY):
            try:
                self._get_list(dialect.prefix, params={"limit": 1})
            except RouteNotFound:
                continue
            except CoderError as error:
                # A refusal shows as well that the route is there.
                if error.kind not in REFUSALS:
                    raise
            return dialect
        raise no_chats(self.version)

    # Chats

    def _chat(self, data: Any, single: bool = False) -> Chat:
        problem = chat_problem(data)
        if problem:
            raise malformed(self.dialect.prefix, "chat", data, problem)
        return chat_from(data, self.transport.base_url, single)

    def _path(self, chat_id: str, *rest: str) -> str:
        return "/".join([self.dialect.prefix, segment(chat_id), *rest])

    def list_chats(
        self, labels: Mapping[str, str], archived: bool, told: Callable[[Malformed], None] = refuse
    ) -> list[Chat]:
        """The root chats of the token's user, those of nobody else, each with its sub-agents.

        :param labels: that a chat has all of.
        :param archived: whether those that are archived are meant, or the others.
        :param told: of each chat that cannot be read and so is not in the result; by default that is an error.
        """
        params: dict[str, Any] = {"limit": PAGE, "label": [f"{name}:{value}" for name, value in labels.items()]}
        if archived:
            params["q"] = "archived:true"
        listed = self._list_pages(params)
        chats = each(listed, self.dialect.prefix, self._chat, told)
        # The order of a list moves while it is read, and a server of another version may ignore the query.
        return [chat for chat in chats if chat["archived"] == archived]

    def _list_pages(self, params: dict[str, Any]) -> list[Any]:
        """All pages. What is longer than one is read until nothing new comes: its order is by the last change.

        They may take no longer together, and be no larger, than one answer: a list may have no end.
        """
        within = self.transport.allowance()
        listed: dict[str, Any] = {}
        while True:
            known = len(listed)
            pages = list(self._pages(params, within))
            for page in pages:
                listed.update((_identity(chat), chat) for chat in page)
            if len(pages) == 1 or len(listed) == known:
                return list(listed.values())

    def _pages(self, params: dict[str, Any], within: Allowance) -> Iterator[list[Any]]:
        """One reading, to the first page that is not full or brings nothing new."""
        seen: set[str] = set()
        while True:
            answer = self._request("GET", self.dialect.prefix, params={**params, "offset": len(seen)}, within=within)
            page = a_list(answer.data, self.dialect.prefix)
            yield page
            new = {_identity(chat) for chat in page} - seen
            seen |= new
            if len(page) < PAGE or not new:
                return

    def chat(self, chat_id: str) -> Chat | None:
        """One chat, a sub-agent's too; None where there is none or this token may not see it."""
        try:
            return self._chat(self._get(self._path(chat_id)), single=True)
        except CoderError as error:
            if error.status != 404 or isinstance(error, RouteNotFound):
                raise
            return None

    def newest_in(self, workspace_id: str) -> str | None:
        """The id of the newest chat in a workspace that is not archived, whoever's it is; None where none is seen."""
        path = self._path("by-workspace")
        found = self._get(path, params={"workspace_ids": workspace_id}).get(workspace_id)
        return found if isinstance(found, str) else None

    def cost(self, chat_id: str) -> dict[str, Any]:
        """What a chat and its sub-agents cost so far, in millionths of a dollar.

        :raises CoderError: kind unsupported, this server does not tell.
        """
        keys = ("total_cost_micros", "request_count", "unpriced_request_count")
        try:
            found = self._get(self._path(chat_id, "cost"), *keys)
        except RouteNotFound as error:
            self._cache["lacking chat features"] = self.missing | {"cost"}
            raise self.lacks("cost").but(status=error.status, method=error.method, path=error.path) from None
        return {name: number(found[name]) or 0 for name in keys}

    @property
    def missing(self) -> frozenset[str]:
        """Features of :data:`.dialect.FEATURES` that the server was found to lack."""
        found: frozenset[str] = self._cache.get("lacking chat features", frozenset())
        return found

    def lacks(self, feature: str) -> CoderError:
        """The error for one of the features of chats that this server has not."""
        return lacking(self.version.text, FEATURES[feature])

    # Writing

    def create_chat(self, new: NewChat, labels: Mapping[str, str], empty: bool = False) -> Chat:
        """POST a chat. Never idempotent: the same request twice makes two.

        :param labels: all that it gets. :param empty: without its first message, so that nothing runs.
        :raises AnswerLost: it may have been made. :raises CoderError: as the server refuses.
        """
        path, body = self.dialect.prefix, body_of(new, labels, empty)
        try:
            return self._write("POST", path, lambda data, _path: self._chat(data), body=body, final=is_chat_answer)
        except CoderError as error:
            raise explain_write(error) from None

    def makes_empty_chats(self, organization_id: str) -> bool:
        """Whether this server makes a chat without a first message.

        Found by a request that each server refuses, for what it finds wrong first: the missing message, or a label
        that none can be. It makes nothing, so a lost answer is asked for again.

        :raises CoderError: no chat can be made at all.
        """
        return self._remember("empty chats", lambda: self._ask_for_empty_chats(organization_id))

    def _ask_for_empty_chats(self, organization_id: str) -> bool:
        body = {"organization_id": organization_id, "labels": {"": ""}}
        for _lost in range(AUTHCHECK_TRIES):
            try:
                self._request("POST", self.dialect.prefix, body=body, final=is_chat_answer)
            except AnswerLost:
                continue
            except CoderError as error:
                if error.kind != "invalid":
                    raise explain_write(error) from None
                return is_bad_label(error)
            break  # not refused, so it may have made a chat: a second time could make another
        return False

    def change(self, chat_id: str, field: str, value: Any) -> None:
        """PATCH one field: of several, a server applies those before a wrong one. Safe to repeat.

        :param field: title, labels (the whole map is replaced), archived, workspace_id, plan_mode or pin_order.
        """
        body = {field: value}
        check_body(body, field)
        self._request("PATCH", self._path(chat_id), body=body, final=is_chat_answer)

    def interrupt(self, chat_id: str) -> None:
        """Stop the turn of this one chat, not those of its sub-agents."""
        self._request("POST", self._path(chat_id, "interrupt"), final=is_chat_answer)

    def upload(self, organization_id: str, file: Upload) -> str:
        """Store a file, to be carried by a message. :returns: its id.

        One that was stored and whose answer was lost is a file that nobody refers to, so it is sent again.

        :raises CoderError: as the server refuses.
        """
        for _lost in range(UPLOADS - 1):
            with suppress(AnswerLost):
                return self._upload(organization_id, file)
        return self._upload(organization_id, file)

    def _upload(self, organization_id: str, file: Upload) -> str:
        path, body = f"{self.dialect.prefix}/files", File(file.content, file.headers)
        try:
            params = {"organization": organization_id}
            return self._write("POST", path, _file_id, params=params, body=body)
        except CoderError as error:
            raise error.but(kind="invalid") if error.status == 413 else error from None

    def send(self, chat_id: str, text: str, interrupt: bool = False, file_ids: Iterable[str] = ()) -> Sent:
        """Say something in a chat. It waits for its turn while another one runs.

        :param file_ids: of files that were uploaded, and go with it.
        :param interrupt: whether a turn that runs is stopped for it.
        :raises NotReady: the queue is full. :raises AnswerLost: it may have been taken.
        """
        path = self._path(chat_id, "messages")
        body: dict[str, Any] = {"content": content_of(text, file_ids)}
        if interrupt:
            body["busy_behavior"] = "interrupt"
        check_body(body, "message")
        try:
            return self._write("POST", path, _sent, body=body, final=is_chat_answer)
        except CoderError as error:
            raise explain_send(error) from None

    def edit(self, chat_id: str, message_id: int, text: str, file_ids: Iterable[str] = ()) -> int:
        """Say a message otherwise: all that followed is gone, it has another id, and a turn begins.

        :returns: its new id. :raises CoderError: a second edit of the same id is refused.
        """
        path = self._path(chat_id, "messages", str(message_id))
        body = {"content": content_of(text, file_ids)}
        check_body(body, "prompt")
        try:
            return self._write("PATCH", path, _edited, body=body, final=is_chat_answer)
        except CoderError as error:
            raise explain_send(error) from None

    def delete_queued(self, chat_id: str, queued_id: int) -> None:
        """Take a message out of the queue."""
        self._request("DELETE", self._path(chat_id, "queue", str(queued_id)), final=is_chat_answer)

    def give_results(self, chat_id: str, results: list[dict[str, Any]]) -> None:
        """Answer the tool calls that a chat waits for.

        :param results: each of ``tool_call_id``, ``output`` and ``is_error``. :raises AnswerLost: they may be taken.
        """
        body = {"results": results}
        check_body(body, "tool_results")
        try:
            self._request("POST", self._path(chat_id, "tool-results"), body=body, final=is_chat_answer)
        except CoderError as error:
            raise explain_write(error) from None

    # Messages

    def messages(self, chat_id: str) -> ChatLog:
        """All messages of a chat, and its queue. :raises CoderError: kind not_found, there is no such chat."""
        within = self.transport.allowance()
        raw: dict[int, dict[str, Any]] = {}
        queue: list[dict[str, Any]] | None = None
        params: dict[str, Any] = {"limit": MESSAGES}
        while True:
            page, has_more, queued = self._messages_page(chat_id, params, within)
            # Only the first answer has the queue: with a cursor it is always empty.
            queue = queued if queue is None else queue
            known = len(raw)
            raw.update((int(entry["id"]), entry) for entry in page)
            if not has_more or len(raw) == known:
                return _log(raw, queue)
            params = {"limit": MESSAGES, "before_id": min(raw)}

    def messages_since(self, chat_id: str, since_id: int) -> ChatLog:
        """The messages after one of them; its queue is not told. :raises CoderError: as :meth:`messages`."""
        within = self.transport.allowance()
        raw: dict[int, dict[str, Any]] = {}
        while True:
            # 0 would count as no cursor, and the newest messages would come first.
            params = {"limit": MESSAGES, "after_id": max([since_id, *raw])}
            page, has_more, _queued = self._messages_page(chat_id, params, within)
            known = len(raw)
            raw.update((int(entry["id"]), entry) for entry in page)
            if not has_more or len(raw) == known:
                return _log(raw, [])

    def queue(self, chat_id: str) -> list[dict[str, Any]]:
        """The messages that wait for their turn."""
        _page, _has_more, queued = self._messages_page(chat_id, {"limit": 1}, self.transport.allowance())
        return [queued_from(entry) for entry in queued]

    def _messages_page(
        self, chat_id: str, params: dict[str, Any], within: Allowance
    ) -> tuple[list[dict[str, Any]], bool, list[dict[str, Any]]]:
        path = self._path(chat_id, "messages")
        data = self._get(path, "messages", params=params, within=within)
        page = objects(data["messages"], path)
        for entry in page:
            problem = message_problem(entry)
            if problem:
                raise malformed(path, "message", entry, problem)
        return page, data.get("has_more") is True, objects(data.get("queued_messages"), path)

    def file(self, file_id: str) -> bytes:
        """A file that a message carries, as it was uploaded; no larger than the connection lets an answer be.

        :raises CoderError: kind not_found, there is none, or this token may not see a chat that has it.
        """
        data: bytes = self._request("GET", f"{self.dialect.prefix}/files/{segment(file_id)}", raw=True).data
        return data

    def account(self, account: Account) -> dict[str, Any]:
        """One of the server's own accounts, all pages of it as one answer.

        :raises CoderError: kind forbidden, this token may not read it; or the server has none.
        """
        path, within = f"{self.dialect.prefix}/{account.path}", self.transport.allowance()
        whole = self._get(path, params=account.params, within=within)
        has_pages = "limit" in account.params and isinstance(whole.get(USERS_KEY), list)
        # A server may give fewer at once than it was asked for, so that only its count, or an empty page, is the end.
        while has_pages and (known := len(whole[USERS_KEY])) != whole.get("count"):
            page = self._get(path, USERS_KEY, params={**account.params, "offset": known}, within=within)
            more = [user for user in objects(page[USERS_KEY], path) if user not in whole[USERS_KEY]]
            if not more:
                break
            whole[USERS_KEY] += more
        return whole

    # Settings and models

    def retention_days(self) -> int | None:
        """Days after which an archived chat is deleted, 0 for never; None where this token may not know."""
        return self._setting("retention-days", "retention_days")

    def auto_archive_days(self) -> int | None:
        """Days without a message after which a chat is archived, 0 for never; None where this token may not know."""
        return self._setting("auto-archive-days", "auto_archive_days")

    def _setting(self, route: str, name: str) -> int | None:
        def ask() -> int | None:
            try:
                return number(self._get(f"{self.dialect.prefix}/config/{route}").get(name))
            except CoderError as error:
                if error.kind not in REFUSALS:
                    raise
                return None

        return self._remember(("setting", route), ask)

    def limits(self) -> dict[str, int | None]:
        """Limits of chats; None for those that the server does not tell, or not to this token.

        They stand in the deployment's settings since 2.38.
        """
        chat: dict[str, Any] = {}
        if self.dialect.prefix == STABLE:
            try:
                settings = self._get("/api/v2/deployment/config")
                chat = fields(fields(fields(settings.get("config")).get("ai")).get("chat"))
            except CoderError as error:
                if error.kind not in REFUSALS:
                    raise
        return {name: number(chat.get(key)) for name, key in _LIMITS.items()}

    def models(self, organization: str) -> list[ChatModel]:
        """The models of an organization. :param organization: its UUID.

        :raises CoderError: kind not_found, there is no such organization.
        """
        if self.dialect.organization_models:
            path = f"/api/v2/organizations/{segment(organization)}/chats/models"
            catalog = self._get(path, "models")
            return models_from(objects(catalog["models"], path, "id", "model"), catalog)
        # One list for all, and another one that tells which of them can be used.
        configs = self._get_list(f"{self.dialect.prefix}/model-configs", "id", "model")
        return models_from(configs, self._get(f"{self.dialect.prefix}/models", "providers"))

    def mcp_servers(self, organization: str) -> list[dict[str, Any]]:
        """The MCP servers that chats of an organization can use, each with ``id``, ``slug`` and ``display_name``.

        :param organization: its UUID.
        :raises CoderError: kind unsupported, this server lists none.
        """
        for path in self.dialect.mcp_servers:
            try:
                listed = self._get_list(path.format(organization=segment(organization)), "id")
            except RouteNotFound:
                continue
            return [each for each in listed if each.get("enabled") is not False]
        raise lacking(self.version.text, MCP_LIST)

    # Everybody's

    def logged_chats(self) -> list[str]:
        """The id of every root chat that the audit log names, newest first.

        :raises CoderError: kind forbidden, this token may not read the audit log.
        """
        path = "/api/v2/audit"
        within = self.transport.allowance()
        found: dict[str, None] = {}
        offset = 0
        while True:
            params = {"q": "resource_type:chat action:create", "limit": AUDIT_PAGE, "offset": offset}
            page = objects(self._get(path, "audit_logs", params=params, within=within)["audit_logs"], path)
            known = len(found)
            found.update((chat_id, None) for chat_id in map(_created, page) if chat_id)
            offset += len(page)
            if len(page) < AUDIT_PAGE or len(found) == known:
                return list(found)


def _identity(item: Any) -> str:
    return str(item["id"] if isinstance(item, dict) and "id" in item else item)


def _file_id(data: Any, path: str) -> str:
    return text(an_object(data, path, "id")["id"])


def _sent(data: Any, path: str) -> Sent:
    # Newer servers add `messages`, which may be others than the one that was sent.
    if fields(data).get("queued") is True:
        return Sent(None, _id_in(data, "queued_message", path))
    return Sent(_id_in(data, "message", path))


def _edited(data: Any, path: str) -> int:
    return _id_in(data, "message", path)


def _id_in(data: Any, what: str, path: str) -> int:
    found = number(fields(fields(data).get(what)).get("id"))
    if found is None:
        raise not_coders(path)
    return found


def _log(raw: dict[int, dict[str, Any]], queue: list[dict[str, Any]]) -> ChatLog:
    ordered = [raw[key] for key in sorted(raw)]
    return ChatLog(messages_from(ordered), ordered, [queued_from(entry) for entry in queue], queue)


def _created(entry: dict[str, Any]) -> str:
    """The id of the chat that an entry of the audit log tells the creation of; empty where it tells of none."""
    is_new_chat = entry.get("resource_type") == "chat" and entry.get("action") == "create"
    return text(entry.get("resource_id")) if is_new_chat else ""
