# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML that is ours, told apart by its type from text that is not."""

from __future__ import annotations

import html


class Html(str):
    """Text that is HTML already. A template, which escapes all else, takes it as it is."""

    def __html__(self) -> str:
        return self


def escaped(text: str) -> Html:
    """Text that stays text in an element and in a quoted attribute."""
    return Html(html.escape(text))
