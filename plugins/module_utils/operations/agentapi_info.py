# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the status, the messages and the version of an AgentAPI server."""

from __future__ import annotations

from typing import Any

from ..agentapi import DEFAULT_URL, AgentApi
from ..coder.errors import attempting, invalid
from ..snapshot.fit import MAX_BYTES, Fitted, fit
from .context import Context


def spec() -> dict[str, Any]:
    """Keyword arguments of AnsibleModule, as plain data."""
    return {
        "argument_spec": {
            "agentapi_url": {"type": "str", "default": DEFAULT_URL},
            "timeout": {"type": "duration", "default": "10s"},
            "tail": {"type": "int"},
            "max_bytes": {"type": "int", "default": MAX_BYTES},
        },
        "supports_check_mode": True,
    }


def run(context: Context) -> dict[str, Any]:
    """Result: ``agentapi`` with what the server is, ``messages`` and a ``summary``."""
    params = context.params
    server = AgentApi(params["agentapi_url"], params["timeout"])
    with attempting("read AgentAPI"):
        look = server.look()
    fitted = _bounded(look.messages, params["tail"], params["max_bytes"])
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


def _bounded(messages: list[dict[str, Any]], tail: int | None, max_bytes: int) -> Fitted:
    """The newest messages within both limits; ``tail: 0`` is none.

    :raises CoderError: a limit that nothing can keep.
    """
    if tail is not None and tail < 0:
        raise invalid(f"'tail' is {tail}", "Give 0 or more.")
    if tail is not None:
        messages = messages[len(messages) - min(tail, len(messages)) :]
    try:
        return fit(messages, max_messages=0, max_bytes=max_bytes, shape="coder")
    except ValueError as error:
        raise invalid(str(error)) from None
