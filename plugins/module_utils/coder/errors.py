# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one kind of error that an operation raises, in the one form that a user reads."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Error = TypeVar("Error", bound="CoderError")

# What `failure.kind` can be. Playbooks branch on these, so a kind is never renamed.
KINDS = (
    "auth",           # 401: the token is missing, malformed, expired or revoked
    "forbidden",      # 403: the token is good, the right is missing
    "not_found",      # the resource 404: no such task, user, template, or no access to it
    "unsupported",    # this server's version has no such feature
    "invalid",        # a value that was given cannot be right
    "conflict",       # 409, or a state that does not allow what was asked
    "busy",           # the agent is working and takes no input now
    "unavailable",    # the agent or its app cannot be reached now
    "rate_limited",   # 429, and the deadline did not leave room to wait
    "server",         # 5xx
    "network",        # no connection, a reset, an answer cut off
    "tls",            # the certificate could not be verified
    "timeout",        # no answer within timeout or deadline
    "protocol",       # an answer that is not Coder's: a login page, a redirect, broken JSON
    "build_failed",   # the workspace's build failed
    "wait_timeout",   # the awaited state did not come within wait_timeout
    "library",        # a Python library is missing
    "io",             # a local file could not be read or written
    "internal",       # a mistake of this collection, or an answer of a shape that nobody foresaw
)

# Kinds of what a server says when it answers one question with no, while it may answer others.
REFUSALS = ("forbidden", "not_found", "invalid")

_OPTION = re.compile(r"[a-z_]+=")
# Kinds whose message says how often it was tried: elsewhere an earlier attempt failed for another reason.
_REPEATED = ("server", "network", "timeout", "unavailable")


class CoderError(Exception):
    """Something that was attempted and did not work.

    :param reason: what was wrong, without a final full stop.
    :param kind: one of :data:`KINDS`.
    :param hint: what to do about it, as a sentence of its own.
    :param result: further keys for the module's result, such as the last task object.
    """

    def __init__(
        self,
        reason: str,
        kind: str,
        *,
        status: int | None = None,
        method: str | None = None,
        path: str | None = None,
        detail: str | None = None,
        validations: list[dict[str, str]] | None = None,
        attempts: int | None = None,
        server_message: str = "",
        hint: str | None = None,
        result: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.status = status
        self.method = method
        self.path = path
        self.detail = detail
        self.validations = validations or []
        self.attempts = attempts
        self.hint = hint
        self.result = result or {}
        # What was attempted, as in "read the log", if that was said.
        self.attempt: str | None = None
        # The server's own words, free of our sentence around them; empty when it sent none.
        self.server_message = server_message

    @property
    def message(self) -> str:
        """`Could not <attempt>: <reason> (<n> attempts). <hint>`."""
        text = f"Could not {self.attempt}: {self.reason}" if self.attempt else self.reason
        # An option stays as it is written.
        text = (text if _OPTION.match(text) else text[:1].upper() + text[1:]).rstrip()
        if (self.attempts or 1) > 1 and self.kind in _REPEATED:
            text = f"{text.rstrip('.')} ({self.attempts} attempts)"
        if not text.endswith((".", "!", "?")):
            text += "."
        return f"{text} {self.hint}" if self.hint else text

    def but(self: Error, **changes: Any) -> Error:
        """The same error told otherwise, as a new one: what was raised stays as it is.

        :param changes: attributes that are different, such as ``hint``.
        """
        return self.as_a(type(self), **changes)

    def as_a(self, cls: type[Error], **changes: Any) -> Error:
        """Like :meth:`but`, as one of another class, which says more of it."""
        other = cls(self.reason, self.kind)
        other.__dict__.update(self.__dict__, result=dict(self.result))
        other.__dict__.update(changes)
        return other

    def __str__(self) -> str:
        return self.message

    def failure(self) -> dict[str, Any]:
        """The machine-readable half of a failed result: its kind, and of the request what is known and not empty."""
        request = {
            "status": self.status,
            "method": self.method,
            "path": self.path,
            "detail": self.detail,
            "validations": self.validations,
            "attempts": self.attempts,
        }
        return {"kind": self.kind, **{name: value for name, value in request.items() if value}}


class RouteNotFound(CoderError):
    """The server has no such endpoint; other than the 404 of an unknown resource."""


class AnswerLost(CoderError):
    """A request may have been processed, but its answer never came.

    ``may_still_show`` is False where the server did answer, so that what is not to be seen by now never will be.
    """

    may_still_show = True


class NotReady(CoderError):
    """The agent takes no input now, but will later: it works on something, or it still starts. Nothing reached it."""


def as_coder_error(error: Exception) -> CoderError:
    """Any exception as the one kind that a user reads; an unforeseen one becomes kind ``internal``.

    Its text tells where it was raised, for a report; it is never a traceback.
    """
    if isinstance(error, CoderError):
        return error
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(where.filename)}, line {where.lineno or '?'}"
    return CoderError(
        f"{type(error).__name__}: {error} ({place})", "internal",
        hint="The server answered in a way that nobody foresaw, or this collection has a mistake: please report it.",
    )


def invalid(reason: str, hint: str | None = None) -> CoderError:
    """A value that the user gave cannot be right."""
    return CoderError(reason, "invalid", hint=hint)


def missing_library(name: str, error: ImportError) -> CoderError:
    """The sentence for a library that this interpreter lacks."""
    return CoderError(
        f"the Python library {name!r} is missing from {sys.executable} ({error})", "library",
        hint=f"Install it there with `{sys.executable} -m pip install {name}`, or set ansible_python_interpreter to a"
        " Python that has it.",
    )  # fmt: skip


@contextmanager
def attempting(what: str) -> Iterator[None]:
    """Name what is being attempted; the innermost name wins, it is the most precise."""
    try:
        yield
    except CoderError as error:
        if error.attempt is None:
            error.attempt = what
        raise
