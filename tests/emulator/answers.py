# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an endpoint answers, and the errors it raises instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulator import gojson

JSON = "application/json; charset=utf-8"
NOT_FOUND = "Resource not found or you do not have access to this resource"


@dataclass
class Answer:
    """A response before the common headers are added."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """An error in Coder's form: message, detail and validations (field to detail)."""

    def __init__(
        self,
        status: int,
        message: str,
        detail: str = "",
        validations: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        body: dict[str, Any] = {"message": message}
        if detail:
            body["detail"] = detail
        if validations:
            body["validations"] = [{"field": name, "detail": text} for name, text in validations.items()]
        self.answer = json_answer(status, body, headers)


class Disconnected(Exception):
    """The client went away before there was an answer."""


def json_answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, gojson.dumps(body), {"Content-Type": JSON, **(headers or {})})


def empty(status: int) -> Answer:
    return Answer(status)


def not_found() -> ApiError:
    return ApiError(404, NOT_FOUND)


def route_not_found() -> ApiError:
    return ApiError(404, "Route not found.")
