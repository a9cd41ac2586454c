# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control API under /_emulator, for tests in other processes and other languages.

GET, DELETE /_emulator/journal          the requests so far
GET, POST, DELETE /_emulator/faults     rules: {"kind": ..., "method": ..., "path": ..., "count": ...}
GET, POST /_emulator/tasks[/{task}]     a task's hidden state; POST changes what its body names:
    mode (up, down, slow, frozen), busy (seconds), agent (dead, alive), report ({state, message, uri}),
    messages, snapshot (lists of AgentAPI messages)
GET, POST /_emulator/chats[/{chat}]     a server's chats; POST changes what its body names, or makes a chat:
    of all: walk (directives of chats_model for every turn from now on), titles, ai_gateway (whether), retention_days,
    auto_archive_days, restart (gracefully, killed), hang_up (every WebSocket), purge and archive_old (days that have
    passed), create (options of Chats.create_chat)
    of one: age (days), status, fail ({message, kind}), say ({question, answer})
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator.answers import Answer, json_answer
from emulator.chats import Chats
from emulator.chats_objects import Chat
from emulator.request import Request
from emulator.world import Task

if TYPE_CHECKING:
    from emulator.app import Application


class Control:
    def __init__(self, app: Application) -> None:
        self._app = app

    def answer(self, request: Request) -> Answer:
        parts = request.path.strip("/").split("/")[1:]
        try:
            body = json.loads(request.body) if request.body else {}
            return json_answer(200, self._do(request.method, parts, body))
        except (KeyError, ValueError, TypeError) as error:
            return json_answer(400, {"message": f"{request.method} {request.path}: {error}"})

    def _do(self, method: str, parts: list[str], body: dict[str, Any]) -> Any:
        app, name = self._app, parts[1] if len(parts) == 2 and parts[0] == "tasks" else ""
        chat = parts[1] if len(parts) == 2 and parts[0] == "chats" else ""
        actions: dict[tuple[str, str], Callable[[], Any]] = {
            ("GET", "journal"): lambda: [entry.as_dict() for entry in app.journal],
            ("DELETE", "journal"): app.journal.clear,
            ("GET", "faults"): lambda: [rule.as_dict() for rule in app.faults.rules],
            ("POST", "faults"): lambda: app.faults.add(**body).as_dict(),
            ("DELETE", "faults"): app.faults.clear,
            ("GET", "tasks"): lambda: [_hidden_state(task) for task in app.world.tasks.values()],
            ("GET", f"tasks/{name}"): lambda: _hidden_state(app.world.task(name)),
            ("POST", f"tasks/{name}"): lambda: _change(app.world.task(name), body),
            ("GET", "chats"): lambda: [_hidden_chat(chat) for chat in _chats(app).all()],
            ("POST", "chats"): lambda: _change_chats(_chats(app), body),
            ("GET", f"chats/{chat}"): lambda: _hidden_chat(_chats(app).chats[chat]),
            ("POST", f"chats/{chat}"): lambda: _change_chat(_chats(app).chats[chat], body),
        }
        action = actions.get((method, "/".join(parts)))
        if action is None:
            raise ValueError("no such control")
        return action()


def _hidden_state(task: Task) -> dict[str, Any]:
    started = bool(task.workspace.agents)
    snapshot = task.snapshot()
    return {
        "id": task.id,
        "name": task.name,
        "owner": task.owner.username,
        "status": task.status,
        "workspace_id": task.workspace.id,
        "agent_token": task.agent.token if started else None,
        "app": task.api.behaviour.mode if started else None,
        "messages": [vars(message) for message in task.api.conversation()] if started else [],
        "snapshot": snapshot.messages if snapshot else None,
    }


def _chats(app: Application) -> Chats:
    if app.world.chats is None:
        raise ValueError("this server has no chats: start it with chats=...")
    app.world.chats.advance()
    return app.world.chats


def _hidden_chat(chat: Chat) -> dict[str, Any]:
    return {
        "id": chat.id,
        "owner": chat.owner.username,
        "status": chat.status,
        "title": chat.title,
        "archived": chat.archived,
        "messages": len(chat.messages),
        "queue": len(chat.queue),
        "children": [child.id for child in chat.children],
        "waits_for_capacity": chat.turn is not None and chat.turn.waits,
    }


def _change_chats(chats: Chats, wanted: dict[str, Any]) -> dict[str, Any]:
    def setter(name: str) -> Callable[[Any], None]:
        return lambda value: setattr(chats, name, value)

    changes: dict[str, Callable[[Any], Any]] = {
        **{name: setter(name) for name in ("walk", "titles", "ai_gateway", "retention_days", "auto_archive_days")},
        "restart": lambda value: chats.turns.restart(killed=value == "killed"),
        "hang_up": lambda _value: chats.turns.events.hang_up(),
        "purge": lambda days: chats.purge(in_days=days),
        "archive_old": lambda days: chats.archive_old(in_days=days),
        "create": lambda options: _hidden_chat(chats.create_chat(**options)),
    }
    return _apply(changes, wanted)


def _change_chat(chat: Chat, wanted: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Callable[[Any], Any]] = {
        "age": lambda days: chat.world.age(chat, days),
        "status": lambda value: chat.world.turns.set_status(chat, value),
        "fail": lambda value: chat.fail(**value),
        "say": lambda value: chat.say(**value).id,
    }
    return {**_apply(changes, wanted), **_hidden_chat(chat)}


def _apply(changes: dict[str, Callable[[Any], Any]], wanted: dict[str, Any]) -> dict[str, Any]:
    """Make the changes; gives what each of them gave."""
    unknown = sorted(set(wanted) - set(changes))
    if unknown:
        raise ValueError(f"unknown changes {', '.join(unknown)}; known: {', '.join(changes)}")
    return {name: changes[name](value) for name, value in wanted.items()}


def _change(task: Task, wanted: dict[str, Any]) -> dict[str, Any]:
    changes = {
        "mode": task.api.set_mode,
        "busy": task.api.work,
        "agent": lambda value: task.kill_agent() if value == "dead" else task.revive_agent(),
        "report": lambda value: task.report(**value),
        "messages": task.api.set_messages,
        "snapshot": task.set_snapshot,
    }
    _apply(changes, wanted)
    return _hidden_state(task)
