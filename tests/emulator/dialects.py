# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between server versions, as data.

Measured dialects are checked by replaying recordings of real servers. The others were read in Coder's source only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

V2 = "/api/v2"
EXPERIMENTAL = "/api/experimental"


@dataclass(frozen=True)
class Walk:
    """How long the phases of a build took on the recorded servers, in seconds."""

    queued: float = 0.02
    start: float = 1.4  # job
    connected: float = 0.15  # after the job
    started: float = 0.2  # after the job: start scripts run
    ready: float = 1.2  # after the job
    app_healthy: float = 2.9  # after the job
    stop: float = 3.85
    stop_idle: float = 1.25  # nothing runs in the workspace, or its agent is dead
    delete: float = 3.85
    delete_idle: float = 1.25
    failure: float = 1.3
    oversized: float = 0.35


@dataclass(frozen=True)
class Dialect:
    """A server version. Every field is one observed difference; the defaults are those of the newest measured one."""

    name: str
    version: str
    measured: bool = False
    note: str = ""
    provisioner_api: str = "1.18"
    walk: Walk = field(default_factory=Walk)

    # Routes
    task_prefixes: tuple[str, ...] = (V2, EXPERIMENTAL)
    prompts: bool = False  # GET /api/experimental/aitasks/prompts
    patch_input: bool = True
    pause_resume: bool = True
    log_snapshot: bool = True  # the route an agent posts to

    # Tasks
    task_is_workspace: bool = False  # one id for both, workspace statuses, a deleted task is still shown
    task_by_name: bool = True
    task_uuid_text: str = ""  # the 400 for what is no UUID, where names are not accepted
    task_uuid_detail: bool = False
    display_name: bool = True
    pending_status: str = "pending"  # of a task whose start build is queued
    failure_state: str = "failed"  # what the agent's "failure" is called
    synthetic_state: bool = True  # current_state while initializing
    prompt_parameter: bool = False  # templates carry an "AI Prompt" parameter
    prompt_filled: bool = False  # a create sets that parameter from its input
    paged_list: bool = False  # the list takes a workspace query, limit and offset

    # Sending and logs
    app_gate: str = "snapshot"  # sidebar, active, or snapshot: who says that a task cannot be talked to
    snapshot_logs: bool = True
    busy_status: int = 409
    role_error: tuple[str, str] = ("Invalid task app response.", 'invalid agentapi message role "{role}"')

    # Errors
    user_error: str = "not_found"  # or bad_request
    create_for_other: str = "forbidden"  # or not_found
    version_error: tuple[int, str] = (400, "Template version not found or you do not have access to this resource")
    not_ai_error: str = 'Template does not have a valid "coder_ai_task" resource.'
    nul_error: tuple[str, str] = (
        "Internal error creating task.",
        'pq: invalid byte sequence for encoding "UTF8": 0x00',
    )
    deleted_hint: str = "include_deleted"

    # Agents
    agent_token_during_stop: bool = True
    connecting_is_healthy: bool = False
    # what is said against an unknown app status: message, detail, validation
    state_error: tuple[str, str, str] = ("Failed to parse request.", "Invalid state: {state}", "")

    # Rate limit
    rate_key: str = "user"  # or ip
    rate_bypass: bool = True

    # Shapes: keys by kind of object
    omit: dict[str, tuple[str, ...]] = field(default_factory=dict)
    extra: dict[str, dict[str, object]] = field(default_factory=dict)


_L = Dialect(name="2.34", version="v2.34.0+dca8178f8", measured=True)

_M = replace(
    _L,
    name="2.29",
    version="v2.29.0-devel+b255827a5",
    provisioner_api="1.12",
    walk=Walk(start=1.7, connected=0.25, started=0.3, ready=1.3, app_healthy=3.2),
    pause_resume=False,
    log_snapshot=False,
    pending_status="initializing",
    prompt_filled=True,
    failure_state="failure",
    app_gate="active",
    snapshot_logs=False,
    busy_status=502,
    role_error=("Invalid task app response message role.", 'Expected "user" or "agent", got "{role}".'),
    user_error="bad_request",
    create_for_other="not_found",
    deleted_hint="deleted",
    agent_token_during_stop=False,
    connecting_is_healthy=True,
    state_error=(
        "Invalid state provided.",
        'invalid state: "{state}"',
        "State must be one of: complete, failure, working.",
    ),
    rate_key="ip",
    rate_bypass=False,
    omit={
        "buildinfo": ("webpush_public_key",),
        "user": ("has_ai_seat",),
        "organization": ("default_org_member_roles",),
        "template": ("deleted", "disable_module_cache"),
        "script": ("exit_code", "status"),
    },
    extra={"template": {"use_terraform_workspace_cache": False}},
)

_28 = replace(
    _M,
    name="2.28",
    version="v2.28.0+0000000",
    measured=False,
    note="read, not measured: task UUIDs only, experimental prefix only",
    provisioner_api="1.11",
    task_prefixes=(EXPERIMENTAL,),
    prompts=True,
    patch_input=False,
    task_by_name=False,
    task_uuid_text='Invalid UUID "{task}".',
    task_uuid_detail=True,
    display_name=False,
    synthetic_state=False,
    prompt_parameter=True,
    omit={**_M.omit, "task": ("display_name",)},
    extra={},
)

_S = replace(
    _28,
    name="2025-10",
    version="v2.28.0-devel+82945cfb1",
    measured=True,
    note="",
    walk=Walk(start=1.75, connected=0.3, started=0.3, ready=1.05, app_healthy=2.9, failure=0.8),
    task_is_workspace=True,
    task_uuid_text='Invalid UUID "{task}" for task ID.',
    task_uuid_detail=False,
    paged_list=True,
    app_gate="sidebar",
    version_error=(404, "Resource not found or you do not have access to this resource"),
    not_ai_error='Template does not have required parameter "AI Prompt"',
    nul_error=(
        "Internal server error",
        "execute transaction: find matching preset: find matching preset ID: "
        'pq: invalid byte sequence for encoding "UTF8": 0x00',
    ),
    omit={
        **_M.omit,
        "task": ("display_name", "template_version_id", "workspace_name", "workspace_status"),
        "workspace": ("task_id",),
        "created_by": ("name",),
    },
)

_READ = "read, not measured"

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        _S,
        _28,
        _M,
        replace(
            _M,
            name="2.30",
            version="v2.30.0+0000000",
            measured=False,
            note=f"{_READ}: stores snapshots but does not read them back",
            prompt_filled=False,
            log_snapshot=True,
            agent_token_during_stop=True,
        ),
        replace(
            _L,
            name="2.31",
            version="v2.31.1+0000000",
            measured=False,
            note=f"{_READ}: pause, resume and snapshots, busy is still 502, failure is still failure",
            failure_state="failure",
            busy_status=502,
            user_error="bad_request",
            create_for_other="not_found",
            rate_key="ip",
            rate_bypass=False,
        ),
        _L,
        replace(
            _L,
            name="2.36",
            version="v2.36.0+0000000",
            measured=False,
            note=f"{_READ}: the tasks feature is hidden behind CODER_ENABLE_AI_TASKS",
            task_prefixes=(),
            log_snapshot=False,
        ),
        replace(
            _L,
            name="2.38",
            version="v2.38.0+0000000",
            measured=False,
            note=f"{_READ}: the tasks feature is removed",
            task_prefixes=(),
            log_snapshot=False,
        ),
    )
}
