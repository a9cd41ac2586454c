# Copyright: (c) 2026, the coder.tasks authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many things brought into their state at once, each in a thread, and what became of them.

Each member keeps its own failure, so one that fails ends no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Callable, Protocol

from ..coder.errors import CoderError, invalid
from ..coder.listed import BoundedServer
from ..coder.session import Session
from .context import Context, Journal
from .how_far import SILENCE, how_far

# Members under way at once, most of them waiting; how many requests run at once the client bounds.
MOST_UNDER_WAY = 1000
# Failures that the message tells, one line each; the result has all.
FAILURES_TOLD = 20


class Member(Protocol):
    """One of the many, and what became of it."""

    @property
    def label(self) -> str:
        """As a person would name it."""

    @property
    def error(self) -> CoderError | None:
        """Why it failed; None where it did not."""

    @property
    def attempted(self) -> bool:
        """Whether it was tried at all."""

    @property
    def changed(self) -> bool:
        """Whether it was changed, or would be."""

    @property
    def action(self) -> str | None:
        """What was done, or would be."""

    @property
    def warnings(self) -> list[str]:
        """What the user is to be warned of."""

    def bring(self) -> bool:
        """Into its state; a failure is kept, not raised. :returns: whether it did not fail."""


def check_limits(concurrency: int, max_failures: int | None) -> None:
    """:raises CoderError: kind invalid, a limit that cannot be kept."""
    if concurrency < 1:
        raise invalid(f"concurrency={concurrency} would never send a request", "Give 1 or more.")
    if max_failures is not None and max_failures < 0:
        raise invalid(f"max_failures={max_failures} is below zero", "Give 0 or more, or leave it out.")


def own_context(context: Context[Any], client: BoundedServer, journal: Journal, warnings: list[str]) -> Context[Any]:
    """What one of the many gets: the call's context with a journal and warnings of its own, and no word to the user."""
    return Context(
        params=context.params,
        open_session=lambda own: Session(client.for_call(own.journal.note, own.check_mode)),
        check_mode=context.check_mode,
        diff=context.diff,
        warn=warnings.append,
        clock=context.clock,
        poll_interval=context.poll_interval,
        journal=journal,
    )


def bring_all(context: Context[Any], client: BoundedServer, members: Sequence[Member], most: int | None) -> None:
    """Every member into its state, and their warnings told. :param most: failures after which nothing new is begun."""
    began_at = context.clock.monotonic()
    done = failures = 0

    def tell() -> None:
        seconds = context.clock.monotonic() - began_at
        context.progress(how_far(done, len(members), failures, seconds))

    client.crowd.expect(len(members), MOST_UNDER_WAY)
    with ThreadPoolExecutor(min(len(members), MOST_UNDER_WAY), "together") as pool:
        futures = [pool.submit(client.crowd.one, member.bring) for member in members]
        try:
            for future in _as_completed(futures, tell):
                done += 1
                failures += not future.result()
                if most is not None and failures > most:
                    client.halt()
        except BaseException:
            # Interrupted: the pool waits for its threads, and they wait for their tasks.
            client.abandon()
            raise
    if context.clock.monotonic() - began_at >= SILENCE:
        tell()
    for member in members:
        for warning in member.warnings:
            context.warn(warning)


def _as_completed(futures: list[Future[bool]], meanwhile: Callable[[], None]) -> Iterator[Future[bool]]:
    """Each future once it is done. :param meanwhile: called now and then while some are not."""
    left = set(futures)
    while left:
        try:
            for future in as_completed(left, timeout=SILENCE):
                left.discard(future)
                yield future
        except NotYet:
            meanwhile()


def summarize(members: Sequence[Member]) -> dict[str, Any]:
    """Counts of what became of them."""
    changed = [member for member in members if member.changed]
    return {
        "total": len(members),
        "changed": len(changed),
        "unchanged": sum(member.attempted and not member.changed and not member.error for member in members),
        "failed": sum(member.error is not None for member in members),
        "not_attempted": sum(not member.attempted for member in members),
        "actions": dict(Counter(member.action for member in changed)),
    }


def some_failed(members: Sequence[Member], what: str, result: dict[str, Any]) -> CoderError:
    """One error for all that failed: of the first one's kind, with the words of a few.

    :param what: they are, in the plural, as the key of the result is called. :param result: of the whole call.
    """
    failed = [(member.label, member.error) for member in members if member.error]
    told = [f"{label}: {error.message}" for label, error in failed[:FAILURES_TOLD]]
    more = [f"{len(failed) - len(told)} more failed."] if len(failed) > len(told) else []
    summary = (
        f"{len(failed)} of {len(members)} {what} failed; the same call again tries only what is missing, and "
        f"'{what}' in the result has the details."
    )
    attempt, reason = "bring the fleet into its declared state", "\n".join([summary, *told, *more])
    return failed[0][1].but(attempt=attempt, reason=reason, hint=None, result=result)
