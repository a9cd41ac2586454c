# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A conversation within limits, for whoever returns one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ..coder.errors import CoderError, invalid
from ..snapshot.fit import Fitted, fit
from .context import Context

Message = TypeVar("Message")

# Kinds of what is wrong with the token, the connection or the server: every conversation would meet it.
OF_ALL = ("auth", "tls", "network", "rate_limited", "unsupported", "library")


def tell_of(context: Context[Any], errors: Sequence[CoderError | None]) -> None:
    """Warn of each of many conversations that could not be read. :raises CoderError: none could."""
    met = [error for error in errors if error]
    if met and len(met) == len(errors):
        raise met[0]
    for error in met:
        context.warn(error.message)


def check_tail(tail: int | None) -> None:
    """:raises CoderError: kind invalid, a number of messages below zero."""
    if tail is not None and tail < 0:
        raise invalid(f"'tail' is {tail}", "Give 0 or more.")


def newest(messages: list[Message], tail: int | None) -> list[Message]:
    """The newest messages. :param tail: most of them, 0 for none; None for all."""
    return messages if tail is None else messages[len(messages) - min(tail, len(messages)) :]


def bounded(messages: Sequence[Any], max_bytes: int, keep_padding: bool = False) -> Fitted:
    """The newest messages whose JSON takes so many bytes at most.

    :param keep_padding: whether the spaces stay that a terminal puts at the ends of lines.
    :raises CoderError: kind invalid, a limit that nothing can keep.
    """
    try:
        return fit(messages, max_messages=0, max_bytes=max_bytes, shape="coder", keep_padding=keep_padding)
    except ValueError as error:
        raise invalid(str(error)) from None
