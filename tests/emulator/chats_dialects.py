# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the Chats APIs of server versions, as data.

Measured dialects are checked by replaying recordings of real servers. The others were read in Coder's source only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from emulator.dialects import EXPERIMENTAL, V2


@dataclass(frozen=True)
class ChatDialect:
    """The chats of a server version. Every field is one difference; the defaults are those of the recorded 2.35."""

    name: str
    tasks: str  # the task dialect beside it, unless another is asked for
    measured: bool = False
    note: str = ""
    version: str = ""  # of the server, in its build information; empty: what the task dialect says
    prefixes: tuple[str, ...] = (EXPERIMENTAL,)

    # Who may
    role: bool = True  # a member needs the organization role agents-access
    owner_id: bool = False  # a create may name another owner

    # Shapes
    shared: bool = True
    summary: bool = False  # summary and last_reasoning_effort
    messages_in_answers: bool = False  # of send and edit
    queued_message_id: bool = False
    model_provider: bool = True  # a model config tells its provider's type
    unsupported_providers: bool = False
    provider_icon: bool = False
    file_size: bool = False
    injected_context: bool = True  # last_injected_context tells what of a workspace was given to the model

    # Behaviour
    pending: bool = False  # a turn begins as pending
    interrupts_anything: bool = False  # whatever the state: at once, and an error is forgotten
    archives_anything: bool = False  # also what runs, and a sub-agent alone
    preview_reset: bool = True  # the stream says when what it showed of an answer is void
    gateway: bool = False  # the AI Gateway is needed for each turn
    empty_create: bool = False
    capacity: tuple[int, int] = (0, 0)  # root and sub-agent chats that run at once; 0: no limit
    takeover: float = 300.0  # seconds until a killed server's turns are taken over
    body_limit_status: int = 400
    prompt_limit: int = 10_000  # characters of a system prompt; 0: no limit
    checks_model: bool = False  # a create says at once that a model is unknown or disabled
    mcp_error: str = "One or more MCP server IDs are invalid."
    search_keys: tuple[str, ...] = (
        "archived", "source", "title", "has_unread", "pr_status", "pr", "repo", "diff_url", "pr_title",
    )  # fmt: skip

    # Routes
    reconcile: bool = True
    title_regenerate: bool = True
    cost: bool = False  # GET {chat}/cost and POST {chat}/compact
    usage_limits: bool = True  # and the cost summaries: the server's own accounts
    pull_requests: bool = False  # GET insights/pull-requests
    usage_details: bool = True  # a refusal tells what was spent, the limit, and when it ends
    template_allowlist: bool = True
    desktop_setting: bool = True
    experimental_models: bool = True  # chats/models and chats/model-configs
    organization_models: bool = False  # and templates tell whether agents may use them
    download_url: bool = False
    clear: bool = False
    read: bool = False  # PATCH takes read


_READ = "read, not measured"
_KEYS = ChatDialect("", "").search_keys

_35 = ChatDialect(
    "chats-2.35",
    tasks="2.34",
    measured=True,
    note="main of 2026-06-18, which called itself 2.34",
)

_36 = replace(
    _35,
    name="chats-2.36",
    tasks="2.36",
    measured=False,
    note=f"{_READ}: summaries, reasoning effort, cost, compaction, full text search",
    version="v2.36.0+0000000",
    summary=True,
    gateway=True,
    injected_context=False,
    model_provider=False,
    unsupported_providers=True,
    cost=True,
    desktop_setting=False,
    search_keys=(*_KEYS, "search"),
)

_37_dev = replace(
    _36,
    name="chats-2.37-dev",
    tasks="2.34",
    measured=True,
    note="main of early August 2026, experimental prefix only",
    version="v2.37.0-devel",
    messages_in_answers=True,
    provider_icon=True,
    body_limit_status=413,
    checks_model=True,
    usage_limits=False,
    usage_details=False,
    template_allowlist=False,
)

_37 = replace(
    _37_dev,
    name="chats-2.37",
    tasks="2.36",
    measured=False,
    note=f"{_READ}: both prefixes, models of an organization, five chats at once",
    version="v2.37.0+0000000",
    prefixes=(V2, EXPERIMENTAL),
    role=False,
    capacity=(5, 10),
    takeover=30.0,
    prompt_limit=0,
    mcp_error="One or more MCP server IDs are invalid or disabled.",
    file_size=True,
    title_regenerate=False,
    experimental_models=False,
    organization_models=True,
    download_url=True,
    clear=True,
)

CHAT_DIALECTS: dict[str, ChatDialect] = {
    dialect.name: dialect
    for dialect in (
        replace(
            _35,
            name="chats-2.34esr",
            measured=False,
            note=f"{_READ}: pending first, an interrupt or archive asks for no state, no sharing in the answers",
            version="v2.34.8+0000000",
            shared=False,
            pending=True,
            interrupts_anything=True,
            archives_anything=True,
            preview_reset=False,
            reconcile=False,
            pull_requests=True,
            search_keys=tuple(key for key in _KEYS if key != "source"),
        ),
        _35,
        _36,
        _37_dev,
        _37,
        replace(
            _37,
            name="chats-2.38",
            tasks="2.38",
            note=f"{_READ}: one prefix, other owners, empty chats, a started message tells its place in the queue",
            version="v2.38.0+0000000",
            prefixes=(V2,),
            owner_id=True,
            queued_message_id=True,
            empty_create=True,
            read=True,
            search_keys=(*_KEYS, "search", "status"),
        ),
    )
}
