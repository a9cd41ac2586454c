# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shorten a JSON string while it arrives, so that memory is bounded whatever one message holds."""

from __future__ import annotations

import json

from .fit import behind_mark, unmarked
from .foreign import parse_json

# Bytes that stay.
_KEPT = 1024 * 1024
# A character takes at most so many bytes as an escape.
_ESCAPE = 6
# What stands for the two bytes of an escaped backslash or quote while others are looked for.
_FIRST, _SECOND = 0x01, 0x02
_PAIR = bytes((_FIRST, _SECOND))


def clip(buffer: bytearray) -> None:
    """If the buffer ends inside a string, put a mark in place of all but the end of that string.

    :param buffer: JSON that begins outside of a string, or a line of an event stream.
    """
    masked = bytes(buffer).replace(b"\\\\", _PAIR).replace(b'\\"', _PAIR)
    if masked.count(b'"') % 2 == 0:
        return
    start = masked.rfind(b'"') + 1
    end = _boundary(masked, len(masked) - _KEPT)
    if end <= start:
        return
    text = _decode(bytes(buffer[start:end]))
    left_out, text = unmarked(text)
    buffer[start:end] = json.dumps(behind_mark("", left_out + len(text)))[1:-1].encode()


def _boundary(masked: bytes, at: int) -> int:
    """The first position from there on at which a character, or its escape, begins."""
    escape = masked.find(b"\\", at, at + 2 * _ESCAPE)
    if escape >= 0:
        return escape
    # No escape that begins before can reach so far.
    at += _ESCAPE
    while at < len(masked) and (masked[at] == _SECOND or masked[at] & 0xC0 == 0x80):
        at += 1
    return at


def _decode(inside: bytes) -> str:
    try:
        return parse_json(b'"%b"' % inside)
    except ValueError:
        return inside.decode("utf-8", "replace")
