# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far work on many tasks is, for whoever waits for it."""

from __future__ import annotations

from ..coder.durations import in_words

# Seconds within which something is said, whether or not anything has changed.
SILENCE = 5.0


def how_far(done: int, total: int, failed: int, seconds: float) -> str:
    """``120 done of 300, 2 failed, about 40 s left``.

    :param seconds: since the work began; what is left is reckoned from the pace so far.
    """
    text = f"{done} done of {total}, {failed} failed"
    if done == total:
        return f"{text}, after {in_words(seconds)}"
    if not done:
        return f"{text}, {in_words(seconds)} so far"
    return f"{text}, about {in_words(seconds / done * (total - done))} left"
