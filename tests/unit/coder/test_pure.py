# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules without I/O: names, references, addresses, models, dialects, the pause after a 429."""

from __future__ import annotations

import re
from email.utils import formatdate
from itertools import product
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.coder.tasks.plugins.module_utils.coder import names, rate_limit, refusal, transport
from ansible_collections.coder.tasks.plugins.module_utils.coder.backend import lacking
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.dialect import FEATURES as CHAT_FEATURES
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.dialect import no_chats
from ansible_collections.coder.tasks.plugins.module_utils.coder.errors import KINDS, CoderError, attempting
from ansible_collections.coder.tasks.plugins.module_utils.coder.models import app_health, parameter_from, preset_from
from ansible_collections.coder.tasks.plugins.module_utils.coder.server_version import Version, parse_version
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.dialect import (
    BY_VERSION,
    COMPLETE,
    FEATURES,
    FIRST_TASKS,
    SNAPSHOTS_STORED,
    STABLE_TASKS,
    WORKSPACE_TASKS,
    dialect_for,
    no_tasks,
)
from ansible_collections.coder.tasks.plugins.module_utils.coder.tasks.models import (
    STATUSES,
    TASK_FIELDS,
    message_from,
    task_from,
    task_problem,
)

# As the server has it (contract, task name rule).
SERVER_RULE = re.compile(r"^[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*\Z")
NAMELIKE = st.text(alphabet="aZ0-é\n _.", max_size=36)


def server_takes(name: str) -> bool:
    return 1 <= len(name.encode()) <= 32 and name not in ("new", "create") and bool(SERVER_RULE.match(name))


# Names


@given(NAMELIKE | st.text(max_size=40) | st.sampled_from(["new", "create", "New", "a" * 32, "a" * 33]))
def test_a_name_is_refused_exactly_where_the_server_refuses_it(name: str) -> None:
    assert (names.name_problem(name) is None) == server_takes(name)


@given(st.text(max_size=300))
def test_a_made_name_is_legal_and_another_each_time(prompt: str) -> None:
    first, second = names.make_name(prompt), names.make_name(prompt)
    assert server_takes(first) and server_takes(second)
    assert first != second


def test_a_made_name_says_what_the_prompt_says() -> None:
    assert re.fullmatch(r"fix-the-login-[0-9a-f]{8}", names.make_name("Fix the LOGIN!"))
    assert re.fullmatch(r"task-[0-9a-f]{8}", names.make_name("修正してください"))


@given(st.text(max_size=40), st.text(min_size=1, max_size=10))
def test_a_reference_splits_or_is_refused(reference: str, owner: str) -> None:
    try:
        whose, name = names.split_reference(reference, owner)
    except CoderError as error:
        assert error.kind == "invalid"
        return
    assert name and "/" not in whose.replace(owner, "") and name not in (".", "..")
    assert whose == (reference.strip().rpartition("/")[0] or owner)


@pytest.mark.parametrize(
    ("reference", "split"),
    [
        ("fix", ("me", "fix")),
        (" bob/fix ", ("bob", "fix")),
        ("3F2504E0-4F89-11D3-9A0C-0305E82C3301", ("me", "3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
    ],
)
def test_references(reference: str, split: tuple[str, str]) -> None:
    assert names.split_reference(reference, "me") == split


@pytest.mark.parametrize("reference", ["", " ", "/", "a/", "/a", "a/b/c", ".", "a/.."])
def test_what_is_no_reference(reference: str) -> None:
    with pytest.raises(CoderError, match="is not a task"):
        names.split_reference(reference, "me")


@pytest.mark.parametrize(("size", "good"), [(131_053, True), (131_054, False)])
def test_the_longest_prompt(size: int, good: bool) -> None:
    for text in ("x" * size, "é" * (size // 2) + "x" * (size % 2)):
        if good:
            names.check_prompt(text)
        else:
            with pytest.raises(CoderError, match="131,054 bytes in UTF-8"):
                names.check_prompt(text)


@pytest.mark.parametrize(("text", "why"), [("a\0b", "NUL"), ("a\ud800b", "not valid Unicode")])
def test_text_that_no_server_stores(text: str, why: str) -> None:
    with pytest.raises(CoderError, match=why):
        names.check_prompt(text)


def test_a_display_name_is_measured_in_bytes_as_the_server_does() -> None:
    names.check_display_name(" " + "é" * 32 + " ")
    with pytest.raises(CoderError, match="66 bytes"):
        names.check_display_name("é" * 33)


# Addresses


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
@example("half \ud800")
def test_a_segment_is_one_segment_and_keeps_its_text(text: str) -> None:
    try:
        quoted = transport.segment(text)
    except CoderError as error:  # half of a surrogate pair has no UTF-8 form
        assert error.kind == "invalid"
        assert any("\ud800" <= letter <= "\udfff" for letter in text)
        return
    assert re.fullmatch(r"[A-Za-z0-9%._~-]+", quoted)
    assert unquote(quoted) == text


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_dot_segment_is_refused(text: str) -> None:
    with pytest.raises(CoderError, match="cannot be part of an address"):
        transport.segment(text)


# The pause after a 429


@given(
    st.dictionaries(
        st.sampled_from(["Date", "Retry-After", "X-Ratelimit-Reset"]),
        st.text(alphabet=st.characters(max_codepoint=255)) | st.integers(0, 10**12).map(str),
    )
)
@example({"Retry-After": "\xb2", "X-Ratelimit-Reset": "\xb3"})
def test_the_pause_is_a_number_whatever_the_headers_say(headers: dict[str, str]) -> None:
    assert rate_limit.pause_asked(headers, 1_000_000.0) >= 0.1


def test_the_earlier_of_both_headers_counts_by_the_servers_clock() -> None:
    now = 1_795_259_600
    headers = {"Date": formatdate(now, usegmt=True), "Retry-After": "60", "X-Ratelimit-Reset": str(now + 20)}
    assert rate_limit.pause_asked(headers, now + 5000.0) == 20
    assert rate_limit.pause_asked({"Retry-After": "7"}, now) == 7
    assert rate_limit.pause_asked({"Retry-After": formatdate(now + 9, usegmt=True)}, now) == 9
    assert rate_limit.pause_asked({"X-Ratelimit-Reset": str(now - 3)}, now) == 1


# Dialects


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("v2.26.0", None),
        ("v2.27.5+abc", WORKSPACE_TASKS),
        ("v2.28.0-devel+82945cfb1", None),
        ("v2.28.3", FIRST_TASKS),
        ("v2.29.0-devel+b255827a5", STABLE_TASKS),
        ("v2.30.1", SNAPSHOTS_STORED),
        ("v2.31.0+1", SNAPSHOTS_STORED),
        ("v2.31.1", COMPLETE),
        ("v2.34.0-rc.1+dca8178f8", COMPLETE),
        ("v10.0.0", COMPLETE),
        ("v0.0.0-devel+1", None),
        ("nonsense", None),
    ],
)
def test_the_dialect_of_a_version(text: str, dialect: object) -> None:
    assert dialect_for(parse_version(text)) is dialect


def test_dialects_stand_newest_first() -> None:
    firsts = [first for first, _dialect in BY_VERSION]
    assert firsts == sorted(firsts, reverse=True)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v2.26.1", "too old"),
        ("v2.30.0", "although its version should"),
        ("v2.36.2", "CODER_ENABLE_AI_TASKS=true"),
        ("v2.38.0", "removed in Coder 2.38"),
        ("v0.0.0-devel", "Coder 2.27 to 2.37"),
    ],
)
def test_why_a_server_has_no_tasks(version: str, words: str) -> None:
    error = no_tasks(parse_version(version))
    assert error.kind == "unsupported"
    assert words in error.message and version in error.message


UNSUPPORTED = [
    *(no_tasks(Version("v", numbers, False)) for numbers in product((0, 2), (0, 26, 30, 36, 38), (0, 1))),
    *(no_chats(Version("v", numbers, False)) for numbers in product((0, 2), (0, 26, 30, 36, 38), (0, 1))),
    *(lacking("v", feature) for feature in (*FEATURES.values(), *CHAT_FEATURES.values())),
]


@pytest.mark.parametrize("error", UNSUPPORTED, ids=str)
def test_what_a_server_has_not_leads_to_what_it_has(error: CoderError) -> None:
    assert error.kind == "unsupported"
    assert error.message.count("coder.tasks.server_info tells what this server has.") == 1


# Models

VALUES = st.none() | st.text() | st.integers()


@given(st.dictionaries(st.sampled_from(TASK_FIELDS), VALUES, max_size=4), st.sampled_from(BY_VERSION))
def test_a_task_has_every_field_whatever_the_server_leaves_out(data: dict, version: tuple) -> None:
    data = {"id": "1", "name": "x", "owner_name": "alice", "status": "active", **data}
    assume(task_problem(data) is None)
    task = task_from(data, version[1], "https://coder.example.com")
    assert set(task) == {*TASK_FIELDS, "url"}
    assert task["status"] in (*STATUSES, "deleted")
    assert isinstance(task["workspace_build_number"], int) and isinstance(task["template_name"], str)


@pytest.mark.parametrize(
    ("status", "lifecycle", "expected"),
    [
        ("pending", None, "pending"),
        ("starting", None, "initializing"),
        ("running", None, "initializing"),
        ("running", "created", "initializing"),
        ("running", "starting", "initializing"),
        ("running", "ready", "active"),
        ("running", "start_error", "active"),
        ("running", "start_timeout", "active"),
        ("running", "off", "unknown"),
        ("stopping", "ready", "unknown"),
        ("stopped", None, "paused"),
        ("deleting", None, "deleted"),
        ("failed", None, "error"),
        ("canceling", None, "error"),
        ("canceled", None, "error"),
        ("deleted", None, "deleted"),
        ("something-new", None, "unknown"),
    ],
)
def test_workspace_statuses_become_task_statuses(status: str, lifecycle: str | None, expected: str) -> None:
    data = {"status": status, "workspace_agent_lifecycle": lifecycle, "owner_name": "alice", "name": "x"}
    task = task_from(data, WORKSPACE_TASKS, "http://c")
    assert (task["status"], task["workspace_status"], task["url"]) == (expected, status, "http://c/tasks/alice/x")


def test_failure_is_called_failed() -> None:
    task = task_from({"status": "active", "current_state": {"state": "failure"}}, STABLE_TASKS, "")
    assert task["current_state"] == {"state": "failed", "message": "", "uri": "", "timestamp": None}


def test_absent_lists_are_empty() -> None:
    assert message_from({}) is None
    assert preset_from({"Name": "x", "Parameters": None})["parameters"] == {}
    assert parameter_from({"name": "x", "options": None})["options"] == []


# Errors


def test_an_error_reads_as_one_sentence_and_a_hint() -> None:
    with pytest.raises(CoderError) as caught, attempting("outer"), attempting("do it"):
        raise CoderError("GET /x returned HTTP 500: it broke", "server", hint="Look there.")
    assert str(caught.value) == "Could not do it: GET /x returned HTTP 500: it broke. Look there."
    assert CoderError("What?", "invalid").message == "What?"


def test_every_kind_that_a_status_has_is_a_kind() -> None:
    assert set(refusal.KIND_BY_STATUS.values()) <= set(KINDS)


@given(st.text("ab", max_size=300))
@example("a" * 80)
@example("a" * 81)
def test_of_what_is_not_coders_the_beginning_is_shown(text: str) -> None:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    assert refusal.what_is(f" {text} ".encode()) == f"the text {shown!r}"


def test_the_health_of_an_app_that_is_not_there_is_unknown() -> None:
    app = {"id": "a", "health": "healthy"}
    workspace: Any = {"latest_build": {"resources": [{}, {"agents": [{}, {"apps": [app]}]}]}}
    assert [app_health(found, "a") for found in (workspace, {"latest_build": {}}, None)] == ["healthy", None, None]
    assert [app_health(workspace, wanted) for wanted in ("b", None)] == [None, None]
