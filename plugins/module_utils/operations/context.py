# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation is given: everything it needs from whoever runs it, and nothing of Ansible."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Generic, NoReturn, TypeVar

from ..coder.clock import Clock

if TYPE_CHECKING:
    from ..coder.session import Session

# The options of an operation: a TypedDict of its own.
Params_co = TypeVar("Params_co", bound=Mapping[str, Any], covariant=True)


class Journal:
    """What one call has written, on a server or on disk.

    Each client and the archive's store report to it, so a failure tells what it left behind, whoever met it.

    :param parent: a journal of which this one is a part; it is told the same.
    """

    def __init__(self, parent: Journal | None = None) -> None:
        self.entries: list[str] = []
        self._parent = parent

    def note(self, what: str) -> None:
        """:param what: the request or file that was written, or may have been; in a few words."""
        self.entries.append(what)
        if self._parent is not None:
            self._parent.note(what)

    @property
    def wrote(self) -> bool:
        """Whether anything was written, or may have been."""
        return bool(self.entries)


def no_session(context: Context[Any]) -> NoReturn:
    """Of an operation that works on no Coder deployment."""
    raise RuntimeError("this operation has no session")


def _ignore(*texts: str) -> None:
    return None


@dataclass
class Context(Generic[Params_co]):
    """One call of an operation: what it needs from whoever runs it.

    :param params: every option of the operation's spec, plain types only, durations in seconds.
    :param open_session: opens the session with the server; a function, because an operation that fails on its own
        options needs no connection.
    :param check_mode: whether nothing may be written.
    :param diff: whether the result is to show what changes.
    :param warn: takes a warning for the user.
    :param progress: takes a word for whoever waits.
    :param show: takes a line for the person at the terminal, and how it is meant: good, bad, quiet or plain.
    :param clock: the time; tests replace it.
    :param poll_interval: seconds between two looks at the server while waiting: one request a second per task.
    :param journal: what the call has written.
    """

    params: Params_co = field(repr=False)
    open_session: Callable[[Context[Any]], Session] = no_session
    check_mode: bool = False
    diff: bool = False
    warn: Callable[[str], None] = _ignore
    progress: Callable[[str], None] = _ignore
    show: Callable[[str, str], None] = _ignore
    clock: Clock = time
    poll_interval: float = 1.0
    journal: Journal = field(default_factory=Journal)
    _session: Session | None = None

    @property
    def shows_progress(self) -> bool:
        """Whether anybody sees what is told as progress."""
        return self.progress is not _ignore

    @property
    def session(self) -> Session:
        """What the call has of the server."""
        if self._session is None:
            self._session = self.open_session(self)
        return self._session
