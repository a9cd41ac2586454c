# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module workspace on servers of every dialect, those without tasks and those with chats, too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
import yaml
from calling import Call, FakeClock, ReleasingClock, call

from ansible_collections.coder.tasks.plugins.module_utils.coder.workspaces import wait
from ansible_collections.coder.tasks.plugins.module_utils.coder.workspaces.backend import WorkspacesBackend
from ansible_collections.coder.tasks.plugins.module_utils.coder.workspaces.models import WorkspaceFields
from emulator import DIALECTS, Emulator
from emulator.builds import Workspace
from emulator.faults import LOST_ANSWERS
from emulator.server import DEFAULT_FIXTURES

Start = Callable[..., Emulator]
ALL = list(DIALECTS)
WITH_TASKS = [name for name in DIALECTS if DIALECTS[name].task_prefixes]
US = {"region": "us"}


@pytest.fixture
def server(emulator: Start) -> Emulator:
    return emulator(time_factor=0.01)


def ensure(server: Emulator, **options: Any) -> Call:
    return call("workspace", server, **{"name": "box", "template": "plain", **options})


def boxes(server: Emulator, name: str = "box") -> list[Workspace]:
    return [each for each in server.state.workspaces.values() if each.name == name and not each.is_deleted()]


def only(server: Emulator) -> Workspace:
    (box,) = boxes(server)
    return box


def have(server: Emulator, state: str) -> None:
    """Bring about one of absent, started, stopped and failed."""
    if state == "absent":
        return
    assert not ensure(server).failed
    if state == "stopped":
        assert not ensure(server, state="stopped").failed
    if state == "failed":
        build = only(server).latest
        build.outcome, build.error = "failed", "exit status 1"


def twice(server: Emulator, **options: Any) -> Call:
    """Under check mode, for real, and again: what is predicted happens, and the second time nothing."""
    predicted = ensure(server, check=True, diff=True, **options)
    done = ensure(server, diff=True, **options)
    assert not done.failed, done.msg
    assert predicted["changed"] == done["changed"] and predicted["diff"] == done["diff"]
    assert (predicted["workspace"] is None) == (done["workspace"] is None)
    for check in (True, False):
        again = ensure(server, check=check, diff=True, **options)
        assert again["changed"] is False and again.writes == []
        assert again["diff"]["before"] == again["diff"]["after"]
    return done


@pytest.mark.parametrize("dialect", ALL)
def test_the_cycle(emulator: Start, dialect: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    made = twice(server, parameters=US)
    assert (made["created_by"], made["changed"]) == ("this_call", True)
    assert (made["workspace"]["status"], made["workspace"]["agents"][0]["lifecycle"]) == ("running", "ready")
    assert made["workspace"]["url"] == f"{server.url}/@alice/box"
    assert only(server).latest.parameters == US
    assert twice(server, state="stopped")["workspace"]["status"] == "stopped"
    assert twice(server)["changed"] is False
    assert twice(server, state="started")["workspace"]["status"] == "running"
    gone = twice(server, state="absent")
    assert (gone["workspace"], gone["chats"], boxes(server)) == (None, [], [])


@pytest.mark.parametrize("state", ["present", "started", "stopped", "absent"])
@pytest.mark.parametrize("before", ["absent", "started", "stopped", "failed"])
def test_every_state_from_every_state(server: Emulator, before: str, state: str) -> None:
    have(server, before)
    if (before, state) == ("absent", "stopped"):
        assert "never creates" in ensure(server, state=state).msg
        return
    if (before, state) == ("failed", "present"):
        told = ensure(server, state=state)
        assert told.kind == "build_failed" and "exit status 1" in told.msg and not told["changed"]
        assert told["workspace"]["reason"] and told["diagnosis"]["build"]["status"] == "failed"
        return
    done = twice(server, state=state)
    rests = {"present": before if before != "absent" else "started", "started": "started", "stopped": "stopped"}
    statuses = {"started": "running", "stopped": "stopped"}
    assert (done["workspace"] or {}).get("status") == statuses.get(rests.get(state, ""))


@pytest.mark.parametrize("build", ["start", "stop", "delete"])
@pytest.mark.parametrize("state", ["present", "started", "stopped", "absent"])
def test_a_running_build_is_waited_for(server: Emulator, build: str, state: str) -> None:
    have(server, "stopped" if build == "start" else "started")
    before = only(server)
    server.state.build(before, build, before.owner)
    if (build, state) == ("delete", "stopped"):
        assert ensure(server, state=state).kind == "not_found"
        return
    done = ensure(server, state=state)
    assert not done.failed, done.msg
    if build == "delete" and state != "absent":
        assert done["created_by"] == "this_call" and done["workspace"]["id"] != before.id
    else:
        assert done["created_by"] is None
    expected = {"absent": None, "stopped": "stopped", "started": "running"}
    status = expected.get(state, "stopped" if build == "stop" else "running")
    assert (done["workspace"] or {}).get("status") == status


@pytest.mark.parametrize("wait", [True, False])
def test_an_earlier_removal_is_waited_for(server: Emulator, wait: bool) -> None:
    have(server, "started")
    box = only(server)
    server.state.hold_builds()
    server.state.build(box, "delete", box.owner)
    done = ensure(server, state="absent", wait=wait, clock=ReleasingClock(server))
    assert (done["changed"], done["workspace"], done.writes) == (False, None, []), done.msg
    assert box.is_deleted() is wait


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_without_wait_a_running_build_is_an_error_that_says_so(server: Emulator, state: str) -> None:
    server.state.hold_builds()
    assert ensure(server, wait=False)["workspace"]["status"] == "pending"
    told = ensure(server, state=state, wait=False)
    assert told.kind == "conflict" and "wait=true" in told.msg and not told["changed"]


def test_a_build_that_does_not_end_is_a_timeout_with_a_diagnosis(server: Emulator) -> None:
    server.state.hold_builds()
    told = ensure(server, wait_timeout=0.1)
    assert told.kind == "wait_timeout" and told["changed"] and told["workspace"]["status"] == "pending"
    assert told["diagnosis"]["build"]["status"] == "pending" and told["waited"] >= 0.1
    told = ensure(server, state="absent", wait_timeout=0.1)
    assert told.kind == "wait_timeout" and told["diagnosis"]["build"]["transition"] == "start"


@pytest.mark.parametrize("fault", [*LOST_ANSWERS, {"kind": "reset"}], ids=str)
@pytest.mark.parametrize("state", ["present", "started", "stopped", "absent"])
def test_a_lost_answer_is_resolved_by_a_look(server: Emulator, state: str, fault: dict[str, Any]) -> None:
    have(server, {"present": "absent", "started": "stopped"}.get(state, "started"))
    server.faults.add(**fault, method="POST", path="(workspaces|builds)$")
    done = ensure(server, state=state)
    assert not done.failed, done.msg
    assert done["changed"] and len(boxes(server)) == (state != "absent")


def test_a_create_whose_answer_is_lost_is_uncertain(server: Emulator) -> None:
    server.faults.add("lost", method="POST", path="workspaces$")
    assert ensure(server)["created_by"] == "uncertain"


def test_what_an_existing_one_is_not_made_from_is_told(server: Emulator) -> None:
    assert not ensure(server, template="ai", preset="Slow").failed
    told = ensure(server)
    assert (told["changed"], told["created_by"]) == (False, None) and "the template 'ai'" in told.warnings[0]
    assert "the preset 'Slow'" in ensure(server, template="ai", preset="Fast").warnings[0]
    assert ensure(server, template="ai", preset="Slow").warnings == []


def test_creators_at_once_make_one_workspace(server: Emulator) -> None:
    server.state.settings.create_time = 5.0
    done: list[Call] = []
    threads = [threading.Thread(target=lambda: done.append(ensure(server))) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [each.msg for each in done if each.failed]
    makers = sorted(each["created_by"] or "" for each in done)
    assert makers.count("this_call") == 1 and len(boxes(server)) == 1
    assert len({each["workspace"]["id"] for each in done}) == 1


# Parameters


def test_parameters_that_differ_are_told_applied_or_refused(server: Emulator) -> None:
    have(server, "started")
    ignored = ensure(server, parameters=US)
    assert ignored["changed"] is False and "(region)" in ignored.warnings[0]
    told = ensure(server, parameters=US, on_parameter_change="fail")
    assert told.kind == "conflict" and "differ (region)" in told.msg
    told = ensure(server, parameters=US, on_parameter_change="update")
    assert told.kind == "conflict" and "allow_restart=true" in told.msg and not told.writes
    done = twice(server, parameters=US, on_parameter_change="update", allow_restart=True)
    assert done.writes == ["POST builds", "POST builds"] and only(server).latest.parameters == US
    assert [done["diff"][side]["parameters"] for side in ("before", "after")] == [{"region": "eu"}, US]
    assert [build.transition for build in only(server).builds] == ["start", "stop", "start"]


def test_one_that_somebody_else_starts_during_the_restart_has_not_our_parameters(
    server: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(server, "started")
    start = WorkspacesBackend.start

    def start_second(*given: Any) -> bool:
        monkeypatch.undo()
        assert ensure(server, state="started", wait=False)["changed"]
        return start(*given)

    monkeypatch.setattr(WorkspacesBackend, "start", start_second)
    told = ensure(server, parameters=US, on_parameter_change="update", allow_restart=True)
    assert told.kind == "conflict" and "somebody else has started it meanwhile" in told.msg
    assert only(server).latest.parameters != US


def test_a_stopped_workspace_takes_parameters_with_its_start(server: Emulator) -> None:
    have(server, "stopped")
    told = ensure(server, parameters=US, on_parameter_change="update")
    assert told.kind == "conflict" and "state=started" in told.msg
    done = twice(server, parameters=US, on_parameter_change="update", state="started")
    assert done.writes == ["POST builds"] and only(server).latest.parameters == US
    told = ensure(server, parameters=US, on_parameter_change="update", state="stopped")
    assert told.kind == "invalid" and "does not go with state=stopped" in told.msg


def test_a_workspace_whose_build_failed_gets_parameters_and_is_started(server: Emulator) -> None:
    have(server, "failed")
    done = ensure(server, parameters=US, on_parameter_change="update", state="started")
    assert done["workspace"]["status"] == "running" and only(server).latest.parameters == US


def with_parameters(emulator: Start, tmp_path: Any, *parameters: dict[str, Any]) -> Emulator:
    fixtures = yaml.safe_load(DEFAULT_FIXTURES.read_text())
    fixtures["templates"].append({"name": "own", "task": False, "parameters": list(parameters)})
    path = tmp_path / "fixtures.yml"
    path.write_text(yaml.safe_dump(fixtures))
    return emulator(time_factor=0.01, fixtures=path)


def test_a_fixed_parameter_and_an_ephemeral_one(emulator: Start, tmp_path: Any) -> None:
    fixed, brief = {"name": "disk", "mutable": False}, {"name": "debug", "ephemeral": True}
    server = with_parameters(emulator, tmp_path, fixed, brief)
    made = ensure(server, template="own", parameters={"disk": 8, "debug": True})
    assert not made.failed and only(server).latest.parameters == {"disk": "8", "debug": "true"}
    update = {"template": "own", "on_parameter_change": "update", "allow_restart": True}
    told = ensure(server, parameters={"disk": 9}, **update)
    assert told.kind == "invalid" and "never changes" in told.msg and "disk" in told.msg and not told.writes
    assert ensure(server, parameters={"disk": 8, "debug": False}, **update)["changed"] is False


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"template": None}, "invalid", "Templates: ai, ai-fail"),
        ({"template": "nope"}, "not_found", "there is no template 'nope'. Templates: ai"),
        ({"template": "ai", "preset": "nope"}, "not_found", "Fast, Slow"),
        ({"template_version": "nope"}, "not_found", "Its versions"),
        ({"organization": "nope"}, "not_found", "'nope' does not exist"),
        ({"parameters": {"regon": "eu"}}, "invalid", "no parameter 'regon'. Its parameters: region"),
        ({"parameters": {"region": "mars"}}, "invalid", "cannot be 'mars'. Choose from: eu, us"),
        ({"parameters": {"region": None}}, "invalid", "'region' has no value"),
        ({"template": "ai", "preset": "Fast", "parameters": US}, "invalid", "'Fast' makes it 'eu'"),
        ({"template": "ai-req"}, "invalid", "requires 'repo'. Give 'parameters'"),
        ({"template": " "}, "invalid", "'template' is empty"),
        ({"name": "a b"}, "invalid", "name of a workspace"),
        ({"name": "bob/box", "owner": "alice"}, "invalid", "workspace is given as 'bob/box'"),
        ({"name": "00000000-0000-4000-8000-000000000000"}, "not_found", "no workspace with the id"),
        ({"owner": "nobody", "state": "absent"}, "not_found", "the user 'nobody'"),
        ({"owner": "nobody"}, "not_found", "the user 'nobody'"),
    ],
)
def test_what_cannot_be_right_is_said(server: Emulator, options: dict[str, Any], kind: str, says: str) -> None:
    for check in (True, False):
        told = ensure(server, check=check, **options)
        if check and options.get("owner") == "nobody" and "state" not in options:
            assert told.kind == kind
        assert (told.kind, told["changed"]) == (kind, False) and says in told.msg, told.msg
    assert boxes(server) == []


def test_a_preset_and_parameters_together(server: Emulator) -> None:
    given = {"template": "ai-req", "parameters": {"repo": "https://example.com/r"}}
    made = ensure(server, **given)
    assert only(server).latest.parameters["repo"] == "https://example.com/r" and not made.failed
    other = ensure(server, template="ai-req", preset="With repo")
    assert "the preset 'none'" in other.warnings[0] and other["changed"] is False


def test_a_workspace_of_another_owner(server: Emulator) -> None:
    made = ensure(server, name="bob/box")
    assert made["workspace"]["owner_name"] == "bob" and ensure(server, owner="bob")["changed"] is False
    assert ensure(server, name=made["workspace"]["id"], state="stopped")["workspace"]["status"] == "stopped"
    refused = ensure(server, name="alice/other", user="bob")
    assert refused.kind in ("forbidden", "not_found") and boxes(server, "other") == []


def test_an_owner_outside_the_templates_organization(server: Emulator) -> None:
    """A server says the same of an owner that there is not; only a look at the user tells."""
    body = '{"message":"Resource not found or you do not have access to this resource"}'
    server.faults.add("status", method="POST", path="/workspaces$", status=404, body=body, count=None)
    for owner, name in (("bob", "bob"), ("me", "alice")):
        refused = ensure(server, owner=owner)
        assert (refused.kind, refused["failure"]["status"], refused["changed"]) == ("not_found", 404, False)
        assert f"lets the user '{name}' have no workspace" in refused.msg and "template's organization" in refused.msg
    unknown = ensure(server, owner="nobody")
    assert unknown.kind == "not_found" and "'nobody' does not exist" in unknown.msg


def test_an_agent_that_is_lost_is_told(server: Emulator) -> None:
    have(server, "started")
    box = only(server)
    box.agents[1].dead_since = server.state.clock.now()
    told = ensure(server, wait=False)
    assert "agent has lost connection" in told["workspace"]["reason"]
    clock = FakeClock()
    waited = ensure(server, wait_timeout=600, poll_interval=1, clock=clock)
    assert waited.kind == "unavailable" and "its agent" in waited.msg and "is not healthy" in waited.msg
    assert wait.AGENT_LOST <= sum(clock.slept) < wait.AGENT_LOST + 10, "it may come back until then"


@pytest.mark.parametrize(("lifecycle", "words"), [("start_error", "failed"), ("start_timeout", "did not end in time")])
def test_a_start_script_that_went_wrong_is_told(lifecycle: str, words: str) -> None:
    agent = {"id": "a1", "name": "main", "status": "connected", "lifecycle": lifecycle, "healthy": True, "reason": None}
    found = wait.ailment(cast(WorkspaceFields, {"status": "running", "transition": "start", "agents": [agent]}))
    assert found is not None and f"start script of its agent main {words}" in found.reason


def test_why_a_build_failed_may_be_unreadable(server: Emulator) -> None:
    """It goes with what is being told, and takes nothing away from it."""
    have(server, "failed")
    server.faults.add("status", method="GET", path="/workspacebuilds/", status=500, count=None)
    told = ensure(server, wait=False, retries=0)
    assert "why could not be read" in told["workspace"]["reason"]


def test_one_that_is_gone_when_it_is_to_be_deleted_is_deleted(server: Emulator) -> None:
    have(server, "started")
    server.faults.add("status", method="POST", path="/builds$", status=404, body='{"message":"Gone."}')
    server.faults.add("status", method="GET", path=f"/workspaces/{only(server).id}$", status=404, skip=1, count=None)
    told = ensure(server, state="absent", wait=False)
    assert not told.failed and told["changed"] is False, told.msg


# What hangs on a workspace


@pytest.mark.parametrize("dialect", WITH_TASKS)
@pytest.mark.parametrize("state", ["active", "paused"])
def test_the_workspace_of_a_task_is_not_deleted(emulator: Start, dialect: str, state: str) -> None:
    server = emulator(dialect, time_factor=0.01)
    server.create_task("box", state=state)
    for check in (True, False):
        told = ensure(server, state="absent", check=check)
        assert told.kind == "conflict" and "coder.tasks.task" in told.msg and not told.writes
    assert len(boxes(server)) == 1


def test_a_workspace_is_not_deleted_where_whose_it_is_cannot_be_told(emulator: Start) -> None:
    server = emulator("2025-10", time_factor=0.01)
    have(server, "started")
    server.faults.add("status", path="/tasks", status=500, body='{"message":"No."}', count=None)
    told = ensure(server, state="absent", retries=0)
    assert told.failed and not told.writes and len(boxes(server)) == 1


def test_where_there_are_no_tasks_it_can_be_no_tasks(emulator: Start) -> None:
    server = emulator("2025-10", time_factor=0.01)
    have(server, "started")
    server.faults.add("status", path="/tasks", status=404, body='{"message":"Route not found."}', count=None)
    assert ensure(server, state="absent")["changed"] and not boxes(server)


@pytest.mark.parametrize("dialect", ["chats-2.35", "chats-2.37", "chats-2.38"])
def test_chats_stay_and_are_told(emulator: Start, dialect: str) -> None:
    server = emulator("", chats=dialect, time_factor=0.01)
    have(server, "started")
    box = only(server)
    mine = server.create_chat("Mine", workspace_id=box.id)
    server.create_chat("Old", workspace_id=box.id, archived=True)
    server.create_chat("Elsewhere")
    bobs = server.create_chat("Bobs", owner=server.state.user("bob"), workspace_id=box.id)
    told = ensure(server, state="absent", check=True)
    assert {chat["id"] for chat in told["chats"]} == {mine.id, bobs.id}
    done = ensure(server, state="absent")
    assert done["chats"] == told["chats"] and not boxes(server) and not mine.archived


def test_chats_that_cannot_be_seen_do_not_stand_in_the_way(emulator: Start) -> None:
    server = emulator("", chats="chats-2.38", time_factor=0.01)
    have(server, "started")
    server.faults.add("status", path="/chats", status=403, body='{"message":"Forbidden."}', count=None)
    done = ensure(server, state="absent")
    assert done["changed"] and done["chats"] == [] and "could not be seen" in done.warnings[0]
