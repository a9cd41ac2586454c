# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text loses its secrets and keeps its bytes, whatever its encoding; what is no text stays."""

from __future__ import annotations

import pytest

from ansible_collections.coder.tasks.plugins.module_utils.archive import attachments
from ansible_collections.coder.tasks.plugins.module_utils.archive.redact import Redactor

TOKEN = "gh" + "p_" + "a1B2" * 9
redactor = Redactor(b"a key for the tests only")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
def test_a_text_of_any_encoding_loses_its_secret_and_keeps_its_other_bytes(encoding: str) -> None:
    before, after = "caf\u00e9 ".encode(encoding), " na\u00efve".encode(encoding)
    written = attachments.redacted(before + TOKEN.encode() + after, "text/plain", redactor)
    assert TOKEN.encode() not in written
    assert written.startswith(before) and written.endswith(after)


def test_what_is_no_text_stays_as_it_is() -> None:
    picture = b"\x89PNG\xff\xfe" + TOKEN.encode()
    assert attachments.redacted(picture, "image/png", redactor) == picture
    assert attachments.redacted(TOKEN.encode(), "text/plain", None) == TOKEN.encode()
    assert attachments.redacted(b"", "text/plain", redactor) == b""
