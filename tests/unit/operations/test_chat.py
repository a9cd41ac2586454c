# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module chat, in every dialect: what it makes of a server, and what it says about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from calling import Call, Meanwhile, call
from chatting import EVERY, NAME, SPAWN, allow, kept, named, posts, said

from ansible_collections.coder.tasks.plugins.module_utils.coder.chats import lifecycle
from ansible_collections.coder.tasks.plugins.module_utils.coder.chats.new import KEY_BYTES, MOST_LABELS, VALUE_BYTES
from ansible_collections.coder.tasks.plugins.module_utils.operations import chat as operation
from emulator import Emulator
from emulator.chats import Chat

Start = Callable[..., Emulator]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOOK_FOR_CHAT", 0.3)
    monkeypatch.setattr(operation, "FIRST_MESSAGE", 0.2)


@pytest.fixture(params=EVERY)
def server(request: pytest.FixtureRequest, emulator: Start) -> Emulator:
    """A server of each chats dialect."""
    return emulator("", chats=request.param)


def chat(server: Emulator, **options: Any) -> Call:
    options.setdefault("name", "fix")
    return call("chat", server, **{name: value for name, value in options.items() if value is not None})


def many_labels(number: int) -> dict[str, str]:
    return {f"k{each}": "v" for each in range(number)}


def only(server: Emulator) -> Chat:
    (one,) = kept(server)
    return one


def nobody_yet(server: Emulator) -> None:
    """Show the next call no chat before it makes one: neither any that is archived, nor any that is not."""
    assert server.chat_dialect is not None
    lists = f"{server.chat_dialect.prefixes[0]}/chats$"
    server.faults.add("status", method="GET", path=lists, status=200, body="[]", skip=1, count=2)


# Present


def test_present_creates_once_and_then_writes_nothing(server: Emulator) -> None:
    options = {"prompt": "Fix it", "labels": {"team": "web"}, "title": "Login", "wait_for": "replied"}
    first = chat(server, **options)
    assert (first["changed"], first["created_by"], first["chat"]["name"]) == (True, "this_call", "fix"), first.msg
    assert (first["chat"]["title"], first["chat"]["labels"]["team"]) == ("Login", "web")
    second = chat(server, **options)
    assert (second["changed"], second["created_by"], second.writes) == (False, None, [])
    assert said(only(server)) == ["Fix it"] and not second.warnings


def test_02_a_title_that_a_model_makes_is_no_drift(server: Emulator) -> None:
    first = chat(server, prompt="one two three", wait_for="replied")
    only(server).title = "Made by a model"
    assert first["chat"]["id"] == chat(server, prompt="one two three")["chat"]["id"]
    assert chat(server, prompt="one two three")["changed"] is False
    assert chat(server, title="Mine")["changed"] is True
    assert chat(server, title=" Mine ")["changed"] is False


def test_04_an_organization_goes_by_its_name(server: Emulator) -> None:
    name = server.state.organization["name"]
    done = chat(server, prompt="x", organization=name)
    assert done["chat"]["organization_id"] == server.state.organization["id"], done.msg
    assert not chat(server, prompt="x", organization=name).warnings


def test_10_an_archived_chat_is_not_kept_from_its_deletion(server: Emulator) -> None:
    chat(server, prompt="x", state="present")
    until = chat(server, state="archived")["chat"]["purge_after"]
    changed = chat(server, state="archived", labels={"a": "1"}, title="Other")
    assert (changed["chat"]["purge_after"], changed["changed"], changed.writes) == (until, False, [])


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("dialect", EVERY)
def test_27_a_wait_goes_on_over_a_restart_of_the_server(emulator: Start, dialect: str, killed: bool) -> None:
    server = emulator("", chats=dialect, time_factor=0.002)
    assert server.state.chats is not None
    chat(server, prompt="Count [[slow 3]]")
    server.state.chats.turns.restart(killed=killed)
    assert chat(server, wait_for="replied")["chat"]["status"] == "waiting"


def test_check_mode_and_diff_tell_what_would_be(server: Emulator) -> None:
    would = chat(server, prompt="Fix it", model="Fake One", check=True, diff=True)
    assert would["changed"] is True and kept(server) == []
    assert would["diff"]["before"] == {} and would["diff"]["after"]["name"] == "fix"
    chat(server, prompt="Fix it")
    would = chat(server, prompt="Fix it", labels={"a": "1"}, check=True, diff=True)
    assert would["diff"]["after"]["labels"] == {**would["diff"]["before"]["labels"], "a": "1"}
    done = chat(server, labels={"a": "1"}, diff=True)
    assert done["diff"]["after"]["labels"] == would["diff"]["after"]["labels"]
    same = chat(server, labels={"a": "1"}, diff=True)
    assert same["diff"]["before"] == same["diff"]["after"]


def test_what_check_mode_tells_of_a_chat_is_what_becomes_of_it(server: Emulator) -> None:
    def is_as_told(**options: Any) -> bool:
        would, done = chat(server, check=True, **options), chat(server, **options)
        return would["changed"] == done["changed"] and shown(would) == shown(done)

    def shown(made: Call) -> list[Any]:
        family = [made["chat"], *made["chat"]["children"]]
        return [member[name] for member in family for name in (*operation.DIFF_FIELDS, "busy")]

    chat(server, prompt="x", wait_for="idle")
    one = only(server)
    child = server.create_chat("part", parent=one)
    assert is_as_told(title="New", plan_mode=True, labels={"a": "1"}) and is_as_told(plan_mode=False)
    for state in ("idle", "archived"):
        chat(server, prompt=f"go on until {state} [[wait 5000]]", on_prompt_change="send")
        child.status = "running"
        assert one.busy and is_as_told(state=state) and not one.busy and not child.busy
        assert is_as_told(state=state)
        assert is_as_told(unarchive=True)
        one.fail()
        assert is_as_told(state=state, title=state) and one.status == "error"
        assert is_as_told(unarchive=True)


@pytest.mark.parametrize("owner", ["me", "bob"])
def test_what_check_mode_tells_of_a_new_chat_is_what_becomes_of_it(emulator: Start, owner: str) -> None:
    server = allow(emulator("", chats="chats-2.38"))
    options = {"prompt": "x [[wait 5000]]", "owner": owner, "model": "Fake Claude"}
    options.update(plan_mode=True, reasoning_effort="low")
    if owner == "me":
        options.update(labels={"a": "1"}, workspace=server.create_task("one").workspace.id, title="New")
    would, done = (chat(server, check=check, **{"name": None, **options})["chat"] for check in (True, False))
    # What only the server can make is null in check mode, and each call of its own gives its chat a label.
    told = {name: value for name, value in would.items() if value is not None and name != "labels"}
    assert told == {name: done[name] for name in told} and would["labels"].items() <= done["labels"].items()
    assert set(told) >= {"owner_id", "organization_id", "model_id", "plan_mode", "reasoning_effort"}


def test_a_chat_without_a_name_is_created_each_time(server: Emulator) -> None:
    made = [chat(server, name=None, prompt="Fix it")["chat"]["id"] for _time in range(2)]
    assert len(set(made)) == len(kept(server)) == 2
    assert chat(server, name=None, id=made[0], title="First")["changed"] is True


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({}, "invalid", "'prompt' or 'prompt_file' is needed"),
        ({"state": "absent"}, "unsupported", "state=archived"),
        ({"state": "idle"}, "not_found", "never creates"),
        ({"prompt": "a\0b"}, "invalid", "NUL"),
        ({"prompt": " "}, "invalid", "'prompt' is empty"),
        ({"prompt": "x" * 300_000}, "invalid", "too long"),
        ({"prompt": "x", "labels": {"a b": "1"}}, "invalid", "label 'a b'"),
        ({"prompt": "x", "labels": {"a": 1}}, "invalid", "no text"),
        ({"prompt": "x", "labels": {NAME: "1"}}, "invalid", "collection's own"),
        ({"prompt": "x", "labels": {"k" * (KEY_BYTES + 1): "1"}}, "invalid", "its key is longer than 64 bytes"),
        ({"prompt": "x", "labels": {"a": ""}}, "invalid", "its value is empty"),
        ({"prompt": "x", "labels": {"a": "ü" * 129}}, "invalid", "its value is longer than 256 bytes"),
        ({"prompt": "x", "labels": many_labels(MOST_LABELS - 1)}, "invalid", "'labels' has 49 labels"),
        ({"prompt": "x", "name": "n" * (VALUE_BYTES + 1)}, "invalid", "longer than 256 bytes"),
        ({"prompt": "x", "title": "t" * 201}, "invalid", "201 characters"),
        ({"prompt": "x", "owner": "bob"}, "invalid", "could not be found again"),
        ({"prompt": "x", "organization": "nope"}, "not_found", "'nope' does not exist"),
        ({"prompt": "x", "model": "gpt-99"}, "not_found", "Fake One"),
        ({"prompt": "x", "workspace": "nope"}, "not_found", "no workspace 'nope'"),
        ({"prompt": "x", "on_prompt_change": "edit"}, "invalid", "discard_log=true"),
        ({"prompt": "x", "name": " fix"}, "invalid", "blank"),
        ({"name": None, "id": "7"}, "invalid", "not a UUID"),
        ({"prompt": "x", "state": "archived", "wait_for": "idle"}, "invalid", "does not go with"),
    ],
)
def test_what_cannot_be_right_is_told_before_anything_is_written(
    emulator: Start, options: dict[str, Any], kind: str, says: str
) -> None:
    server = emulator("", chats="chats-2.38")
    for check in (True, False):
        done = chat(server, check=check, **options)
        assert (done.kind, done.writes) == (kind, []) and says in done.msg, done.msg
    assert kept(server) == []


def test_an_option_that_holds_a_name_is_not_empty(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38")
    for option in operation.NAMES:
        for empty in ("", " "):
            done = call("chat", server, **{"prompt": "x", option: empty})
            assert (done.kind, done.requests) == ("invalid", []) and f"'{option}' is empty" in done.msg


def test_07_what_is_not_too_much_is_taken(server: Emulator) -> None:
    """The largest name and labels that are let through are none that the server refuses."""
    labels = {**many_labels(MOST_LABELS - 3), "k" * KEY_BYTES: "ü" * (VALUE_BYTES // 2)}
    done = chat(server, name="n" * VALUE_BYTES, prompt="x", labels=labels)
    assert not done.failed and labels.items() <= only(server).labels.items(), done.msg


def test_32_a_model_goes_by_its_names(server: Emulator) -> None:
    assert server.state.chats is not None
    wanted = next(model for model in server.state.chats.models.values() if model.model == "fake-claude")
    for number, model in enumerate(("Fake Claude", "fake-claude", wanted.id)):
        assert chat(server, name=f"c{number}", prompt="x", model=model)["chat"]["model_id"] == wanted.id
    kept_one = chat(server, name="c0", prompt="x", model="Fake One")
    assert kept_one["changed"] is False and "the model" in kept_one.warnings[0]


def test_32_several_models_of_a_name_are_told_by_their_ids(server: Emulator) -> None:
    chats = server.state.chats
    assert chats is not None
    provider = next(iter(chats.providers.values()))
    ids = [chats.create_model(provider, f"twin-{number}", display_name="Twin").id for number in range(2)]
    for check in (True, False):
        done = chat(server, prompt="x", model="twin", check=check)
        assert (done.kind, done.writes) == ("invalid", []) and all(each in done.msg for each in ids), done.msg
    chats.models[ids[0]].enabled = False
    done = chat(server, prompt="x", model="twin")
    assert done["chat"]["model_id"] == ids[1], "one that is switched off is none to choose from"


def test_28_a_workspace_is_bound_by_its_name_and_changed(server: Emulator) -> None:
    one, two = (server.create_task(name).workspace for name in ("one", "two"))
    made = chat(server, prompt="x", workspace="one")
    assert made["chat"]["workspace_id"] == one.id
    assert chat(server, workspace="alice/two")["chat"]["workspace_id"] == two.id
    assert chat(server, workspace=two.id)["changed"] is False


def test_24_what_can_be_changed_is_changed_one_field_in_each_request(server: Emulator) -> None:
    chat(server, prompt="x", wait_for="idle")
    done = chat(server, title="New", plan_mode=True, labels={"a": "1"})
    assert len(done.writes) == 3 and done["changed"]
    assert (only(server).title, only(server).plan_mode, only(server).labels["a"]) == ("New", "plan", "1")
    assert chat(server, plan_mode=False)["chat"]["plan_mode"] is None


def test_what_the_server_calls_too_large_is_invalid_and_made_no_chat(server: Emulator) -> None:
    """A proxy before the server may take less than the server."""
    server.faults.add("status", method="POST", path="/chats$", status=413, body="<html>Too large</html>", count=None)
    done = chat(server, prompt="x")
    assert (done.kind, done["created_by"], kept(server)) == ("invalid", None, []), done.msg


def test_24_a_change_that_fails_says_what_was_created(server: Emulator) -> None:
    server.faults.add("status", method="PATCH", status=400, body='{"message":"No."}')
    done = chat(server, name=None, prompt="x", title="New")
    assert done.failed and done["changed"] and done["chat"]["id"] == only(server).id
    assert done["created_by"] == "this_call"


@pytest.mark.parametrize(
    "options",
    [{"title": "New"}, {"prompt": "two", "on_prompt_change": "send"}, {"state": "archived"}, {"unarchive": True}],
)
def test_a_chat_that_is_gone_after_it_was_changed_is_told(emulator: Start, options: dict[str, Any]) -> None:
    server = emulator("", chats="chats-2.38")
    one = server.create_chat("one", labels={NAME: "fix"}, archived="unarchive" in options)
    server.faults.add("status", method="GET", path=f"/{one.id}$", status=404, skip=1)
    done = chat(server, **options)
    assert (done.kind, done["changed"], done["chat"]["id"], len(done.writes)) == ("not_found", True, one.id, 1)
    assert f"the chat {one.id} is gone, or not to be seen any more" in done.msg


def test_36_a_reasoning_effort_is_that_of_a_new_chat(server: Emulator) -> None:
    assert server.chat_dialect is not None
    knows = server.chat_dialect.summary
    made = chat(server, prompt="x", reasoning_effort="low")
    assert made["chat"]["reasoning_effort"] == ("low" if knows else None)
    assert ["'reasoning_effort' is ignored" in warning for warning in made.warnings] == [True] * (not knows)
    for same in ("low", None):
        assert not chat(server, prompt="x", reasoning_effort=same).warnings
    other = chat(server, prompt="x", reasoning_effort="high")
    assert ["keeps the reasoning effort low" in warning for warning in other.warnings] == [True] * knows
    assert other.writes == []


@pytest.mark.parametrize("option", ["model", "organization"])
def test_what_can_only_be_compared_stops_nothing(server: Emulator, option: str) -> None:
    chat(server, prompt="x")
    server.faults.add("status", method="GET", path="/models$|/model-configs$|/organizations/other$", count=None)
    done = chat(server, title="New", retries=0, **{option: "other"})
    assert done["changed"] and only(server).title == "New", done.msg
    assert len(done.warnings) == 1 and f"The {option} of the chat fix could not be compared" in done.warnings[0]


def test_an_archived_one_comes_back_only_if_asked(server: Emulator) -> None:
    chat(server, prompt="x")
    chat(server, state="archived")
    refused = chat(server, prompt="x")
    assert refused.kind == "conflict" and only(server).id in refused.msg and "unarchive=true" in refused.msg
    assert chat(server, prompt="x", unarchive=True, check=True)["changed"] is True
    done = chat(server, prompt="x", unarchive=True)
    assert (done["changed"], done["chat"]["archived"], len(kept(server))) == (True, False, 1)
    assert chat(server, prompt="x", unarchive=True)["changed"] is False


def test_several_of_a_name_are_named(server: Emulator) -> None:
    for _time in range(2):
        server.create_chat("x", labels={NAME: "fix"})
    for state in ("present", "idle", "archived"):
        done = chat(server, state=state, prompt="x" if state == "present" else None)
        assert done.kind == "conflict" and all(each.id in done.msg for each in kept(server)) and not done.writes
    chat(server, name=None, id=kept(server)[1].id, state="archived")
    assert chat(server, prompt="x")["chat"]["id"] == kept(server)[0].id


def test_02_a_chat_of_whoever_was_faster_is_treated_as_found(server: Emulator, tmp_path: Path) -> None:
    older = server.create_chat("one", labels={NAME: "fix"})
    nobody_yet(server)
    notes = tmp_path / "notes.md"
    notes.write_text("# Notes")
    declared = {"title": "Ours", "model": "Fake Claude", "files": [str(notes)]}
    done = chat(server, prompt="two", **declared)
    assert (done["created_by"], done["changed"], done["chat"]["id"]) == ("someone_else", True, older.id), done.msg
    assert older.title == "Ours" and [each.archived for each in kept(server)] == [False, True]
    for words, warning in zip(("keeps the model", "is not used", "not carry notes.md"), done.warnings, strict=True):
        assert words in warning
    again = chat(server, prompt="two", **declared)
    assert (again["created_by"], again["changed"], again.warnings) == (None, False, done.warnings)


@pytest.mark.parametrize(("prompt", "all_of_it"), [("one", ["one"]), ("two", ["one", "two"])])
def test_02_a_chat_of_whoever_was_faster_is_told_what_it_was_not(
    server: Emulator, prompt: str, all_of_it: list[str]
) -> None:
    older = server.create_chat("one", labels={NAME: "fix"})
    nobody_yet(server)
    done = chat(server, prompt=prompt, on_prompt_change="send", wait_for="replied")
    assert (done["created_by"], done["changed"], done["chat"]["id"]) == ("someone_else", True, older.id), done.msg
    assert said(older) == all_of_it and [each.archived for each in kept(server)] == [False, True]


def test_what_may_be_a_second_one_of_a_name_is_not_passed_over(server: Emulator) -> None:
    server.create_chat("x", labels={NAME: "fix"})
    server.create_chat("x", labels={NAME: "fix"}).title = 5  # type: ignore[assignment]
    for state in ("present", "archived"):
        done = chat(server, state=state)
        assert done.kind == "protocol" and "its 'title' is int" in done.msg and not done.writes
        assert "left out" not in done.msg, "what is told of a list is not so of this one"


# MCP servers


def test_mcp_servers_go_by_their_names(server: Emulator) -> None:
    assert server.state.chats is not None
    docs = server.state.chats.create_mcp_server("docs", "Team Docs")
    issues = server.state.chats.create_mcp_server("issues")
    server.state.chats.create_mcp_server("off", enabled=False)
    for given in (["docs", issues], ["team docs", "issues"], [docs.upper(), "ISSUES", "docs"]):
        would = chat(server, prompt="x", name=given[0], mcp_servers=given, check=True)
        done = chat(server, prompt="x", name=given[0], mcp_servers=given)
        assert done["chat"]["mcp_server_ids"] == would["chat"]["mcp_server_ids"] == [docs, issues], done.msg
        assert not chat(server, prompt="x", name=given[0], mcp_servers=given[::-1]).warnings
    other = chat(server, prompt="x", name="docs", mcp_servers=["docs"])
    assert f"keeps the MCP servers {docs}, {issues}" in other.warnings[0] and not other.writes
    for wrong in ("dcos", "off", ""):
        for check in (True, False):
            done = chat(server, prompt="x", name="new", mcp_servers=[wrong], check=check)
            assert done.kind == "not_found" and "Choose from: docs, issues." in done.msg and not done.writes
    unsure = chat(server, prompt="x", name="docs", mcp_servers=["dcos"])
    assert not unsure.failed and "could not be compared" in unsure.warnings[0]


def test_mcp_servers_of_the_same_name_are_told(server: Emulator) -> None:
    assert server.state.chats is not None
    ids = [server.state.chats.create_mcp_server(slug, "Docs") for slug in ("one", "two")]
    done = chat(server, prompt="x", mcp_servers=["docs"])
    assert done.kind == "invalid" and all(each in done.msg for each in ids)


def test_a_server_without_a_list_of_mcp_servers_takes_ids(server: Emulator) -> None:
    assert server.state.chats is not None
    docs = server.state.chats.create_mcp_server("docs")
    body = '{"message":"Route not found."}'
    server.faults.add("status", method="GET", path="/mcp", status=404, body=body, count=None)
    done = chat(server, prompt="x", mcp_servers=["docs"])
    assert done.kind == "unsupported" and "by their UUIDs" in done.msg
    assert chat(server, prompt="x", mcp_servers=[docs])["chat"]["mcp_server_ids"] == [docs]


# Prompts


def test_a_prompt_that_differs_is_ignored_or_refused(server: Emulator) -> None:
    chat(server, prompt="one", wait_for="idle")
    ignored = chat(server, prompt="two")
    assert ignored["changed"] is False and "on_prompt_change" in ignored.warnings[0]
    refused = chat(server, prompt="two", on_prompt_change="fail")
    assert refused.kind == "conflict" and said(only(server)) == ["one"]
    assert chat(server, prompt=" one ", on_prompt_change="fail")["changed"] is False


def test_a_prompt_is_sent_once(server: Emulator) -> None:
    chat(server, prompt="one", wait_for="idle")
    options = {"prompt": "two", "on_prompt_change": "send"}
    assert chat(server, check=True, **options)["changed"] is True
    assert chat(server, wait_for="replied", **options)["changed"] is True
    assert chat(server, **options)["changed"] is False
    assert said(only(server)) == ["one", "two"]


def test_20_a_prompt_is_edited_once(server: Emulator) -> None:
    chat(server, prompt="one", wait_for="idle")
    chat(server, prompt="more", on_prompt_change="send", wait_for="idle")
    options = {"prompt": "two", "on_prompt_change": "edit", "discard_log": True, "wait_for": "replied"}
    assert chat(server, check=True, **options)["changed"] is True
    assert chat(server, **options)["changed"] is True
    assert said(only(server)) == ["two"]
    assert chat(server, **options)["changed"] is False


def test_20_a_prompt_that_was_said_later_is_still_edited_into_the_first(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38")
    chat(server, prompt="one", wait_for="idle")
    chat(server, prompt="two", on_prompt_change="send", wait_for="idle")
    for how in ("ignore", "send", "fail"):
        assert chat(server, prompt="two", on_prompt_change=how)["changed"] is False
    assert chat(server, prompt="two", on_prompt_change="edit", discard_log=True)["changed"] is True
    assert said(only(server)) == ["two"]


def test_33_a_prompt_that_is_refused_is_sent_by_the_same_call_later(server: Emulator) -> None:
    assert server.state.chats is not None
    server.state.chats.usage_limit = 0
    refused = chat(server, prompt="one")
    assert refused.kind == "conflict" and "limit" in refused.msg
    assert refused["changed"] is bool(kept(server)) and bool(refused["chat"]) is bool(kept(server))
    server.state.chats.usage_limit = None
    done = chat(server, prompt="one", wait_for="replied")
    assert done["changed"] and said(only(server)) == ["one"], done.msg


def test_33_a_chat_that_was_never_told_anything_is_told(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38")
    server.create_chat("", labels={NAME: "fix"})
    done = chat(server, prompt="one", wait_for="replied")
    assert done["changed"] and said(only(server)) == ["one"] and not done.warnings


def test_33_a_chat_that_is_just_being_told_its_first_prompt_is_not_told_it_twice(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38")
    empty, clock = server.create_chat("", labels={NAME: "fix"}), Meanwhile(lambda: empty.say("one", "Done."))
    assert chat(server, prompt="one", check=True, clock=clock)["changed"] is True and clock.slept == []
    assert chat(server, prompt="one", clock=clock)["changed"] is False and said(empty) == ["one"]


# Idle and archived


def test_idle_stops_a_family_and_tells_what_it_took_out_of_the_queue(server: Emulator) -> None:
    made = chat(server, prompt=f"Split {SPAWN.format(5000)}", wait=False)
    assert made["changed"]
    while not only(server).children:
        chat(server)
    chat(server, prompt="go on [[wait 5000]]", on_prompt_change="send")
    chat(server, prompt="and on", on_prompt_change="send")
    assert chat(server, state="idle", check=True)["changed"] is True
    done = chat(server, state="idle")
    assert done["changed"] and not done.failed, done.msg
    assert [queued["text"] for queued in done["discarded"]] == ["and on"]
    assert not any(member.busy for member in only(server).family())
    assert chat(server, state="idle")["changed"] is False


def test_archived_stops_archives_and_tells_when_it_is_deleted(server: Emulator) -> None:
    chat(server, prompt="Count [[wait 5000]]")
    assert chat(server, state="archived", check=True)["changed"] is True
    done = chat(server, state="archived")
    assert (done["changed"], done["chat"]["archived"]) == (True, True), done.msg
    assert done["chat"]["purge_after"] > done["chat"]["updated_at"]
    again = chat(server, state="archived", labels={"a": "1"})
    assert (again["changed"], again.writes) == (False, [])
    assert chat(server, name="nobody", state="archived")["chat"] is None


def test_what_is_gone_needs_no_archive(server: Emulator) -> None:
    gone = "11111111-1111-4111-8111-111111111111"
    done = chat(server, name=None, id=gone, state="archived")
    assert (done["changed"], done["chat"]) == (False, None) and gone in done.warnings[0]
    assert chat(server, name=None, id=gone, prompt="x").kind == "not_found"


# Waiting


@pytest.mark.parametrize(
    ("prompt", "says"), [("Fail [[err 400]]", "its last turn failed"), ("Nothing [[empty]]", "without any text")]
)
def test_13_17_a_turn_that_is_over_need_not_have_answered(server: Emulator, prompt: str, says: str) -> None:
    idle = chat(server, prompt=prompt, wait_for="idle")
    assert not idle.failed
    replied = chat(server, prompt=prompt, wait_for="replied")
    assert replied.kind == "conflict" and says in replied.msg
    assert replied["chat"]["id"] == only(server).id and replied["diagnosis"]["status"] == only(server).status


def test_a_wait_that_ends_too_early_tells_what_was_begun(server: Emulator) -> None:
    done = chat(server, prompt="Count [[wait 5000]]", wait_for="idle", wait_timeout=0.2)
    assert (done.kind, done["changed"], done["created_by"]) == ("wait_timeout", True, "this_call")
    assert done["diagnosis"]["status"] in ("pending", "running")


def test_check_mode_waits_for_no_turn(emulator: Start) -> None:
    server, clock = emulator("", chats="chats-2.38"), Meanwhile()
    chat(server, prompt="Count [[wait 5000]]")
    would = chat(server, title="New", wait_for="replied", check=True, clock=clock)
    assert would["changed"] is True and clock.slept == []
    assert chat(server, title="New", wait=False, wait_for="replied", clock=clock)["waited"] == 0.0


@pytest.mark.parametrize("dialect", ["chats-2.37", "chats-2.38"])
def test_26_a_wait_for_a_free_slot_is_told(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect)
    for number in range(5):
        chat(server, name=f"c{number}", prompt="Count [[wait 5000]]")
    done = chat(server, prompt="x", wait_for="replied", wait_timeout=0.2)
    assert done.kind == "wait_timeout" and "waits for other chats" in done.msg
    assert done["diagnosis"]["queued_for_capacity"] is True


# Others


def test_33_a_chat_for_another_user(server: Emulator) -> None:
    allow(server)
    done = chat(server, name=None, prompt="x", owner="bob", title="Bob's")
    assert server.chat_dialect is not None
    if server.chat_dialect.owner_id:
        assert done["chat"]["owner_username"] == "bob" and not done.failed
        assert chat(server, name=None, id=done["chat"]["id"], owner="bob", state="archived")["changed"]
    else:
        assert done.kind == "unsupported" and done["changed"] and only(server).archived


def test_11_an_owner_that_is_another_is_an_error(server: Emulator) -> None:
    allow(server)
    mine = server.create_chat("x")
    done = chat(server, name=None, id=mine.id, owner="bob", state="archived")
    assert done.kind == "conflict" and not mine.archived


def test_31_a_server_without_chats_says_so(emulator: Start, dialect: str) -> None:
    done = chat(emulator(dialect), prompt="x")
    assert done.kind == "unsupported" and "has no chats" in done.msg


def test_05_without_the_right_nothing_is_created(emulator: Start) -> None:
    server = emulator("", chats="chats-2.35")
    done = call("chat", server, user="bob", name="fix", prompt="x")
    assert done.kind == "forbidden" and not named(server, "fix")
    assert posts(server, "/messages") == 0
