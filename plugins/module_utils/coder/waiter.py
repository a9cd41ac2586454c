# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until something is so: the clock, the looks and the stopwatches. What counts as so, a backend says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Generic, NamedTuple

from .backend import Item
from .clock import Clock
from .durations import in_words
from .errors import CoderError, attempting

if TYPE_CHECKING:
    from .backend import Watched

# Seconds that a state may last which is passed through on a normal way but can also be the end of it. The official
# client bears an app that is unhealthy while it starts as long (docs/contract.md, Status).
TRANSITIONAL = 300.0
# Seconds between two words of progress about a state that lasts.
PROGRESS_EVERY = 5.0


class Passing(NamedTuple):
    """A state that is passed through: waited for, but not longer than it can be passed through.

    ``what`` tells the state from others from one look to the next. ``limit`` is in seconds; None for that of
    :attr:`WaitOptions.unhealthy`. The rest is what the error says when it lasts longer.
    """

    what: str
    limit: float | None
    reason: str
    kind: str = "conflict"
    hint: str | None = None


class Verdict(NamedTuple):
    """How an item stands to a goal, at one look.

    ``reached`` counts once it has lasted, where ``same`` is not None: as long as that stays as it is. ``rested`` is how
    many seconds it has lasted already, as the server says. ``passing`` is what must not last. ``starts`` tells that its
    agent is seen to start.
    """

    reached: bool
    same: object = None
    rested: float = 0.0
    passing: tuple[Passing, ...] = ()
    starts: bool = False


@dataclass(frozen=True)
class WaitOptions:
    """How long to wait, all in seconds.

    :param stable_idle: how long an agent must stay idle without a break.
    :param interval: between two looks.
    :param unhealthy: how long an app may be unhealthy, unless it is seen to start meanwhile: an app that starts may be
        unhealthy for minutes.
    :param wait: whether to wait at all where something stands in the way of a write.
    """

    timeout: float = 600.0
    stable_idle: float = 5.0
    interval: float = 1.0
    unhealthy: float = TRANSITIONAL
    wait: bool = True


class Watch(Generic[Item]):
    """One item on its way to a goal. It is fed with looks, from wherever they come: a GET of one or a list of all."""

    def __init__(self, backend: Watched[Item], goal: str, clock: Clock, options: WaitOptions) -> None:
        self._backend = backend
        self._goal = goal
        self._clock = clock
        self._stable_idle = options.stable_idle
        self._unhealthy = options.unhealthy
        # When each state that is passed through was seen first, and what has been steady since when.
        self._passing: dict[str, float] = {}
        self._same: object = None
        self._same_since = 0.0

    def reached(self, item: Item) -> bool:
        """Whether the goal is reached. :raises CoderError: it will not be."""
        verdict = self._backend.judge(item, self._goal)
        if verdict.starts:
            self._unhealthy = TRANSITIONAL
        self._bear(verdict.passing)
        if verdict.same is None or not verdict.reached:
            self._same = None
            return verdict.reached
        if verdict.same != self._same:
            self._same, self._same_since = verdict.same, self._clock.monotonic()
        return max(self._clock.monotonic() - self._same_since, verdict.rested) >= self._stable_idle

    def _bear(self, passing: tuple[Passing, ...]) -> None:
        """:raises CoderError: one of these states has lasted too long."""
        now = self._clock.monotonic()
        self._passing = {state.what: self._passing.get(state.what, now) for state in passing}
        for state in passing:
            limit = self._unhealthy if state.limit is None else state.limit
            if now - self._passing[state.what] > limit:
                goal = self._backend.in_words(self._goal)
                raise CoderError(
                    f"it will not be {goal}: {state.reason} for more than {limit:g} s", state.kind, hint=state.hint
                )


class Waiter:
    """The time that one call may wait, and how much of it is gone."""

    def __init__(self, clock: Clock, options: WaitOptions, progress: Callable[[str], None]) -> None:
        self.clock = clock
        self.options = options
        self._progress = progress
        self._started = clock.monotonic()

    def waited(self) -> float:
        """Seconds since this began."""
        return self.clock.monotonic() - self._started

    def left(self) -> float:
        """Seconds that may still be waited, whether or not waiting was asked for."""
        return max(0.0, self.options.timeout - self.waited())

    def may_wait(self) -> bool:
        """Whether waiting was asked for and there is time left."""
        return self.options.wait and self.left() > 0

    def pause(self, seconds: float | None = None) -> None:
        """Between two looks, or for as long as is given; never beyond the end."""
        self.clock.sleep(max(0.0, min(self.options.interval if seconds is None else seconds, self.left())))

    def wait_for(self, backend: Watched[Item], item: Item, goal: str) -> Item:
        """Look at the item until the goal is reached, within what is left. :returns: the item as it then is.

        :raises CoderError: not reached; its ``result`` holds the item as seen last, the seconds waited since the call
            began, and a diagnosis.
        """
        try:
            with attempting(f"wait for the {backend.noun} {backend.name(item)}"):
                return self._watched(backend, item, goal)
        except CoderError as error:
            error.result["waited"] = round(self.waited(), 1)
            raise

    def _watched(self, backend: Watched[Item], item: Item, goal: str) -> Item:
        watch = Watch(backend, goal, self.clock, self.options)
        teller = _Teller(self._progress)
        current, began, timeout = item, self.clock.monotonic(), self.left()
        try:
            while not watch.reached(current):
                waited = self.clock.monotonic() - began
                if waited >= timeout:
                    raise _timed_out(backend, current, goal, waited)
                teller.tell(f"{backend.name(current)} is {backend.describe(current)}", waited, timeout)
                self.clock.sleep(min(self.options.interval, timeout - waited))
                found = backend.refresh(current)
                if found is None:
                    raise CoderError("it was deleted while it was waited for", "not_found")
                current = found
        except CoderError as error:
            error.result.setdefault(backend.noun, backend.with_reason(current))
            error.result.setdefault("diagnosis", backend.diagnose(current))
            raise
        return current


class _Teller:
    """Tells how it stands: where that has changed, and now and then where it has not."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress
        self._last = ""
        self._at = 0.0

    def tell(self, state: str, waited: float, timeout: float) -> None:
        """:param waited: seconds, of at most ``timeout``."""
        if state == self._last and waited - self._at < PROGRESS_EVERY:
            return
        self._last, self._at = state, waited
        waiting = f", {in_words(waited)} of at most {in_words(timeout)}" if waited >= 1 else ""
        self._progress(f"{state}{waiting}")


def _timed_out(backend: Watched[Item], item: Item, goal: str, waited: float) -> CoderError:
    """The wait ended before the goal came."""
    found = backend.ailment(item)
    return CoderError(
        f"it was not {backend.in_words(goal)} within {round(waited)} s; it is {backend.describe(item)}"
        + (f", and {found.reason}" if found else ""),
        "wait_timeout",
        hint=found.hint if found else "See 'diagnosis' in the result; raise 'wait_timeout' if it only needs more time.",
    )
