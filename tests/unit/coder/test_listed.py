# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question of many threads: when it is put to the server, and how often."""

from __future__ import annotations

import functools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from calling import FakeClock

from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import CoderError
from ansible_collections.coder.tasks.plugins.module_utils.coder.listed import MOST_FAILURES, Crowd, Poll

INTERVAL = 100.0


@pytest.mark.parametrize(("members", "slept"), [(1, 0.0), (2, INTERVAL)])
def test_the_interval_is_slept_only_where_somebody_may_still_come(members: int, slept: float) -> None:
    clock, crowd, asked = FakeClock(), Crowd(), []
    poll = Poll(lambda: asked.append(clock.now), crowd, clock, INTERVAL)
    crowd.expect(members, 1000)
    for _look in range(2):
        poll.answer()
    assert len(asked) == 2 and sum(clock.slept) == pytest.approx(slept, rel=0.2)


def test_those_who_are_done_or_not_yet_begun_are_not_waited_for() -> None:
    clock, crowd = FakeClock(), Crowd()
    poll = Poll(lambda: None, crowd, clock, INTERVAL)
    crowd.expect(3, 1)  # one at once
    for _member in range(3):
        crowd.one(poll.answer)
    crowd.expect(2, 2)
    crowd.one(lambda: None)
    poll.answer()
    assert clock.slept == []


def test_whoever_has_an_answer_goes_on_while_the_next_one_is_waited_for() -> None:
    class Breathing(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            time.sleep(0.0005)  # the others run meanwhile

    clock, crowd, members, looks = Breathing(), Crowd(), 16, 5
    poll = Poll(lambda: None, crowd, clock, INTERVAL)
    crowd.expect(members, members)
    with ThreadPoolExecutor(members) as pool:
        member = functools.partial(crowd.one, lambda: [poll.answer() for _look in range(looks)])
        for done in [pool.submit(member) for _member in range(members)]:
            done.result()
    assert sum(clock.slept) < INTERVAL  # where one holds up another, nobody comes until an interval is over


def test_a_server_that_fails_is_asked_once_an_interval() -> None:
    clock, crowd = FakeClock(), Crowd()

    def fail() -> None:
        raise CoderError("no", "server")

    crowd.expect(1, 1)
    with pytest.raises(CoderError):
        Poll(fail, crowd, clock, INTERVAL).answer()
    assert len(clock.slept) == MOST_FAILURES - 1 and min(clock.slept) > INTERVAL * 0.9
