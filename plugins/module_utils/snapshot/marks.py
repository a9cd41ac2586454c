# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that stand in a conversation for what is not in it. Who writes them and who looks for them share this file."""

from __future__ import annotations

# In front of the tail of a message that did not fit whole; the number of characters follows.
CUT = "[...content truncated"
# Between what was said before an agent was started anew and what was said after it.
NEW_LIFE = "[...the agent was started anew here; what stands above is from before...]"


def is_cut(content: str) -> bool:
    """Whether a message's text is the tail of a longer one."""
    return content.startswith(CUT)
