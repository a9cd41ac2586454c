# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what happens: one line per event, as text (errors on stderr, behind `Error: `) or as JSON on stdout."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Reporter:
    """Writes without buffers and whatever the locale is; a closed or broken output is no reason to stop."""

    def __init__(self, as_json: bool = False) -> None:
        self._as_json = as_json

    def say(self, event: str, text: str, **facts: Any) -> None:
        """Something happened as it should."""
        if self._as_json:
            self._write_json(event, "info", text, facts)
        else:
            _write(1, text)

    def error(self, event: str, text: str, **facts: Any) -> None:
        """Something went wrong."""
        if self._as_json:
            self._write_json(event, "error", text, facts)
        else:
            _write(2, f"Error: {text}")

    @staticmethod
    def _write_json(event: str, level: str, text: str, facts: dict[str, Any]) -> None:
        _write(1, json.dumps({"event": event, "level": level, "message": text, **facts}))


def _write(descriptor: int, text: str) -> None:
    data = " ".join(text.splitlines()).encode("utf-8", "backslashreplace") + b"\n"
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return
