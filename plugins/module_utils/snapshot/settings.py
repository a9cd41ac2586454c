# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the environment of a workspace says. The names are those of agentapi-shutdown.sh, which this hook replaces."""

from __future__ import annotations

import os

from . import fit
from .foreign import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: The token lives for about 4 s in a stop that nothing else holds up, 12 s when the hook itself does; docker kills
#: after 10 s, 5 of which an open SSH session takes.
DEADLINE = 8.0
PORT = 3284
MIN_INTERVAL = 30.0


class SettingsError(Exception):
    """The environment or an option holds something that cannot be used; the text says what."""


class Settings:
    """Everything that a run needs to know, from a mapping of environment variables.

    The token is an attribute and nothing else: it is never printed and never passed on to a process.

    :raises SettingsError: a variable holds something that cannot be used.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.task_id = environ.get("ARG_TASK_ID", "")
        self.enabled = _is_true(environ.get("ARG_TASK_LOG_SNAPSHOT") or "true")
        self.port = _port(environ.get("ARG_AGENTAPI_PORT") or str(PORT))
        self.url = environ.get("CODER_AGENT_URL", "").rstrip("/")
        self.token = environ.get("CODER_AGENT_TOKEN", "").strip() or _token_file(environ)
        self.ca_file = environ.get("CURL_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE") or None
        self.header = environ.get("CODER_AGENT_HEADER", "")
        self.header_command = environ.get("CODER_AGENT_HEADER_COMMAND", "")
        self.pid_file = environ.get("ARG_PID_FILE_PATH") or _of_module(environ, "agentapi.pid")
        self.keeps_state = _is_true(environ.get("ARG_ENABLE_STATE_PERSISTENCE", ""))
        state_file = environ.get("AGENTAPI_STATE_FILE") or environ.get("ARG_STATE_FILE_PATH")
        self.state_file = state_file or _of_module(environ, "agentapi-state.json")
        self.deadline = DEADLINE
        self.max_messages = fit.MAX_MESSAGES
        self.max_bytes = fit.MAX_BYTES
        self.partial = True
        self.min_interval = MIN_INTERVAL

    @property
    def agentapi(self) -> str:
        """The base URL of AgentAPI. It accepts the host names localhost and 127.0.0.1, and no others by default."""
        return f"http://localhost:{self.port}"


def _is_true(text: str) -> bool:
    """Whether it says true, in upper or lower case: YAML and Python write True."""
    return text.lower() == "true"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise SettingsError(f"ARG_AGENTAPI_PORT is {text!r}: give a port between 1 and 65535")
    return int(text)


def _token_file(environ: Mapping[str, str]) -> str:
    path = environ.get("CODER_AGENT_TOKEN_FILE")
    if not path:
        return ""
    try:
        return read_regular(path, 4096)[0].decode().strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"CODER_AGENT_TOKEN_FILE {path} cannot be read: {error}") from error


def _of_module(environ: Mapping[str, str], name: str) -> str:
    """Where the registry's agentapi module keeps a file when it is not told otherwise."""
    module, home = environ.get("ARG_MODULE_DIR_NAME"), environ.get("HOME")
    return os.path.join(home, module, name) if module and home else ""
