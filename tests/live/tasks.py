# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of one task: every state of the module `task`, and the mistakes that it refuses."""

from __future__ import annotations

from live.case import CHECK, DIFF, case, step
from live.deployment import Deployment

PROMPT = "Say hello twice."


@case("A task is shown in check mode, made, and left as it is", "tasks")
def create(deployment: Deployment) -> None:
    life = deployment.task("life")
    done = deployment.play(
        step("Shown", "task", life, **CHECK, **DIFF),
        step("Not there", "task_info", {"name": life["name"]}),
        step("Made", "task", life, **DIFF),
        step("Made again", "task", life, **DIFF),
        step("With another prompt", "task", {**life, "input": PROMPT}),
        step("That is to fail", "task", {**life, "input": PROMPT, "on_input_change": "fail"}),
        step("Made anew, unconfirmed", "task", {**life, "input": PROMPT, "on_input_change": "recreate"}),
    )
    shown = done.ok("Shown", changed=True)
    assert life["name"] in str(shown["diff"]["after"]), "The diff does not show the task"
    assert done.ok("Not there")["missing"], "Check mode made the task"
    made = done.ok("Made", changed=True)
    assert made["created_by"] == "this_call" and made["task"]["name"] == life["name"], "This is not the task"
    again = done.ok("Made again", changed=False)
    assert again["task"]["id"] == made["task"]["id"], "There is a second task"
    other = done.ok("With another prompt", changed=False)
    assert other["task"]["initial_prompt"] == life["input"] and other["warnings"], "Another prompt is not warned of"
    done.refused("That is to fail", "conflict", "invalid")
    done.refused("Made anew, unconfirmed", "conflict", "invalid")


@case("A running task is paused", "tasks")
def pause(deployment: Deployment) -> None:
    deployment.have("life")
    state = {"name": deployment.name("life"), "state": "paused"}
    done = deployment.play(
        step("Shown", "task", state, **CHECK, **DIFF),
        step("Still running", "task_info", {"name": state["name"]}),
        step("Paused", "task", state, **DIFF),
        step("Paused again", "task", state),
    )
    done.ok("Shown", changed=True)
    assert done.ok("Still running")["tasks"][0]["status"] != "paused", "Check mode paused the task"
    assert done.ok("Paused", changed=True)["task"]["status"] == "paused", "The task is not paused"
    done.ok("Paused again", changed=False)


@case("A paused task gets another prompt", "tasks:update_input")
def update(deployment: Deployment) -> None:
    deployment.have("life", paused=True)
    options = {"name": deployment.name("life"), "state": "paused", "input": PROMPT, "on_input_change": "update"}
    done = deployment.play(
        step("Shown", "task", options, **CHECK, **DIFF),
        step("Changed", "task", options, **DIFF),
        step("Changed again", "task", options),
        step("Task", "task_info", {"name": options["name"]}),
    )
    assert PROMPT in str(done.ok("Shown", changed=True)["diff"]["after"]), "The diff does not show the prompt"
    done.ok("Changed", changed=True)
    done.ok("Changed again", changed=False)
    assert done.ok("Task")["tasks"][0]["initial_prompt"] == PROMPT, "The task has another prompt"


@case("A paused task is resumed", "tasks")
def resume(deployment: Deployment) -> None:
    deployment.have("life", paused=True)
    state = {"name": deployment.name("life"), "state": "active"}
    done = deployment.play(
        step("Shown", "task", state, **CHECK),
        step("Still paused", "task_info", {"name": state["name"]}),
        step("Resumed", "task", state),
        step("Resumed again", "task", state),
    )
    done.ok("Shown", changed=True)
    assert done.ok("Still paused")["tasks"][0]["status"] == "paused", "Check mode resumed the task"
    assert done.ok("Resumed", changed=True)["task"]["status"] != "paused", "The task is still paused"
    done.ok("Resumed again", changed=False)


@case("A task is deleted, and its name is free", "tasks")
def delete(deployment: Deployment) -> None:
    deployment.have("life")
    state = {"name": deployment.name("life"), "state": "absent"}
    done = deployment.play(
        step("Shown", "task", state, **CHECK, **DIFF),
        step("Still there", "task_info", {"name": state["name"]}),
        step("Deleted", "task", state, **DIFF),
        step("Deleted again", "task", state),
        step("Gone", "task_info", {"name": state["name"]}),
    )
    done.ok("Shown", changed=True)
    assert done.ok("Still there")["tasks"], "Check mode deleted the task"
    done.ok("Deleted", changed=True)
    done.ok("Deleted again", changed=False)
    assert done.ok("Gone")["missing"], "The task is still there"


@case("What cannot be is refused in a sentence, and nothing is made", "tasks")
def mistakes(deployment: Deployment) -> None:
    wrong = deployment.task("wrong")
    nothing = f"{deployment.prefix}-nothing"
    done = deployment.play(
        step("No such template", "task", {**wrong, "template": nothing}),
        step("No such preset", "task", {**wrong, "preset": nothing}),
        step("No such owner", "task", {**wrong, "owner": nothing}),
        step("Nothing to make it from", "task", {"name": wrong["name"], "input": "Say hello."}),
        step("A name that is none", "task", {**wrong, "name": "not a name!"}),
        step("No such thing to pause", "task", {"name": wrong["name"], "state": "paused"}),
        step("There", "task_info", {"select": deployment.only_ours, "fields": ["name"]}),
    )
    for name in ("No such template", "No such preset", "No such owner"):
        assert nothing in done.refused(name, "not_found", "invalid"), f"{name}: the message does not name it"
    done.refused("Nothing to make it from", "invalid", "not_found")
    done.refused("A name that is none", "invalid")
    done.refused("No such thing to pause", "not_found")
    assert wrong["name"] not in {task["name"] for task in done.ok("There")["tasks"]}, "A task was made nevertheless"
