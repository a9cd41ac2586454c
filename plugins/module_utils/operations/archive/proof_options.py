# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a proof: how a conversation is held against an archive, and what may be missing there."""

from __future__ import annotations

from typing import TypedDict

from ...archive.wholeness import CLASSES
from ..spec import Options


class ProofParams(TypedDict):
    """The options of a proof."""

    accept: list[str]
    redact: bool
    redaction_key: str | None
    redaction_rules: str | None
    redact_values: list[str]


def proof_spec() -> Options:
    """Argument spec of a proof."""
    return {
        "accept": {"type": "list", "elements": "str", "choices": list(CLASSES), "default": []},
        "redact": {"type": "bool", "default": True},
        "redaction_key": {"type": "str", "no_log": True},
        "redaction_rules": {"type": "path"},
        "redact_values": {"type": "list", "elements": "str", "no_log": True, "default": []},
    }
