# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of one workspace that is no task's, on a server with tasks or without."""

from __future__ import annotations

from live.case import CHECK, DIFF, NotApplicable, case, step
from live.deployment import Deployment


@case("A workspace is shown in check mode, made, stopped, started and deleted")
def life(deployment: Deployment) -> None:
    if not deployment.lacks("tasks") and deployment.lacks("tasks:update_input"):
        raise NotApplicable("Before Coder 2.29 each workspace of such a template is a task.")
    box = deployment.workspace("box")
    name = {"name": box["name"]}
    done = deployment.play(
        step("Shown", "workspace", box, **CHECK, **DIFF),
        step("Not there", "workspace", {**name, "state": "stopped"}),
        step("Made", "workspace", box, **DIFF),
        step("Made again", "workspace", box, **DIFF),
        step("Stopped", "workspace", {**name, "state": "stopped"}, **DIFF),
        step("Stopped again", "workspace", {**name, "state": "stopped"}),
        step("Started", "workspace", {**name, "state": "started"}, **DIFF),
        step("Deleted, shown", "workspace", {**name, "state": "absent"}, **CHECK),
        step("Deleted", "workspace", {**name, "state": "absent"}, **DIFF),
        step("Deleted again", "workspace", {**name, "state": "absent"}),
    )
    assert box["name"] in str(done.ok("Shown", changed=True)["diff"]["after"]), "The diff does not show the workspace"
    done.refused("Not there", "not_found")
    made = done.ok("Made", changed=True)["workspace"]
    assert (made["name"], made["status"]) == (box["name"], "running"), "The workspace does not run"
    again = done.ok("Made again", changed=False)["workspace"]
    assert again["id"] == made["id"], "There is a second workspace"
    assert done.ok("Stopped", changed=True)["workspace"]["status"] == "stopped", "It is not stopped"
    done.ok("Stopped again", changed=False)
    assert done.ok("Started", changed=True)["workspace"]["status"] == "running", "It is not running"
    done.ok("Deleted, shown", changed=True)
    assert done.ok("Deleted", changed=True)["workspace"] is None, "It is still there"
    done.ok("Deleted again", changed=False)


@case("The workspace of a task is not deleted", "tasks")
def refused(deployment: Deployment) -> None:
    deployment.have("life")
    done = deployment.play(
        step("Refused", "workspace", {"name": deployment.name("life"), "state": "absent"}),
        step("Still there", "task_info", {"name": deployment.name("life")}),
    )
    done.refused("Refused", "conflict")
    assert done.ok("Still there")["tasks"], "The task is gone"
