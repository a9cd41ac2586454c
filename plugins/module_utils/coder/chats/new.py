# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be written into chats: Coder's rules, checked before anything is sent. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..errors import CoderError, invalid
from .models import FROM_TASK_LABEL, NAME_LABEL

MOST_LABELS = 50
KEY_BYTES = 64
VALUE_BYTES = 256
TITLE_LENGTH = 200
# Of a whole request, as it is sent. Servers up to 2.36 answer a larger one as if it were no JSON.
BODY_BYTES = 256 * 1024
# Labels that begin so are this collection's own.
OWN_LABELS = "coder.tasks/"
# Tells what one call has created from what others did: a server tells nobody who created a chat.
CALL_LABEL = "coder.tasks/call"
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]*")


class NewChat(NamedTuple):
    """A chat that is to be made; None is left to the server. All ids are UUIDs.

    ``name`` becomes the label :data:`NAME_LABEL`. ``owner_id``: another user than the token's. ``file_ids``: of files
    that were uploaded, and go with the prompt.
    """

    organization_id: str
    prompt: str
    name: str | None = None
    labels: Mapping[str, str] = {}
    owner_id: str | None = None
    workspace_id: str | None = None
    model_id: str | None = None
    mcp_server_ids: tuple[str, ...] = ()
    plan_mode: str | None = None
    reasoning_effort: str | None = None
    file_ids: tuple[str, ...] = ()

    @property
    def all_labels(self) -> dict[str, str]:
        """The labels, with the one that holds the name."""
        return {**self.labels, **({NAME_LABEL: self.name} if self.name else {})}


def check_chat_name(name: str) -> None:
    """:raises CoderError: kind invalid, it cannot be the value of a label."""
    problem = _value_problem(name)
    if problem or name != name.strip():
        raise invalid(
            f"{name!r} cannot be the name of a chat: {problem or 'it begins or ends with a blank'}",
            f"Use up to {VALUE_BYTES} bytes, such as fix-login.",
        )


def check_labels(labels: Mapping[str, Any]) -> None:
    """What a user may declare, which leaves room for labels of this collection. :raises CoderError: kind invalid."""
    if len(labels) > MOST_LABELS - 2:
        raise invalid(f"'labels' has {len(labels)} labels", f"A chat takes {MOST_LABELS - 2} beside its name.")
    for key, value in labels.items():
        problem = _key_problem(key) or _value_problem(value)
        if problem:
            raise invalid(
                f"the label {key!r} in 'labels' is wrong: {problem}",
                f"A key has up to {KEY_BYTES} letters, digits and any of . _ / - after the first, a value up to "
                f"{VALUE_BYTES} bytes.",
            )


def _key_problem(key: Any) -> str | None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        return "its key is none that Coder takes"
    if len(key) > KEY_BYTES:
        return f"its key is longer than {KEY_BYTES} bytes"
    if key.startswith(OWN_LABELS) and key != FROM_TASK_LABEL:
        return f"keys that begin with {OWN_LABELS} are the collection's own"
    return None


def _value_problem(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"its value is no text, but {value!r}"
    if not value:
        return "its value is empty"
    if len(value.encode("utf-8", "surrogatepass")) > VALUE_BYTES:
        return f"its value is longer than {VALUE_BYTES} bytes"
    return _text_problem(value)


def check_title(title: str) -> None:
    """:raises CoderError: kind invalid, Coder would refuse it."""
    if not title.strip() or len(title.strip()) > TITLE_LENGTH:
        raise invalid(
            f"'title' has {len(title.strip())} characters", f"Give a title of 1 to {TITLE_LENGTH} characters."
        )


def check_said(text: str, option: str) -> None:
    """:param option: that holds the text. :raises CoderError: kind invalid, what no chat takes."""
    if not text.strip():
        raise invalid(f"{option!r} is empty", "Say what the chat's agent is to do.")
    check_body({"content": [{"type": "text", "text": text}]}, option)


def check_body(body: Any, where: str) -> None:
    """A request's body as it will be sent. :raises CoderError: kind invalid, the server would fail on it, or refuse it.

    :param where: what the error names.
    """
    problem = next(filter(None, map(_text_problem, _texts(body))), None)
    if problem:
        raise invalid(f"{where!r} is not a text that Coder can store: {problem}", "Remove that character.")
    size = len(json.dumps(body))
    if size > BODY_BYTES:
        raise invalid(
            f"{where!r} is too long: its request has {size:,} bytes, and Coder takes {BODY_BYTES:,}",
            "Put the material into the workspace or a file, and name it.",
        )


def _texts(value: Any) -> list[str]:
    """Every text in a JSON value, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return [text for item in value for text in _texts(item)] if isinstance(value, (list, tuple)) else []


def _text_problem(text: str) -> str | None:
    if "\x00" in text:
        return "it holds a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    return None


def body_of(new: NewChat, labels: Mapping[str, str], empty: bool) -> dict[str, Any]:
    """The request that makes a chat. :param labels: all that it gets. :param empty: without its first message.

    :raises CoderError: kind invalid, as :func:`check_body`.
    """
    wanted = {
        "organization_id": new.organization_id,
        "owner_id": new.owner_id,
        "content": None if empty else content_of(new.prompt, new.file_ids),
        "labels": dict(labels),
        "workspace_id": new.workspace_id,
        "model_config_id": new.model_id,
        "mcp_server_ids": list(new.mcp_server_ids) or None,
        "plan_mode": new.plan_mode or None,
        "reasoning_effort": new.reasoning_effort,
    }
    body = {name: value for name, value in wanted.items() if value is not None}
    check_body(body, "prompt")
    return body


def content_of(text: str, file_ids: Iterable[str] = ()) -> list[dict[str, str]]:
    """The content of a message: what is said, and the files that go with it."""
    return [{"type": "text", "text": text}, *({"type": "file", "file_id": each} for each in file_ids)]


def undeletable() -> CoderError:
    """Why no chat can be deleted, on any server."""
    return CoderError(
        "no server lets a chat be deleted", "unsupported",
        hint="Use state=archived: the server deletes an archived chat by itself after its retention, see "
        "'purge_after' in the result.",
    )  # fmt: skip


def unlike_owner(owner: str) -> CoderError:
    """The error of a chat that the server made the caller's, whoever was meant."""
    return CoderError(
        f"this server cannot create a chat for {owner!r}: it made one of your own, which is archived again",
        "unsupported", hint="That needs Coder 2.38, or a token of that user.",
    )
