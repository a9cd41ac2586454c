# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key behind the redaction marks: the user's own, or one made once in the user's configuration folder.

It never lies inside an archive: whoever holds an archive and its key can test guesses against the marks.
"""

from __future__ import annotations

import os
import secrets
import stat

from ..coder.errors import CoderError, invalid
from ..snapshot import atomic

_SHORTEST = 16


def redaction_key(given: str | None) -> bytes:
    """The key as bytes.

    :param given: by the user; None for the key in the configuration folder, which is made if it is not there.
    :raises CoderError: `invalid` for a short key, or one that others can read; `io` if it cannot be read or made.
    """
    if given is not None:
        if len(given) < _SHORTEST:
            raise invalid(f"the redaction key has fewer than {_SHORTEST} characters", "Give a longer one, or none.")
        return given.encode("utf-8")
    path = key_path()
    try:
        if not os.path.exists(path):
            _create(path)
        if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            raise invalid(f"others can read the redaction key {path}", f"Run: chmod 600 {path}")
        with open(path, "rb") as file:
            key = file.read().strip()
    except OSError as error:
        raise CoderError(
            f"the redaction key {path} could not be read or made: {error.strerror}", "io",
            hint="Give 'redaction_key', at least 16 characters that you keep.",
        ) from error
    if len(key) < _SHORTEST:
        raise invalid(f"the redaction key {path} has fewer than {_SHORTEST} characters", "Remove it to have a new one.")
    return key


def key_path() -> str:
    """Where the key lies when none is given (XDG Base Directory)."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "coder-tasks", "redaction.key")


def _create(path: str) -> None:
    """Make the key whole or not at all; of two processes that try, the first one wins."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)

    def fill(draft: str) -> None:
        atomic.write_new(draft, secrets.token_hex(32).encode("ascii") + b"\n", exclusive=True)
        atomic.sync(draft)

    atomic.create(path, f"{path}.{os.getpid()}.{secrets.token_hex(4)}", fill)
