# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seal of an archive: a keyed digest that tells what this collection wrote from what somebody else has changed.

Checksums tell an accident; whoever changes a file on purpose makes new ones. The seal (HMAC-SHA-256, RFC 2104) cannot
be made without the key, which is the one of the redaction marks and never lies in the archive.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from .files import json_line


class Seal:
    """Seals plain data, as JSON knows it, with a key of its own that is derived from the given one."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.new(key, b"coder.tasks archive seal", hashlib.sha256).digest()
        # Tells two keys apart and says nothing about them.
        self.fingerprint = hmac.new(key, b"fingerprint of the redaction key", hashlib.sha256).hexdigest()[:16]

    def of(self, value: Any) -> str:
        """The seal of a value."""
        return f"hmac-sha256:{hmac.new(self._key, json_line(value), hashlib.sha256).hexdigest()}"

    def fits(self, seal: object, value: Any) -> bool:
        """Whether a seal is that of this value under this key."""
        return isinstance(seal, str) and hmac.compare_digest(seal.encode("utf-8", "replace"), self.of(value).encode())
