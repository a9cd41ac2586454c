# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that the server itself offers to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.chats_parts import text_part

if TYPE_CHECKING:
    from emulator.chats_objects import Chat

_NO_WORKSPACE = "no workspace is associated with this chat. Use the create_workspace tool to create one"
_NO_AGENT = "workspace has no running agent: the workspace is likely stopped. Use the start_workspace tool to start it"
_NEXT_STEP = (
    "Use recommended_template_id with create_workspace. Call read_template first only if you need parameter or "
    "preset details."
)


def run_tool(chat: Chat, name: str, arguments: Any) -> dict[str, Any]:
    """What a tool answers; an object with nothing but an error is an error of the tool, and the turn goes on."""
    tools = {
        "ask_user_question": _ask,
        "spawn_agent": _spawn,
        "list_templates": _list_templates,
        "execute": _execute,
    }
    if name not in tools or not isinstance(arguments, dict):
        return {"error": f"Tool not active in this turn: {name}"}
    return tools[name](chat, arguments)


def _ask(_chat: Chat, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"questions": arguments.get("questions", [])}


def _spawn(chat: Chat, arguments: dict[str, Any]) -> dict[str, Any]:
    """Begin a sub-agent; its parent does not wait for it."""
    chats = chat.world
    child = chats.insert(chat.owner, chat.model_id, str(arguments.get("title", "sub-agent")), parent=chat)
    child.workspace_id = chat.workspace_id
    chats.turns.open(child, [text_part(str(arguments.get("prompt", "")))])
    kind = arguments.get("type", "general")
    return {"type": kind, "title": child.title, "status": "running", "chat_id": child.id}


def _list_templates(chat: Chat, _arguments: dict[str, Any]) -> dict[str, Any]:
    known = chat.world.world.templates
    templates = [{"id": t.id, "name": t.name, "display_name": t.display_name} for t in known]
    shown = {"page": 1, "next_step": _NEXT_STEP, "templates": templates}
    return {**shown, "recommended_template_id": known[0].id}


def _execute(chat: Chat, arguments: dict[str, Any]) -> dict[str, Any]:
    if not chat.workspace_id:
        return {"error": _NO_WORKSPACE}
    workspace = chat.world.world.workspaces.get(chat.workspace_id)
    agent = workspace.agent() if workspace is not None else None
    if workspace is None or agent is None:
        return {"error": _NO_AGENT}
    chat.build_id, chat.agent_id = workspace.latest.id, agent.id
    output = f"$ {arguments.get('command', '')}\n"
    return {"output": output, "success": True, "exit_code": 0, "wall_duration_ms": 9}
