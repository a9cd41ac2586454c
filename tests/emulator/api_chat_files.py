# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The routes of files that chats carry."""

from __future__ import annotations

from email.message import Message
from typing import TYPE_CHECKING

from emulator.answers import Answer, ApiError, json_answer, not_found
from emulator.auth import require_user
from emulator.chats_dialects import ChatDialect
from emulator.chats_requests import forbidden
from emulator.request import Request
from emulator.router import Router
from emulator.world import as_uuid

if TYPE_CHECKING:
    from emulator.chats_objects import File

LARGEST = 10 * 1024 * 1024
_TYPES = (
    "application/json", "application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/csv",
    "text/markdown", "text/plain",
)  # fmt: skip
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"%PDF-": "application/pdf",
}


def add_routes(router: Router, dialect: ChatDialect, prefix: str) -> None:
    """Add the routes under one prefix."""
    files = router.group(f"{prefix}/chats/files", require_user)
    files.route("POST", "", _upload)
    files.route("GET", "{file}", _download)
    if dialect.download_url:
        files.route("POST", "{file}/download-url", _download_url)


async def _upload(request: Request) -> Answer:
    assert request.caller is not None
    organization = request.query.get("organization", "")
    if not organization:
        raise ApiError(400, "Missing organization query parameter.")
    if as_uuid(organization) is None:
        raise ApiError(400, "Invalid organization ID.")
    if as_uuid(organization) != request.world.organization["id"] or not request.chats.may_use(request.caller):
        raise forbidden()
    disposition = Message()
    disposition["Content-Disposition"] = request.headers.get("content-disposition", "")
    name = disposition.get_filename("")
    declared = request.headers.get("content-type", "").partition(";")[0].strip()
    if declared not in (*_TYPES, "application/octet-stream", ""):
        raise ApiError(400, "Unsupported file type.", f"Allowed types: {', '.join(_TYPES)}.")
    if len(request.body) > LARGEST:
        raise ApiError(
            413, "File too large.", f"Maximum file size is {LARGEST} bytes.", headers={"Connection": "close"}
        )
    if not name:
        raise ApiError(400, "Filename is required.", "Provide a filename in the Content-Disposition header.")
    found = next((kind for magic, kind in _MAGIC.items() if request.body.startswith(magic)), "text/plain")
    if declared.startswith("text/") and not found.startswith("text/"):
        detail = f'Header declared "{declared}" but file content was detected as "{found}".'
        raise ApiError(400, "File content type does not match Content-Type header.", detail)
    media_type = declared if declared in _TYPES else found
    file = request.chats.create_file(request.caller, name, request.body, media_type)
    return json_answer(201, {"id": file.id})


def _file(request: Request) -> File:
    """The file of the path, for its owner and whoever sees a chat with it.

    :raises ApiError: when it is refused.
    """
    caller, chats = request.caller, request.chats
    assert caller is not None
    identity = as_uuid(request.params["file"])
    if identity is None:
        raise ApiError(400, "Invalid file ID.")
    file = chats.files.get(identity)
    if file is None:
        raise not_found()
    if caller.owner or (file.owner is caller and chats.may_use(caller)):
        return file
    if not any(file in chat.files and caller.id in chat.root.readers for chat in chats.all()):
        raise not_found()
    return file


async def _download(request: Request) -> Answer:
    file = _file(request)
    return Answer(200, file.content, {"Content-Type": file.media_type})


async def _download_url(request: Request) -> Answer:
    """A link to the file. Read, not measured: the key is what the documentation calls it."""
    file = _file(request)
    return json_answer(200, {"url": f"{request.base_url}{request.path.removesuffix('/download-url')}", "id": file.id})
