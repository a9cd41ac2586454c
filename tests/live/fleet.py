# Copyright: (c) 2026, the coder.tasks authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many tasks at once. These cases come first: what they make, the others find."""

from __future__ import annotations

from live.case import CHECK, DIFF, case, step
from live.deployment import Deployment


@case("A fleet is shown in check mode, made, and left as it is", "tasks")
def made(deployment: Deployment) -> None:
    tasks = [deployment.task(short) for short in ("one", "two", "gone", "extra")]
    names = [task["name"] for task in tasks]
    done = deployment.play(
        step("Shown", "fleet", {"tasks": tasks}, **CHECK, **DIFF),
        step("Not there", "task_info", {"name": names}),
        step("Made", "fleet", {"tasks": tasks}),
        step("Made again", "fleet", {"tasks": tasks}, **DIFF),
        step("There", "task_info", {"name": names}),
    )
    shown = done.ok("Shown", changed=True)
    assert shown["summary"]["actions"] == {"create": 4} and shown["diff"], "Check mode does not tell what it would make"
    assert done.ok("Not there")["missing"] == names, "Check mode made a task"
    created = done.ok("Made", changed=True)
    assert [task["action"] for task in created["tasks"]] == ["create"] * 4, "Not every task was made"
    assert done.ok("Made again", changed=False)["summary"]["unchanged"] == 4, "Not every task was left as it is"
    assert sorted(task["name"] for task in done.ok("There")["tasks"]) == sorted(names), "Not every task is there"


@case("A fleet in other states, without the task that left its list", "tasks")
def in_other_states(deployment: Deployment) -> None:
    deployment.have("one", "two", "gone", "extra")
    states = {"one": "active", "two": "paused", "gone": "absent"}
    tasks = [deployment.task(short, state=state) for short, state in states.items()]
    options = {"tasks": tasks, "purge": True, "purge_prefix": f"{deployment.prefix}-"}
    names = [deployment.name(short) for short in ("one", "two", "gone", "extra")]
    # A purge goes beyond its list; it is begun only where it was seen to keep to what is ours.
    ours = f"shown.tasks | map(attribute='name') | sort == {sorted(names)}"
    done = deployment.play(
        step("Shown", "fleet", options, **CHECK, **DIFF, register="shown"),
        step("Done", "fleet", options, when=ours),
        step("Done again", "fleet", options, when=ours),
        step("There", "task_info", {"name": names, "fields": ["name", "status"]}),
    )
    shown = done.ok("Shown", changed=True)
    assert sorted(task["name"] for task in shown["tasks"]) == sorted(names), "It would reach other tasks"
    assert shown["summary"]["actions"] == {"pause": 1, "delete": 2}, "Check mode tells something else"
    assert done.ok("Done", changed=True)["summary"]["actions"] == {"pause": 1, "delete": 2}, "It did something else"
    done.ok("Done again", changed=False)
    there = done.ok("There")
    assert there["missing"] == names[2:], "Not just what is absent or left the list is gone"
    paused = [task["name"] for task in there["tasks"] if task["status"] == "paused"]
    assert paused == [names[1]], "Another task than that of the list is paused"


@case("A task of a fleet that fails does not stop the others", "tasks")
def one_fails(deployment: Deployment) -> None:
    deployment.have("one")
    tasks = [deployment.task("bad", template=deployment.name("no-template")), deployment.task("one")]
    done = deployment.play(step("Partly", "fleet", {"tasks": tasks}))
    done.refused("Partly", "not_found", "invalid")
    bad, one = done["Partly"]["tasks"]
    assert bad["failed"] and deployment.prefix in bad["msg"], "The failure of the task does not name what is wrong"
    assert not one["failed"] and one["attempted"], "The other task was not tried"
