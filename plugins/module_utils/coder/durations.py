# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as people write them, ``90``, ``10m`` or ``1h30m``, and as they read them. Pure functions."""

from __future__ import annotations

import re

from .errors import invalid

_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhdw])")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_BARE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# Three years: the clocks of sockets and locks hold no more everywhere.
LONGEST = 10**8


def seconds(value: str | float, option: str, longest: float = LONGEST) -> float:
    """The seconds of a duration; a number without a unit is seconds already.

    :param option: its name, for the error.
    :raises CoderError: kind invalid, it is no duration or longer than ``longest``.
    """
    text = str(value).strip()
    if _BARE.fullmatch(text):
        return _bounded(float(text), value, option, longest)
    return with_unit(text, option, longest)


def with_unit(text: str, option: str, longest: float = LONGEST) -> float:
    """Like :func:`seconds`, where a number alone could be taken for another unit than seconds."""
    if not _WHOLE.fullmatch(text):
        raise invalid(
            f"{text!r} in {option!r} is not a duration",
            "Give numbers with the units s, m, h, d or w, such as 90s, 10m, 1h30m or 14d.",
        )
    return _bounded(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)), text, option, longest)


def _bounded(length: float, given: str | float, option: str, longest: float) -> float:
    if length > longest:
        raise invalid(f"{str(given)!r} in {option!r} is longer than {in_words(longest)}", "Give a shorter duration.")
    return length


def in_words(length: float) -> str:
    """Some seconds for a person, in at most two units: ``45 s``, ``10 min``, ``1 h 30 min``, ``3 d 4 h``."""
    rest = round(length)
    if rest < 1:
        return f"{length:.2g} s"
    parts: list[tuple[int, str]] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count)
