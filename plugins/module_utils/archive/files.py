# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as an archive needs them: private, whole or absent, the same bytes for the same data."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

from ..coder.errors import CoderError
from ..snapshot import atomic
from ..snapshot.atomic import sync, write_new


@contextlib.contextmanager
def io_errors(attempt: str) -> Iterator[None]:
    """Say in one sentence what could not be done with which file.

    :param attempt: what is done, such as `write the manifest`.
    :raises CoderError: `io`, in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise CoderError(
            f"could not {attempt}: {where}{error.strerror or error}",
            "io",
            hint="Check the free space, and that the folder can be written to; then run it again.",
        ) from error


def replace(path: str, data: bytes) -> None:
    """Put a file in its place in one step: whoever looks sees the old one or the new one, also after a crash."""

    def fill(draft: str) -> None:
        write_new(draft, data)
        sync(draft)

    atomic.replace(path, draft_of(path), fill)


def draft_of(path: str) -> str:
    """Where a file is written before it is put in its place."""
    return os.path.join(os.path.dirname(path), f".new-{os.path.basename(path)}")


def remove(path: str) -> None:
    """Remove a folder, or a file that stands in its place, as far as that is possible."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)


def lies_in(file: str, folder: str) -> bool:
    """Whether a path is in a folder, wherever links lead."""
    file, folder = os.path.realpath(file), os.path.realpath(folder)
    return os.path.commonpath([file, folder]) == folder


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def json_line(value: Any) -> bytes:
    """Canonical JSON in one line, without its line feed; readable UTF-8 unless a lone surrogate forbids it."""
    try:
        return _READABLE.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        return _ESCAPED.encode(value).encode("ascii")


_READABLE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_ESCAPED = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def json_lines(values: list[Any]) -> bytes:
    return b"".join(json_line(value) + b"\n" for value in values)


def json_pretty(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode("ascii")


def parse_lines(data: bytes) -> list[Any]:
    """Read JSON Lines back.

    :raises ValueError: a line is not JSON.
    """
    return [json.loads(line) for line in data.split(b"\n") if line]
