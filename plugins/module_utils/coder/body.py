# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The body of an answer: read and unpacked in pieces, so that it takes no more memory than it may, and its JSON."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from http.client import IncompleteRead
from typing import Any

# What a request says in Accept-Encoding: the one packing that Python unpacks with a bound on what comes out.
ACCEPTED_ENCODING = "gzip"
_PIECE = 65536
_HALF_OF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class BodyRefused(Exception):
    """A body that is not read to its end. ``hint``: what to do about it."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint


def read_body(raw: Any, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body, unpacked.

    :param raw: urllib3's answer, or what reads like it: ``read(amount, decode_content=False)``.
    :param limit: most bytes that it may have, unpacked.
    :raises BodyRefused: it is longer, or packed in a way that was not asked for.
    :raises http.client.IncompleteRead: it ends too early, or is not what its headers say.
    """
    pieces = _pieces(raw, headers.get("Content-Length", ""))
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        pieces = _unpacked(pieces)
    elif encoding not in ("", "identity"):
        raise BodyRefused(
            f"its body is packed as {encoding[:40]!r}, which was not asked for",
            "Check any proxy before the server, and Accept-Encoding in 'headers'.",
        )
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise BodyRefused(
                "its body is longer than 'max_response_bytes' allows",
                "Raise 'max_response_bytes' if so much is to be expected; else check 'url' and what answers there.",
            )
    return bytes(body)


def _pieces(raw: Any, length: str) -> Iterator[bytes]:
    received = 0
    while True:
        piece = raw.read(_PIECE, decode_content=False)
        if not piece:
            break
        received += len(piece)
        yield piece
    # urllib3 before 2.0 takes a connection that was cut for the end of the body.
    if length.isdecimal() and len(length) < 20 and received < int(length):
        raise IncompleteRead(b"", int(length) - received)


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream (RFC 1952: one member or more)."""
    member = _member()
    begun = False
    try:
        for piece in pieces:
            while piece:
                begun = True
                yield member.decompress(piece, _PIECE)
                piece = member.unconsumed_tail
                if member.eof:
                    piece = member.unused_data
                    member, begun = _member(), False
        yield member.flush()
    except zlib.error:
        raise IncompleteRead(b"") from None
    if begun and not member.eof:
        raise IncompleteRead(b"")


def _member() -> Any:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def parse_json(body: bytes) -> Any:
    """The JSON value of a body (RFC 8259: UTF-8, no NaN and no Infinity).

    Half of a surrogate pair becomes U+FFFD, as Go writes it: no file and no terminal could take it later.

    :raises ValueError: it is none, or one that is nested too deeply or holds a number too long for Python.
    """
    text = body.decode("utf-8")
    if _HALF_OF_A_PAIR.search(text):
        text = json.dumps(_load(text), ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _load(text)


def _load(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
