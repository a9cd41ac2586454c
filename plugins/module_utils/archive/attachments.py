# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a conversation carries, as they lie beside its log.

A file is never changed on the server under its id, so that one that was saved is not read again. Its name on disk has
an ending by its type alone: whoever opens one from a page must not run what somebody has uploaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable, TypedDict, Union

from .redact import Redactor

PREFIX = "file-"
_ENDINGS = {
    "application/json": "json", "application/pdf": "pdf", "image/gif": "gif", "image/jpeg": "jpg", "image/png": "png",
    "image/webp": "webp", "text/csv": "csv", "text/markdown": "md", "text/plain": "txt",
}  # fmt: skip
_ID = re.compile(r"[0-9a-f-]{36}\Z")
_UNSAFE = re.compile(r"[^a-z0-9]+")


class Gone(TypedDict):
    """What is known of a file that a chat refers to and that its server does not have any more.

    :param since: when that was first seen, RFC 3339 in UTC.
    :param said: the server's own words.
    """

    since: str
    said: str


# Gives the bytes of a file by its id, or what is known of one that is gone; may raise a CoderError.
Fetch = Callable[[str], Union[bytes, Gone]]


class Attachment(TypedDict):
    """What chat.json tells of a file.

    :param name: as it was uploaded, redacted.
    :param file: its name in the conversation's folder; None where it could not be read.
    :param error_kind: why it could not be read, or None.
    :param gone: None, unless nobody can save it any more.
    """

    id: str
    name: str
    media_type: str
    file: str | None
    error_kind: str | None
    gone: Gone | None


def described(given: dict[str, Any], redactor: Redactor | None) -> Attachment:
    """What is told of a file.

    :param given: ``id``, ``name``, ``media_type``; ``error_kind`` where it could not be read, and ``gone`` where it is.
    """
    name = redactor.redact(given["name"]).text if redactor else given["name"]
    error = given.get("error_kind")
    gone: Gone | None = given.get("gone") if error else None
    return {
        "id": given["id"], "name": name, "media_type": given["media_type"], "error_kind": error,
        "file": None if error else _file_name(given["id"], name, given["media_type"]),
        "gone": Gone(since=gone["since"], said=redactor.redact(gone["said"]).text) if redactor and gone else gone,
    }  # fmt: skip


def name_among(names: Iterable[str], file_id: str) -> str | None:
    """The name on disk of a file of the server; None where none of these is its."""
    unique = f"{PREFIX}{_unique(file_id)}"
    return next((name for name in names if name.startswith((f"{unique}_", f"{unique}."))), None)


def _unique(file_id: str) -> str:
    return file_id if _ID.match(file_id) else hashlib.sha256(file_id.encode("utf-8", "replace")).hexdigest()[:32]


def _file_name(file_id: str, name: str, media_type: str) -> str:
    unique = _unique(file_id)
    said = _UNSAFE.sub("-", name.lower().rpartition(".")[0] or name.lower())[:40].strip("-")
    return f"{PREFIX}{unique}{'_' if said else ''}{said}.{_ENDINGS.get(media_type.partition(';')[0].strip(), 'bin')}"


def redacted(data: bytes, media_type: str, redactor: Redactor | None) -> bytes:
    """A file as it is written: a text without its secrets; what is no text stays as it is."""
    if redactor is None or not data:
        return data
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if not media_type.startswith("text/"):
            return data
        # Of another encoding, in which the secrets stand in ASCII nearly always; the rest keeps its bytes.
        return redactor.redact(data.decode("utf-8", "surrogateescape")).text.encode("utf-8", "surrogateescape")
    return redactor.redact(text).text.encode("utf-8")


def is_missing(attachment: Mapping[str, Any]) -> bool:
    """Whether it was not saved, and might be one day."""
    return attachment["file"] is None and not attachment.get("gone")


def by_id(attachments: Iterable[Attachment]) -> dict[str, Attachment]:
    """The same, to be found by the id of the server."""
    return {each["id"]: each for each in attachments}
