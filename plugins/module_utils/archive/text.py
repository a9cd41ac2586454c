# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal mixes into text: escape sequences, control characters, marks that change the reading direction."""

from __future__ import annotations

import re

# ECMA-48 control sequences, and the strings (OSC, DCS, SOS, PM, APC) that end with BEL or ST. A string without an end
# is no sequence: only its ESC goes, or one byte could hide the rest of a message. No branch can overlap another.
ESCAPE = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,8}[0-Z\\`-~]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Unicode UAX #9 explicit marks and their kin: shown by name, because dropping them would change what was said.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    """The text as a person may safely see it: no escape sequences, no controls but tab and line feed."""
    if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
        return text  # nearly always, and quick to see: what is taken out below is not printable
    return harmless(ESCAPE.sub("", text.replace("\r\n", "\n")))


def harmless(text: str) -> str:
    """What stands between escape sequences, as a person may safely see it."""
    text = _CONTROL.sub("", text)
    text = _DIRECTION.sub(lambda match: f"[U+{ord(match[0]):04X}]", text)
    return _SURROGATE.sub("\ufffd", text)


def line(text: str) -> str:
    """The text in one line, for titles and cells."""
    return " ".join(printable(text).split())
