# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that is started anew: what was said before stands in front, as long as there is room for it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.snapshot.conftest import Hook
from unit.snapshot.servers import NOT_AUTHORIZED, FakeAgentAPI, FakeCoder, conversation, decode_as_the_server
from unit.snapshot.test_follow import contents, following, until

from ansible_collections.coder.tasks.plugins.module_utils.snapshot.capture import find_elsewhere, prepare
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.fit import fit
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.lives import earlier, fit_behind, user_keys
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.marks import NEW_LIFE
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.reporter import Reporter
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.settings import Settings
from ansible_collections.coder.tasks.plugins.module_utils.snapshot.spool import Spool

FIVE = ("Hello.", "fix it", "fixed", "and test", "tested")
LATER = "2026-06-01T13:30:05.5Z"
TEXT = st.text(st.sampled_from(["a", "漢", '"', "\n", "\x1b", "😀"]), min_size=1, max_size=40)
SAID = st.lists(TEXT | st.builds(lambda text: text * 300, TEXT), min_size=1, max_size=12)


def later(*said: str) -> list[dict[str, Any]]:
    """A conversation of another time."""
    return [{**message, "time": LATER} for message in conversation(*said)]


def saved(messages: list[dict[str, Any]], max_messages: int = 10) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    return fit(messages, max_messages, partial=True).messages, user_keys(messages)


# What goes on, and what begins anew


@settings(max_examples=80, deadline=None)
@given(SAID, SAID, st.integers(1, 12))
def test_a_conversation_that_grows_goes_on(before: list[str], more: list[str], max_messages: int) -> None:
    """Whatever of it was saved: its last agent message may have changed meanwhile, as a screen does."""
    messages = conversation(*before)
    body, users = saved(messages, max_messages)
    grown = conversation(*before, *more)
    assert earlier(body, users, grown) == []
    if messages[-1]["role"] == "agent" and users:
        grown[len(before) - 1]["content"] = "another screen"
        assert earlier(body, users, grown) == []


@settings(max_examples=80, deadline=None)
@given(SAID.filter(lambda said: len(said) > 1), SAID, st.integers(1, 12))
def test_a_conversation_of_another_time_does_not(before: list[str], said: list[str], max_messages: int) -> None:
    """Even where the same is said again."""
    body, users = saved(conversation(*before), max_messages)
    assert earlier(body, users, later(*said)) == body
    assert earlier(body, users, later(*before)) == body


def test_a_conversation_that_was_set_back_does_not_go_on() -> None:
    """AgentAPI came back with a state that it had saved earlier: the last words are only in what was saved."""
    body, users = saved(conversation(*FIVE))
    assert earlier(body, users, conversation(*FIVE[:3])) == body
    assert earlier(body, users, conversation(*FIVE[:3], "other", "words")) == body


def test_a_message_that_agentapi_took_back_is_not_a_new_life() -> None:
    """A turn that fails in acp removes its message, and its id is not used again."""
    body, users = saved(conversation(*FIVE[:4]))
    went_on = [message for message in conversation(*FIVE, "again") if message["id"] != 3]
    assert earlier(body, users, went_on) == []


def test_the_zone_and_the_source_of_a_time_do_not_matter() -> None:
    body, users = saved(conversation(*FIVE))
    elsewhere = [{**message, "time": "2026-06-01T14:00:00.123456+02:00"} for message in conversation(*FIVE)]
    assert earlier(body, users, elsewhere) == []
    assert earlier(body, users, [{**message, "time": None} for message in elsewhere]) == []
    events = [{"id": each["id"], "role": each["role"], "message": each["content"]} for each in elsewhere]
    assert earlier(body, users, events) == []


def test_a_screen_that_is_redrawn_goes_on_and_one_that_is_empty_again_does_not() -> None:
    """An agent that got its prompt on its command line says everything in message 0."""
    body, users = saved(conversation("x" * 5000))
    assert earlier(body, users, later("y" * 4000)) == []
    assert earlier(body, users, later("Welcome")) == body
    assert earlier(body, users, later("Welcome", "do", "done")) == body


# What is kept of both


@settings(max_examples=150, deadline=None)
@given(SAID, SAID, st.integers(0, 12), st.integers(1024, 12000), st.booleans())
def test_both_lives_within_the_limits_the_newest_first(
    old: list[str], new: list[str], max_messages: int, max_bytes: int, partial: bool
) -> None:
    before = fit(conversation(*old), 0, max_bytes).messages
    fitted = fit_behind(before, later(*new), max_messages, max_bytes, partial)
    assert len(fitted.body) <= max_bytes
    assert decode_as_the_server(fitted.body) == fitted.messages
    said = [message["content"] for message in fitted.messages]
    marks = said.count(NEW_LIFE)
    assert marks == (1 if fitted.earlier else 0)
    kept = fitted.messages[fitted.earlier + marks :]
    assert len(kept) <= (max_messages or len(new))
    # The newest words of each are there, whole or their end.
    assert new[-1].rstrip(" ").endswith(kept[-1]["content"].partition("left out...]\n\n")[2] or kept[-1]["content"])
    has_user = len(new) > 1
    if max_messages and len(kept) >= max_messages and has_user:
        assert not fitted.earlier
    else:
        assert fitted.earlier >= 1
        last = fitted.messages[fitted.earlier - 1]["content"]
        assert old[-1].rstrip(" ").endswith(last.partition("left out...]\n\n")[2] or last)


def test_a_snapshot_with_no_room_for_both_lives_has_the_new_one_alone() -> None:
    new = later("fix it", "done")
    alone = fit(new, 0)
    assert fit_behind(conversation(*FIVE), new, 0, len(alone.body), True) == alone
    assert [message["content"] for message in fit_behind(conversation(*FIVE), [], 0, 65536, True).messages] == []


def test_where_nothing_was_saved_and_nobody_has_spoken_there_is_no_earlier_life() -> None:
    assert earlier([], [], conversation("Hello.")) == []


def test_a_greeting_takes_one_place_and_no_text() -> None:
    before = fit(conversation(*(str(number) * 6000 for number in range(10)))).messages
    fitted = fit_behind(before, later("Welcome " * 9000), 10, 65536, True)
    assert fitted.earlier == 9
    assert sum(len(message["content"]) for message in fitted.messages[:9]) > 40_000


def test_a_new_life_that_fills_the_snapshot_leaves_a_share_to_the_old_one() -> None:
    before = fit(conversation(*FIVE[:-1], "the end of it " * 2000)).messages
    fitted = fit_behind(before, later("Hi", "do", "x" * 100_000), 10, 65536, True)
    assert fitted.earlier >= 1
    assert 65536 // 9 < sum(len(message["content"]) for message in fitted.messages[: fitted.earlier]) < 65536 // 7


# In a workspace


def test_what_is_left_out_is_counted_of_the_new_life_alone(tmp_path: Path) -> None:
    class Told(Reporter):
        def say(self, event: str, text: str, **facts: Any) -> None:
            told[event] = facts

    told: dict[str, dict[str, Any]] = {}
    settings = Settings({"XDG_STATE_HOME": str(tmp_path), "ARG_TASK_ID": "a task"})
    spool = Spool(settings.environ)
    spool.delivered(prepare(settings, Told(), spool, conversation(*FIVE), "live"))
    assert "cut" not in told and "new_life" not in told
    capture = prepare(settings, Told(), spool, later("Hi", "do", "x" * 40_000, "more", "y" * 40_000), "live")
    before = told["new_life"]["count"]
    assert before > 1 and told["cut"]["dropped"] == 5 - (capture.count - before - 1) > 0


@pytest.mark.parametrize(("seconds", "source"), [(-60, "delivered"), (0, "state file"), (60, "state file")])
def test_of_a_state_file_and_what_was_delivered_the_newer_one_counts(
    tmp_path: Path, seconds: int, source: str
) -> None:
    state, saved_at = tmp_path / "state.json", time.time() - 600
    state.write_text(json.dumps({"messages": conversation(*FIVE)}))
    os.utime(state, (saved_at + seconds, saved_at + seconds))
    environ = {"XDG_STATE_HOME": str(tmp_path), "ARG_TASK_ID": "a task", "AGENTAPI_STATE_FILE": str(state)}
    settings = Settings(environ)
    spool = Spool(environ)
    at = os.stat(state).st_mtime - seconds
    spool.delivered(prepare(settings, Reporter(as_json=True), spool, conversation("Hi"), "live", changed=at))
    assert find_elsewhere(settings, spool).source == source


def test_a_greeting_is_never_posted_over_a_conversation(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation(*FIVE)) as agentapi:
        assert hook.point_at(agentapi, coder).run("capture").code == 0
    with FakeAgentAPI(later("Welcome back")) as agentapi:
        run = hook.point_at(agentapi).run("capture")
        assert run.code == 0
        assert "The agent was started anew, 5 messages from before stay in front" in run.lines
        assert contents(coder) == [*FIVE, NEW_LIFE, "Welcome back"]
        # The next stop does not make another life of it, and what is said then goes on.
        assert hook.run("capture").code == 0
        assert contents(coder) == [*FIVE, NEW_LIFE, "Welcome back"]
        agentapi.messages.extend(later("", "go on", "gone on")[1:])
        assert hook.run("capture").code == 0
        assert contents(coder) == [*FIVE, NEW_LIFE, "Welcome back", "go on", "gone on"]


@pytest.mark.parametrize(
    ("users", "body"),
    [
        ('"x"', b'{"messages":[garbage]}'),
        ("[5]", b'{"messages":[1,null,{}]}'),
        ('[[0,1,2,3],["0","1","2",null],[]]', b'{"messages":[{"id":"0","content":5}]}'),
        ("[]", b'{"messages":[{"id":9223372036854775807,"content":"","role":"?","time":"?"}]}'),
    ],
)
def test_a_damaged_record_of_what_was_saved_does_not_hold_up_a_stop(
    both: Hook, agentapi: FakeAgentAPI, coder: FakeCoder, users: str, body: bytes
) -> None:
    assert both.run("capture").code == 0
    record = both.spooled.with_name(f".{both.spooled.name}.delivered")
    header = json.loads(record.read_bytes().partition(b"\n")[0])
    header.pop("users")
    text = json.dumps(header)[:-1] + f', "users": {users}}}\n'
    record.write_bytes(text.encode() + body)
    assert both.run("capture").code == 0
    assert coder.snapshots[-1][-3:] == agentapi.messages


def test_what_waits_in_the_spool_is_not_replaced_by_a_greeting_either(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation(*FIVE)) as agentapi, FakeCoder((401, NOT_AUTHORIZED)) as refusing:
        assert hook.point_at(agentapi, refusing).run("capture").code == 0
    with FakeAgentAPI(later("Welcome back")) as agentapi:
        assert hook.point_at(agentapi, coder).run("capture").code == 0
    assert contents(coder) == [*FIVE, NEW_LIFE, "Welcome back"]


def test_the_follower_keeps_both_lives(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation(*FIVE)) as first:
        process = following(hook.point_at(first, coder))
        process.__enter__()
        until(lambda: contents(coder) == [*FIVE])
    try:
        with FakeAgentAPI(later("Welcome back"), port=first.port) as second:
            until(lambda: contents(coder)[-1:] == ["Welcome back"])
            assert contents(coder) == [*FIVE, NEW_LIFE, "Welcome back"]
            second.say("more", "user")
            until(lambda: contents(coder)[-1:] == ["more"])
            assert contents(coder) == [*FIVE, NEW_LIFE, "Welcome back", "more"]
    finally:
        process.__exit__(None, None, None)


@pytest.mark.parametrize("greeting", ["", "Welcome"])
@pytest.mark.parametrize("status", ["running", "stable"])
def test_a_state_file_written_while_the_agent_was_loading_replaces_nothing(
    hook: Hook, coder: FakeCoder, tmp_path: Path, greeting: str, status: str
) -> None:
    """It is newer than what was delivered, and holds less; AgentAPI is gone, or not ready."""
    with FakeAgentAPI(conversation(*FIVE)) as agentapi:
        assert hook.point_at(agentapi, coder).run("capture").code == 0
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"version": 1, "messages": later(greeting)}))
    os.utime(state, (time.time() - 1,) * 2)
    if status == "stable":
        assert hook.point_at(1).run("capture", AGENTAPI_STATE_FILE=str(state)).code == 1
    else:
        with FakeAgentAPI(later(greeting), status) as agentapi:
            assert hook.point_at(agentapi).run("capture", AGENTAPI_STATE_FILE=str(state)).code == 0
    assert [[item["content"] for item in snapshot] for snapshot in coder.snapshots] == [[*FIVE]]


def test_a_status_that_is_not_known_is_no_reason_to_post_a_greeting(hook: Hook, coder: FakeCoder) -> None:
    with FakeAgentAPI(conversation(*FIVE)) as agentapi:
        assert hook.point_at(agentapi, coder).run("capture").code == 0
    with FakeAgentAPI(later("Welcome")) as agentapi:
        respond = agentapi.respond
        agentapi.script = lambda request: request.answer(503) if request.path == "/status" else respond(request)
        run = hook.point_at(agentapi).run("capture")
    assert run.code == 0
    assert "No messages for log snapshot, an earlier one stays" in run.lines
    assert len(coder.snapshots) == 1
