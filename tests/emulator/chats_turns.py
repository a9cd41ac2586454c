# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What chats do by themselves: turns of the model, retries, tools, waits for capacity, and the server's jobs.

Nothing runs in the background. Each step is an event with its moment; :meth:`Turns.advance` carries out those that are
due, in order, each at its own moment. It is called before a request is answered.
"""

from __future__ import annotations

import heapq
import itertools
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator import chats_model
from emulator.chats_events import Events
from emulator.chats_model import Failure, Reply
from emulator.chats_parts import context_part, joined, parsed_commands, text_of, tool_call, tool_result
from emulator.chats_tools import run_tool

if TYPE_CHECKING:
    from emulator.chats import Chats
    from emulator.chats_objects import Chat, Message, Model, Queued

CONTEXT = 0.01  # after the begin of a turn
TITLE = 0.05  # after a create
SUMMARY = 0.02  # after the end of a turn
INTERRUPTION = 0.03
PENDING = 0.02
TOOL = 0.04
NO_MODEL = 0.65  # until the server gives up on a model that is disabled
ACTION_TIMEOUT = 300.0  # that a client has for the result of its own tool
JOB_INTERVAL = 600.0  # real seconds


@dataclass(eq=False)
class Turn:
    """One turn of the model. attempt: changes with each try, so that what an older one had planned is dropped."""

    chat: Chat
    prompt: str
    number: int  # of the message that began it, as the stream counts history
    attempt: int = 1
    results: int = 0  # how many tool calls were answered
    waits: bool = False  # for capacity
    parts: list[dict[str, Any]] = field(default_factory=list)  # streamed so far
    calls: list[tuple[str, str]] = field(default_factory=list)  # id and name of tools without a result
    stopped: bool = False


class Turns:
    """The turns of all chats."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._lock = threading.RLock()
        self._line: list[Turn] = []  # waits for capacity
        self._active: set[Turn] = set()
        self._job_at = JOB_INTERVAL
        self.moment: float | None = None
        self.events = Events()

    # Time

    def advance(self) -> None:
        """Carry out everything that is due."""
        with self._lock:
            clock = self._chats.clock
            while self._events and self._events[0][0] <= clock.now():
                self.moment, _number, act = heapq.heappop(self._events)
                try:
                    act()
                finally:
                    self.moment = None
            if clock.now() * clock.factor >= self._job_at:
                self._job_at = clock.now() * clock.factor + JOB_INTERVAL
                self._chats.archive_old()
                self._chats.purge()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Plan something."""
        with self._lock:
            heapq.heappush(self._events, (self._chats.now() + seconds, next(self._count), act))

    # What clients do

    def open(self, chat: Chat, content: list[dict[str, Any]]) -> None:
        """Begin the first turn of a new chat."""
        chat.status = self._first_status()
        self.events.watch("created", chat)
        self.ask(chat, content, chat.owner.id)

    def _first_status(self) -> str:
        return "pending" if self._chats.dialect.pending else "running"

    def ask(self, chat: Chat, content: list[dict[str, Any]], author: str, *, queued_id: int = 0) -> Message:
        """Append a user's message and begin the turn that answers it."""
        message = chat.add("user", content, author=author, queued_id=queued_id)
        self.begin(chat, message)
        return message

    def begin(self, chat: Chat, message: Message) -> None:
        """Begin the turn that answers a message."""
        self._drop(chat)
        chat.last_error = None
        self.set_status(chat, self._first_status())
        self.events.message(chat, message)
        turn = Turn(chat, f"{text_of(message.content)} {self._chats.walk}".strip(), message.id)
        chat.turn = turn
        if self._has_room(chat):
            self._start(turn)
        else:
            turn.waits = True
            self._line.append(turn)

    def enqueue(self, chat: Chat, content: list[dict[str, Any]], model_id: str) -> Queued:
        """Let a message wait for the end of the turn."""
        entry = self._chats.new_queued(content, model_id)
        chat.queue.append(entry)
        chat.updated = self._chats.now()
        self.events.queue(chat)
        return entry

    def next_queued(self, chat: Chat) -> Message:
        """Begin a turn with the head of the queue."""
        entry = chat.queue.pop(0)
        chat.model_id = entry.model_id
        self.events.queue(chat)
        return self.ask(chat, entry.content, chat.owner.id, queued_id=entry.id)

    def interrupt(self, chat: Chat) -> None:
        """Stop a running turn; one that waits for its client's tool goes on without its result."""
        if chat.status == "requires_action":
            self.give_results(chat, [("Tool execution interrupted by user", True)])
            return
        if chat.turn is not None:
            chat.turn.stopped = True
        self.set_status(chat, "interrupting")
        turn = chat.turn
        self.after(INTERRUPTION, lambda: self._interrupted(chat, turn))

    def interrupt_at_once(self, chat: Chat) -> None:
        """What an interrupt was before states were checked: best effort, whatever the state."""
        turn = chat.turn
        if turn is not None and turn.calls:
            for call, name in turn.calls:
                chat.add("tool", [tool_result(call, name, "Tool execution interrupted by user", is_error=True)])
        elif turn is not None and turn.parts:
            chat.add("assistant", turn.parts)
        self._drop(chat)
        chat.last_error = None
        self.set_status(chat, "waiting")

    def give_results(self, chat: Chat, results: list[tuple[Any, bool]], author: str = "") -> None:
        """Hand in the results of a client's tools, in the order of the calls: each with whether it is an error."""
        turn = chat.turn
        assert turn is not None
        for (call, name), (result, is_error) in zip(turn.calls, results, strict=False):
            message = chat.add("tool", [tool_result(call, name, result, is_error=is_error)], author=author)
            self.events.message(chat, message)
        turn.calls = []
        turn.results += 1
        turn.attempt += 1
        self.set_status(chat, "running")
        self._generate(turn)

    def compact(self, chat: Chat) -> None:
        """Summarise the conversation so far, in a turn of its own."""
        self._drop(chat)
        self.set_status(chat, "running")
        turn = chat.turn = Turn(chat, "", 0)
        self._active.add(turn)
        self.after(chats_model.FIRST_BYTE, self._if_current(turn, lambda: self._compacted(turn)))

    def restart(self, *, killed: bool = False) -> None:
        """Let the server have been restarted: running turns begin anew, after a kill only when they are taken over."""
        for chat in self._chats.all():
            turn = chat.turn
            if turn is None or turn.waits or chat.status == "requires_action":
                continue
            turn.attempt += 1
            turn.parts, turn.calls, turn.results = [], [], 0
            delay = self._chats.dialect.takeover if killed else 0.0
            self.after(delay, self._if_current(turn, lambda turn=turn: self._generate(turn)))  # type: ignore[misc]

    def plan_title(self, chat: Chat) -> None:
        """The model makes a title of its own soon after a create; what its owner wrote meanwhile stays."""
        first = chat.title

        def name_it() -> None:
            model = self._chats.models.get(chat.model_id)
            works = model is not None and model.enabled and not model.provider.dead and not model.provider.key_failed
            if works and chat.title == first and self._chats.titles and any(map(_has_text, chat.messages)):
                assert model is not None
                chat.title = "Fake title" if model.provider.type == "openai" else "Fake generated title"
                self.events.watch("title_change", chat)

        self.after(TITLE, name_it)

    # The course of a turn

    def _start(self, turn: Turn) -> None:
        turn.waits = False
        self._active.add(turn)
        if self._chats.dialect.pending:
            self.after(PENDING, self._if_current(turn, lambda: self.set_status(turn.chat, "running")))
        self.after(CONTEXT, self._if_current(turn, lambda: self._give_context(turn.chat)))
        self._generate(turn)

    def _give_context(self, chat: Chat) -> None:
        """Tell the model once of the workspace that the chat is bound to, in a message of no user."""
        workspace = self._chats.world.workspaces.get(chat.workspace_id)
        agent = workspace.agent() if workspace is not None else None
        if workspace is None or agent is None:
            return
        chat.build_id, chat.agent_id = workspace.latest.id, agent.id
        if chat.context_agent != agent.id:
            chat.context_agent = agent.id
            chat.add("user", [context_part(agent.id)])

    def _generate(self, turn: Turn) -> None:
        """Ask the model, and plan what it answers."""
        chat = turn.chat
        turn.parts = []
        chat.requests += 1
        self.events.reset(chat)
        model = self._chats.models.get(chat.model_id)
        reply = self._reply(turn, model)
        at = reply.wait
        for pause, part in reply.parts:
            at += pause
            self.after(at, self._if_current(turn, lambda part=part: self._stream(turn, part)))  # type: ignore[misc]
        if reply.failure is not None:
            failure = reply.failure
            self.after(at, self._if_current(turn, lambda: self._failed(turn, failure)))
        else:
            self.after(at + chats_model.LAST_BYTE, self._if_current(turn, lambda: self._answered(turn, reply)))

    def _reply(self, turn: Turn, model: Model | None) -> Reply:
        if model is None or not model.enabled:
            return Reply(
                wait=NO_MODEL, failure=chats_model.impossible(f"chat model config {turn.chat.model_id} is disabled")
            )
        provider = model.provider
        if not provider.enabled:
            return Reply(wait=NO_MODEL, failure=chats_model.impossible(f"AI provider {provider.id} is disabled"))
        if provider.key_failed:
            return Reply(wait=chats_model.FIRST_BYTE, failure=chats_model.unauthorized(provider.type))
        if provider.dead:
            return Reply(wait=chats_model.FIRST_BYTE / 2, failure=chats_model.refused(provider.type))
        return chats_model.reply(
            turn.prompt,
            provider.type,
            turn.attempt,
            results=turn.results,
            slow_unit=self._chats.slow_unit,
        )

    def _stream(self, turn: Turn, part: dict[str, Any]) -> None:
        now = self._chats.now()
        stamped = {**part, "created_at": now, "completed_at": now} if part["type"] == "reasoning" else part
        turn.parts.append(stamped)
        self.events.part(turn.chat, turn, stamped)

    def _failed(self, turn: Turn, failure: Failure) -> None:
        chat, model = turn.chat, self._chats.models.get(turn.chat.model_id)
        if failure.revokes_key and model is not None:
            model.provider.key_failed = True
        if failure.retried and turn.attempt < chats_model.MAX_ATTEMPTS:
            delay = chats_model.backoff(failure, turn.attempt)
            self.events.retry(chat, turn, failure, delay)
            turn.attempt += 1
            chat.updated = self._chats.now()
            self.after(delay, self._if_current(turn, lambda: self._generate(turn)))
            return
        self._end(turn)
        chat.last_error = failure.as_error()
        self.set_status(chat, "error")

    def _answered(self, turn: Turn, reply: Reply) -> None:
        chat = turn.chat
        content = joined(turn.parts)
        turn.parts = []
        if reply.tool is not None:
            name, arguments = reply.tool
            call = f"call_c-{uuid.uuid4().hex[:12]}"
            more: dict[str, Any] = {"created_at": self._chats.now()}
            if name == "execute":
                more["parsed_commands"] = parsed_commands(arguments.get("command", ""))
            content.append(tool_call(call, name, arguments, **more))
            turn.calls = [(call, name)]
        if content:
            self._count_usage(chat)
            usage = self._chats.usage(chat.model_id)
            counted = usage if reply.complete else {"context_limit": usage["context_limit"]}
            self.events.message(chat, chat.add("assistant", content, usage=counted))
        if reply.tool is None:
            self._finished(turn)
        elif reply.tool[0] in chat.dynamic_tools:
            self.set_status(chat, "requires_action")
            self.events.action_required(chat, turn.calls, reply.tool[1])
            self._summarise(chat, "Waiting for user input")
            self.after(ACTION_TIMEOUT, self._if_current(turn, lambda: self._timed_out(chat)))
        else:
            name, arguments = reply.tool
            seconds = sum(float(number) for number in re.findall(r"sleep ([\d.]+)", str(arguments)))
            self.after(TOOL + seconds, self._if_current(turn, lambda: self._ran_tool(turn, name, arguments)))

    def _ran_tool(self, turn: Turn, name: str, arguments: Any) -> None:
        chat, (call, _name) = turn.chat, turn.calls[0]
        result = run_tool(chat, name, arguments)
        is_error = set(result) == {"error"}
        part = tool_result(call, name, result, is_error=is_error, created_at=self._chats.now())
        self.events.message(chat, chat.add("tool", [part]))
        turn.calls = []
        if name == "ask_user_question":
            self._finished(turn)
            return
        turn.results += 1
        turn.attempt += 1
        self._generate(turn)

    def _timed_out(self, chat: Chat) -> None:
        if chat.status == "requires_action":
            self.give_results(chat, [("Tool execution timed out", True)])

    def _compacted(self, turn: Turn) -> None:
        chat, call = turn.chat, f"chat_summarized_{uuid.uuid4()}"
        model = self._chats.models.get(chat.model_id)
        threshold = model.compression_threshold if model else 70
        result = {
            "source": "manual",
            "summary": "Fake generated text.",
            "usage_percent": 0,
            "context_tokens": 0,
            "threshold_percent": threshold,
            "context_limit_tokens": model.context_limit if model else 100_000,
        }
        arguments = {"source": "manual", "threshold_percent": threshold}
        chat.add("assistant", [tool_call(call, "chat_summarized", arguments)])
        chat.add("tool", [tool_result(call, "chat_summarized", result)])
        chat.compacted = chat.messages[-1].id
        self._finished(turn)

    def _finished(self, turn: Turn) -> None:
        """A turn came to its end; the next message of the queue begins another."""
        chat = turn.chat
        self._end(turn)
        if chat.queue:
            self.next_queued(chat)
            return
        self.set_status(chat, "waiting")
        if chat.parent is None:
            self._summarise(chat, "Finished latest turn")

    def _interrupted(self, chat: Chat, turn: Turn | None) -> None:
        if chat.status != "interrupting" or chat.turn is not turn:
            return
        if turn is not None:
            if turn.parts:
                self.events.message(chat, chat.add("assistant", turn.parts))
            for call, name in turn.calls:
                problem = {"error": "tool call was interrupted before it produced a result"}
                part = tool_result(call, name, problem, is_error=True, created_at=self._chats.now())
                self.events.message(chat, chat.add("tool", [part]))
            self._end(turn)
        chat.last_turn_summary = None
        if chat.queue:
            self.next_queued(chat)
        else:
            self.set_status(chat, "waiting")

    def _summarise(self, chat: Chat, summary: str) -> None:
        status = chat.status

        def tell() -> None:
            if chat.status == status:
                chat.last_turn_summary = summary
                self.events.watch("summary_change", chat)

        self.after(SUMMARY, tell)

    def set_status(self, chat: Chat, status: str) -> None:
        """Change a chat's status now."""
        changed = chat.status != status
        chat.status = status
        chat.updated = self._chats.now()
        if changed:
            self.events.status(chat)

    # Capacity

    def _has_room(self, chat: Chat) -> bool:
        limit = self._chats.dialect.capacity[0 if chat.parent is None else 1]
        same = [turn for turn in self._active if (turn.chat.parent is None) == (chat.parent is None)]
        return not limit or len(same) < limit

    def _end(self, turn: Turn) -> None:
        """Forget a turn, and let the first in line that there is room for begin."""
        turn.stopped = True
        if turn.chat.turn is turn:
            turn.chat.turn = None
        self._active.discard(turn)
        if turn in self._line:
            self._line.remove(turn)
        for waiting in list(self._line):
            if self._has_room(waiting.chat):
                self._line.remove(waiting)
                self._start(waiting)

    def _drop(self, chat: Chat) -> None:
        if chat.turn is not None:
            self._end(chat.turn)

    def _if_current(self, turn: Turn, act: Callable[[], None]) -> Callable[[], None]:
        """The act, unless the turn was stopped or tried anew meanwhile."""
        attempt = turn.attempt

        def guarded() -> None:
            if turn.chat.turn is turn and turn.attempt == attempt and not turn.stopped:
                act()

        return guarded

    def _count_usage(self, chat: Chat) -> None:
        model = self._chats.models.get(chat.model_id)
        usage = self._chats.usage(chat.model_id)
        chat.tokens += usage["total_tokens"]
        price = ((model.config if model else {}) or {}).get("cost") or {}
        chat.spent += round(
            usage["input_tokens"] * float(price.get("input_price_per_million_tokens", 0))
            + usage["output_tokens"] * float(price.get("output_price_per_million_tokens", 0))
        )


def _has_text(message: Message) -> bool:
    return message.role == "user" and any(part["type"] == "text" for part in message.content)
