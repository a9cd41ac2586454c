# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Coder server that stands in for a real one: see server.Emulator for tests, `python -m emulator` for people."""

from emulator.chats_dialects import CHAT_DIALECTS
from emulator.dialects import DIALECTS
from emulator.server import Emulator

__all__ = ["CHAT_DIALECTS", "DIALECTS", "Emulator"]
