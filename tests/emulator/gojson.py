# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as Go's encoding/json reads and writes it, errors included."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

TOO_LARGE = "http: request body too large"


class DecodeError(Exception):
    """Go's error text of a body that cannot be decoded."""


class _Float(str):
    """A number with a fraction or an exponent, kept as it was written for Go's error text."""


def dumps(value: Any) -> bytes:
    """Compact, one newline at the end, and the characters escaped that are special in HTML."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        if character in text:
            text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace") + b"\n"


def loads(body: bytes, limit: int | None = None) -> Any:
    """The first JSON value of a body; whatever follows it is ignored.

    limit: the value must end within so many bytes.
    Raises DecodeError.
    """
    visible = body if limit is None else body[:limit]
    text = visible.decode("utf-8", "replace")
    stripped = text.lstrip(" \t\r\n")
    try:
        if not stripped:
            raise DecodeError("EOF")
        if text.startswith("\ufeff"):
            raise DecodeError("invalid character '\u00ef' looking for beginning of value")
        try:
            value, _end = json.JSONDecoder(parse_float=_Float).raw_decode(stripped)
        except json.JSONDecodeError as error:
            raise DecodeError(_go_syntax_error(error, stripped)) from None
    except DecodeError as error:
        if len(visible) < len(body) and str(error) in ("EOF", "unexpected EOF"):
            raise DecodeError(TOO_LARGE) from None
        raise
    return _replace_surrogates(value)


def _go_syntax_error(error: json.JSONDecodeError, text: str) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return "unexpected EOF"
    character = text[error.pos]
    shown = f"\\x{ord(character):02x}" if ord(character) < 0x20 else character
    where = {
        "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
        "Expecting value": "looking for beginning of value",
        "Expecting ':' delimiter": "after object key",
        "Invalid control character at": "in string literal",
        "Illegal trailing comma before end of object": "looking for beginning of object key string",
    }.get(error.msg, "after object key:value pair")
    return f"invalid character '{shown}' {where}"


def _replace_surrogates(value: Any) -> Any:
    if isinstance(value, _Float):
        return value
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [_replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_replace_surrogates(key): _replace_surrogates(item) for key, item in value.items()}
    return value


def struct(value: Any, name: str, fields: dict[str, str], path: str = "", go_name: str = "") -> dict[str, Any]:
    """Fit a decoded value into a Go struct.

    name: the struct's name with its package; fields: JSON key to Go type (string, int64, bool, uuid.UUID, time,
    object, any, map[string]string, or []T).
    Keys match whatever their case, unknown ones are ignored, and null means absent. Raises DecodeError.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DecodeError(f"json: cannot unmarshal {_kind(value)} into Go value of type {name}")
    result: dict[str, Any] = {}
    for key, item in value.items():
        field = next((known for known in fields if known.lower() == key.lower()), None)
        if field is not None and item is not None:
            where = f"{go_name or name.rpartition('.')[2]}.{path}{field}"
            result[field] = _scalar(item, fields[field], where)
    return result


def _scalar(value: Any, go_type: str, where: str) -> Any:
    if go_type == "uuid.UUID" and isinstance(value, str):
        return parse_uuid(value)
    if go_type == "[]uuid.UUID" and isinstance(value, list):
        return [_scalar(item, "uuid.UUID", where) for item in value]
    if go_type == "map[string]string" and isinstance(value, dict):
        return {key: _scalar(item, "string", where) for key, item in value.items()}
    if go_type == "time":
        if not isinstance(value, str) or isinstance(value, _Float):
            raise DecodeError("Time.UnmarshalJSON: input is not a JSON string")
        return parse_time(value)
    fits = {
        "string": isinstance(value, str) and not isinstance(value, _Float),
        "bool": isinstance(value, bool),
        "map[string]string": False,
        "object": isinstance(value, dict),
        "any": True,
        "int64": isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63,
    }.get(go_type, isinstance(value, list))
    if go_type == "uuid.UUID":
        fits = False
    if not fits:
        kind = _kind(value)
        if go_type == "int64" and kind == "number":
            kind = f"number {value}"
        raise DecodeError(f"json: cannot unmarshal {kind} into Go struct field {where} of type {go_type}")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, _Float)):
        return "number"
    kinds = {"str": "string", "list": "array", "dict": "object"}
    return kinds.get(type(value).__name__, "null")


def parse_uuid(text: str) -> uuid.UUID:
    """A UUID in the forms that Google's package accepts. Raises DecodeError with its text."""
    plain = text
    if len(text) == 45 and text.lower().startswith("urn:uuid:"):
        plain = text[9:]
    elif len(text) == 38:
        plain = text[1:-1]
    elif len(text) not in (32, 36):
        raise DecodeError(f"invalid UUID length: {len(text.encode())}")
    dashed = len(plain) == 36
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}" if dashed else r"[0-9a-fA-F]{32}", plain):
        raise DecodeError("invalid UUID format")
    return uuid.UUID(plain)


_LAYOUT = "2006-01-02T15:04:05Z07:00"
_TIME_PARTS = (
    ("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T"), ("15", r"\d\d"),
    (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d([.,]\d+)?"), ("Z07:00", r"Z|[+-]\d\d:\d\d"),
)  # fmt: skip


def parse_time(text: str) -> str:
    """Check an RFC 3339 time as Go does; gives it back with at most nine digits of fraction. Raises DecodeError."""
    rest, values = text, []
    for element, pattern in _TIME_PARTS:
        match = re.match(pattern, rest)
        if match is None:
            raise DecodeError(f'parsing time "{text}" as "{_LAYOUT}": cannot parse "{rest}" as "{element}"')
        values.append(match.group())
        rest = rest[match.end() :]
    if rest:
        raise DecodeError(f'parsing time "{text}": extra text: "{rest}"')
    if not 1 <= int(values[2]) <= 12:
        raise DecodeError(f'parsing time "{text}": month out of range')
    if not 1 <= int(values[4]) <= 31:
        raise DecodeError(f'parsing time "{text}": day out of range')
    seconds, _dot, fraction = values[10].replace(",", ".").partition(".")
    fraction = fraction[:9].rstrip("0")
    values[10] = f"{seconds}.{fraction}" if fraction else seconds
    return "".join(values)
