# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the status, the messages and the version of an AgentAPI server."""

from __future__ import annotations

from typing import Any, TypedDict

from ..agentapi import DEFAULT_URL, AgentApi
from ..coder.errors import attempting
from ..snapshot.fit import MAX_BYTES
from .context import Context
from .log import bounded, check_tail, newest
from .spec import Spec


class AgentapiInfoParams(TypedDict):
    """The options of this operation."""

    agentapi_url: str
    timeout: float
    tail: int | None
    max_bytes: int


def spec() -> Spec:
    """The operation's options."""
    return {
        "argument_spec": {
            "agentapi_url": {"type": "str", "default": DEFAULT_URL},
            "timeout": {"type": "duration", "default": "10s"},
            "tail": {"type": "int"},
            "max_bytes": {"type": "int", "default": MAX_BYTES},
        },
        "supports_check_mode": True,
    }


def run(context: Context[AgentapiInfoParams]) -> dict[str, Any]:
    """Result: ``agentapi`` with what the server is, ``messages`` and a ``summary``."""
    params = context.params
    check_tail(params["tail"])
    server = AgentApi(params["agentapi_url"], params["timeout"])
    with attempting("read AgentAPI"):
        look = server.look()
    fitted = bounded(newest(look.messages, params["tail"]), params["max_bytes"])
    return {
        "changed": False,
        "agentapi": {
            "url": server.url,
            "status": look.status,
            "ready": look.ready,
            "agent_type": look.agent_type,
            "transport": look.transport,
            "version": server.version(),
        },
        "messages": fitted.messages,
        "summary": {
            "total": len(look.messages),
            "returned": len(fitted.messages),
            "bytes": len(fitted.body),
            "truncated": bool(fitted.cut),
            "source": look.source,
        },
    }
