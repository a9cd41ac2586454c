# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say something in a chat, once, and read what its model answers: by the ids of messages, never by states alone."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, TypedDict, cast

from ..coder import names
from ..coder.backend import Ailment
from ..coder.chats.backend import ChatsBackend
from ..coder.chats.messages import ChatMessage, plain
from ..coder.chats.models import Chat
from ..coder.chats.new import check_body, check_said
from ..coder.chats.wait import at_work, is_at_work
from ..coder.errors import AnswerLost, CoderError, as_coder_error, invalid
from ..coder.waiter import WaitOptions
from .attachments import Attachments, check_files, files_option
from .connection import ConnectionParams, connection_spec
from .context import Context
from .exchange import Exchange, ExchangeParams, Messages
from .spec import Spec
from .text_file import text_option
from .waiting import waiter_for, waiting_spec

# Seconds in which a message whose answer was lost may still come to show.
LOOK_FOR_MESSAGE = 10.0
# Looks in a row after which a message that waits nowhere is called gone: its turn may begin between two requests.
LOOKS_MISSING = 3
AFTER_INTERRUPT = (
    "The chat may have the message already: read it with coder.tasks.chat_messages_info before you send again."
)


# Results whose answer was lost are given so often at most.
GIVEN_AT_MOST = 3
# Options that a call without a message has to leave alone.
CHOSEN_BY_DEFAULT: dict[str, Any] = {"files": None, "busy": "queue"}


class ToolResult(TypedDict):
    """The result of a tool that is not Coder's. ``tool``: its name, or the id of one call of it."""

    tool: str
    output: Any
    is_error: bool


class ChatSendParams(ConnectionParams, ExchangeParams):
    """The options of this operation."""

    chat: str
    input: str | None
    input_file: str | None
    files: list[str] | None
    busy: str
    tool_results: list[ToolResult] | None


def spec() -> Spec:
    """The operation's options."""
    options = connection_spec()
    options.update(
        chat={"type": "str", "required": True, "aliases": ["name"]},
        input={"type": "str"},
        input_file={"type": "path", "read_as": "input"},
        **files_option(),
        busy={"type": "str", "choices": ["queue", "interrupt", "fail"], "default": "queue"},
        tool_results={
            "type": "list",
            "elements": "dict",
            "options": {
                "tool": {"type": "str", "required": True},
                "output": {"type": "raw"},
                "is_error": {"type": "bool", "default": False},
            },
        },
    )
    options.update(waiting_spec(["accepted", "reply"]))
    del options["wait"], options["stable_idle"]
    options["wait_for"]["default"] = "reply"
    return {
        "argument_spec": options,
        "mutually_exclusive": [["input", "input_file"]],
        "required_one_of": [["input", "input_file", "tool_results"]],
        "supports_check_mode": True,
    }


def run(context: Context[ChatSendParams]) -> dict[str, Any]:
    """Result: ``chat``, ``message_id``, ``delivered``, ``reply``, ``note``, ``action_required``, ``waited``."""
    says_nothing = context.params["input"] is None and not context.params["input_file"]
    agent = ToolResultsAgent(context) if says_nothing else ChatAgent(context)
    return Exchange(context, agent, LOOK_FOR_MESSAGE).run()


class ChatAgent:
    """The model of a chat, as an :class:`.exchange.Agent`."""

    reader = "coder.tasks.chat_messages_info"

    def __init__(self, context: Context[ChatSendParams]) -> None:
        self.name = f"the chat {context.params['chat']}"
        self._context = context
        self._found: Chat | None = None
        # What is known of our message: its id, or that of its place in the queue; and whether it was taken at all.
        self._message_id: int | None = None
        self._queued_id: int | None = None
        self._taken = False
        self._last_id = 0
        self._text = ""
        self._queue_before: list[dict[str, Any]] = []
        self._looks_missing = 0
        self._answered: set[str] = set()
        self._action: list[dict[str, Any]] = []
        self._attachments = Attachments(context.params["files"])

    @property
    def _chats(self) -> ChatsBackend:
        return self._context.session.chats

    @property
    def _chat(self) -> Chat:
        """The chat as it was seen last. Only after it was found."""
        return cast(Chat, self._found)

    @property
    def note(self) -> str:
        """See :attr:`.exchange.Agent.note`."""
        if self._action and self._message_id is None:
            return "The message waits in the queue, until the tool calls in 'action_required' have their results."
        if self._action:
            return "The model waits for the results of the tool calls in 'action_required'."
        return "The turn ended without any text: the model called tools only, was interrupted, or said nothing."

    def input(self) -> str:
        self._text = text_option(self._context.params, "input") or ""
        check_said(self._text, "input")
        if self._context.params["tool_results"] and self._context.params["wait_for"] == "accepted":
            raise invalid(
                "'tool_results' beside an input are given while its reply is waited for, and wait_for=accepted",
                "Use wait_for=reply, or give them in a call of their own, without 'input'.",
            )
        check_files(self._context.params["files"])
        self._check_results()
        return self._text

    def check(self) -> None:
        self._find()

    def prepare(self) -> Messages:
        self._find()
        log = self._chats.messages(self._chat)
        self._queue_before = log.queue
        self._last_id = max((message["id"] for message in log.messages), default=0)
        # Before the message, so that it is sure of it that it was not sent where one of these fails.
        self._attachments.upload(self._chats, self._chat["organization_id"])
        return plain(log.messages)

    def send(self, text: str) -> None:
        interrupts = self._context.params["busy"] == "interrupt"
        file_ids = [each["id"] for each in self._attachments.uploaded]
        with self._attachments.told_of():
            sent = self._chats.send_with(self._chat, text, file_ids, interrupts)
        self._message_id, self._queued_id, self._taken = sent.id, sent.queued_id, True

    def before_next_try(self) -> None:
        self._context.progress(f"the queue of {self.name} is full")
        self._find()

    def read(self) -> tuple[Messages | None, bool]:
        self._look()
        # After the state: what it tells to be over has left all its messages.
        messages = self._chats.messages(self._chat, self._last_id).messages
        works = self._taken and self._works(messages)
        return plain(messages), works

    def is_taken(self, messages: Messages, text: str, last_id: int) -> bool:
        """See :meth:`.exchange.Agent.is_taken`: it stands in the conversation, or in the queue."""
        known = {queued["id"] for queued in self._queue_before}
        for message in messages:
            if message["type"] == "input" and message["id"] > last_id and _same(message["content"], text):
                self._message_id = message["id"]
        for queued in self._chats.queue(self._chat):
            if queued["id"] not in known and _same(queued["text"], text):
                self._queued_id = queued["id"]
        self._taken = self._message_id is not None or self._queued_id is not None
        return self._taken

    def reply_in(self, messages: Messages, text: str, last_id: int) -> Messages:
        """See :meth:`.exchange.Agent.reply_in`: what has words, to the next message of a person."""
        reply: Messages = []
        ours = False
        for message in messages:
            if message["type"] == "input" and ours:
                break
            ours = ours or message["id"] == self._message_id
            if ours and message["type"] == "output" and message["content"].strip():
                reply.append(message)
        return reply

    def is_whole(self, reply: Messages, rested: float, late: bool) -> bool:
        """See :meth:`.exchange.Agent.is_whole`: a turn that is over changes no more."""
        return True

    def rests(self) -> bool:
        return True

    def last_look(self) -> None:
        try:
            self._look()
        except Exception as caught:  # noqa: BLE001  (what was delivered stays delivered)
            told = as_coder_error(caught).message
            self._context.warn(
                f"The message was delivered to {self.name}, and 'chat' in the result is as it was before: {told}"
            )

    def state(self) -> str:
        return f"the chat is {self._chats.describe(self._chat)}"

    def facts(self, failed: bool) -> dict[str, Any]:
        facts: dict[str, Any] = {"message_id": self._message_id, "action_required": self._action}
        facts["uploaded"] = self._attachments.uploaded
        if self._found is None:
            return facts
        facts["chat"] = self._chats.with_reason({**self._chat, "purge_after": None})
        return {**facts, "diagnosis": self._chats.diagnose(self._chat)} if failed else facts

    # On the way

    def _find(self) -> None:
        reference = self._context.params["chat"]
        if names.is_uuid(reference):
            self._found = self._chats.get(reference)
        else:
            options = WaitOptions(self._context.params["wait_timeout"], 0.0, self._context.poll_interval)
            self._found = self._chats.only_one(reference, waiter_for(self._context, options))
            if self._found is None:
                self._found = self._chats.get(reference)
        if self._chat["archived"]:
            raise CoderError(
                "it is archived", "conflict", hint="Bring it back with unarchive=true of coder.tasks.chat."
            )
        if self._context.params["busy"] == "fail" and is_at_work(self._chat):
            raise CoderError(
                f"it is {self._chats.describe(self._chat)}, and busy=fail", "busy",
                hint="Try again when its turn is over, or use busy=queue.",
            )  # fmt: skip

    def _look(self) -> None:
        """See the chat as it is now. :raises CoderError: kind not_found, it is gone."""
        chat = self._chats.refresh(self._chat)
        if chat is None:
            raise CoderError(f"the chat {self._chat['id']} is gone, or not to be seen any more", "not_found")
        self._found = chat

    def _works(self, messages: list[ChatMessage]) -> bool:
        """Whether our turn is not over. :raises CoderError: it failed, or will never begin."""
        place = self._place(messages)
        if self._chat["archived"] and not self.reply_in(plain(messages), self._text, self._last_id):
            raise CoderError("it was archived before it answered", "conflict")
        if place is None:
            return self._waits()
        if any(message["input"] for message in messages[place + 1 :]):
            # Another turn has begun since, so ours is over.
            return False
        if self._chat["status"] == "requires_action":
            return self._act()
        if self._chat["status"] == "error":
            raise self._failed(messages)
        return is_at_work(self._chat)

    def _place(self, messages: list[ChatMessage]) -> int | None:
        """Where our message stands. One that was queued becomes another; newer servers tell which."""
        if self._message_id is None:
            self._message_id = self._started(messages)
        return next((index for index, each in enumerate(messages) if each["id"] == self._message_id), None)

    def _started(self, messages: list[ChatMessage]) -> int | None:
        for message in messages:
            if self._queued_id is not None and message["queued_message_id"] == self._queued_id:
                return message["id"]
        # Of several that say the same, those that were in the queue before come first.
        before = sum(_same(queued["text"], self._text) for queued in self._queue_before)
        candidates = [
            message["id"]
            for message in messages
            if message["input"] and message["queued_message_id"] is None and _same(message["text"], self._text)
        ]
        return candidates[before] if len(candidates) > before else None

    def _waits(self) -> bool:
        """Of a message that stands not yet in the conversation. :raises CoderError: it never will."""
        status = self._chat["status"]
        if status == "requires_action":
            return self._act()
        if at_work({**self._chat, "children": []}):
            self._looks_missing = 0
            return True
        if any(queued["id"] == self._queued_id for queued in self._chats.queue(self._chat)):
            if status == "error":
                raise CoderError(
                    "its turn failed while the message waited in the queue, where it stays", "conflict",
                    hint="The next message that is sent begins with those of the queue.",
                )  # fmt: skip
            self._looks_missing = 0
            return True
        self._looks_missing += 1
        if self._looks_missing >= LOOKS_MISSING:
            raise CoderError(
                "the message is in the conversation no more, nor in the queue: somebody took it out, or edited what "
                "came before it", "conflict",
            )  # fmt: skip
        return True

    def _failed(self, messages: list[ChatMessage]) -> CoderError:
        # A chat in error always has one.
        found = cast(Ailment, self._chats.ailment(self._chat))
        partial = self.reply_in(plain(messages), self._text, self._last_id)
        return CoderError(found.reason, "conflict", hint=found.hint, result={"reply": partial})

    # Tools that are not Coder's

    def _act(self) -> bool:
        """Give the results that were declared for what it waits for. :returns: whether it goes on with them."""
        calls = self._open_calls()
        results = self._results_of(calls)
        if len(results) < len(calls):
            self._action = calls
            return False
        ids = {result["tool_call_id"] for result in results}
        if not ids <= self._answered:
            self._answered |= ids
            self._give(results)
        return True

    @property
    def _declared(self) -> dict[str, ToolResult]:
        return {result["tool"]: result for result in self._context.params["tool_results"] or []}

    def _check_results(self) -> None:
        """:raises CoderError: kind invalid, one of two results would be lost."""
        tools = [result["tool"] for result in self._context.params["tool_results"] or []]
        twice = next((tool for tool in tools if tools.count(tool) > 1), None)
        if twice is not None:
            raise invalid(
                f"'tool_results' has {twice!r} twice",
                "Give results for several calls of one tool by the ids of the calls, see 'action_required'.",
            )

    def _results_of(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What was declared for these calls, by the id of a call or else by its tool, as the server takes it."""
        declared = self._declared
        found = [(call, declared.get(call["tool_call_id"]) or declared.get(call["tool_name"])) for call in calls]
        return [
            {"tool_call_id": call["tool_call_id"], "output": result["output"], "is_error": result["is_error"]}
            for call, result in found
            if result
        ]

    def _open_calls(self) -> list[dict[str, Any]]:
        """The tool calls of the newest message that have no result, as ``tool_call_id``, ``tool_name`` and ``args``."""
        for message in reversed(self._chats.messages(self._chat).messages):
            calls = [
                {"tool_call_id": part["tool_call_id"], "tool_name": part["tool_name"], "args": part["args"]}
                for part in message["parts"]
                if part["type"] == "tool-call" and part["is_error"] is None
            ]
            if calls:
                return calls
        return []

    def _give(self, results: list[dict[str, Any]]) -> None:
        try:
            self._chats.give_results(self._chat, results)
        except AnswerLost:
            # A second time is refused, so nothing is done twice; but they may not have arrived.
            self._answered -= {result["tool_call_id"] for result in results}


class ToolResultsAgent(ChatAgent):
    """The same without a message: results of tools for a model that waits for them."""

    def __init__(self, context: Context[ChatSendParams]) -> None:
        super().__init__(context)
        self._results: list[dict[str, Any]] = []

    @property
    def note(self) -> str:
        """See :attr:`.exchange.Agent.note`."""
        if self._action:
            return "The model waits for the results of the tool calls in 'action_required'."
        return "The turn ended without any text after the results."

    def input(self) -> str:
        """:returns: the results as JSON, to be told in check mode."""
        params = self._context.params
        if not params["tool_results"]:
            raise invalid("'tool_results' is empty", "Give 'input' or 'input_file', or results of tools.")
        for option in ("files", "busy"):
            if params[option] != CHOSEN_BY_DEFAULT[option]:
                raise invalid(f"{option!r} is about a message, and none is sent", "Give 'input' or 'input_file', too.")
        check_body({"results": params["tool_results"]}, "tool_results")
        self._check_results()
        return json.dumps(params["tool_results"])

    def check(self) -> None:
        self._find()
        self._choose()

    def prepare(self) -> Messages:
        self._find()
        log = self._chats.messages(self._chat)
        self._last_id = max((message["id"] for message in log.messages), default=0)
        self._choose()
        return plain(log.messages)

    def _choose(self) -> None:
        """Which result is for which call. :raises CoderError: it waits for none, or not for exactly these."""
        calls = self._open_calls() if self._chat["status"] == "requires_action" else []
        if not calls:
            raise CoderError(
                f"it waits for no results of tools: it is {self._chats.describe(self._chat)}", "conflict",
                hint="What it has to say is read with coder.tasks.chat_messages_info; 'input' says something to it.",
            )  # fmt: skip
        self._action = calls
        known = {name for call in calls for name in (call["tool_call_id"], call["tool_name"])}
        strange = sorted(self._declared.keys() - known)
        self._results = super()._results_of(calls)
        answered = {result["tool_call_id"] for result in self._results}
        unanswered = [call for call in calls if call["tool_call_id"] not in answered]
        if strange or unanswered:
            each = ", ".join(f"{call['tool_name']} ({call['tool_call_id']})" for call in calls)
            wrong = f"it waits for no {strange[0]!r}" if strange else f"{unanswered[0]['tool_name']!r} has no result"
            raise invalid(f"'tool_results' does not fit: {wrong}", f"Each of these calls needs a result: {each}.")

    def _results_of(self, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that were chosen: a call that comes after them gets none, though its tool may be the same."""
        ids = [call["tool_call_id"] for call in calls]
        return [result for result in self._results if result["tool_call_id"] in ids]

    def send(self, text: str) -> None:
        """Give them, once: a second time is refused, so what was lost is sent again."""
        for lost in range(GIVEN_AT_MOST - 1):
            with suppress(AnswerLost):
                return self._hand_in(is_again=lost > 0)
        return self._hand_in(is_again=True)

    def _hand_in(self, is_again: bool) -> None:
        """:raises CoderError: kind conflict, they were refused, and not because they were taken before."""
        if not self._chats.give_results(self._chat, self._results) and (not is_again or self._are_open()):
            raise CoderError(
                "it waits for no results any more: somebody else answered, or it took too long", "conflict"
            )
        self._note_taken()

    def is_taken(self, messages: Messages, text: str, last_id: int) -> bool:
        """See :meth:`.exchange.Agent.is_taken`: the calls have results."""
        if not self._are_open():
            self._note_taken()
        return self._taken

    def _are_open(self) -> bool:
        ours = {result["tool_call_id"] for result in self._results}
        return any(call["tool_call_id"] in ours for call in self._open_calls())

    def _note_taken(self) -> None:
        self._taken, self._action = True, []
        self._answered |= {result["tool_call_id"] for result in self._results}

    def reply_in(self, messages: Messages, text: str, last_id: int) -> Messages:
        """See :meth:`.exchange.Agent.reply_in`: what has words, from the results to the next message of a person."""
        reply: Messages = []
        for message in messages:
            if message["type"] == "input":
                break
            if message["content"].strip():
                reply.append(message)
        return reply

    def _place(self, messages: list[ChatMessage]) -> int | None:
        """The turn goes on behind what was there before."""
        return -1


def _same(one: str, other: str) -> bool:
    """Whether two texts are the same to a server, which trims them."""
    return one.strip() == other.strip()
