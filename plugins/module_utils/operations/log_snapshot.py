# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture the conversation of the task that this workspace is, and post it to Coder, save it to a file, or both.

The same steps as the shutdown hook's, with the same settings; what it needs to know of Coder it takes from where it
runs: the environment, or the file that the hook's start script leaves.
"""

from __future__ import annotations

import os
import re
import stat
import time
from typing import Any, TypedDict

from ..archive import files
from ..coder.backend import SERVER_INFO
from ..coder.errors import CoderError, attempting, invalid
from ..snapshot.capture import find_elsewhere, fit_lives, missing_setting, send, store
from ..snapshot.deadline import Deadline
from ..snapshot.deliver import TOKEN_REFUSED, Delivery
from ..snapshot.fit import MAX_BYTES, MAX_MESSAGES, MOST_MESSAGES, Fitted, fit
from ..snapshot.foreign import read_regular
from ..snapshot.lives import user_keys
from ..snapshot.read import ReadError, read_agentapi
from ..snapshot.reporter import Reporter
from ..snapshot.settings import DEADLINE, Settings, SettingsError
from ..snapshot.spool import Capture, Spool
from .context import Context
from .spec import Spec

# Where the role shutdown_hook has its start script leave the agent's environment.
ENVIRONMENT_FILE = "~/.local/share/coder-tasks/environment"
_ENVIRONMENT_LIMIT = 64 * 1024
# NAME="value", in which a backslash stands before each of \ " $ ` (a shell reads it, too), or NAME=value.
_ASSIGNMENT = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s"\'\\]*))$', re.M | re.S)
_ESCAPED = re.compile(r"\\(.)", re.S)

_KINDS = {"no_task": "not_found", "unsupported": "unsupported", "rejected": "invalid"}
_REASONS = {
    "no_task": "this workspace does not belong to the task {}",
    "unsupported": "this Coder has no log snapshots, which came with 2.30, or it hides its tasks, or a proxy answered",
    "rejected": "Coder refused the snapshot of the task {}",
    "failed": "the snapshot of the task {} could not be posted",
}


class LogSnapshotParams(TypedDict):
    """The options of this operation."""

    post: bool
    file: str | None
    task_id: str | None
    agentapi_url: str | None
    port: int | None
    max_messages: int
    max_bytes: int
    partial: bool
    deadline: float
    environment_file: str


def spec() -> Spec:
    """The operation's options."""
    return {
        "argument_spec": {
            "post": {"type": "bool", "default": True},
            "file": {"type": "path"},
            "task_id": {"type": "str"},
            "agentapi_url": {"type": "str"},
            "port": {"type": "int"},
            "max_messages": {"type": "int", "default": MAX_MESSAGES},
            "max_bytes": {"type": "int", "default": MAX_BYTES},
            "partial": {"type": "bool", "default": True},
            "deadline": {"type": "duration", "default": f"{DEADLINE:g}s"},
            "environment_file": {"type": "path", "default": ENVIRONMENT_FILE},
        },
        "mutually_exclusive": [["agentapi_url", "port"]],
        "supports_check_mode": True,
    }


def run(context: Context[LogSnapshotParams]) -> dict[str, Any]:
    """Result: ``snapshot``, ``delivery`` and ``file``."""
    with attempting("save the conversation"):
        return _Saving(context).run()


class _Quiet(Reporter):
    """The result says what happened."""

    def say(self, event: str, text: str, **facts: Any) -> None:
        pass

    error = say


class _Saving:
    def __init__(self, context: Context[LogSnapshotParams]) -> None:
        self._params = params = context.params
        self._check_mode = context.check_mode
        if not params["post"] and not params["file"]:
            raise invalid("there is nothing to do with it", "Set 'post' or 'file'.")
        if params["deadline"] <= 0:
            raise invalid(f"'deadline' is {params['deadline']}", "Give seconds, more than 0.")
        if params["post"] and params["max_bytes"] > MAX_BYTES:
            raise invalid(f"'max_bytes' is {params['max_bytes']}", f"Coder takes at most {MAX_BYTES}.")
        self._settings = self._read_settings()
        self._deadline = Deadline(params["deadline"])
        # Of a conversation from a file: when it changed last, and whether Coder has all of it.
        self._changed_at: float | None = None
        self._is_delivered = False
        self._total: int | None = None

    def run(self) -> dict[str, Any]:
        if self._params["post"]:
            self._check_can_post()
        messages, source, spooled, reason = self._find()
        if not source:
            return self._result(None, None, Delivery("skipped", reason, None, 0), False)
        if spooled is None:
            fitted = self._fit(messages)
            at, users = self._changed_at or time.time(), tuple(user_keys(messages))
            captured = Capture(self._settings.task_id, at, source, len(fitted.messages), fitted.body, users)
        else:
            fitted, captured = None, spooled
        written = self._write(captured.body)
        delivery = self._deliver(captured)
        result = self._result(captured, fitted, delivery, written)
        if delivery.state in _REASONS or delivery.state == "spooled":
            raise self._not_posted(delivery, result)
        return result

    # What is known here

    def _read_settings(self) -> Settings:
        params = self._params
        environ = {**_read_environment(params["environment_file"]), **os.environ}
        if params["task_id"]:
            environ["ARG_TASK_ID"] = params["task_id"]
        if params["port"] is not None:
            environ["ARG_AGENTAPI_PORT"] = str(params["port"])
        try:
            settings = Settings(environ)
        except SettingsError as error:
            raise invalid(str(error)) from None
        settings.max_messages, settings.max_bytes = params["max_messages"], params["max_bytes"]
        settings.partial, settings.deadline = params["partial"], params["deadline"]
        return settings

    def _spool(self) -> Spool:
        return Spool(self._settings.environ, make=not self._check_mode)

    def _check_can_post(self) -> None:
        missing = missing_setting(self._settings)
        if missing:
            raise CoderError(
                f"{missing} is not set here", "auth",
                hint="Run it in a workspace, where the agent sets it, or see 'environment_file'.",
            )
        if not self._settings.task_id:
            raise invalid("it is not known of which task", "Set 'task_id', or ARG_TASK_ID where it runs.")

    # The conversation

    def _find(self) -> tuple[list[Any], str, Capture | None, str]:
        """Messages, their source, the spooled capture if that is it, and if there is no source the reason.

        :raises CoderError: there is no conversation to be had, and no reason to expect that.
        """
        url = self._params["agentapi_url"] or self._settings.agentapi
        problem: ReadError | None = None
        try:
            deadline = self._deadline.within(self._params["deadline"] / 2)
            keep = MOST_MESSAGES if self._params["max_bytes"] <= MAX_BYTES else 0
            conversation = read_agentapi(url.rstrip("/"), deadline, keep=keep)
            self._total = conversation.total
            if conversation.ready and conversation.messages:
                return conversation.messages, conversation.source, None, ""
            reason = "there are no messages yet" if conversation.ready else "the agent is not ready yet"
        except ReadError as error:
            problem, reason = error, str(error)
        found = find_elsewhere(self._settings, self._spool())
        if found.source:
            self._changed_at, self._total = found.changed, found.total
            self._is_delivered = found.source == "delivered"
            return found.messages, "state file" if self._is_delivered else found.source, found.capture, ""
        if problem is not None:
            kind = "unavailable" if problem.refused else "protocol" if "wrong server" in reason else "timeout"
            raise CoderError(f"AgentAPI at {url}: {problem}", kind, hint="Check that AgentAPI runs there.")
        return [], "", None, reason

    def _fit(self, messages: list[Any]) -> Fitted:
        """As it is posted: behind what was said before the agent was started anew."""
        settings = self._settings
        try:
            if self._params["post"]:
                fitted = fit_lives(settings, self._spool(), messages)
            else:
                fitted = fit(messages, settings.max_messages, settings.max_bytes, settings.partial)
        except ValueError as error:
            raise invalid(str(error)) from None
        total = max(fitted.total, self._total or 0)
        return fitted._replace(total=total, dropped=fitted.dropped + total - fitted.total)

    # What is done with it

    def _write(self, body: bytes) -> bool:
        """Put the body into the file unless it is there; whether that changes anything."""
        if not self._params["file"]:
            return False
        path = os.path.realpath(os.path.expanduser(self._params["file"]))
        content = body + b"\n"
        try:
            if read_regular(path, len(content))[0] == content:
                return False
        except OSError:
            pass  # It is not there, or not this.
        if not self._check_mode:
            try:
                files.replace(path, content)
            except OSError as error:
                raise CoderError(f"{path}: {error.strerror or error}", "io") from None
        return True

    def _deliver(self, captured: Capture) -> Delivery:
        if not self._params["post"]:
            return Delivery("not_asked", "", None, 0)
        if self._is_delivered:
            return Delivery("superseded", "Coder has all that is known of the conversation already", None, 0)
        if self._check_mode:
            return Delivery("would_post", "", None, 0)
        spool, report = self._spool(), _Quiet()
        kept = store(captured, spool, report)
        _code, delivery = send(self._settings, captured, spool, report, self._deadline, kept)
        if delivery is None:
            return Delivery("superseded", "another process has dealt with it, or with a newer one", None, 0)
        return delivery._replace(state="spooled") if delivery.state == "failed" and kept else delivery

    def _not_posted(self, delivery: Delivery, result: dict[str, Any]) -> CoderError:
        reason = _REASONS.get(delivery.state, _REASONS["failed"]).format(self._settings.task_id)
        kinds = dict(_KINDS)
        if delivery.status == TOKEN_REFUSED:
            kinds["spooled"] = kinds["failed"] = "auth"
        elif delivery.status is None:
            kinds["spooled"] = kinds["failed"] = "network"
        later = "It is kept here, and delivered at the next start or by the next snapshot."
        hints = {"spooled": later, "no_task": later, "unsupported": f"{later} {SERVER_INFO}"}
        return CoderError(
            f"{reason}: {delivery.text}" if delivery.text else reason,
            kinds.get(delivery.state, "server"),
            status=delivery.status,
            method="POST",
            attempts=delivery.attempts,
            hint=hints.get(delivery.state),
            result=result,
        )

    def _result(
        self, captured: Capture | None, fitted: Fitted | None, delivery: Delivery, written: bool
    ) -> dict[str, Any]:
        posted = delivery.state in ("delivered", "would_post")
        return {
            "changed": written or posted,
            "snapshot": _described(captured, fitted),
            "delivery": {
                "state": delivery.state,
                "status": delivery.status,
                "attempts": delivery.attempts,
                "reason": delivery.text or None,
            },
            "file": self._params["file"],
        }


def _described(captured: Capture | None, fitted: Fitted | None) -> dict[str, Any] | None:
    """Counts of a capture; of one that was fitted earlier, only what still can be told."""
    if captured is None:
        return None
    return {
        "task_id": captured.task_id,
        "source": captured.source if fitted else "spool",
        "messages": captured.count,
        "bytes": len(captured.body),
        "total": fitted.total if fitted else None,
        "omitted": fitted.dropped if fitted else None,
        "omitted_characters": fitted.cut if fitted else None,
        "repaired": fitted.repaired if fitted else None,
        "truncated": bool(fitted.cut) if fitted else None,
    }


def _read_environment(path: str) -> dict[str, str]:
    """The variables in a file that only its owner can read; none if there is no such file.

    :raises CoderError: others can read it, although it holds a token, or it cannot be read.
    """
    path = os.path.expanduser(path)
    try:
        mode = os.stat(path).st_mode
        text = read_regular(path, _ENVIRONMENT_LIMIT)[0].decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CoderError(f"the 'environment_file' {path}: {error.strerror or error}", "io") from None
    if stat.S_IMODE(mode) & 0o077:
        raise CoderError(
            f"others can read {path}, which holds the agent's token", "io", hint="Set its mode to 0600."
        )
    return {
        name: _ESCAPED.sub(r"\1", quoted) if quoted else plain for name, quoted, plain in _ASSIGNMENT.findall(text)
    }
