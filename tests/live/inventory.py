# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and workspaces of chats as hosts, and modules that run inside a workspace."""

from __future__ import annotations

import json
from typing import Any

import yaml

from live.case import CHECK, NotApplicable, case, step
from live.deployment import RUN_LABEL, Deployment

FILE = "live.coder.yml"


def configure(deployment: Deployment, **options: Any) -> None:
    """Write an inventory that chooses what is ours."""
    content = yaml.safe_dump({"plugin": "coder.tasks.tasks", **options})
    (deployment.folder / FILE).write_text(content, encoding="utf-8")


def hosts(deployment: Deployment, **options: Any) -> dict[str, Any]:
    """Variables of each host of the inventory."""
    configure(deployment, **options)
    run = deployment.run("ansible-inventory", "-i", FILE, "--list")
    assert run.rc == 0 and "Failed to parse" not in run.stderr, f"The inventory cannot be read: {run.stderr[-300:]}"
    found: dict[str, Any] = json.loads(run.stdout)["_meta"]["hostvars"]
    return found


@case("Tasks are hosts", "tasks")
def tasks(deployment: Deployment) -> None:
    deployment.have("one")
    name = deployment.name("one")
    found = hosts(deployment, select=f"name == '{name}'")
    assert list(found) == [name], f"The hosts are not the task that was chosen: {', '.join(found)}"
    way = str(found[name]["ansible_ssh_common_args"])
    assert "coder ssh --stdio" in way and name in way, "The host has no way through `coder ssh`"


@case("Workspaces of chats are hosts", "chats")
def chats(deployment: Deployment) -> None:
    found = hosts(deployment, source="chats", labels={RUN_LABEL: deployment.prefix})
    assert not found, f"Chats without a workspace are hosts: {', '.join(found)}"


@case("Modules that run in a workspace speak to its AgentAPI", "tasks", "command coder")
def inside(deployment: Deployment) -> None:
    deployment.have("one")
    name = deployment.name("one")
    configure(deployment, select=f"name == '{name}'")
    play = {"hosts": "coder_tasks", "vars": {"ansible_python_interpreter": "auto_silent"}}
    port = {"ansible.builtin.command": "printenv ARG_AGENTAPI_PORT", "register": "port"}
    agentapi = {"agentapi_url": "http://localhost:{{ port.stdout | default('3284', true) }}"}
    task_id = {"task_id": "{{ coder_task.id }}"}
    done = deployment.play(
        {"name": "Port", **port, "failed_when": False, "changed_when": False},
        step("AgentAPI", "agentapi_info", {**agentapi, "tail": 1}),
        step("Message", "agentapi_message", {**agentapi, "input": "Say hello."}, **CHECK),
        step("Snapshot", "log_snapshot", task_id, **CHECK),
        options=("-i", FILE),
        play=play,
    )
    if done["AgentAPI"].get("failed") and done["AgentAPI"]["failure"]["kind"] in ("network", "unavailable"):
        raise NotApplicable(f"The workspace has no AgentAPI where it is expected: {done['AgentAPI']['msg']}")
    done.ok("AgentAPI", changed=False)
    done.ok("Message", changed=True)
    done.ok("Snapshot")
