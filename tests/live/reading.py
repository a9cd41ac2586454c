# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of templates and tasks, in the ways in which modules are called."""

from __future__ import annotations

from typing import Any

from live.case import CHECK, NotApplicable, case, step
from live.deployment import PROMPT, Deployment


@case("A server says what it has")
def server(deployment: Deployment) -> None:
    told = deployment.play(step("Server", "server_info", {})).ok("Server", changed=False)["server"]
    for kind in ("tasks", "chats"):
        has = told[kind] == "yes" if kind == "tasks" else told[kind] != "none"
        assert has == (not deployment.lacks(kind)), f"It says of {kind}: {told[kind]}, and that is not so"


@case("A template with its presets and versions", "tasks")
def template(deployment: Deployment) -> None:
    done = deployment.play(
        step("One", "template_info", {"name": deployment.settings.template, "versions": True}),
        step("None", "template_info", {"name": f"{deployment.prefix}-nothing"}),
    )
    (found,) = done.ok("One", changed=False)["templates"]
    assert [version for version in found["versions"] if version["active"]], "No version of the template is active"
    done.refused("None", "not_found", "invalid")


@case("Tasks by name, by id, by an expression, as a table, and none", "tasks")
def info(deployment: Deployment) -> None:
    deployment.have("one", "two")
    names = [deployment.name("one"), deployment.name("two")]
    ours = {"select": deployment.only_ours}
    done = deployment.play(
        step("By name", "task_info", {"name": names}, register="found"),
        step("By id", "task_info", {"name": "{{ found.tasks[0].id }}"}),
        step("By an expression", "task_info", {**ours, "fields": "brief", "table": True}),
        step("In check mode", "task_info", {"name": names}, **CHECK),
        step("None", "task_info", {"name": f"{deployment.prefix}-nobody"}),
        step("A wrong expression", "task_info", {"select": "[?"}),
    )
    found = {task["name"]: task for task in done.ok("By name", changed=False)["tasks"]}
    assert sorted(found) == sorted(names), "The tasks are not those of these names"
    assert {task["initial_prompt"] for task in found.values()} == {PROMPT}, "The prompt is not what was given"
    (by_id,) = done.ok("By id")["tasks"]
    assert by_id["name"] in names, "The id leads to another task"
    selected = done.ok("By an expression")
    assert set(names) <= {task["name"] for task in selected["tasks"]}, "The expression leaves one out"
    assert any(names[0] in line for line in selected["table"]), "The table has no line for a task"
    assert len(done.ok("In check mode")["tasks"]) == 2, "Check mode reads something else"
    assert done.ok("None")["missing"], "It is not told that there is no such task"
    done.refused("A wrong expression", "invalid")


@case("The log of a running task, whole, by its end, and bounded in bytes", "tasks")
def live_log(deployment: Deployment) -> None:
    deployment.have("one")
    name = {"name": deployment.name("one")}
    done = deployment.play(
        step("Log", "task_logs_info", name),
        step("End", "task_logs_info", {**name, "tail": 1}),
        step("Bounded", "task_logs_info", {**name, "max_bytes": 400}),
        step("Nobody", "task_logs_info", {"name": f"{deployment.prefix}-nobody", "fail_on_unavailable": True}),
    )
    (log,) = done.ok("Log", changed=False)["logs"]
    if log["source"] == "none":
        raise NotApplicable(f"The running task has no log to give: {log['reason']}")
    assert log["source"] == "live" and log["messages"], "The log of a running task is empty"
    assert len(done.ok("End")["logs"][0]["messages"]) == 1, "The end of the log is not one message"
    assert done.ok("Bounded")["summary"]["bytes"] <= 400, "The bounded log is longer than its bound"
    done.refused("Nobody", "not_found")


@case("The log of a paused task, from its snapshot", "tasks:snapshots")
def snapshot(deployment: Deployment) -> None:
    deployment.have("two", paused=True)
    done = deployment.play(step("Log", "task_logs_info", {"name": deployment.name("two")}))
    (log,) = done.ok("Log", changed=False)["logs"]
    if log["source"] == "none":
        raise NotApplicable("Workspaces of this template save no snapshot when they stop; see the role shutdown_hook.")
    assert log["source"] == "snapshot" and log["snapshot_at"] and log["messages"], "The snapshot says nothing"


@case("The prompt of a workspace build", "tasks")
def prompt(deployment: Deployment) -> None:
    deployment.have("one")
    # Only the API tells the id of a build; here as a playbook asks it.
    server = deployment.settings.url.rstrip("/")
    workspace: dict[str, Any] = {
        "name": "Workspace",
        "ansible.builtin.uri": {
            "url": f"{server}/api/v2/workspaces/{{{{ found.tasks[0].workspace_id }}}}",
            "headers": {"Coder-Session-Token": "{{ lookup('ansible.builtin.env', 'CODER_SESSION_TOKEN') }}"},
        },
        "register": "workspace",
        "no_log": True,
    }
    done = deployment.play(
        step("Task", "task_info", {"name": deployment.name("one")}, register="found"),
        workspace,
        step("Prompt", "task_prompts_info", {"build_ids": ["{{ workspace.json.latest_build.id }}"]}),
    )
    told = done.ok("Prompt", changed=False)
    assert [item["prompt"] for item in told["prompts"]] == [PROMPT], "The prompt is not what was given"


@case("The same result as an ordinary module, and from an ad-hoc command", "tasks")
def ways(deployment: Deployment) -> None:
    deployment.have("one")
    name = deployment.name("one")
    options = {"name": name, "fields": ["id", "name", "initial_prompt"]}
    done = deployment.play(
        step("In Ansible's process", "task_info", options),
        step("As a module", "task_info", options, environment={"ANYTHING": "1"}),
    )
    results = [done.ok(way) for way in ("In Ansible's process", "As a module")]
    assert results[0]["tasks"] == results[1]["tasks"], "The two ways return different things"
    run = deployment.run("ansible", "localhost", "-m", "coder.tasks.task_info", "-a", f"name={name}")
    assert run.rc == 0 and f'"name": "{name}"' in run.stdout, "The ad-hoc command does not show the task"
