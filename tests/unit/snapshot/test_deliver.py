# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tries to deliver share the time that a stop has, on a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from unit.snapshot.servers import Server

from ansible_collections.coder.tasks.plugins.module_utils.snapshot import deadline as clock
from ansible_collections.coder.tasks.plugins.module_utils.snapshot import deliver as module
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.deadline import Deadline
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.wire import WireError

SETTINGS = Settings({"CODER_AGENT_URL": "http://127.0.0.1:9", "CODER_AGENT_TOKEN": "of an agent"})


class Coder:
    """What each request is answered, after so many seconds or never; the time that each was given and there was."""

    def __init__(self, answers: list[tuple[float, int, dict[str, str]]]) -> None:
        self.now, self.answers, self.tries = 0.0, answers, list[tuple[float, float]]()

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def post(self, *arguments: object) -> tuple[int, dict[str, str], str]:
        given_to_it = arguments[-1]
        assert isinstance(given_to_it, Deadline)
        self.tries.append((self.now, given_to_it.left()))
        seconds, status, headers = self.answers.pop(0) if self.answers else (float("inf"), 0, {})
        self.sleep(min(seconds, given_to_it.left()))
        if not given_to_it.left():
            raise WireError("no answer in time")
        return status, headers, ""

    def deliver(self, seconds: float) -> module.Delivery:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: self.now))
            patch.setattr(module, "time", SimpleNamespace(sleep=self.sleep))
            patch.setattr(module, "post", self.post)
            delivery = module.deliver(SETTINGS, "a task", b"{}", Deadline(seconds), lambda: False)
        assert delivery is not None
        return delivery


@given(st.floats(0.5, 60.0))
def test_a_try_that_hangs_leaves_time_for_another(seconds: float) -> None:
    coder = Coder([])
    delivery = coder.deliver(seconds)
    assert (delivery.state, delivery.attempts) == ("failed", len(coder.tries))
    assert coder.now <= seconds + 1e-6
    began, given_to_it = coder.tries[0]
    assert (began, given_to_it) == (0.0, pytest.approx(min(seconds, max(module.ATTEMPT_SECONDS, 0.7 * seconds))))
    if seconds > module.ATTEMPT_SECONDS + 0.5:
        assert delivery.attempts > 1


@given(st.floats(5.0, 60.0), st.integers(0, 120), st.sampled_from([408, 425, 429, 500, 502, 503, 504]))
@example(31.125, 31, 429)
def test_a_refusal_that_may_pass_is_waited_out_where_that_fits(seconds: float, window: int, status: int) -> None:
    coder = Coder([(0.1, status, {"retry-after": str(window)}), (0.1, 204, {})])
    delivery = coder.deliver(seconds)
    assert (delivery.state, delivery.attempts) == ("delivered", 2)
    fits = 0.2 < window < seconds - 0.1 - 1.0  # an answer has a second to come
    assert coder.tries[1][0] == pytest.approx(0.1 + (window if fits else 0.2))


@given(st.lists(st.just((0.0, 503, {"retry-after": ""})), max_size=12), st.floats(20.0, 60.0))
def test_pauses_grow_up_to_two_seconds(refusals: list[tuple[float, int, dict[str, str]]], seconds: float) -> None:
    coder = Coder([*refusals, (0.0, 204, {})])
    assert coder.deliver(seconds + 2 * len(refusals)).attempts == len(refusals) + 1
    began = [start for start, _given in coder.tries]
    pauses = [later - earlier for earlier, later in zip(began, began[1:], strict=False)]
    assert pauses == pytest.approx([min(2.0, 0.2 * 2**number) for number in range(len(refusals))])


@given(st.sampled_from([401, 403, 410, 301, 501]))
def test_what_will_not_change_is_asked_once(status: int) -> None:
    assert Coder([(0.1, status, {})]).deliver(8.0).attempts == 1


@pytest.mark.parametrize(("status", "text"), [(200, "Sign in"), (204, ""), (403, "Forbidden")])
def test_what_is_answered_is_shown(status: int, text: str) -> None:
    """A login page in Coder's place, too: whoever looks for the conversation finds out who has it."""
    with Server(lambda request: request.answer(status, text)) as coder:
        settings = Settings({"CODER_AGENT_URL": coder.url, "CODER_AGENT_TOKEN": "of an agent"})
        answered = module.post(settings, "a task", b"{}", {}, Deadline(10.0))
    assert (answered[0], answered[2]) == (status, text)


def test_a_header_command_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    environ = {"CODER_AGENT_HEADER_COMMAND": "echo X-A=b", "PATH": str(tmp_path)}
    with pytest.raises(WireError, match="CODER_AGENT_HEADER_COMMAND cannot be run: No such file"):
        module.request_headers(Settings(environ), Deadline(5.0))
